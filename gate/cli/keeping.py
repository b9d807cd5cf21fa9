"""`sangate ledger recover, rotate-key, examine, redact …`: for whoever keeps the data directory, on its own machine."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from gate.cli.place import Place
from gate.cli.say import as_json, out_json, pass_place, table

if TYPE_CHECKING:
    from gate.ledger.entry import Draft
    from gate.settings import Settings

reason = click.option("--reason", required=True, help="Why; it becomes part of the record.")


@contextmanager
def _record(settings: "Settings") -> "Iterator[Any]":
    from gate.assembly import ask_witnesses, open_record

    ledger = open_record(settings)
    try:
        ask_witnesses(settings, ledger)
        yield ledger
    finally:
        ledger.close()


@click.command()
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option("--checkpoint", type=click.Path(path_type=Path), help="Its signed head, or with --new-epoch the newest "
              "that anybody holds of the old log.")  # fmt: skip
@click.option("--new-epoch", is_flag=True, help="What is missing is lost, or the key is stolen: end this log and "
              "begin the next one, which says so.")  # fmt: skip
@click.option("--reason", default="", help="With --new-epoch: why.")
@pass_place
def recover(place: Place, file: Path | None, checkpoint: Path | None, new_epoch: bool, reason: str) -> None:
    """Put back what the ledger lacks from FILE.jsonl and the files beside it, or from a complete archive (FILE.zip)."""
    from gate.assembly import ask_witnesses, make_private, now, open_record, signer_of
    from gate.control import keeping
    from gate.errors import BadInput
    from gate.settings import read_file

    settings = place.settings()
    make_private(settings)
    if new_epoch == bool(file) or new_epoch != bool(reason):
        raise BadInput("either FILE, or --new-epoch with its --reason")
    if file is not None:

        def asked(_: "Sequence[Draft]") -> Any:
            ledger = open_record(settings)
            ask_witnesses(settings, ledger)  # what is still behind them takes no entry, that it was put back neither
            return ledger

        with keeping.stopped(settings), keeping.loose(settings, file) as log:
            signed = read_file(checkpoint or log.with_suffix(".checkpoint")).decode("utf-8", "replace")
            made = keeping.recover(settings, signer_of(settings).vkey, log, signed, asked, now())
        click.echo(f"entries {made['start']} to {made['size'] - 1} are back, with {made['blobs']} blobs and "
                   f"{made['private']} private values")  # fmt: skip
        if made["missing"]:
            click.echo(f"{made['missing']} later entries are still missing: nothing can be appended")
        return
    known = read_file(checkpoint).decode("utf-8", "replace") if checkpoint else ""
    with keeping.stopped(settings):
        made = keeping.new_epoch(
            settings, known, reason, lambda beginning: open_record(settings, now, beginning), now()
        )
    click.echo(f"{made['from']} ended with {made['size']} entries, {made['missing']} are lost; the new log's key is")
    click.echo(made["vkey"])


@click.command("rotate-key")
@click.option("--to", metavar="agent:SHA256:…", default="", help="A key in an ssh-agent, instead of a new file.")
@reason
@pass_place
def rotate_key(place: Place, to: str, reason: str) -> None:
    """Hand the log to a new key. Both sign that; the old key's file is deleted."""
    from gate.assembly import make_private, successor_file, successor_of
    from gate.control import keeping

    settings = place.settings()
    make_private(settings)
    with keeping.stopped(settings):
        successor = successor_of(settings, to)
        with _record(settings) as ledger:
            signed = ledger.rotate(successor, keeping.SHELL, reason)
        if to:
            settings.ledger_key.unlink(missing_ok=True)
            click.echo(f"write into config.yaml: ledger: key: {to}", err=True)
        else:
            successor_file(settings).replace(settings.ledger_key)
    click.echo(signed, nl=False)
    click.echo(f"hand the new key to your auditors:\n{successor.vkey}", err=True)


@click.command()
@pass_place
def examine(place: Place) -> None:
    """Read the whole ledger again and compare it with its tree and with what is remembered beside the key."""
    with _record(place.settings()) as ledger:
        ledger.examine()
        click.echo(f"{ledger.size()} entries are what they were")


@click.command()
@click.argument("index", type=click.IntRange(0))
@click.argument("field")
@reason
@pass_place
def redact(place: Place, index: int, field: str, reason: str) -> None:
    """Delete the value of FIELD of entry INDEX, which is kept outside the log; every proof stays valid."""
    from gate.control import keeping

    settings = place.settings()
    with _record(settings) as ledger:
        made = keeping.redact(ledger, index, field, reason)
    keeping.clear(settings)
    click.echo(f"entry {index}: {field} is deleted" if made["deleted"] else f"entry {index}: {field} was not here")


@click.command()
@click.option("--entry", "indices", type=click.IntRange(0), multiple=True, help="Only of these; may be repeated.")
@click.option("--out", type=click.File("wb"), default="-", help="NAME.private.jsonl beside an export, for recover.")
@pass_place
def disclose(place: Place, indices: tuple[int, ...], out: IO[bytes]) -> None:
    """Salt and value of the fields kept outside the log, one JSON object a line: personal data."""
    with _record(place.settings()) as ledger:
        for told in ledger.disclosures(indices or range(ledger.size())):
            out.write(told.line + b"\n")


@click.command("prune-blobs")
@click.option("--older-than", "days", type=click.IntRange(30), required=True, help="Days.")
@reason
@pass_place
def prune_blobs(place: Place, days: int, reason: str) -> None:
    """Remove replies that only older entries name; never plans, verdicts, evidence or approvals."""
    from datetime import timedelta

    from gate.assembly import now
    from gate.control import keeping

    with _record(place.settings()) as ledger:
        made = keeping.prune_blobs(ledger, timedelta(days=days), reason, now())
    click.echo(f"{made['count']} replies removed, {made['size']} bytes")


@click.command("unnamed-blobs")
@as_json
@pass_place
def unnamed_blobs(place: Place, as_json: bool) -> None:
    """Blobs of yesterday and before that nothing in the log leads to, as a killed gate leaves them. Removes nothing."""
    from datetime import timedelta

    from gate.assembly import now
    from gate.canonical import utc
    from gate.export.blobs import unnamed

    with _record(place.settings()) as ledger:
        found = unnamed(ledger, now() - timedelta(days=1))
    if as_json:
        out_json([{"file": one.file, "size": one.size, "written": utc(one.written)} for one in found])
        return
    table(("FILE BELOW THE BLOBS", "BYTES", "WRITTEN"), [(one.file, one.size, utc(one.written)) for one in found])
    click.echo(f"{len(found)} blobs that nothing names; none was removed")


@click.command("hold-blobs")
@reason
@pass_place
def hold_blobs(place: Place, reason: str) -> None:
    """Forbid to remove anything, as for a legal hold, until `free-blobs`."""
    _hold(place, "blobs.held", reason)


@click.command("free-blobs")
@reason
@pass_place
def free_blobs(place: Place, reason: str) -> None:
    """End the hold."""
    _hold(place, "blobs.freed", reason)


def _hold(place: Place, kind: str, reason: str) -> None:
    from gate.control.keeping import SHELL
    from gate.ledger.entry import Draft

    with _record(place.settings()) as ledger:
        made = ledger.append(Draft(kind, SHELL, None, {"reason": reason}))
    click.echo(f"entry {made.index} says so")


COMMANDS = (recover, rotate_key, examine, disclose, redact, prune_blobs, unnamed_blobs, hold_blobs, free_blobs)
