"""`sangate evidence`: what is known of backups."""

from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from gate.cli.client import Client
from gate.cli.helping import Noun
from gate.cli.place import Place
from gate.cli.say import as_json, out_json, pass_place, plain, table, working

LOOK_S = 1.0
"""Seconds between two looks at what a rehearsal is doing."""

LONGEST_REHEARSAL = 24 * 3600.0


@click.group(cls=Noun)
def evidence() -> None:
    """What is known of backups; references and rehearsals."""


@evidence.command()
@click.argument("arrays", nargs=-1, metavar="[ARRAY]...")
@as_json
@pass_place
@click.pass_context
def gather(ctx: click.Context, place: Place, arrays: tuple[str, ...], as_json: bool) -> None:
    """
    Ask arrays, hosts and repositories everything now, without a change; all arrays when none is named.

    Backups of what lies on them are read in full. Exit 3 when something could not be found out.
    """
    with working("asking arrays, hosts and repositories …"):
        made = place.client().post("/evidence", {"arrays": list(arrays)})
    if as_json:
        out_json(made)
    else:
        click.echo(plain(f"evidence gathered at {made['at'][:19]}Z, entry {made['index']}"))
        for problem in made["unknown"]:
            click.echo(plain(f"  not known: {problem}"))
        click.echo("sangate evidence show tells what it says")
    if made["unknown"]:
        ctx.exit(3)


@evidence.command()
@click.argument("array", required=False)
@click.option("--coverage", is_flag=True, help="Every volume and what accounts for it.")
@as_json
@pass_place
def show(place: Place, array: str | None, coverage: bool, as_json: bool) -> None:
    """How safe the data are: of one array, or a line for each."""
    client = place.client()
    if array is None:
        found = {"arrays": client.get("/arrays"), "datasets": client.get("/datasets")}
        if as_json:
            out_json(found)
            return
        table(("ARRAY", "SITE", "RUNS", "DATASETS", "COPY", "VOLUMES"), [_line(one) for one in found["arrays"]])
        if found["arrays"][0]["problem"]:
            click.echo(plain(f"not known: {found['arrays'][0]['problem']}; sangate evidence gather finds out"))
        table(("DATASET", "PROTECTION", "TOOL", "LAST REHEARSED"), _protections(found["datasets"]))
        return
    one = client.get(f"/arrays/{quote(array, safe='')}")
    if as_json:
        out_json(one)
        return
    _array(one, coverage=coverage)


COPIES = {"good": "apart", "warn": "not known", "bad": "SHARED FATE"}


def _line(one: dict[str, Any]) -> tuple[str, ...]:
    names = ", ".join(dataset["id"] for dataset in one["datasets"])
    percent = f"{one['coverage']['percent']} %" if one["coverage"] else "-"
    copy = COPIES[one["tone"]] if names or one["tone"] != "good" else "-"
    return one["id"], one["site"], one["version"] or "not known", names or "-", copy, percent


def _protections(datasets: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for dataset in datasets:
        for protection in dataset["protections"]:
            last = next(iter(protection["rehearsals"]), None)
            outcome = "passed" if last and last["passed"] else "FAILED"
            told = f"{last['at'][:16]}Z {outcome} {last['level']}" if last else "never"
            rows.append((dataset["id"], protection["id"], protection["tool"], told))
        if not dataset["protections"]:
            rows.append((dataset["id"], "NONE", "-", "-"))
    return rows


def _array(one: dict[str, Any], *, coverage: bool) -> None:
    gathered = f"gathered {one['gathered_at'][:19]}Z" if one["gathered_at"] else one["problem"]
    click.echo(plain(f"{one['id']}  {one['model']}  serial {one['serial']}  {gathered}"))
    for dataset in one["datasets"]:
        click.echo(plain(f"  {dataset['id']}  {dataset['host']}:{dataset['path']}  tier {dataset['tier']}"))
        for protection in dataset["protections"]:
            _protection(protection)
    if not one["datasets"]:
        click.echo("  no dataset is known to lie on it")
    told = one["coverage"]
    if told and (coverage or told["percent"] < 100):
        if told["problem"]:
            click.echo(plain(f"  volumes: {told['problem']}"))
        table(
            ("VOLUME", "IDENTITY", "IS", "BECAUSE"),
            [
                (row["name"], row["uid"], row["state"], row["because"])
                for row in told["rows"]
                if coverage or row["state"] == "gap"
            ],
        )


def _protection(one: dict[str, Any]) -> None:
    newest = f"newest {one['newest']['id']} of {one['newest']['finished_at'][:16]}Z" if one["newest"] else "no backup"
    click.echo(plain(f"    {one['id']}  {one['tool']}  {one['repository']}  {newest}"))
    click.echo(plain(f"      {one['isolation']['relation']}: {one['isolation']['because']}"))
    strip = "".join(
        "x" if day["tone"] == "bad" else day["level"][1:] or "." if day["tone"] == "good" else "."
        for day in one["days"]
    )
    click.echo(f"      thirty days, today last: {strip}")
    for rehearsal in one["rehearsals"][:3]:
        outcome = "passed" if rehearsal["passed"] else "FAILED"
        limit = f" of {rehearsal['rto_s']} s" if rehearsal["rto_s"] else ""
        words = f"rehearsed {rehearsal['at'][:16]}Z  {outcome}  {rehearsal['level']}  {rehearsal['seconds']} s{limit}"
        click.echo(plain(f"      {words}  {rehearsal['because']}"))
    if not one["rehearsals"]:
        click.echo("      never rehearsed")
    holders = one["deleters"]["backup_system"] + one["deleters"]["array"]
    click.echo(
        plain(f"      can delete it (declared): {', '.join(holders) or 'nobody is declared, so it is not known'}")
    )


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
    made = watched(place.client(), dataset)
    if as_json:
        out_json(made)
    else:
        for one in made["rehearsals"]:
            outcome = "passed" if one["passed"] else "FAILED"
            click.echo(plain(f"{one['protection']}  {one['backup']}  {outcome}  {one['because']}"))
            _tables(one["tables"])
    if not all(one["passed"] for one in made["rehearsals"]) or not made["rehearsals"]:
        ctx.exit(1)


@evidence.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--protection", required=True, help="What the report is about.")
@click.option("--signature", type=click.Path(path_type=Path), help="Made by ssh-keygen; FILE.sig when left out.")
@click.option("--key", type=click.Path(path_type=Path), help="Sign with this reporter's key, instead of a signature.")
@as_json
@pass_place
@click.pass_context
def report(
    ctx: click.Context,
    place: Place,
    file: Path,
    protection: str,
    signature: Path | None,
    key: Path | None,
    as_json: bool,
) -> None:
    """Push signed evidence of the backup side. Exit 1 when it was taken and did not pass."""
    from gate.backups.report import LARGEST, NAMESPACE
    from gate.cli.signing import sign
    from gate.errors import BadInput
    from gate.settings import read_file

    try:
        text = read_file(file, LARGEST).decode()
    except UnicodeDecodeError:
        raise BadInput("the report is not UTF-8", place=str(file)) from None
    beside = signature or file.with_name(file.name + ".sig")
    armour = sign(text, key, NAMESPACE) if key else read_file(beside, 4096).decode("ascii", "replace")
    made = place.client().post("/reports", {"protection": protection, "report": text, "signature": armour})
    if as_json:
        out_json(made)
    else:
        for one in made["proofs"]:
            outcome = "passed" if one["passed"] else "FAILED"
            click.echo(plain(f"{made['protection']}  {made['backup']}  {one['level']}  {outcome}  {one['because']}"))
        if not made["proofs"]:
            click.echo(plain(f"{made['protection']}  {made['backup']}  is reported to be there"))
    if not all(one["passed"] for one in made["proofs"]):
        ctx.exit(1)


@evidence.command()
def schema() -> None:
    """Print the JSON Schema of a report that the backup side may push."""
    from gate.backups.report_form import schema as made

    out_json(made())


def watched(client: Client, dataset: str) -> Any:
    """Have a dataset rehearsed and tell on standard error what is being done, as the server tells it."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        before = _progress(client, dataset)
        asked = pool.submit(client.post, f"/datasets/{quote(dataset, safe='')}/rehearse", within=LONGEST_REHEARSAL)
        told: dict[str, int] = {}
        while not wait([asked], timeout=LOOK_S).done:
            for protection, lines in _progress(client, dataset).items():
                # What was there before and has not changed is told of an earlier rehearsal.
                known = told.get(protection, len(lines) if lines == before.get(protection) else 0)
                for line in lines[known:]:
                    click.echo(plain(f"  {protection}: {line}"), err=True)
                if lines != before.get(protection):
                    told[protection] = len(lines)
        return asked.result()


def _progress(client: Client, dataset: str) -> dict[str, list[str]]:
    found = [one for one in client.get("/datasets") if one["id"] == dataset]
    return {each["id"]: each["progress"] for one in found for each in one["protections"]}


def _tables(tables: list[dict[str, Any]]) -> None:
    rows = [("", *one.values()) for one in tables]
    if rows:
        table(("", *(key.upper() for key in tables[0])), rows)
