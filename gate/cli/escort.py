"""`sangate change escort`: watch a contractor's steps in their exact words, say go to each, or stop."""

from pathlib import Path
from typing import Any

import click

from gate.cli.place import Place, path_of
from gate.cli.say import as_json, out_json, pass_place, plain

ENDED = ("held", "backed out", "denied", "withdrawn", "halted")
STOPPED = "stopped by the escort"


@click.command()
@click.argument("change_id", metavar="ID")
@click.option("--key", type=click.Path(path_type=Path), help="Your private key, or its .pub file for an agent.")
@click.option("--go", "once", is_flag=True, help="Say go to the step that waits now, and nothing more.")
@click.option("--stop", "stops", is_flag=True, help="Stop the contractor at once; needs no key.")
@click.option("--reason", default=STOPPED, help="Why you stop.")
@click.option("--yes", is_flag=True, help="With --go: you have read the words; do not ask.")
@as_json
@pass_place
def escort(
    place: Place, change_id: str, key: Path | None, once: bool, stops: bool, reason: str, yes: bool, as_json: bool
) -> None:
    """
    Stand beside a contractor: each command before it goes, in its exact words; go, or stop.

    Without --go or --stop it watches until the change ends, and asks you at every step that waits.
    """
    client = place.client()
    if stops:
        view = client.post(path_of(change_id, "escort/stop"), {"reason": reason})
        out_json(view) if as_json else click.echo(f"{view['id']}: {plain(view['hold'])}")
        return
    if key is None:
        from gate.errors import Refused

        raise Refused(
            "a token signs nothing: a go is signed with your enrolled SSH key",
            hint=f"add --key ~/.ssh/id_ed25519, or say it on the page {place.address()}/changes/{change_id}/escort",
        )
    view = client.get(path_of(change_id))
    if once:
        view = _said(place, view, key, yes=yes)
        out_json(view) if as_json else click.echo(f"{view['id']}: go")
        return
    _watch(place, view, key)


def _watch(place: Place, view: dict[str, Any], key: Path) -> None:
    from gate.cli.page import told_steps

    client, told, asked = place.client(), 0, ""
    while view["state"] not in ENDED:
        size = int(client.get("/seal")["size"])
        told = told_steps(view, told)
        ask = _waits(view)
        if ask and ask["ask"] != asked and not ask["why_not"]:
            asked = ask["ask"]
            if _answer(view):
                view = _said(place, view, key, yes=True)
            else:
                view = client.post(path_of(view["id"], "escort/stop"), {"reason": STOPPED})
            continue
        if view["hold"]:
            break
        client.get("/wait", size=size, timeout=10)
        view = client.get(path_of(view["id"]))
    told_steps(view, told)
    click.echo(f"{view['id']} is {view['state']}. {plain(view['next'])}")


def _waits(view: dict[str, Any]) -> dict[str, Any] | None:
    """Return the step that waits for a go, unless somebody has said it."""
    found: dict[str, Any] | None = view["escort"]["asks"] if view["escort"] else None
    return found if found and not found["go"] else None


def _shown(view: dict[str, Any], ask: dict[str, Any]) -> None:
    who = view["escort"]
    click.echo(f"{plain(who['name'])} of {plain(who['firm'])}, next on {plain(ask['array'])}: {plain(ask['say'])}")
    click.echo(f"    {plain(ask['words'])}")


def _answer(view: dict[str, Any]) -> bool:
    """Put the words to the escort; True for go. Whatever is not plainly go or stop is asked again."""
    ask = _waits(view)
    if ask:
        _shown(view, ask)
    return bool(click.prompt("go or stop", type=click.Choice(["go", "stop"])) == "go")


def _said(place: Place, view: dict[str, Any], key: Path, *, yes: bool) -> dict[str, Any]:
    """Sign a go for exactly what is shown, and hand it in."""
    from gate.cli.signing import sign
    from gate.errors import Refused
    from gate.escort import NAMESPACE

    client, ask = place.client(), _waits(view)
    if ask is None:
        raise Refused("no step waits for a go")
    if not yes:
        _shown(view, ask)
        click.confirm("Go?", abort=True, err=True)
    text = str(client.get(path_of(view["id"], "escort"))["statement"])
    _is_what_was_shown(text, view, ask)
    body = {"statement": text, "signature": sign(text, key, NAMESPACE)}
    answer: dict[str, Any] = client.post(path_of(view["id"], "escort/go"), body, seen=int(view["seq"]))
    return answer


def _is_what_was_shown(text: str, view: dict[str, Any], ask: dict[str, Any]) -> None:
    """Refuse to sign other words than those that were shown."""
    from gate.errors import Moved
    from gate.escort import read_go

    try:
        told = read_go(text)
    except ValueError as error:
        raise Moved(f"the server's statement is not one: {error}") from None
    mine = (view["id"], view["plan"]["digest"], ask["array"], ask["words"], str(ask["attempt"]), ask["ask"])
    if (told.change, told.plan_digest, told.array, told.words, told.attempt, told.ask) != mine:
        raise Moved("the statement is not about the words that were shown", hint="read the change again")
