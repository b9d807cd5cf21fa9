"""`sangate`: nouns, then verbs. Commands are imported when they are called, so that `--help` is quick."""

import importlib
import sys
from pathlib import Path
from typing import Any

import click

from gate.cli.helping import Noun
from gate.cli.place import Place
from gate.errors import GateError

COMMANDS = {
    "demo": ("gate.cli.demo:demo", "Tell the 2009 story on the lab, live; then the web UI stays up."),
    "serve": ("gate.cli.serve:serve", "Run the gate: pages, API and the driver of changes."),
    "login": ("gate.cli.sign_in:login", "Sign in; keeps a personal token that expires."),
    "logout": ("gate.cli.sign_in:logout", "End the token."),
    "change": ("gate.cli.change:change", "Open, check, approve, start, hold, back out …"),
    "evidence": ("gate.cli.evidence:evidence", "What is known of backups; references and rehearsals."),
    "inventory": ("gate.cli.inventory:inventory", "What exists and who owns it."),
    "playbook": (
        "gate.cli.playbook:playbook",
        "Check a playbook, render it to exact words, try it without changing anything.",
    ),
    "ledger": ("gate.cli.ledger:ledger", "The record: show, export, pack, verify."),
    "witness": ("gate.cli.witness:witness", "Cosign the checkpoints of ledgers that grow, and never forget one."),
    "keyholder": (
        "gate.cli.keyholder:keyholder",
        "Make permits in a process of their own: only what the pinned approvers have signed.",
    ),
    "user": ("gate.cli.user:user", "Local people of this data directory."),
    "key": ("gate.cli.key:key", "The SSH keys with which people sign."),
    "lab": ("gate.cli.lab:lab", "The built-in fleet of simulated arrays."),
    "config": ("gate.cli.config:config", "Check config.yaml, print its schema."),
}
"""Command → where it is, and its one line of help (the same text stands in its docstring; a test compares them)."""


class Sangate(Noun):
    """The top of the command line: finds commands late, and turns every expected error into a sentence."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click passes it
        """Return the commands in the order of a day's work."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command; for the help page a stub with its line will do."""
        if cmd_name not in COMMANDS:
            return None
        spot, line = COMMANDS[cmd_name]
        if ctx.resilient_parsing or ctx.meta.get("listing"):
            return click.Command(cmd_name, help=line)
        module, _, name = spot.partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; what is nearly one is asked about."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from difflib import get_close_matches

            near = "".join(f" Did you mean '{one}'?" for one in get_close_matches(args[0], COMMANDS, n=1))
            ctx.fail(f"No such command '{args[0]}'.{near}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing one."""
        ctx.meta["listing"] = True
        super().format_commands(ctx, formatter)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; what goes wrong as expected is one sentence, a hint, and an exit code."""
        try:
            return super().invoke(ctx)
        except GateError as error:
            complain(error)
            ctx.exit(error.exit_code)
        except BrokenPipeError:
            sys.stderr.close()
            ctx.exit(0)
        except OSError as error:
            name = f"{error.filename}: " if error.filename else ""
            click.echo(f"{name}{error.strerror or error}", err=True)
            ctx.exit(4)
        except KeyboardInterrupt:
            click.echo("interrupted", err=True)
            ctx.exit(130)


def complain(error: GateError) -> None:
    """Say what went wrong on standard error."""
    click.echo(_one_line(str(error)), err=True)
    if error.hint:
        click.echo(f"hint: {_one_line(error.hint)}", err=True)


def _one_line(text: str) -> str:
    """Return text fit for a terminal: what a device or a server said may hold escapes."""
    return "".join(char if char.isprintable() else " " for char in text)


@click.group(cls=Sangate, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option("--config", type=click.Path(path_type=Path), envvar="SANGATE_CONFIG",
              help="Configuration; ./config.yaml, else the one that is shipped.")  # fmt: skip
@click.option("--data", type=click.Path(path_type=Path), envvar="SANGATE_DATA",
              help="Data directory; `data` beside the configuration.")  # fmt: skip
@click.option("--server", envvar="SANGATE_SERVER", default="",
              help="Address of the serving process; the local one of the configuration.")  # fmt: skip
@click.version_option(package_name=None, version=importlib.import_module("gate").__version__, prog_name="sangate")
@click.pass_context
def main(ctx: click.Context, config: Path | None, data: Path | None, server: str) -> None:
    """
    A change gate for storage firmware.

    Nothing runs against an array before a backup is proven to be good and to survive the change; then one canary
    array first. Exit codes: 0 done or open, 1 the gate refused, 2 bad input, 3 could not find out, 4 something
    outside failed.
    """
    ctx.obj = Place(config, data, server)
