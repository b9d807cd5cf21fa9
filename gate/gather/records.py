"""
Evidence as bytes and back, and the records that earlier gatherings left in the ledger.

The bytes are canonical and made here only. Reading them back demands that they come out the same when made again:
that refuses unknown keys, other spellings and other types in one rule. A record whose bytes are gone or differ from
the digest in its entry is left out, never trusted; one that was proven for something else than the inventory means by
the same name now is no record of it.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, TypeAlias, TypeVar

from pydantic import TypeAdapter, ValidationError

from gate import canonical, subject
from gate.canonical import Json
from gate.errors import CannotTell
from gate.evidence import AccessTest, Evidence, Immutability, Reference, Rehearsal, Report, Verification
from gate.immutability import ACTIONS, HOLDING, held
from gate.inventory import Inventory
from gate.ledger.entry import Actor, Blob, Draft, Entry
from gate.store import Ledger

Record: TypeAlias = Verification | Rehearsal | Reference | Immutability | AccessTest | Report
Told = TypeVar("Told")
Thing = TypeVar("Thing")

_EVIDENCE = TypeAdapter(Evidence)
_RECORDS: Mapping[str, TypeAdapter[Any]] = {
    "backup.verified": TypeAdapter(Verification),
    "backup.rehearsed": TypeAdapter(Rehearsal),
    "reference.recorded": TypeAdapter(Reference),
    "immutability.tested": TypeAdapter(Immutability),
    "access.tested": TypeAdapter(AccessTest),
    "report.accepted": TypeAdapter(Report),
}
"""Kind of entry → what its record is."""

RESTORES = frozenset({"rehearsal.begun", "backup.rehearsed"})
"""Kinds of entries that are about a restore, and so about where it was made and what it was compared by."""

RECORD = "record"
"""Name of the blob that carries it."""

SHORT = 500
"""Characters of a sentence that an entry repeats; the record has all of it."""


def to_json(evidence: Evidence) -> bytes:
    """Return the canonical bytes."""
    return canonical.encode(_EVIDENCE.dump_python(evidence, mode="json"))


def from_json(data: bytes) -> Evidence:
    """Return the evidence; CannotTell when these are not exactly the bytes that `to_json` makes."""
    return _load(_EVIDENCE, data)


def draft(record: Record, ledger: Ledger, actor: Actor, replies: tuple[Blob, ...], inventory: Inventory) -> Draft:
    """Store a record and return the entry that says so, and what of the inventory it is about."""
    kind, said = _entry(record)
    of = Subjects(inventory).of(kind, said)
    data = canonical.encode(_RECORDS[kind].dump_python(record, mode="json"))
    blob = Blob(RECORD, ledger.put_blob(data), len(data))
    return Draft(kind, actor, data={**said, "digest": blob.sha256, "of": of}, blobs=(blob, *replies))


def _held(record: Immutability) -> bool | None:
    return held(record.attempts, HOLDING.get(record.mechanism, ACTIONS))


def _entry(record: Record) -> tuple[str, dict[str, Json]]:
    if isinstance(record, Reference):
        return "reference.recorded", {"dataset": record.dataset}
    if isinstance(record, Immutability):
        trial: dict[str, Json] = {"mechanism": record.mechanism, "mode": record.mode, "held": _held(record)}
        because = record.problem or "; ".join(f"{one.action}: {one.answer}" for one in record.attempts)
        return "immutability.tested", {"protection": record.protection, **trial, "because": because[:SHORT]}
    if isinstance(record, Report):
        proofs = [one for one in (record.verification, record.rehearsal) if one is not None]
        level = max((one.level for one in proofs), default="V1")
        because = "; ".join(one.because for one in proofs) or "reported: it is there"
        about: dict[str, Json] = {"protection": record.protection, "backup": record.run.id, "report": record.id}
        return "report.accepted", {**about, "reporter": record.reporter, "level": level, "because": because[:SHORT]}
    if isinstance(record, AccessTest):
        answer: dict[str, Json] = {"actor": record.actor, "refused": record.refused, "because": record.answer[:SHORT]}
        return "access.tested", {"protection": record.protection, **answer}
    said: dict[str, Json] = {"protection": record.protection, "backup": record.backup}
    said |= {"passed": record.passed, "because": record.because[:SHORT]}
    if isinstance(record, Rehearsal):
        return "backup.rehearsed", {**said, "level": record.level}
    return "backup.verified", said


def _by_name(known: Mapping[str, Thing], tell: Callable[[Thing], str]) -> Callable[[str], str]:
    """Tell by name, once each and only of what is asked for: an inventory may name a hundred thousand."""

    @cache
    def told(name: str) -> str:
        return tell(known[name]) if name in known else ""

    return told


class Subjects:
    """What the datasets and protections of one inventory are, by the entries about them."""

    def __init__(self, inventory: Inventory) -> None:
        datasets = {one.id: one for one in inventory.datasets}
        protections = {one.id: one for one in inventory.protections}
        self._data = _by_name(datasets, lambda one: subject.data(one, inventory))
        self._copy = _by_name(protections, lambda one: subject.copy(one, inventory))
        self._restore = _by_name(protections, lambda one: subject.restore(one, inventory))

    def of(self, kind: str, said: Mapping[str, Json]) -> str:
        """Return the digest of what an entry's dataset or protection is now; empty when there is none of that name."""
        if kind == "reference.recorded":
            return self._data(str(said["dataset"]))
        tell = self._restore if kind in RESTORES else self._copy
        return tell(str(said["protection"]))

    def fits(self, entry: Entry) -> bool:
        """Say whether an entry is about what bears its name now; one of before there were digests is about nothing."""
        of = entry.data.get("of")
        return bool(of) and of == self.of(entry.kind, entry.data)


@dataclass(frozen=True)
class Known:
    """All records that are about what the inventory names and whose bytes are whole, oldest first."""

    verifications: tuple[Verification, ...] = ()
    rehearsals: tuple[Rehearsal, ...] = ()
    references: tuple[Reference, ...] = ()
    immutability: tuple[Immutability, ...] = ()
    access: tuple[AccessTest, ...] = ()
    reports: tuple[Report, ...] = ()
    left_out: tuple[tuple[datetime, str], ...] = ()
    """When it was entered, and which record it is whose bytes are gone or are not those that were entered."""


class Records:
    """Reads the records of one ledger, each entry once; safe to use from many threads."""

    def __init__(self, ledger: Ledger, inventory: Inventory) -> None:
        self._ledger = ledger
        self._subjects = Subjects(inventory)
        self._lock = threading.Lock()
        self._read_to = 0
        self._found: list[tuple[Entry, str]] = []

    def known(self) -> Known:
        """Return what is on record now. Bytes are compared with their digest at every call."""
        with self._lock:
            for entry in self._ledger.entries(self._read_to):
                self._read_to = entry.index + 1
                digest = entry.data.get("digest")
                if entry.kind in _RECORDS and isinstance(digest, str):
                    self._found.append((entry, digest))
            found = tuple(self._found)
        read = [(entry, self._record(entry, digest)) for entry, digest in found]
        records = [record for entry, record in read if record is not None and self._subjects.fits(entry)]
        lost = tuple((entry.time, f"entry {entry.index} ({entry.kind})") for entry, record in read if record is None)
        return Known(
            tuple(record for record in records if isinstance(record, Verification)),
            tuple(record for record in records if isinstance(record, Rehearsal)),
            tuple(record for record in records if isinstance(record, Reference)),
            tuple(record for record in records if isinstance(record, Immutability)),
            tuple(record for record in records if isinstance(record, AccessTest)),
            tuple(record for record in records if isinstance(record, Report)),
            left_out=lost,
        )

    def _record(self, entry: Entry, digest: str) -> Record | None:
        try:
            data = self._ledger.get_blob(digest)
            if data is None:
                return None
            record: Record = _load(_RECORDS[entry.kind], data)
        except CannotTell:
            return None
        kind, said = _entry(record)
        told = {key: entry.data.get(key) for key in said}
        return record if kind == entry.kind and told == said and record.at <= entry.time else None


def _load(adapter: TypeAdapter[Told], data: bytes) -> Told:
    try:
        found = adapter.validate_json(data)
        same = canonical.encode(adapter.dump_python(found, mode="json")) == data
    except (ValidationError, ValueError) as error:
        raise CannotTell(f"this is no evidence: {type(error).__name__}") from None
    if not same:
        raise CannotTell("this evidence is not spelled as the gate spells it")
    return found
