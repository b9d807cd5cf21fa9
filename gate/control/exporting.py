"""Handing the record out: exports in every format, the pack of one change. That it was handed out is an entry first."""

import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from gate.canonical import sha256, utc
from gate.control.desk import Desk, Progress, person
from gate.control.taking import Part, part_of, why_not
from gate.control.views import View
from gate.errors import BadInput, CannotTell, LedgerUnavailable
from gate.export import complete, database, jsonl, pack, stream, tiles
from gate.export.controls import report
from gate.export.population import EVERYTHING, begin, items
from gate.export.selection import Selection, selection
from gate.export.stream import Leaving
from gate.ledger.entry import Draft
from gate.person import Person
from gate.streaming.outlets import lag_of

AT_ONCE = threading.BoundedSemaphore(4)
"""Exports under way at once: each holds a thread until whoever asked has read it (our choice)."""

PIECE = 1 << 20
KEPT = 3600.0
SHOWN_EVERY = 20_000
Told = Callable[[int], None]


def _nobody(_: int) -> None:
    """Progress that nobody watches."""


class Exporting:
    """The use cases around what leaves the house."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def export(
        self,
        actor: Person,
        name: str = "jsonl",
        taken: Selection = EVERYTHING,
        told: Told = _nobody,
        *,
        disclose: bool = False,
    ) -> Leaving:
        """
        Return the ledger in one format, in pieces as they are read; BadInput for a format there is not.

        The whole log as `jsonl` is the exact bytes and nothing else; `complete` is an archive of that and all that
        belongs to it, with `disclose` also the fields kept outside the log; everything else says of itself what it
        holds. CannotTell when four exports are under way already; Refused by gate/control/taking.py.
        """
        if name not in ("sqlite", "complete"):
            stream.form_of(name)
        self.allow_export(actor, name, taken, disclose=disclose)
        self._enter(actor, name + (" with private fields" if disclose else ""), taken)
        self._desk.settled()
        ledger = self._desk.ledger
        if name == "complete":
            return _held(complete.leaving(ledger, told, disclose=disclose))
        if name == "jsonl" and taken.everything:
            whole = jsonl.whole(ledger)
            chunks = jsonl.lines(ledger, whole.size, told)
            return _held(Leaving("ledger.jsonl", jsonl.MEDIA_TYPE, whole.size, whole.head or "", chunks))
        population = begin(ledger, utc(self._desk.clock()), taken)
        if name == "sqlite":
            chunks = self._database(taken, told)
            return _held(Leaving("ledger.db", "application/vnd.sqlite3", population.end, population.head, chunks))
        form = stream.form_of(name)
        chunks = stream.mapped(ledger, form, population, told)
        return _held(Leaving("ledger" + form.suffix, form.media_type, population.end, population.head, chunks))

    def export_log(
        self, actor: Person, path: Path, *, zipped: bool = False, blobs: bool = False, told: Told = _nobody
    ) -> int:
        """Write the whole log to `path` and what stands beside it; return the number of entries."""
        self.allow_export(actor, "jsonl", EVERYTHING)
        self._enter(actor, "jsonl", EVERYTHING)
        return jsonl.export_log(self._desk.ledger, path, zipped=zipped, blobs=blobs, told=told)

    def export_tiles(self, actor: Person, folder: Path) -> int:
        """Write the whole log below `folder` as C2SP tlog-tiles; return the number of entries."""
        self.allow_export(actor, "tiles", EVERYTHING)
        self._enter(actor, "tiles", EVERYTHING)
        return tiles.write(self._desk.ledger, folder)

    def controls(self, actor: Person, since: str = "", until: str = "") -> View:
        """Return each control with the entries that evidence it in a period (dates or times), under the signed head."""
        ledger, taken = self._desk.ledger, selection(since, until)
        population = begin(ledger, utc(self._desk.clock()), taken)
        found = report(items(ledger, population))
        return {
            "from": taken.since,
            "to": taken.until,
            "period": _period(taken),
            "origin": population.origin,
            "size": population.end,
            "checkpoint": population.head,
            "made": population.made,
            "evidenced": sum(one["evidenced"] for one in found),
            "controls": found,
        }

    def sinks(self, actor: Person) -> list[View]:
        """Return every sink with how far behind it is and why it does not go on."""
        found = lag_of(self._desk.settings, self._desk.ledger)
        return [{"name": one.name, "kind": one.kind, "behind": one.behind, **vars(one.cursor)} for one in found]

    def export_file(
        self, actor: Person, name: str, taken: Selection, progress: Progress, *, disclose: bool = False
    ) -> View:
        """Write an export for a page to hand out, and say where it lies; exports of more than an hour ago go."""
        folder = self._desk.settings.data / "exports"
        folder.mkdir(mode=0o700, exist_ok=True)
        for old in folder.iterdir():
            if self._desk.clock().timestamp() - old.stat().st_mtime > KEPT:
                old.unlink(missing_ok=True)
        last = [0]

        def told(count: int) -> None:
            if count >= last[0] + SHOWN_EVERY:
                last[0] = count
                progress(f"{count:,} entries so far")

        leaving = self.export(actor, name, taken, told, disclose=disclose)
        progress(f"reading {leaving.end:,} entries")
        path = folder / secrets.token_hex(16)
        with path.open("xb") as file:
            for chunk in leaving.chunks:
                file.write(chunk)
        progress("ready")
        return {"path": str(path), "name": leaving.name, "media_type": leaving.media_type, "bytes": path.stat().st_size}

    def pack(self, actor: Person, change: str, *, disclose: bool = False) -> bytes:
        """
        Return the evidence pack of one change; that it was made is an entry of the ledger's own sequence.

        `disclose` also hands out the fields kept outside the log, and the entry says so.
        """
        self._desk.standing(change)
        self._may(actor, Part.PERSONAL if disclose else Part.CHANGE, f"take a pack of {change}")
        self._desk.settled()
        made = pack.make(self._desk.ledger, change, disclose=disclose)
        data: dict[str, Any] = {
            "what": f"pack {change}" + (" with private fields" if disclose else ""),
            "size": len(made),
            "digest": sha256(made),
        }
        self._desk.ledger.append(Draft("export.made", person(actor), None, data))
        return made

    def barred(self, actor: Person, taken: Selection, *, disclose: bool = False) -> str:
        """Say why somebody may not export this; empty when they may."""
        return why_not(actor, Part.PERSONAL if disclose else part_of(taken))

    def allow_export(self, actor: Person, name: str, taken: Selection, *, disclose: bool = False) -> None:
        """Refused, which is entered, when this person may not export this; BadInput when nobody can."""
        if name == "complete" and not taken.everything:
            raise BadInput("the complete archive is of the whole log", place="format", hint="take jsonl for a part")
        if disclose and name != "complete":
            raise BadInput("private fields come with the complete archive alone, or in a pack", place="disclose")
        what = f"export {name}" + (" with private fields" if disclose else "") + (f": {taken}" if str(taken) else "")
        self._may(actor, part_of(taken), what)
        if disclose:
            self._may(actor, Part.PERSONAL, what)

    def _may(self, actor: Person, part: Part, what: str) -> None:
        if why := why_not(actor, part):
            raise self._desk.refuse(actor, None, what, why, "ask somebody who may; the attempt is an entry")

    def _enter(self, actor: Person, name: str, taken: Selection) -> None:
        """
        Enter an export before its first byte leaves, so that none leaves unrecorded; one that then fails is there too.

        A ledger that takes no entry, such as one that is behind, is handed out all the same.
        """
        ledger = self._desk.ledger
        what = f"{name}: {taken}" if str(taken) else name
        draft = Draft("export.made", person(actor), None, {"what": what, "size": ledger.size(), "digest": ""})
        with suppress(LedgerUnavailable):
            ledger.append(draft)

    def _database(self, taken: Selection, told: Told) -> Iterator[bytes]:
        """Yield the SQLite file; it is made whole before its first byte goes out."""
        with TemporaryDirectory(prefix="export-", dir=self._desk.settings.data) as folder:
            path = Path(folder) / "ledger.db"
            database.write(self._desk.ledger, begin(self._desk.ledger, utc(self._desk.clock()), taken), path, told)
            with path.open("rb") as file:
                while piece := file.read(PIECE):
                    yield piece


def _period(taken: Selection) -> str:
    if taken.everything:
        return "The whole log"
    begins = f"From {taken.since[:10]}" if taken.since else "From the beginning"
    return f"{begins} to before {taken.until[:10]}" if taken.until else f"{begins} on"


def _held(leaving: Leaving) -> Leaving:
    return replace(leaving, chunks=_bounded(leaving.chunks))


def _bounded(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Return the same pieces, begun; a place is held until the last is taken or the iterator is dropped."""

    def held() -> Iterator[bytes]:
        if not AT_ONCE.acquire(blocking=False):
            raise CannotTell("too many exports are under way", hint="ask again when one has ended")
        try:
            yield b""
            yield from chunks
        finally:
            AT_ONCE.release()

    begun = held()
    next(begun)
    return begun
