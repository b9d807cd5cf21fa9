"""`sangate config`: read config.yaml and say what is wrong first."""

import click

from gate.cli.helping import Noun
from gate.cli.place import Place
from gate.cli.say import as_json, out_json, pass_place


@click.group(cls=Noun)
def config() -> None:
    """Check config.yaml, print its schema."""


@config.command()
@as_json
@pass_place
def check(place: Place, as_json: bool) -> None:
    """Read the configuration; what is wrong is told with line and column."""
    settings = place.settings()
    found = settings.config.inventory
    if as_json:
        told = {"file": str(place.config_file), "data": str(settings.data), "policy": settings.policy_digest}
        out_json({**told, "arrays": len(found.arrays), "hosts": len(found.hosts)})
        return
    counts = f"{len(found.arrays)} arrays, {len(found.hosts)} hosts, {len(found.protections)} protections"
    click.echo(f"{place.config_file}: {counts}; policy {settings.policy_digest}; data in {settings.data}")


@config.command()
def schema() -> None:
    """The JSON Schema of config.yaml, for editors."""
    from gate.settings import schema as made

    out_json(made())
