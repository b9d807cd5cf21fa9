"""How commands speak: JSON for programs, plain columns for people."""

import json
import sys
import warnings
from collections.abc import Iterable, Sequence
from typing import Any

import click

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
pass_place = click.pass_obj


def out_json(value: object) -> None:
    """Print a value as JSON."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def plain(text: object) -> str:
    """Return text of others with whatever a terminal would obey made visible."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in str(text))


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print columns; the last one as long as it is."""
    lines = [tuple(heads), *(tuple(plain(cell) for cell in row) for row in rows)]
    widths = [max(len(line[number]) for line in lines) for number in range(len(heads))]
    for line in lines:
        cells = [cell.ljust(width) for cell, width in zip(line[:-1], widths[:-1], strict=True)]
        click.echo("  ".join((*cells, line[-1])).rstrip())


def working(words: str) -> Any:
    """Return a context that shows on a terminal that something takes its time."""
    from rich.console import Console

    console = Console(stderr=True)
    return console.status(words) if console.is_terminal else _Quiet()


class _Quiet:
    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        return None


def secret_from(file: str | None, prompt: str, *, twice: bool = False) -> str:
    """Return a secret from a file, from standard input (`-`), or asked for on the terminal. Never from an argument."""
    if file == "-":
        return sys.stdin.readline().rstrip("\r\n")
    if file is not None:
        from pathlib import Path

        from gate.settings import read_file

        lines = read_file(Path(file), 4096).decode("utf-8", "replace").splitlines()
        return lines[0] if lines else ""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # getpass says in two lines what the sentence below says in one
            return str(click.prompt(prompt, hide_input=True, confirmation_prompt=twice, err=True))
    except click.Abort:
        if sys.stdin.isatty():
            raise
        from gate.errors import BadInput

        hint = "--password-file FILE, or - for standard input"
        raise BadInput("there is no terminal to ask for a password", hint=hint) from None


password_file = click.option(
    "--password-file", metavar="FILE", help="Read the password from its first line; - is standard input."
)
