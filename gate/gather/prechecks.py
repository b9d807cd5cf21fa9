"""
What the vendor's own look before an update says, asked of every target: evidence like any other.

Which questions those are is a playbook of its own, `FAMILY/precheck`, of questions alone. A family whose vendor tells
of no such look has none, and says so; where one is told and its file is missing or wrong, nothing is known.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from gate.change import ChangeRequest, Image, Phase
from gate.errors import BadInput
from gate.evidence import ArrayReading, Prechecked, Reply
from gate.families import FAMILIES
from gate.families.family import REMARKS
from gate.gather.arrays import Progress
from gate.gather.asking import facts_of
from gate.gather.dry_run import Would, dry_run
from gate.gather.interview import keep, side_by_side
from gate.gather.lines import Lines
from gate.inventory import Array, ArrayFamily
from gate.playbook import Precheck, file_digest, parse_precheck, render_precheck, slot_values
from gate.settings import Settings
from gate.store import Ledger

NAME = "precheck"


@dataclass(frozen=True)
class _Book:
    """One family's file as it was read."""

    precheck: Precheck
    sha256: str


@dataclass(frozen=True)
class Prechecks:
    """Asks arrays under the read-only credential; safe to use from many threads."""

    settings: Settings
    lines: Lines
    ledger: Ledger
    clock: Callable[[], datetime]

    def read(
        self, request: ChangeRequest, arrays: Mapping[str, ArrayReading], progress: Progress
    ) -> dict[str, Prechecked]:
        """
        Return what the look says of each target for the version that is asked for, nothing where none is.

        `arrays` say what each runs now.

        Nothing is raised for what an array or a playbook's file says; LedgerUnavailable when a reply cannot be kept.
        """
        inventory = self.settings.config.inventory
        known = {array.id: array for array in inventory.arrays}
        targets = [known[name] for name in request.targets if name in known]

        image = request.image
        if image is None:
            return {}

        books = {family: self._book(family) for family in {array.family for array in targets}}

        def look(array: Array) -> Prechecked:
            return self._look(array, books[array.family], image, arrays.get(array.id))

        def done(array: Array, found: Prechecked) -> None:
            wrong = "; ".join((*found.found, *found.unknown, *found.remarks))
            progress(f"{array.id}: {wrong or 'the vendor’s own look holds nothing against it'}"[:300])

        found = side_by_side(look, targets, self.settings.config.ssh.parallel, done)
        return {one.array: one for one in found}

    def _book(self, family: ArrayFamily) -> "_Book | str | None":
        """Return the family's file, read once for all its arrays; why it is none; None where none is offered."""
        place = f"playbooks/{family}/{NAME}.yaml"
        if not (self.settings.playbooks / family / f"{NAME}.yaml").exists():
            return f"{place} is missing" if FAMILIES[family].prechecked else None
        try:
            text = self.settings.read_playbook(f"{family}/{NAME}")
            parsed = parse_precheck(text, place, FAMILIES)
            if parsed.family is not family:
                raise BadInput(f"it is for {parsed.family}", place=place)
        except BadInput as error:
            return str(error)
        return _Book(parsed, file_digest(text))

    def _look(self, array: Array, book: "_Book | str | None", image: Image, reading: ArrayReading | None) -> Prechecked:
        began, version = self.clock(), image.version
        if book is None:
            return Prechecked(array.id, began, offered=False, version=version)
        if isinstance(book, str):
            return Prechecked(array.id, began, offered=True, version=version, unknown=(book,))
        runs = reading.version if reading is not None else None
        if runs is None:  # it has just kept every question waiting, or lies: a look of its own would do so again
            silent = ("it did not tell what it runs, so its own look was not asked for",)
            return Prechecked(array.id, began, offered=True, version=version, unknown=silent)
        try:
            values = slot_values(array, image.file, version, array.serial, runs, self.settings.config.images.server)
            steps, staged = render_precheck(
                book.precheck, {name: values[name] for name in book.precheck.slots}, FAMILIES
            )
        except BadInput as error:
            return Prechecked(array.id, began, offered=True, version=version, unknown=(str(error),))

        def put(words: str, seconds: float | None) -> Reply:
            return self.lines.ask(array.id, words, deadline_s=seconds)

        asked = dry_run(array, ((Phase.FORWARD, steps),), put)
        for reply in asked.replies:
            keep(self.ledger, reply)

        def remarks() -> Iterator[str]:
            for one in asked.tried:
                read = facts_of(array.family, one.step.reader, one.reply) if one.reply is not None else {}
                if read.get(REMARKS):
                    yield f"{one.step.id}: {read[REMARKS]}"

        def said(*would: Would) -> tuple[str, ...]:
            return tuple(f"{one.step.id}: {one.because}" for one in asked.tried if one.would in would)

        return Prechecked(
            array.id,
            began,
            offered=True,
            version=version,
            playbook_sha256=book.sha256,
            held=said(Would.HOLDS),
            found=said(Would.STOPS),
            unknown=tuple(
                f"{one.step.id}: {one.because}" for one in asked.tried if one.would not in (Would.HOLDS, Would.STOPS)
            ),
            remarks=tuple(remarks()),
            staged=staged,
            way_out=book.precheck.way_out,
            raw=tuple(reply.digest for reply in asked.replies),
        )
