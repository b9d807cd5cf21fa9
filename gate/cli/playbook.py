"""`sangate playbook`: check one, see the exact words it becomes for one array, and try what only asks."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from gate.cli.helping import Noun
from gate.cli.place import Place
from gate.cli.say import as_json, out_json, pass_place, plain, working

UNMEASURED = "0.0"


@click.group(cls=Noun)
def playbook() -> None:
    """Check a playbook, render it to exact words, try it without changing anything."""


@playbook.command()
@click.argument("file", type=click.Path(path_type=Path))
@as_json
def check(file: Path, as_json: bool) -> None:
    """Read a playbook and say what is wrong first, with line and column."""
    from gate.families import FAMILIES
    from gate.playbook import file_digest, parse_either
    from gate.settings import read_file

    text = read_file(file)
    read = parse_either(text, str(file), FAMILIES)
    if as_json:
        steps = {key: len(listed) for key, _, listed in read.phases()}
        out_json({"file": str(file), "family": read.family, "sha256": file_digest(text), **steps})
        return
    counts = ", ".join(f"{len(steps)} {key}" for key, _, steps in read.phases())
    click.echo(plain(f"{file}: {read.family}, {counts}; {file_digest(text)}"))


@playbook.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--array", "array_id", required=True, help="Which array of the inventory.")
@click.option("--firmware", required=True, help="The version it is to run.")
@click.option("--from", "from_version", default=UNMEASURED, help="The version it runs now; measured in a real plan.")
@as_json
@pass_place
def render(place: Place, file: Path, array_id: str, firmware: str, from_version: str, as_json: bool) -> None:
    """Print the exact words for one array. Nothing is sent."""
    from gate.change import released
    from gate.errors import NotThere
    from gate.families import FAMILIES
    from gate.playbook import parse, slot_values
    from gate.playbook import render as rendered
    from gate.settings import read_file

    read = parse(read_file(file), str(file), FAMILIES)
    config = place.settings().config
    array = next((one for one in config.inventory.arrays if one.id == array_id), None)
    if array is None:
        known = ", ".join(one.id for one in config.inventory.arrays)
        raise NotThere(f'there is no array "{plain(array_id)[:63]}"', hint=f"arrays: {known}")
    image = released(config.images.allowed, plain(firmware), array.model)
    slots = slot_values(array, image.file, image.version, array.serial, from_version, config.images.server)
    words = rendered(read, {name: slots[name] for name in read.slots}, FAMILIES)
    if as_json:
        out_json(asdict(words))
        return
    for name, steps in (("forward", words.forward), ("commit", words.commit), ("back out", words.back_out)):
        click.echo(f"{name}:")
        for step in steps:
            click.echo(plain(f"  {'do ' if step.mutates else 'ask'} {step.command}"))
    if from_version == UNMEASURED and "from_version" in read.slots:
        click.echo(
            f"note: {UNMEASURED} stands where a plan has the version that was measured; --from gives one", err=True
        )


@playbook.command("dry-run")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--array", "--target", "arrays", required=True, multiple=True, help="Which array; may be given again.")
@click.option("--firmware", required=True, help="The version it is to run.")
@click.option("--from", "from_version", default=None, help="The version it runs now; the array is asked if not given.")
@as_json
@pass_place
@click.pass_context
def dry_run(
    ctx: click.Context,
    place: Place,
    file: Path,
    arrays: tuple[str, ...],
    firmware: str,
    from_version: str | None,
    as_json: bool,
) -> None:
    """Put its questions to arrays and change nothing. Exit 1: it would stop; 3: not everything could be found out."""
    from gate.families import FAMILIES
    from gate.playbook import parse_either
    from gate.settings import read_file

    text = read_file(file)
    parse_either(text, str(file), FAMILIES)
    client, runs = place.client(), []
    for array in dict.fromkeys(arrays):
        body = {"playbook": text.decode(), "source": str(file)[-200:], "array": array, "version": firmware}
        with working(f"asking {array} …"):
            run = client.post(
                "/playbooks/dry-run", {**body, **({"from_version": from_version} if from_version else {})}
            )
        runs.append(run)
        if not as_json:
            show_dry_run(run)
    if as_json:
        out_json(runs)
    ctx.exit(exit_of([run["result"] for run in runs]))


def show_dry_run(run: dict[str, Any]) -> None:
    """Print what every step would come to."""
    click.echo(plain(f"{run['array']}: {run['result']}. {run['because']}"))
    for step in run["steps"]:
        click.echo(plain(f"  {step['would']:>8}  {step['phase']} {step['id']}: {step['command']}"))
        if step["kind"] == "ask":
            click.echo(plain(f"            {step['because']}" + (f" ({step['reply']})" if step["reply"] else "")))
        else:
            looked = f"; its look, {step['look_command']}, says: {step['look']}"
            click.echo(plain(f"            {step['because']}{looked}"))


def exit_of(results: list[str]) -> int:
    """Return 1 when one would stop, 3 when one could not be found out, 0 when all hold."""
    return 1 if "stops" in results else 0 if set(results) == {"holds"} else 3
