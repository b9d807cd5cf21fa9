"""`sangate keyholder`: the process that makes permits, for a user of its own, and its administrator's commands."""

import logging
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from gate.cli.helping import Noun
from gate.cli.ready import tell_ready
from gate.cli.say import as_json, out_json, plain, table

FILE = click.Path(path_type=Path)
config_option = click.option("--config", "file", type=FILE, default=Path("/etc/sangate/keyholder.yaml"),
                             show_default=True, help="What it has pinned.")  # fmt: skip
data_option = click.option("--data", type=FILE, default=Path("/var/lib/sangate-keyholder"), show_default=True,
                           help="Folder of its keys and its memory; not the gate's.")  # fmt: skip


@click.group(cls=Noun)
def keyholder() -> None:
    """Make permits in a process of their own: only what the pinned approvers have signed.

    Run it under another user than the gate, who alone may read its folder.
    """


@keyholder.command()
@config_option
@data_option
@click.option("--while-stdin", is_flag=True, help="End when standard input does: with the process that started it.")
def run(file: Path, data: Path, while_stdin: bool) -> None:
    """Answer the gate on a Unix socket."""
    from gate.keyholder.place import load, open_keyholder
    from gate.keyholder.server import serve

    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    holder = open_keyholder(load(file), data, now)

    def started(path: Path) -> None:
        click.echo(f"keyholder answers on {path}, follows {holder.pinned.origin}")
        click.echo(f"its authority: {holder.ca}")
        if holder.memory.hold():
            click.echo(f"it lets nothing begin: {plain(holder.memory.hold())}")
        tell_ready()

    stop = threading.Event()
    if while_stdin:
        threading.Thread(target=_end_with_stdin, args=(stop,), name="stdin", daemon=True).start()
    try:
        serve(holder, stop, started)
    finally:
        holder.close()


@keyholder.command()
@config_option
def check(file: Path) -> None:
    """Is the configuration whole? Says what it lets happen."""
    from gate.keyholder.place import load
    from gate.keyholder.server import users

    pinned = load(file)
    users(pinned)
    policy = pinned.policy
    seats = ", ".join(policy.seats)
    click.echo(f"follows {pinned.origin}; permits of {policy.permit_lifetime} for {len(pinned.arrays)} arrays")
    click.echo(f"seats: {seats}; {len(pinned.approvers)} approvers; approvals: {policy.approvals}")
    if carried := [array.id for array in pinned.arrays if array.carried is not None]:
        click.echo(f"sends the steps itself to {', '.join(carried)}: no permit of theirs leaves")
    if policy.approvals != "signed":
        click.echo("sessions count as approvals here: they are the gate's word, and it is the gate that is not trusted")


@keyholder.command()
@config_option
@data_option
def ca(file: Path, data: Path) -> None:
    """The public line of the authority, for TrustedUserCAKeys; made on first use."""
    from gate.keyholder.place import load, make_private
    from gate.permits.office import PermitOffice

    make_private(data)
    click.echo(PermitOffice.open(data / "ca", load(file).policy.permit_lifetime).public_line())


@keyholder.command()
@data_option
@as_json
def status(data: Path, as_json: bool) -> None:
    """How far the ledger was followed, whether anything may begin, and the newest permits."""
    from gate.keyholder.place import memory_of

    memory = memory_of(data)
    names = ("serial", "change", "array", "purpose", "at", "expires", "revoked")
    permits = [dict(zip(names, row, strict=True)) for row in memory.permits()[:50]]
    told: dict[str, Any] = {
        "followed": memory.head().size,
        "hold": memory.hold(),
        "misfits": memory.misfits(),
        "permits": permits,
    }
    told["keys_taken_away"] = memory.taken_keys()
    memory.close()
    if as_json:
        out_json(told)
        return
    click.echo(f"followed: {told['followed']} entries; hold: {plain(str(told['hold'])) or 'none'}")
    if told["misfits"]:
        click.echo(f"{told['misfits']} truly signed checkpoints could not be followed: compare the ledger with them")
    for key, who in told["keys_taken_away"].items():
        click.echo(f"{plain(key)} of {plain(who)} was revoked and counts here no more: take it out of the file")
    table(tuple(name.upper() for name in names), [tuple(one.values()) for one in permits])


@keyholder.command()
@click.argument("reason", default="")
@data_option
def hold(reason: str, data: Path) -> None:
    """Let nothing begin, for a REASON; without one, let it begin again. What has begun is finished or backed out."""
    from gate.errors import BadInput
    from gate.keyholder.place import memory_of

    if len(reason) > 500 or not reason.isprintable():
        raise BadInput("a reason is one line of at most 500 printable characters")
    memory = memory_of(data)
    memory.set_hold(reason.strip())
    memory.close()
    click.echo("nothing begins any more" if reason.strip() else "no hold any more")


@keyholder.command()
@click.argument("serials", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Every permit that has not ended.")
@config_option
@data_option
def revoke(serials: tuple[str, ...], everything: bool, file: Path, data: Path) -> None:
    """Revoke permits by serial, and write the list for RevokedKeys anew: DATA/revoked.krl."""
    from gate.errors import BadInput
    from gate.keyholder.holder import write_revoked
    from gate.keyholder.place import load, memory_of
    from gate.permits.office import PermitOffice

    if not serials and not everything:
        raise BadInput("which permits?", hint="serials, or --all; sangate keyholder status lists them")
    if not all(serial.isdigit() and len(serial) <= 20 for serial in serials):
        raise BadInput("a serial is a number")
    memory = memory_of(data)
    live = [row[0] for row in memory.permits(now())]
    chosen = live if everything else [serial for serial in serials if serial in live]
    with memory.turn():
        memory.revoke(chosen, "revoked by its administrator", now())
    office = PermitOffice.open(data / "ca", load(file).policy.permit_lifetime)
    write_revoked(memory, office.public_line(), data / "revoked.krl", now())
    memory.close()
    click.echo(f"{len(chosen)} permits revoked; {data / 'revoked.krl'} is written")


@keyholder.command()
@click.argument("array")
@click.option("--user", required=True, help="Who the credential logs in as.")
@config_option
@data_option
def seal(array: str, user: str, file: Path, data: Path) -> None:
    """Seal a password or private key for an ARRAY that knows no certificates. It is read from standard input."""
    from gate.errors import BadInput
    from gate.keyholder.place import load, memory_of
    from gate.keyholder.sealing import LONGEST, open_seal, read_secret

    named = load(file).array(array)
    if named is None or not named.sealed:
        raise BadInput(f'"{plain(array)}" is not an array with `sealed: true`', place=str(file))
    if sys.stdin.isatty():
        text = str(click.prompt("Password", hide_input=True, confirmation_prompt=True))
    else:
        text = sys.stdin.read(LONGEST + 1)
    memory = memory_of(data)
    memory.keep_sealed(array, open_seal(data / "seal").close(array, read_secret(user, text)), now())
    memory.close()
    click.echo(f"sealed for {array}; nothing but this keyholder opens it, for one permit at a time")


def _end_with_stdin(stop: threading.Event) -> None:
    while sys.stdin.read(4096):
        continue
    stop.set()


def now() -> datetime:
    """The wall clock, aware."""
    return datetime.now(UTC)
