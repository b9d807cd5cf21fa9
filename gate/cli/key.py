"""`sangate key`: enrol the SSH key with which you sign, see everybody's, take one away."""

from pathlib import Path
from typing import Any

import click

from gate.cli.helping import Noun
from gate.cli.place import Place
from gate.cli.say import as_json, out_json, pass_place, password_file, plain, secret_from, table


@click.group(cls=Noun)
def key() -> None:
    """The SSH keys with which people sign."""


@key.command()
@click.argument("file", type=click.Path(path_type=Path))
@password_file
@pass_place
def enrol(place: Place, file: Path, password_file: str | None) -> None:
    """Enrol a public key (the .pub file); your password is asked for again. It becomes an entry of the ledger."""
    from gate.errors import BadInput
    from gate.settings import read_file

    text = read_file(file, 16 * 1024).decode("utf-8", "replace")
    if "PRIVATE KEY" in text:
        raise BadInput("this is the private key; it stays with you", place=str(file), hint="give the .pub file")
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) != 1 or not lines[0].isprintable():
        raise BadInput("this is not one OpenSSH public key", place=str(file), hint="give the .pub file")
    client = place.client()
    password = secret_from(password_file, "Your password once more")
    made = client.post("/keys", {"public": lines[0], "password": password})
    click.echo(f"enrolled {made['fingerprint']}")


@key.command("list")
@as_json
@pass_place
def list_(place: Place, as_json: bool) -> None:
    """Every key that people sign or signed with, by the ledger's entries, and whether it counts now."""
    found = place.client().get("/keys")
    if as_json:
        out_json(found)
        return
    table(("PERSON", "KEY", "ENROLLED", "STATE"), [(*_named(one), _state(one)) for one in found])


@key.command()
@click.argument("fingerprint")
@click.option("--reason", required=True, help="Kept in the ledger, for good.")
@click.option("--leaves-nobody", is_flag=True, help="Also where nobody is left who could sign for a seat.")
@pass_place
def revoke(place: Place, fingerprint: str, reason: str, leaves_nobody: bool) -> None:
    """
    Take a key away for good, by its FINGERPRINT: your own, or as an administrator anybody's.

    Nothing that it signed counts any more for what is yet to be decided, and its owner is signed out everywhere.
    """
    asked = {"fingerprint": fingerprint, "reason": reason, "leaves_nobody": leaves_nobody}
    told(place.client().post("/keys/revoked", asked))


def told(revoked: dict[str, Any]) -> None:
    """Say what a revocation did, and what is left to be done."""
    click.echo(f"{revoked['fingerprint']} of {plain(revoked['person'])} signs nothing any more; that is an entry.")
    click.echo("Sign in again. A keyholder obeys the entry; take the key out of its file too.")
    for seat in revoked["empty_seats"]:
        click.echo(f"Nobody can sign as {seat} now: somebody who holds the seat has to enrol another key.")


def _named(one: dict[str, Any]) -> tuple[str, str, str]:
    return one["person"], one["fingerprint"], one["enrolled"][:16].replace("T", " ") or "in an earlier log"


def _state(one: dict[str, Any]) -> str:
    if one["revoked"]:
        return f"revoked {one['revoked'][:16].replace('T', ' ')} by {one['by']}: {one['reason']}"
    return "counts" if one["counts"] else "does not count: no entry has enrolled it"
