"""`sangate user`: local people. It works on the data directory, so it is for the machine's administrator."""

import click

from gate.cli.contract import contract_of, person_of_firm, terms
from gate.cli.helping import Noun
from gate.cli.place import Place
from gate.cli.say import as_json, out_json, pass_place, password_file, secret_from, table

ROLES = ("requester", "performer", "auditor", "admin", "escort")
SEATS = ("storage", "data-owner", "backup-owner", "change-manager")


@click.group(cls=Noun)
def user() -> None:
    """Local people of this data directory."""


@user.command()
@click.argument("name")
@click.option("--role", "roles", multiple=True, type=click.Choice(ROLES))
@click.option("--seat", "seats", multiple=True, type=click.Choice(SEATS), help="A seat this person may fill.")
@terms
@password_file
@pass_place
def add(
    place: Place, name: str, roles: tuple[str, ...], seats: tuple[str, ...], firm: str, person: str, sponsor: str,
    opens: str, until: str, password_file: str | None,
) -> None:  # fmt: skip
    """Add a person; the password is asked for, or read from a file. With --firm it is a contractor."""
    from gate.person import Role
    from gate.policy import Seat

    made_with = contract_of(firm, person, sponsor, opens, until)
    password = secret_from(password_file, f"Password for {name}", twice=True)
    with place.compared() as installation:
        made = installation.control.add_person(
            None, name, password, [Role(role) for role in roles], [Seat(seat) for seat in seats], contract=made_with
        )
    click.echo(f"{made.id} is added; that is an entry of the ledger.")


@user.command()
@click.argument("name")
@terms
@pass_place
def contract(place: Place, name: str, firm: str, person: str, sponsor: str, opens: str, until: str) -> None:
    """
    Put a contract in place of a contractor's last one: another time box, another sponsor.

    Whoever was signed in under the old one has to sign in again, and plans signed for it start no more.
    """
    from gate.errors import BadInput

    made_with = contract_of(firm, person, sponsor, opens, until)
    if made_with is None:
        raise BadInput("a contract names its firm", hint="add --firm, --person, --sponsor and --until")
    with place.compared() as installation:
        made = installation.control.set_contract(name, made_with)
    click.echo(f"{made.id}: {person_of_firm(made)}; that is an entry of the ledger.")


@user.command()
@click.argument("name")
@password_file
@pass_place
def password(place: Place, name: str, password_file: str | None) -> None:
    """Give somebody another password, asked for or read from a file; whoever was signed in as them is so no longer."""
    secret = secret_from(password_file, f"New password for {name}", twice=True)
    with place.compared() as installation:
        installation.control.set_password(name, secret)
    click.echo(f"{name} signs in with another password; that is an entry of the ledger.")


@user.command("revoke-key")
@click.argument("fingerprint")
@click.option("--reason", required=True, help="Kept in the ledger, for good.")
@click.option("--leaves-nobody", is_flag=True, help="Also where nobody is left who could sign for a seat.")
@pass_place
def revoke_key(place: Place, fingerprint: str, reason: str, leaves_nobody: bool) -> None:
    """Take anybody's key away for good, by its FINGERPRINT; sangate key list shows them all."""
    from gate.cli.key import told

    with place.compared() as installation:
        revoked = installation.control.revoke_key(None, fingerprint, reason, leaves_nobody=leaves_nobody)
    told(revoked)


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
            "contract": person_of_firm(one),
            "keys": len(one.keys),
        }
        for one in people
    ]
    if as_json:
        out_json(told)
        return
    rows = [
        (one.id, ",".join(sorted(one.roles)), ",".join(sorted(one.seats)), len(one.keys), person_of_firm(one))
        for one in people
    ]
    table(("NAME", "ROLES", "SEATS", "KEYS", "CONTRACTOR"), rows)
