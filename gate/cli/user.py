"""`sangate user`: local people. It works on the data directory, so it is for the machine's administrator."""

import click

from gate.cli.place import Place
from gate.cli.say import as_json, out_json, pass_place, password_file, secret_from, table

ROLES = ("requester", "performer", "auditor", "admin")
SEATS = ("storage", "data-owner", "backup-owner", "change-manager")


@click.group()
def user() -> None:
    """Local people of this data directory."""


@user.command()
@click.argument("name")
@click.option("--role", "roles", multiple=True, type=click.Choice(ROLES))
@click.option("--seat", "seats", multiple=True, type=click.Choice(SEATS), help="A seat this person may fill.")
@click.option("--contractor", is_flag=True, help="Works under escort; fills no seat.")
@password_file
@pass_place
def add(
    place: Place, name: str, roles: tuple[str, ...], seats: tuple[str, ...], contractor: bool, password_file: str | None
) -> None:
    """Add a person; the password is asked for, or read from a file."""
    from gate.person import Role
    from gate.policy import Seat

    password = secret_from(password_file, f"Password for {name}", twice=True)
    with place.compared() as installation:
        made = installation.control.add_person(
            None, name, password, [Role(role) for role in roles], [Seat(seat) for seat in seats], contractor=contractor
        )
    click.echo(f"{made.id} is added; that is an entry of the ledger.")


@user.command("list")
@as_json
@pass_place
def list_(place: Place, as_json: bool) -> None:
    """Everybody, with roles, seats and how many keys they sign with."""
    with place.installation() as installation:
        people = sorted(installation.people.all().values(), key=lambda person: person.id)
    told = [
        {
            "id": one.id,
            "roles": sorted(one.roles),
            "seats": sorted(one.seats),
            "contractor": one.contractor,
            "keys": len(one.keys),
        }
        for one in people
    ]
    if as_json:
        out_json(told)
        return
    rows = [
        (one.id, ",".join(sorted(one.roles)), ",".join(sorted(one.seats)), len(one.keys), one.contractor)
        for one in people
    ]
    table(("NAME", "ROLES", "SEATS", "KEYS", "CONTRACTOR"), rows)
