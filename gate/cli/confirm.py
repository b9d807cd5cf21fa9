"""`sangate change confirm`: your word about a step that is done by hand, signed with your key."""

from pathlib import Path
from typing import Any

import click

from gate.cli.place import Place, path_of
from gate.cli.say import as_json, out_json, pass_place, plain


@click.command()
@click.argument("change_id", metavar="ID")
@click.argument("word", type=click.Choice(["done", "seen"]))
@click.option("--by", default="", help="Who of the vendor did it, where the step is the vendor's.")
@click.option("--key", type=click.Path(path_type=Path), help="Your private key, or its .pub file for an agent.")
@click.option("--yes", is_flag=True, help="You have read the step; do not ask.")
@as_json
@pass_place
def confirm(place: Place, change_id: str, word: str, by: str, key: Path | None, yes: bool, as_json: bool) -> None:
    """Confirm that a step is done by hand, or that you saw it; when both words are there the gate looks itself."""
    from gate.attendance import NAMESPACE
    from gate.cli.signing import sign
    from gate.errors import Refused

    if key is None:
        raise Refused(
            "a token signs nothing: a word is signed with your enrolled SSH key",
            hint=f"add --key ~/.ssh/id_ed25519, or say it on the page {place.address()}/changes/{change_id}",
        )
    client = place.client()
    view = client.get(path_of(change_id))
    text = str(client.get(path_of(change_id, "confirmation"), word=word, by=by)["statement"])
    step = _is_what_was_asked(text, view, change_id, word, by)
    click.echo(f"{plain(step['id'])}: {plain(step['words'])}", err=True)
    click.echo(f"you sign: {plain(text)}", err=True)
    if not yes:
        question = "Is this done?" if word == "done" else "Have you seen with your own eyes that this is done?"
        click.confirm(question, abort=True, err=True)
    body = {"word": word, "by": by, "statement": text, "signature": sign(text, key, NAMESPACE)}
    answer: dict[str, Any] = client.post(path_of(change_id, "confirm"), body, seen=int(view["seq"]))
    if as_json:
        out_json(answer)
        return
    waits = answer["by_hand"] is not None
    click.echo(f"{answer['id']}: {plain(step['id'])} is {word}" + ("; the other word is missing." if waits else "."))


def _is_what_was_asked(text: str, view: dict[str, Any], change_id: str, word: str, by: str) -> dict[str, Any]:
    """Refuse to put to a person a statement that says something else than what is shown beside it."""
    from gate.attendance import read_confirmation
    from gate.errors import Moved

    try:
        told = read_confirmation(text)
    except ValueError as error:
        raise Moved(f"the server's statement is not one: {error}") from None
    step: dict[str, Any] = view["by_hand"] or {}
    mine = (told.change, told.word, told.by, told.step, told.plan_digest)
    if mine != (change_id, word, by.strip(), step.get("id"), (view["plan"] or {}).get("digest")):
        raise Moved("the statement is not about the step that is done by hand now", hint="read the change again")
    return step
