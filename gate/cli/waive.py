"""`sangate change waive`: one person's half of a waiver, signed with their key, or put to them to read first."""

from pathlib import Path
from typing import Any

import click

from gate.cli.moment import moment
from gate.cli.place import Place, path_of
from gate.cli.say import as_json, out_json, pass_place, plain


@click.command()
@click.argument("change_id", metavar="ID")
@click.argument("check", metavar="CHECK")
@click.option("--seat", required=True, help="The seat you fill: data-owner, change-manager …")
@click.option("--reason", required=True, help="Why this may go on without it; it is signed.")
@click.option("--expires", required=True, help="When it ends: 24h, 3d, or a moment such as 2026-11-29T12:00:00Z.")
@click.option("--key", type=click.Path(path_type=Path), help="Your private key, or its .pub file for an agent.")
@click.option("--yes", is_flag=True, help="You have read the finding; do not ask.")
@as_json
@pass_place
def waive(
    place: Place, change_id: str, check: str, seat: str, reason: str, expires: str, key: Path | None, yes: bool,
    as_json: bool,
) -> None:  # fmt: skip
    """Sign your half of a waiver of one finding; it counts when every seat that waives has signed."""
    from gate.cli.page import show_what_is_waived
    from gate.cli.signing import sign
    from gate.errors import Refused
    from gate.waiver import NAMESPACE

    if key is None:
        raise Refused(
            "a token signs nothing: a waiver is signed with your enrolled SSH key",
            hint=f"add --key ~/.ssh/id_ed25519, or waive it on the page {place.address()}/changes/{change_id}",
        )
    client = place.client()
    view = client.get(path_of(change_id))
    asked = {"check": check, "seat": seat, "reason": reason, "expires": moment(expires)}
    text = str(client.get(path_of(change_id, "waiver"), **asked)["statement"])
    found = _is_what_was_asked(text, view, change_id, asked)
    show_what_is_waived(found, text)
    if not yes:
        click.confirm(f"Do you waive this, as {seat}?", abort=True, err=True)
    body = {"check": check, "seat": seat, "statement": text, "signature": sign(text, key, NAMESPACE)}
    answer: dict[str, Any] = client.post(path_of(change_id, "waive"), body, seen=int(view["seq"]))
    if as_json:
        out_json(answer)
        return
    click.echo(f"{answer['id']}: {plain(check)} is waived by the seat {seat}; it counts when the others have signed.")
    click.echo(f"next, when all have: sangate change check {answer['id']}", err=True)


def _is_what_was_asked(text: str, view: dict[str, Any], change_id: str, asked: dict[str, str]) -> dict[str, Any]:
    """Refuse to put to a person a statement that says something else than what is shown beside it."""
    from gate.errors import Moved
    from gate.waiver import read_waiver

    try:
        told = read_waiver(text)
    except ValueError as error:
        raise Moved(f"the server's statement is not one: {error}") from None
    findings = (view["verdict"] or {"findings": ()})["findings"]
    found = next((one for one in findings if one["check"] == asked["check"]), None)
    mine = (told.change, told.check, told.seat, told.reason)
    if found is None or mine != (change_id, asked["check"], asked["seat"], asked["reason"]):
        raise Moved("the statement is not about the finding that was asked for", hint="read the change again")
    if told.finding != found.get("finding"):
        raise Moved("the statement is not about the finding that was shown", hint="read the change again")
    shown: dict[str, Any] = found
    return shown
