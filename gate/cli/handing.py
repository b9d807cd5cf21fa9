"""`sangate ledger export`: the record in a file of one format, with progress."""

from collections.abc import Sequence
from pathlib import Path

import click

from gate.cli.counting import progress
from gate.cli.place import Place
from gate.cli.say import pass_place
from gate.errors import BadInput, Outside

FORMATS = ("jsonl", "csv", "ocsf", "rfc5424", "cef", "sqlite", "tiles", "complete")
SUFFIXES = {
    "csv": ".csv",
    "ocsf": ".ocsf.jsonl",
    "rfc5424": ".syslog",
    "cef": ".cef",
    "sqlite": ".db",
    "complete": ".zip",
}


@click.command()
@click.option("--format", "name", type=click.Choice(FORMATS), default="jsonl", show_default=True)
@click.option("--from", "since", default="", metavar="TIME", help="Entries from this date or time on (UTC).")
@click.option("--to", "until", default="", metavar="TIME", help="Entries before this date or time.")
@click.option("--change", default="", metavar="ID", help="Entries of this change alone.")
@click.option("--kind", "kinds", multiple=True, help="Entries of this kind (approval.*: of these); may be repeated.")
@click.option("--actor", default="", metavar="NAME", help="Entries made by this person or part of the gate.")
@click.option("--out", type=click.Path(path_type=Path), help="File to write; of tiles the folder.")
@click.option("--gzip", "zipped", is_flag=True, help="With the whole log as jsonl: compress it.")
@click.option("--blobs", is_flag=True, help="With the whole log as jsonl: also what entries name, to restore from.")
@click.option("--disclose", is_flag=True, help="With complete: also what entries keep outside the log.")
@click.option("--local", is_flag=True, help="Read this data directory itself; no server is needed.")
@pass_place
def export(
    place: Place,
    name: str,
    since: str,
    until: str,
    change: str,
    kinds: Sequence[str],
    actor: str,
    out: Path | None,
    zipped: bool,
    blobs: bool,
    disclose: bool,
    local: bool,
) -> None:
    """
    The ledger in a file: jsonl is the evidence, everything else a reading of it that carries the exact entries.

    The whole log as jsonl is NAME.jsonl with .checkpoint, .policy and .leaves beside it; complete is one archive of
    these and of every blob, to check and to restore from; as tiles it is a folder that a web server can hand out (C2SP
    tlog-tiles). Every other file says in its first record which entries it holds, and in
    its last how many. In a spreadsheet's way of counting periods: --to is the first moment that is left out.
    """
    from gate.cli.reading import reader
    from gate.export.selection import selection

    taken = selection(since, until, change, kinds, actor)
    whole = name == "jsonl" and taken.everything
    if (zipped or blobs) and not whole:
        raise BadInput("--gzip and --blobs are for the whole log as jsonl")
    if name in ("tiles", "complete") and not taken.everything:
        raise BadInput(f"{name} is of the whole log", hint="every other format takes a part of it")
    if disclose and name != "complete":
        raise BadInput("--disclose is for --format complete", hint="a pack has its own: sangate ledger pack --disclose")
    with reader(place, local=local) as source, progress() as told:
        if whole:
            path = (out or Path("ledger.jsonl")).with_suffix(".jsonl")
            size = source.export(path, zipped=zipped, blobs=blobs, told=told)
            path = path.with_name(path.name + ".gz") if zipped else path
            hint = f"sangate ledger verify {path} checks it" if not zipped else "unpack it to check it"
            click.echo(f"{path}: {size} entries; {hint}")
            return
        if name == "tiles":
            folder = out or Path("tiles")
            click.echo(f"{folder}: {source.tiles(folder)} entries, for any reader of C2SP tlog-tiles")
            return
        path = out or Path("ledger" + (".part.jsonl" if name == "jsonl" else SUFFIXES[name]))
        source.mapped(path, name, taken, told, disclose=disclose)
    if name == "complete":
        click.echo(f"{path}: all of it; sangate ledger verify {path} checks it, sangate ledger recover takes it")
        return
    if name == "sqlite":
        _describe(path)
    about = f"only {taken}" if str(taken) else "all entries"
    check = (
        f"sqlite-utils sangate-verify {path}" if name == "sqlite" else f"verify.py mapped {path} --against LOG.jsonl"
    )
    click.echo(f"{path}: {about}; {check} checks it")


def _describe(path: Path) -> None:
    """Write what every table and column means beside a SQLite file, as Datasette reads it."""
    from gate.export.described import metadata

    beside = path.with_suffix(".metadata.json")
    try:
        beside.write_text(metadata(path.stem), encoding="utf-8")
    except OSError as problem:
        raise Outside(f"cannot write {beside}: {problem.strerror}") from None
    click.echo(f"{beside}: what its tables and columns mean; datasette {path} --metadata {beside} shows both")


@click.command()
@click.option("--from", "since", default="", metavar="TIME", help="Entries from this date or time on (UTC).")
@click.option("--to", "until", default="", metavar="TIME", help="Entries before this date or time.")
@click.option("--format", "name", type=click.Choice(("html", "json", "csv")), default="html", show_default=True)
@click.option("--out", type=click.Path(path_type=Path), help="File to write; - is standard output.")
@click.option("--local", is_flag=True, help="Read this data directory itself; no server is needed.")
@pass_place
def controls(place: Place, since: str, until: str, name: str, out: Path | None, local: bool) -> None:
    """Each control (NIST SP 800-53, ISO 27001, ITGC) with the entries that evidence it in a period."""
    from gate.cli.reading import reader
    from gate.export import controls as spelled
    from gate.export import page
    from gate.export.selection import selection

    selection(since, until)
    with reader(place, local=local) as source:
        view = source.controls(since, until)
    text = {"html": page.controls, "json": spelled.as_json, "csv": spelled.as_csv}[name](view)
    if out == Path("-"):
        click.echo(text, nl=False)
        return
    path = out or Path(f"controls.{name}")
    try:
        path.write_bytes(text.encode())
    except OSError as problem:
        raise Outside(f"cannot write {path}: {problem.strerror}") from None
    click.echo(f"{path}: {view['evidenced']} of {len(view['controls'])} controls have entries in this period")
