"""`sangate change replay`: what was said with the canary, as it was said."""

import sys
import time
from io import BytesIO
from pathlib import Path

import click

from gate.cli.place import Place, path_of
from gate.cli.say import pass_place, plain

LONGEST_REST = 1.0
"""Seconds that a replay waits at most between two words: an update's hours are not waited for again (our choice)."""


@click.command()
@click.argument("change_id", metavar="ID")
@click.option("--fast", is_flag=True, help="All at once; also when the output is no terminal.")
@click.option(
    "--speed", type=click.FloatRange(0.1, 100), default=1.0, show_default=True, help="How many times as fast."
)
@click.option("--out", type=click.Path(path_type=Path), help="Write the recording (asciicast) into this file instead.")
@pass_place
def replay(place: Place, change_id: str, fast: bool, speed: float, out: Path | None) -> None:
    """Play in the terminal what was sent to the canary and what came back; secrets are left out."""
    from gate.errors import BadInput
    from gate.transcript import played

    kept = BytesIO()
    place.client().download(path_of(change_id, "transcript"), kept)
    if out is not None:
        try:
            out.write_bytes(kept.getvalue())
        except OSError as error:
            raise BadInput(f"it cannot be written: {error.strerror}", place=str(out)) from None
        click.echo(f"{plain(str(out))}: a recording for asciinema and other players", err=True)
        return
    spoken = played(kept.getvalue())
    if not spoken:
        click.echo("Nothing has been said with an array yet.")
    last, slow = 0.0, not fast and sys.stdout.isatty()
    for at, text in spoken:
        if slow:
            time.sleep(min(LONGEST_REST, max(0.0, at - last) / speed))
        last = at
        for line in text.replace("\r\n", "\n").splitlines():
            click.echo(plain(line))
