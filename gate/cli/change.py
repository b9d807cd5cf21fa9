"""`sangate change`: everything that is done to one change, as the signed-in person."""

import time
from pathlib import Path
from typing import Any

import click

from gate.cli.confirm import confirm
from gate.cli.escort import escort
from gate.cli.helping import Noun
from gate.cli.place import Place, path_of
from gate.cli.replay import replay
from gate.cli.say import as_json, out_json, pass_place, plain, table, working
from gate.cli.waive import waive

ENDED = ("held", "backed out", "denied", "withdrawn")
WAITING = ("halted",)
local = click.option("--local", is_flag=True, help="Read this data directory itself; no server is needed.")
reason_option = click.option("--reason", required=True, help="Why; it is entered in the record.")


@click.group(cls=Noun)
def change() -> None:
    """Open, check, approve, start, hold, back out …"""


change.add_command(waive)
change.add_command(confirm)
change.add_command(escort)
change.add_command(replay)


@change.command("open")
@click.argument("file", type=click.Path(path_type=Path))
@as_json
@pass_place
def open_(place: Place, file: Path, as_json: bool) -> None:
    """Open a change from a change file (YAML)."""
    from gate.settings import read_file

    view = place.client().send("/changes", read_file(file), "application/yaml", source=str(file)[-200:])
    if as_json:
        out_json(view)
        return
    click.echo(f"{view['id']} is opened: {plain(view['title'])}")
    click.echo(f"next: sangate change check {view['id']}", err=True)


@change.command("list")
@local
@as_json
@pass_place
def list_(place: Place, local: bool, as_json: bool) -> None:
    """Every change, the newest first."""
    from gate.cli.reading import reader

    with reader(place, local=local) as source:
        rows = source.rows()
    if as_json:
        out_json(rows)
        return
    heads = ("ID", "STATE", "VERSION", "TARGETS", "REQUESTER", "TITLE")
    shown = [_row(row) for row in rows]
    table(heads, shown) if shown else click.echo("No change has been opened yet.")


def _row(row: dict[str, Any]) -> tuple[object, ...]:
    state = row["state"] + (" (on hold)" if row.get("hold") else "")
    return (
        row["id"],
        state,
        row["version"] or row.get("part", ""),
        ",".join(row["targets"]),
        row["requester"],
        row["title"],
    )


@change.command()
@click.argument("change_id", metavar="ID")
@local
@as_json
@pass_place
def show(place: Place, change_id: str, local: bool, as_json: bool) -> None:
    """One change: stages, red lines with the way out, seats, steps."""
    from gate.cli.page import show_change
    from gate.cli.reading import reader

    with reader(place, local=local) as source:
        view = source.change(change_id)
    out_json(view) if as_json else show_change(view)


@change.command()
@click.argument("change_id", metavar="ID")
@as_json
@pass_place
@click.pass_context
def check(ctx: click.Context, place: Place, change_id: str, as_json: bool) -> None:
    """Gather evidence, seal the plan, decide. Exit 1: refused; 3: refused for what could not be found out alone."""
    from gate.cli.page import show_change

    with working("asking arrays, hosts and repositories …"):
        view = place.client().post(path_of(change_id, "check"))
    out_json(view) if as_json else show_change(view)
    verdict = view["verdict"]
    if not (verdict and verdict["opens"]):
        ctx.exit(3 if verdict and verdict["only_unknown"] else 1)


@change.command("dry-run")
@click.argument("change_id", metavar="ID")
@as_json
@pass_place
@click.pass_context
def dry_run(ctx: click.Context, place: Place, change_id: str, as_json: bool) -> None:
    """Put the plan's questions to the canary and change nothing. Exit 1: it would stop; 3: it could not find out."""
    from gate.cli.playbook import exit_of, show_dry_run

    with working("asking the canary …"):
        run = place.client().post(path_of(change_id, "dry-run"))["dry_run"]
    out_json(run) if as_json else show_dry_run(run)
    ctx.exit(exit_of([run["result"]]))


@change.command()
@click.argument("change_id", metavar="ID")
@click.option("--seat", required=True, help="The seat you fill: storage, data-owner …")
@click.option("--key", type=click.Path(path_type=Path), help="Your private key, or its .pub file for an agent.")
@click.option("--reason", default="", help="Why; optional for an approval.")
@click.option("--yes", is_flag=True, help="You have read the plan; do not ask.")
@pass_place
def approve(place: Place, change_id: str, seat: str, key: Path | None, reason: str, yes: bool) -> None:
    """Sign for the plan and the verdict in force, with your SSH key."""
    view = _sign(place, change_id, seat, "approve", key, reason, yes)
    click.echo(f"{view['id']}: the seat {seat} is filled. {plain(view['next'])}")


@change.command()
@click.argument("change_id", metavar="ID")
@click.option("--seat", required=True, help="The seat you speak for.")
@click.option("--key", type=click.Path(path_type=Path), help="Your private key, or its .pub file for an agent.")
@reason_option
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_place
def deny(place: Place, change_id: str, seat: str, key: Path | None, reason: str, yes: bool) -> None:
    """Say no from a seat; the change ends."""
    view = _sign(place, change_id, seat, "deny", key, reason, yes)
    click.echo(f"{view['id']} is {view['state']}.")


def _sign(
    place: Place, change_id: str, seat: str, decision: str, key: Path | None, reason: str, yes: bool
) -> dict[str, Any]:
    from gate.cli.page import show_what_is_signed
    from gate.cli.signing import sign
    from gate.errors import Refused

    if key is None:
        raise Refused(
            "a token signs nothing: a decision is signed with your enrolled SSH key",
            hint=f"add --key ~/.ssh/id_ed25519, or {decision} on the page {place.address()}/changes/{change_id}",
        )
    client = place.client()
    view = client.get(path_of(change_id))
    text = str(client.get(path_of(change_id, "statement"), seat=seat, decision=decision)["statement"])
    _is_what_was_asked(text, view, change_id, seat, decision)
    show_what_is_signed(view, text)
    if not yes:
        click.confirm(f"Do you {decision} this, as {seat}?", abort=True, err=True)
    body = {"seat": seat, "statement": text, "signature": sign(text, key), "reason": reason}
    answer: dict[str, Any] = client.post(path_of(change_id, decision), body, seen=int(view["seq"]))
    return answer


def _is_what_was_asked(text: str, view: dict[str, Any], change_id: str, seat: str, decision: str) -> None:
    """Refuse to put to a person a statement that says something else than what is shown beside it."""
    from gate.approval import read_statement
    from gate.errors import Moved

    try:
        told = read_statement(text)
    except ValueError as error:
        raise Moved(f"the server's statement is not one: {error}") from None
    asked = (change_id, seat, decision, (view["plan"] or {}).get("digest"), (view["verdict"] or {}).get("digest"))
    if (told.change, told.seat, told.decision, told.plan_digest, told.verdict_digest) != asked:
        raise Moved("the statement is not about the plan and verdict that were shown", hint="read the change again")


@change.command()
@click.argument("change_id", metavar="ID")
@click.option("--wait", is_flag=True, help="Stay until the canary has held, or something else ends it.")
@as_json
@pass_place
@click.pass_context
def start(ctx: click.Context, place: Place, change_id: str, wait: bool, as_json: bool) -> None:
    """Ask everything again and start the canary stage. Exit 1 when the gate refuses."""
    client = place.client()
    with working("asking arrays, hosts and repositories again …"):
        view = client.post(path_of(change_id, "start"))
    _follow(ctx, place, view, wait=wait, as_json=as_json, good="held")


@change.command()
@click.argument("change_id", metavar="ID")
@reason_option
@as_json
@pass_place
def hold(place: Place, change_id: str, reason: str, as_json: bool) -> None:
    """Stop at the next step boundary."""
    _moved(place.client().post(path_of(change_id, "hold"), {"reason": reason}), as_json=as_json)


@change.command()
@click.argument("change_id", metavar="ID")
@reason_option
@as_json
@pass_place
def resume(place: Place, change_id: str, reason: str, as_json: bool) -> None:
    """Lift a hold; where there is none, answer the gate's question with: again."""
    client = place.client()
    view = client.get(path_of(change_id))
    seen = {"hold": view["hold"], "question": view["question"]}
    if not as_json:
        click.echo(f"Lifts the hold: {seen['hold']}" if seen["hold"] else f"Answers again to: {seen['question']}")
    _moved(client.post(path_of(change_id, "resume"), {"reason": reason, **seen}), as_json=as_json)


@change.command("back-out")
@click.argument("change_id", metavar="ID")
@reason_option
@click.option("--wait", is_flag=True, help="Stay until the canary is back.")
@as_json
@pass_place
@click.pass_context
def back_out(ctx: click.Context, place: Place, change_id: str, reason: str, wait: bool, as_json: bool) -> None:
    """Take the canary back to its old firmware."""
    client = place.client()
    shown = client.get(path_of(change_id))["question"]
    if shown and not as_json:
        click.echo(f"Goes back without an answer to: {shown}")
    view = client.post(path_of(change_id, "back-out"), {"reason": reason, "question": shown})
    _follow(ctx, place, view, wait=wait, as_json=as_json, good="backed out")


@change.command()
@click.argument("change_id", metavar="ID")
@reason_option
@as_json
@pass_place
def withdraw(place: Place, change_id: str, reason: str, as_json: bool) -> None:
    """Take your own change back before anything has begun."""
    _moved(place.client().post(path_of(change_id, "withdraw"), {"reason": reason}), as_json=as_json)


def _moved(view: dict[str, Any], *, as_json: bool) -> None:
    out_json(view) if as_json else click.echo(f"{view['id']} is {view['state']}. {plain(view['next'])}")


def _follow(ctx: click.Context, place: Place, view: dict[str, Any], *, wait: bool, as_json: bool, good: str) -> None:
    """Tell where a run stands; with `wait` until it ends or a person is needed. Exit 1 when it ended otherwise."""
    from gate.cli.page import show_change, told_steps

    client, told = place.client(), 0
    while wait and view["state"] not in ENDED and not _asks(view, good):
        size = int(client.get("/seal")["size"])
        if not as_json:
            told = told_steps(view, told)
        client.get("/wait", size=size, timeout=10)
        time.sleep(0.2)
        view = client.get(path_of(view["id"]))
    if wait and not as_json:
        told_steps(view, told)
        show_change(view)
    else:
        _moved(view, as_json=as_json)
    if wait and view["state"] != good:
        ctx.exit(1)


def _asks(view: dict[str, Any], good: str) -> bool:
    """True when nothing goes on before a person has said something."""
    run = view["run"] or {}
    halted = view["state"] in WAITING and good != "backed out"
    return bool(halted or run.get("hold") or run.get("question"))
