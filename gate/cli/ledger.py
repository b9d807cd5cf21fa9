"""`sangate ledger`: the record, and what an auditor takes away."""

from pathlib import Path

import click

from gate.cli import keeping
from gate.cli.handing import controls, export
from gate.cli.helping import Noun
from gate.cli.place import Place
from gate.cli.say import as_json, out_json, pass_place, plain, table

local = click.option("--local", is_flag=True, help="Read this data directory itself; no server is needed.")
out = click.option("--out", type=click.Path(path_type=Path), help="File to write.")


@click.group(cls=Noun)
def ledger() -> None:
    """The record: show, export, pack, verify."""


@ledger.command()
@click.option("--change", "change_id", metavar="ID", help="Entries of this change alone.")
@click.option("--start", default=0, show_default=True, help="From this index (within a change: this many skipped).")
@click.option("--limit", default=200, show_default=True, type=click.IntRange(1, 1000))
@local
@as_json
@pass_place
def show(place: Place, change_id: str | None, start: int, limit: int, local: bool, as_json: bool) -> None:
    """Entries, oldest first."""
    from gate.cli.reading import reader
    from gate.export.gist import gist

    with reader(place, local=local) as source:
        entries = source.entries(change_id, start, limit)
    if as_json:
        out_json(entries)
        return
    rows = [
        (
            one["index"],
            one["time"][:19] + "Z",
            one["change"] or "-",
            one["kind"],
            one["actor"]["id"],
            gist(one["data"])[:100],
        )
        for one in entries
    ]
    table(("INDEX", "TIME", "CHANGE", "KIND", "ACTOR", "WHAT"), rows)


@ledger.command()
@local
@as_json
@pass_place
def checkpoint(place: Place, local: bool, as_json: bool) -> None:
    """The signed head of the ledger: keep it, and compare at the next visit."""
    from gate.cli.reading import reader

    with reader(place, local=local) as source:
        seal = source.seal()
    out_json(seal) if as_json else click.echo(seal["checkpoint"], nl=False)
    if seal["alarm"] and not as_json:
        click.echo(plain(seal["alarm"]), err=True)


ledger.add_command(export)
for command in (controls, *keeping.COMMANDS):
    ledger.add_command(command)


@ledger.command()
@click.argument("change_id", metavar="ID")
@out
@click.option("--disclose", is_flag=True, help="Also what entries keep outside the log: names and words of people.")
@local
@pass_place
def pack(place: Place, change_id: str, out: Path | None, disclose: bool, local: bool) -> None:
    """The evidence pack of one change: one archive that an auditor checks alone."""
    from gate.cli.reading import reader

    with reader(place, local=local) as source:
        content = source.pack(change_id, disclose=disclose)
    path = out or Path(f"{plain(change_id)}.zip")
    path.write_bytes(content)
    click.echo(f"{path}: {len(content)} bytes; sangate ledger verify {path} checks it, and so does the verify.py in it")


@ledger.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--policy", type=click.Path(path_type=Path), help="The public key you hold, as a policy file.")
@click.option("--last", type=click.Path(path_type=Path), help="The checkpoint you kept from your last visit.")
@click.option("--keep", type=click.Path(path_type=Path), help="Where to write the checkpoint for your next visit.")
@click.option("--checkpoint", type=click.Path(path_type=Path), help="The log's checkpoint, where it lies elsewhere.")
@click.option("--against", type=click.Path(path_type=Path), help="The whole log that a mapped export is proven by.")
@click.option("--part", is_flag=True, help="The mapped export is a piece of a stream: nothing in it states its end.")
@as_json
@click.pass_context
def verify(ctx: click.Context, /, path: Path, part: bool, as_json: bool, **files: Path | None) -> None:
    """Check a pack, an export or (--against) a mapped one, offline. Exit 1: it was tampered with; 3: cannot tell."""
    from gate.export import verify as verifier

    words = ["mapped"] if files["against"] else []
    words += [word for word, said in (("--json", as_json), ("--part", part)) if said]
    for name, file in files.items():
        words += [f"--{name}={file}"] if file else []
    code = verifier.main([*words, "--", str(path)])
    ctx.exit({verifier.VERIFIED: 0, verifier.TAMPERED: 1}.get(code, 3))


@ledger.command()
@pass_place
def rebuild(place: Place) -> None:
    """Make the lists again from the ledger; it shows the same."""
    made = place.client().post("/rebuild")
    click.echo(f"{made['changes']} changes read again from the ledger")


@ledger.command()
@local
@as_json
@pass_place
def sinks(place: Place, local: bool, as_json: bool) -> None:
    """Where the ledger is sent on as it grows, and how far behind each is."""
    from gate.cli.reading import reader

    with reader(place, local=local) as source:
        found = source.sinks()
    if as_json:
        out_json(found)
        return
    rows = [(one["name"], one["kind"], one["behind"], one["delivered"] or "never", one["problem"]) for one in found]
    table(("SINK", "KIND", "BEHIND", "LAST DELIVERED", "PROBLEM"), rows)
