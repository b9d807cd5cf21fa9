"""A count of what is out, shown on a terminal and nowhere else."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click


@contextmanager
def progress() -> Iterator["Told"]:
    """Give a counter that shows itself on a terminal and nowhere else."""
    told = Told(shown=sys.stderr.isatty())
    try:
        yield told
    finally:
        told.end()


class Told:
    """Hears how many entries are out."""

    EVERY = 5000

    def __init__(self, *, shown: bool) -> None:
        self._shown, self._next, self._wrote = shown, self.EVERY, False

    def __call__(self, count: int) -> None:
        """Show the count, now and then."""
        if self._shown and count >= self._next:
            self._next = count + self.EVERY
            self._wrote = True
            click.echo(f"\r{count:>12,} entries", err=True, nl=False)

    def end(self) -> None:
        """Leave the line clean for what is said next."""
        if self._wrote:
            click.echo("\r" + " " * 24 + "\r", err=True, nl=False)
