"""The command `sqlite-utils sangate-verify FILE`, which sqlite-utils finds by its entry point."""

from pathlib import Path

import click
from sqlite_utils import hookimpl

CHANGED, CANNOT_TELL = 1, 2


@hookimpl
def register_commands(cli: click.Group) -> None:
    """Add the command."""

    @cli.command(name="sangate-verify")
    @click.argument("path", type=click.Path(path_type=Path))
    @click.option("--vkey", default="", help="The ledger's public key as you hold it; otherwise the one in the file.")
    def sangate_verify(path: Path, vkey: str) -> None:
        """Check a SQLite export of sangate: every entry, every table. Exit 1: changed; 2: cannot tell."""
        # Loaded here: every program that uses sqlite-utils imports this module.
        from gate.errors import GateError
        from gate.export.recheck import Wrong, recheck

        try:
            found = recheck(path, vkey)
        except GateError as problem:
            click.echo(f"{'CHANGED' if isinstance(problem, Wrong) else 'cannot tell'}: {problem}", err=True)
            raise SystemExit(CHANGED if isinstance(problem, Wrong) else CANNOT_TELL) from None
        if found.complete:
            click.echo(f"verified: {found.records} entries, all that {found.origin} had under the signed head")
        else:
            click.echo(f"verified: {found.records} entries of the {found.end} that {found.origin} had; it is filtered")
            click.echo("Whether the filter left one out, only the whole log shows: verify.py mapped FILE --against LOG")
        if not found.signed:
            click.echo(
                "The closing statement is not signed: what filtered entries there were, the file alone cannot tell."
            )
        if not vkey:
            click.echo(f"The key is the file's own. Compare it with the one you hold: {found.vkey}")
