"""`sangate key`: enrol the SSH key with which you sign."""

from pathlib import Path

import click

from gate.cli.place import Place
from gate.cli.say import pass_place, password_file, secret_from


@click.group()
def key() -> None:
    """The SSH key with which you sign."""


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
