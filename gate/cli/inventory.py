"""`sangate inventory`: what config.yaml says exists, and whether the files it needs are there."""

from typing import TYPE_CHECKING

import click

from gate.cli.helping import Noun
from gate.cli.place import Place
from gate.cli.say import as_json, out_json, pass_place, plain, table

if TYPE_CHECKING:
    from gate.gather.greeting import Greeting
    from gate.hostkeys import HostKeys
    from gate.settings import Settings

LEGACY = "newer firmware mends that; else `make legacy`, name ssh.legacy_python and mark this one array `legacy: true`"


@click.group(cls=Noun)
def inventory() -> None:
    """What exists and who owns it."""


@inventory.command()
@as_json
@pass_place
def show(place: Place, as_json: bool) -> None:
    """Arrays, hosts, datasets and protections of the configuration."""
    found = place.settings().config.inventory
    if as_json:
        out_json(found.model_dump(mode="json"))
        return
    rows: list[tuple[object, ...]] = [
        ("array", one.id, one.site, f"{one.ssh.host}:{one.ssh.port}", f"{one.model} {one.serial}, {one.criticality}")
        for one in found.arrays
    ]
    rows += [("host", one.id, one.site, f"{one.ssh.host}:{one.ssh.port}", one.family) for one in found.hosts]
    rows += [("dataset", one.id, "", f"{one.host}:{one.path}", ", ".join(one.tables)) for one in found.datasets]
    rows += [
        ("protection", one.id, "", f"{one.host}:{one.repository}", f"{one.tool} of {one.dataset}")
        for one in found.protections
    ]
    table(("WHAT", "ID", "SITE", "WHERE", "MORE"), rows)


@inventory.command()
@click.argument("names", nargs=-1)
@as_json
@pass_place
@click.pass_context
def check(ctx: click.Context, place: Place, names: tuple[str, ...], as_json: bool) -> None:
    """Is a host key pinned for everything, and is every released image there? Exit 3 when not.

    What is not pinned, and whatever is named, is greeted: what it shows is told, or what both sides offer where they
    cannot talk. Nobody logs in there, and nothing is pinned.
    """
    from gate.canonical import sha256
    from gate.errors import BadInput, GateError
    from gate.gather.greeting import endpoints
    from gate.hostkeys import parse
    from gate.settings import read_file

    settings = place.settings()
    config = settings.config
    known = settings.known_hosts
    pins = parse(read_file(known).decode("utf-8", "replace") if known.exists() else "", str(known))
    ends = endpoints(config.inventory)
    if strange := [name for name in names if name not in ends]:
        raise BadInput(f'"{plain(strange[0])}" is no array, host or bastion of the inventory')
    asked = [name for name, (ssh, _) in ends.items() if name in names or not pins.pinned(ssh.host, ssh.port)]
    wrong = [line for name, greeting in _greeted(settings, pins, asked) for line in _told(name, greeting, pins)]
    for image in config.images.allowed:
        try:
            if sha256(read_file(settings.images / image.file, 1 << 34)) != image.sha256:
                wrong.append(f"the image {image.file} is not the one that was released")
        except GateError as error:
            wrong.append(f"the image {image.file}: {error.message}")
    if as_json:
        out_json({"complete": not wrong, "missing": wrong})
    else:
        for line in wrong:
            click.echo(plain(line))
        click.echo("Something is missing." if wrong else "Every host key is pinned and every released image is there.")
    if wrong:
        ctx.exit(3)


@inventory.command()
@click.argument("name")
@click.option("--fingerprint", required=True, help="SHA256:… as the device's own console shows it.")
@pass_place
def pin(place: Place, name: str, fingerprint: str) -> None:
    """Pin the host key of NAME, whose fingerprint somebody has read on its console.

    NAME is an array, host or bastion, or ARRAY:upload for the address where images are put on an array.
    """
    from gate.errors import BadInput, Outside, Refused
    from gate.gather.greeting import endpoints
    from gate.hostkeys import parse
    from gate.ledger.entry import GATE, Draft
    from gate.settings import read_file

    settings = place.settings()
    if name not in endpoints(settings.config.inventory):
        raise BadInput(f'"{plain(name)}" is no array, host or bastion of the inventory')
    with place.compared() as installation:
        known = settings.known_hosts
        pins = parse(read_file(known).decode("utf-8", "replace"), str(known))
        ((_, greeting),) = _greeted(settings, pins, [name])
        if greeting.key is None:
            raise Outside(f"{name} showed no host key: {greeting.problem or '; '.join(greeting.clash)}")
        ssh, shown = greeting.endpoint, greeting.key
        if shown.fingerprint != fingerprint:
            hint = "read it on the device's own console, not over the network"
            raise Refused(f"{name} shows {shown.type} {shown.fingerprint}, and that is another one", hint=hint)
        there = pins.pinned(ssh.host, ssh.port)
        if there and shown not in there:
            hint = f"was its controller replaced? then remove its old line from {known} first"
            raise Refused(f"another host key is pinned for {name}: {there[0].fingerprint}", hint=hint)
        told = {"name": name, "endpoint": f"{ssh.host}:{ssh.port}", "fingerprint": shown.fingerprint}
        if not there:
            installation.ledger.append(Draft("host_key.pinned", GATE, None, told))
            with known.open("a", encoding="utf-8") as file:
                file.write(shown.line(ssh.host, ssh.port) + "\n")
    click.echo(f"{shown.type} {shown.fingerprint} is pinned for {name}; a running gate takes it when it starts anew")


def _greeted(settings: "Settings", pins: "HostKeys", names: list[str]) -> "list[tuple[str, Greeting]]":
    """Greet them side by side, in the order given."""
    from concurrent.futures import ThreadPoolExecutor

    from gate.assembly import make_private
    from gate.gather.gather import timeouts_of
    from gate.gather.greeting import greet_one
    from gate.keys import own

    make_private(settings)
    key, timeouts = own(settings.monitor_key), timeouts_of(settings)
    with ThreadPoolExecutor(settings.config.ssh.parallel) as pool:
        fleet, old = settings.config.inventory, settings.legacy_python
        greetings = pool.map(lambda name: greet_one(fleet, name, key, pins, timeouts, old), names)
        return list(zip(names, greetings, strict=True))


def _told(name: str, greeting: "Greeting", pins: "HostKeys") -> list[str]:
    """Say what is wrong with an endpoint that was greeted; [] when it shows a key that is pinned."""
    ssh = greeting.endpoint
    pinned = pins.pinned(ssh.host, ssh.port)
    told = f"{name} ({ssh.host}:{ssh.port})" if pinned else f"no host key is pinned for {name} ({ssh.host}:{ssh.port})"
    if greeting.key is None:
        if greeting.clash:
            return [f"{told}: the two cannot talk", *(f"  {one}" for one in greeting.clash), f"  {LEGACY}"]
        return [f"{told}: {greeting.problem}"]
    shown = greeting.key
    if shown in pinned:
        return []
    if pinned:
        return [f"{told} shows another host key than the pinned one: {shown.type} {shown.fingerprint}"]
    return [
        f"{told}: it shows {shown.type} {shown.fingerprint}",
        f"  compare that on its console; then: sangate inventory pin {name} --fingerprint {shown.fingerprint}",
    ]


@inventory.command()
@pass_place
def keys(place: Place) -> None:
    """The gate's public keys, and where each belongs; made on first use."""
    from gate.assembly import make_private, signer_of
    from gate.keys import own, public_line

    settings = place.settings()
    ssh = settings.config.ssh
    make_private(settings)
    for path, words in (
        (settings.monitor_key, f"for the user {ssh.monitor_user} of every array and host, who may only read"),
        (settings.rehearse_key, f"for the user {ssh.rehearse_user} of the rehearsal host, below its scratch directory"),
    ):
        click.echo(f"# {words}")
        click.echo(public_line(own(path), f"sangate-{path.name}"))
    click.echo(f"# certificate authority for the user {ssh.mutate_user} of every array; principal: its id")
    if not settings.config.permits.keyholder:
        click.echo(public_line(own(settings.ca_key), f"sangate-{settings.ca_key.name}"))
    else:
        click.echo("# it is the keyholder's: sangate keyholder ca, on its own account")
    click.echo("# the ledger's, by which auditors and the keyholder (`ledger` in its file) know its checkpoints")
    click.echo(str(signer_of(settings).vkey))
    click.echo(f"# {settings.config.iscsi.initiator} is the initiator to which scratch LUNs are masked")
