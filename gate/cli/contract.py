"""What names a contractor on the command line: firm, real person, sponsor, time box."""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click

from gate.cli.moment import moment

if TYPE_CHECKING:
    from gate.person import Contract, Person

Command = TypeVar("Command", bound=Callable[..., Any])


def terms(command: Command) -> Command:
    """Give a command the options of a contract."""
    for option in (
        click.option("--until", default="", help="When every door shuts: 8h, 3d, or a moment."),
        click.option("--from", "opens", default="0s", help="When the doors open; now where it is left out."),
        click.option("--sponsor", default="", help="The employee who answers for them, by their account."),
        click.option("--person", default="", help="Who they really are."),
        click.option("--firm", default="", help="Whose people they are: this makes it a contractor."),
    ):
        command = option(command)
    return command


def contract_of(firm: str, person: str, sponsor: str, opens: str, until: str) -> "Contract | None":
    """Return the contract, None where no part of one was given; BadInput when a part is missing."""
    from gate.errors import BadInput
    from gate.person import Contract

    parts = {"--firm": firm, "--person": person, "--sponsor": sponsor, "--until": until}
    lacking = [name for name, text in parts.items() if not text]
    if len(lacking) == len(parts):
        return None
    if lacking:
        raise BadInput(
            f"a contractor has a firm, a real name, a sponsor and a time box: {', '.join(lacking)} is missing"
        )
    return Contract(firm, person, sponsor, _at(opens, "--from"), _at(until, "--until"))


def _at(text: str, place: str) -> datetime:
    from gate.errors import BadInput

    try:
        found = datetime.fromisoformat(moment(text))
    except ValueError:
        found = datetime.min  # noqa: DTZ901  # without an offset, like everything that is refused below
    if found.tzinfo is None:
        raise BadInput(f'"{text[:40]}" is no moment', place=place, hint="8h, 3d, or 2026-11-29T12:00:00Z")
    return found


def person_of_firm(person: "Person") -> str:
    """Return who a contractor is and until when, in a few words; empty for people of the house."""
    found = person.contract
    if found is None:
        return "no contract: every door is shut" if person.contractor else ""
    return f"{found.name} of {found.firm}, for {found.sponsor}, until {found.not_after:%Y-%m-%d %H:%M} UTC"
