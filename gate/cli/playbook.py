"""`sangate playbook`: check one, and see the exact words it becomes for one array."""

from dataclasses import asdict
from pathlib import Path

import click

from gate.cli.place import Place
from gate.cli.say import as_json, out_json, pass_place, plain

UNMEASURED = "0.0"


@click.group()
def playbook() -> None:
    """Check a playbook, render it to exact words."""


@playbook.command()
@click.argument("file", type=click.Path(path_type=Path))
@as_json
def check(file: Path, as_json: bool) -> None:
    """Read a playbook and say what is wrong first, with line and column."""
    from gate.families import FAMILIES
    from gate.playbook import file_digest, parse
    from gate.settings import read_file

    text = read_file(file)
    read = parse(text, str(file), FAMILIES)
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
    from gate.errors import BadInput, NotThere
    from gate.families import FAMILIES
    from gate.playbook import parse
    from gate.playbook import render as rendered
    from gate.settings import read_file

    read = parse(read_file(file), str(file), FAMILIES)
    config = place.settings().config
    array = next((one for one in config.inventory.arrays if one.id == array_id), None)
    if array is None:
        known = ", ".join(one.id for one in config.inventory.arrays)
        raise NotThere(f'there is no array "{plain(array_id)[:63]}"', hint=f"arrays: {known}")
    image = next((one for one in config.images.allowed if one.version == firmware and array.model in one.models), None)
    if image is None:
        known = ", ".join(sorted(one.version for one in config.images.allowed if array.model in one.models))
        raise BadInput(f'no released image brings "{plain(firmware)[:40]}" to {array.model}', hint=f"released: {known}")
    slots = {
        "array": array.id,
        "image": image.file,
        "version": image.version,
        "serial": array.serial,
        "from_version": from_version,
        "unit": array.unit or "",
        "image_server": config.images.server,
    }
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
