"""
Controls and the entries that evidence them in a period.

The mapping is data (controls.yaml beside this file, with its sources). A control without an entry in the period is
shown as such: nothing here claims more than that entries of a kind exist; whether they suffice is for the auditor.
"""

import csv
import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from gate.document import read
from gate.export.gist import outcome
from gate.export.population import Item
from gate.export.spreadsheet import safe
from gate.inventory import Frozen

DATA = Path(__file__).with_name("controls.yaml")
NAMED = 20
"""Entries that a report names for one kind of evidence, the newest; the count is of all."""

COLUMNS = ("catalogue", "control", "title", "evidence", "count", "first", "last", "entries")


class Evidence(Frozen):
    """Which entries count as one kind of evidence."""

    says: str
    kinds: Annotated[tuple[str, ...], Field(min_length=1)]
    outcome: str = ""
    check: str = ""

    def counts(self, said: Mapping[str, Any]) -> bool:
        """Say whether an entry, read as JSON, is such evidence."""
        if said["kind"] not in self.kinds:
            return False
        if self.check:
            findings = said["data"].get("findings")
            rows = [one for one in findings if isinstance(one, dict)] if isinstance(findings, list) else []
            return any(one.get("check") == self.check and self._fits(str(one.get("outcome"))) for one in rows)
        return self._fits(outcome(said["kind"], said["data"]))

    def _fits(self, found: str) -> bool:
        return not self.outcome or found == self.outcome


class Control(Frozen):
    """One control of a catalogue."""

    id: str
    catalogue: str
    title: str
    asks: str
    evidence: Annotated[tuple[Evidence, ...], Field(min_length=1)]


class Controls(Frozen):
    """The whole of controls.yaml."""

    controls: tuple[Control, ...]


@cache
def mapping() -> tuple[Control, ...]:
    """Return the shipped mapping."""
    return read(DATA.read_bytes(), DATA.name, Controls).controls


@dataclass
class _Tally:
    count: int = 0
    first: str = ""
    last: str = ""
    entries: list[int] = field(default_factory=list)

    def add(self, item: Item) -> None:
        self.count += 1
        self.first, self.last = self.first or item.said["time"], item.said["time"]
        self.entries.append(item.at)
        del self.entries[:-NAMED]


def report(chunks: Iterable[Iterable[Item]], controls: Iterable[Control] | None = None) -> list[dict[str, Any]]:
    """Return every control with its evidence among these entries, JSON-ready."""
    chosen = tuple(controls if controls is not None else mapping())
    tallies: dict[Evidence, _Tally] = {}
    wanted: dict[str, list[Evidence]] = {}
    for evidence in dict.fromkeys(one for control in chosen for one in control.evidence):
        tallies[evidence] = _Tally()
        for kind in evidence.kinds:
            wanted.setdefault(kind, []).append(evidence)
    for chunk in chunks:
        for item in chunk:
            for evidence in wanted.get(item.said["kind"], ()):
                if evidence.counts(item.said):
                    tallies[evidence].add(item)
    return [_row(control, tallies) for control in chosen]


def _row(control: Control, tallies: Mapping[Evidence, _Tally]) -> dict[str, Any]:
    rows = [{"says": one.says, "kinds": list(one.kinds), **vars(tallies[one])} for one in control.evidence]
    return {
        "id": control.id,
        "catalogue": control.catalogue,
        "title": control.title,
        "asks": control.asks,
        "evidenced": any(row["count"] for row in rows),
        "evidence": rows,
    }


def as_json(view: Mapping[str, Any]) -> str:
    """Spell a report (the whole view, with its period and head) as JSON."""
    return json.dumps(view, indent=1, ensure_ascii=False) + "\n"


def as_csv(view: Mapping[str, Any]) -> str:
    """Spell a report as a table, one row for each kind of evidence."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for control in view["controls"]:
        for one in control["evidence"]:
            entries = " ".join(map(str, one["entries"]))
            named = [control["catalogue"], control["id"], control["title"], one["says"]]
            writer.writerow([*map(safe, named), one["count"], one["first"], one["last"], entries])
    return out.getvalue()
