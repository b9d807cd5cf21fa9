"""`sangate lab`: the built-in fleet of simulated arrays behind real SSH and real iSCSI."""

import re
from typing import TYPE_CHECKING, Any

import click

from gate.cli.helping import Noun
from gate.cli.place import Place
from gate.cli.say import as_json, out_json, pass_place, plain, table, working

if TYPE_CHECKING:
    from gate.lab.client import Lab
    from gate.settings import Settings

MARK = "# written by sangate lab: pins of simulated arrays\n"
SIMULATED = "The arrays are simulated; SSH, iSCSI and every byte on them are real."


@click.group(cls=Noun)
def lab() -> None:
    """The built-in fleet of simulated arrays."""


@lab.command()
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="NAME=FAULT",
    help="Switch a fault on at an array, a host or every array of a family: west-1=rebuild, dothill=stalls.",
)
@pass_place
def up(place: Place, faults: tuple[str, ...]) -> None:
    """Start the lab of this configuration in its own process."""
    from gate.errors import BadInput

    pairs = [fault.partition("=") for fault in faults]
    for name, equals, fault in pairs:
        if not (name and equals and fault):
            raise BadInput(f'"{name}" is not NAME=FAULT', hint="--fault west-1=rebuild, say")
    settings = place.settings()
    with working("starting the lab …"):
        running = raise_lab(settings)
    for name, _, fault in pairs:
        kind, _, value = fault.partition(":")
        running.fault(name, kind, value)
    count = len(settings.config.inventory.arrays)
    click.echo(f"{count} arrays answer on {settings.config.lab.network}.0 (process {running.pid}). {SIMULATED}")


@lab.command()
@click.option("--family", required=True, help="Which dialect they speak.")
@click.option("--arrays", default=100, show_default=True, help="How many.")
@click.option("--network", default="127.77.1", show_default=True, help="Where they begin, on loopback.")
def fleet(family: str, arrays: int, network: str) -> None:
    """Print the inventory of as many simulated arrays as wanted, for a configuration of its own."""
    from gate.errors import BadInput
    from gate.inventory import ArrayFamily
    from gate.lab.many import fleet as made

    if family not in list(ArrayFamily):
        raise BadInput(f'there is no family "{plain(family)[:40]}"', hint=f"families: {', '.join(ArrayFamily)}")
    if not re.fullmatch(r"127(\.[0-9]{1,3}){2}", network):
        raise BadInput(f'"{plain(network)[:40]}" is no loopback network', hint="three numbers, such as 127.77.1")
    click.echo(made(ArrayFamily(family), arrays, network), nl=False)


@lab.command()
@pass_place
def down(place: Place) -> None:
    """End the lab."""
    from gate.lab.client import Lab

    Lab(place.settings().lab).stop()
    click.echo("The lab is down.")


@lab.command()
@as_json
@pass_place
def status(place: Place, as_json: bool) -> None:
    """What every simulated array and host is doing."""
    from gate.lab.client import Lab

    told = Lab(place.settings().lab).status()
    if as_json:
        out_json(told)
        return
    arrays: Any = told["arrays"]
    hosts: Any = told["hosts"]
    rows = [(name, one["version"], one["update"], ",".join(one["faults"]) or "-") for name, one in arrays.items()]
    rows += [(name, "-", "-", ",".join(one["faults"]) or "-") for name, one in hosts.items()]
    table(("NAME", "RUNS", "UPDATE", "FAULTS"), rows)
    click.echo(f"repository on {told['repository_on'] or 'nothing'}. {SIMULATED}")


@lab.command()
@click.argument("array")
@pass_place
def repository(place: Place, array: str) -> None:
    """Mount the backup repository that lies on ARRAY, as its administrator would."""
    from gate.lab.client import Lab

    Lab(place.settings().lab).move_repository(array)
    click.echo(f"The repository of {array} is mounted.")


@lab.command()
@pass_place
def backup(place: Place) -> None:
    """Run the nightly backup now, as the backup host would."""
    from gate.lab.client import Lab

    click.echo(f"Backup {Lab(place.settings().lab).backup_now()} is made.")


@lab.command()
@click.argument("name")
@click.argument("fault")
@click.argument("value", default="")
@pass_place
def fault(place: Place, name: str, fault: str, value: str) -> None:
    """Switch a fault on at an array, a host or all arrays of a family; `none` switches all of one array or host off."""
    from gate.lab.client import Lab

    running = Lab(place.settings().lab)
    running.clear(name) if fault == "none" else running.fault(name, fault, value)
    click.echo(f"{name}: {fault}.")


def raise_lab(settings: "Settings", ca: str = "") -> "Lab":
    """
    Start the lab, pin its host keys and lay its images where the gate looks for them.

    Its arrays trust `ca`, a keyholder's public line; without one the gate's own.

    BadInput when a file of pins is there that the lab has not written: real pins are never replaced.
    """
    from gate.assembly import make_private
    from gate.errors import BadInput
    from gate.keys import own, public_line
    from gate.lab.process import start
    from gate.objects.credential import pretend_keys

    known = settings.known_hosts
    pinned = known.read_text(encoding="utf-8", errors="replace") if known.exists() else ""
    if pinned.strip() and not pinned.startswith(MARK):
        raise BadInput("these pins are not the lab's", place=str(known), hint="give the lab a data directory: --data")
    make_private(settings)
    monitor, rehearse = (public_line(own(path), path.name) for path in (settings.monitor_key, settings.rehearse_key))
    permits = ca or public_line(own(settings.ca_key), settings.ca_key.name)
    running = start(
        settings.config.inventory,
        settings.lab,
        monitor_key=monitor,
        rehearse_key=rehearse,
        ca_key=permits,
        gate_initiator=settings.config.iscsi.initiator,
        pace=settings.config.lab.pace,
        object_keys=pretend_keys(settings.keys, settings.config.inventory),
        image_server=settings.config.images.server,
        revoked=None if ca else settings.revoked,
    )
    known.write_text(MARK + running.known_hosts.read_text(encoding="utf-8"), encoding="utf-8")
    for image in sorted(running.images.iterdir()):
        (settings.images / image.name).write_bytes(image.read_bytes())
    return running
