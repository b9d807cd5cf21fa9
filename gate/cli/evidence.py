"""`sangate evidence`: what is known of backups."""

from typing import Any
from urllib.parse import quote

import click

from gate.cli.place import Place
from gate.cli.say import as_json, out_json, pass_place, plain, table, working


@click.group()
def evidence() -> None:
    """What is known of backups; references and rehearsals."""


@evidence.command()
@as_json
@pass_place
def show(place: Place, as_json: bool) -> None:
    """Every dataset, its protections and their rehearsals."""
    found = place.client().get("/datasets")
    if as_json:
        out_json(found)
        return
    for dataset in found:
        click.echo(plain(f"{dataset['id']}  {dataset['host']}:{dataset['path']}"))
        for protection in dataset["protections"]:
            click.echo(plain(f"  {protection['id']}  {protection['tool']}  {protection['repository']}"))
            for one in protection["rehearsals"][:5]:
                outcome = "passed" if one["passed"] else "FAILED"
                words = f"rehearsed {one['at'][:16]}Z  {one['backup']}  {outcome}  {one['because']}"
                click.echo(plain(f"    {words}"))
            if not protection["rehearsals"]:
                click.echo("    never rehearsed")


@evidence.command()
@click.argument("dataset")
@as_json
@pass_place
def reference(place: Place, dataset: str, as_json: bool) -> None:
    """Record what production holds now, table by table; rehearsals are compared with it."""
    with working("reading every table in production …"):
        made = place.client().post(f"/datasets/{quote(dataset, safe='')}/reference")
    if as_json:
        out_json(made)
        return
    click.echo(plain(f"reference of {made['dataset']} recorded at {made['at'][:19]}Z"))
    _tables(made["tables"])


@evidence.command()
@click.argument("dataset")
@as_json
@pass_place
@click.pass_context
def rehearse(ctx: click.Context, place: Place, dataset: str, as_json: bool) -> None:
    """Restore the newest backup for proof, compare it, clean up. Exit 1 when it did not pass."""
    with working("restoring, opening, comparing …"):
        made = place.client().post(f"/datasets/{quote(dataset, safe='')}/rehearse")
    if as_json:
        out_json(made)
    else:
        for one in made["rehearsals"]:
            outcome = "passed" if one["passed"] else "FAILED"
            click.echo(plain(f"{one['protection']}  {one['backup']}  {outcome}  {one['because']}"))
            _tables(one["tables"])
    if not all(one["passed"] for one in made["rehearsals"]) or not made["rehearsals"]:
        ctx.exit(1)


def _tables(tables: list[dict[str, Any]]) -> None:
    rows = [("", *one.values()) for one in tables]
    if rows:
        table(("", *(key.upper() for key in tables[0])), rows)
