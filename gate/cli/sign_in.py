"""`sangate login` and `logout`."""

import click

from gate.cli.place import Place
from gate.cli.say import as_json, out_json, pass_place, password_file, secret_from


@click.command()
@click.argument("name")
@password_file
@as_json
@pass_place
def login(place: Place, name: str, password_file: str | None, as_json: bool) -> None:
    """Sign in; keeps a personal token that expires."""
    from gate.cli.client import QUICK, Client
    from gate.cli.tokens import keep

    address = place.address()
    client = Client(address)
    password = secret_from(password_file, f"Password of {name}")
    ticket = client.post("/login", {"name": name, "password": password}, within=QUICK)
    keep(address, str(ticket["token"]))
    told = {"person": ticket["person"], "expires": ticket["expires"], "server": address}
    if as_json:
        out_json(told)
        return
    person = ticket["person"]
    duties = ", ".join([*person["roles"], *(f"seat {seat}" for seat in person["seats"])]) or "none"
    click.echo(f"Signed in at {address} as {person['id']} (duties: {duties}) until {ticket['expires'][:16]}Z.")


@click.command()
@pass_place
def logout(place: Place) -> None:
    """End the token."""
    from gate.cli.tokens import forget
    from gate.errors import NotSignedIn

    client = place.client()
    try:
        client.post("/logout")
        click.echo("Signed out.")
    except NotSignedIn:
        click.echo("Nobody was signed in.")
    finally:
        forget(place.address())
