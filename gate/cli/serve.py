"""`sangate serve`: the whole gate in one process."""

import threading

import click

from gate.cli.place import Place
from gate.cli.ready import tell_ready
from gate.cli.say import pass_place


@click.command()
@pass_place
def serve(place: Place) -> None:
    """Run the gate: pages, API and the driver of changes."""
    from gate.serving import create_app, run

    settings = place.settings()

    def started(host: str, port: int) -> None:
        shown = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        if not settings.config.permits.keyholder:
            click.echo("permits are made in this process: whoever takes it over can change every array", err=True)
            click.echo("hint: permits.keyholder names a process of its own; docs/operations.md says how", err=True)
        click.echo(f"sangate listens on http://{shown} (data in {settings.data}); Ctrl-C ends it", err=True)
        tell_ready()

    with place.installation() as installation:
        app = create_app(installation.control, settings)
        installation.start()
        if installation.behind:
            click.echo(f"read-only, nothing is driven: {installation.behind}", err=True)
            click.echo("hint: export what is here; sangate ledger recover puts back what is missing", err=True)
        elif installation.doubted:
            click.echo(f"not proven, so the gate goes on: {installation.doubted}", err=True)
            click.echo("hint: end it and find out first (docs/operations.md, An old ledger was put back)", err=True)
        run(app, settings, threading.Event(), started)
    click.echo("ended between two steps; what an array has under way goes on there", err=True)
