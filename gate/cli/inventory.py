"""`sangate inventory`: what config.yaml says exists, and whether the files it needs are there."""

import click

from gate.cli.place import Place
from gate.cli.say import as_json, out_json, pass_place, plain, table


@click.group()
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
@as_json
@pass_place
@click.pass_context
def check(ctx: click.Context, place: Place, as_json: bool) -> None:
    """Is a host key pinned for everything, and is every released image there? Exit 3 when not."""
    from gate.canonical import sha256
    from gate.errors import GateError
    from gate.hostkeys import parse
    from gate.settings import read_file

    settings = place.settings()
    config = settings.config
    known = settings.known_hosts
    pins = parse(read_file(known).decode("utf-8", "replace"), str(known))
    ends = [(one.id, one.ssh) for one in config.inventory.arrays]
    ends += [(one.id, one.ssh) for one in config.inventory.hosts]
    wrong = [
        f"no host key is pinned for {name} ({ssh.host}:{ssh.port})"
        for name, ssh in ends
        if not pins.pinned(ssh.host, ssh.port)
    ]
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
@pass_place
def keys(place: Place) -> None:
    """The gate's public keys, and where each belongs; made on first use."""
    from gate.assembly import make_private
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
    click.echo(f"# {settings.config.iscsi.initiator} is the initiator to which scratch LUNs are masked")
