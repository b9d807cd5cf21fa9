"""The controls report: what is counted, what is not, and what is never printed."""

import csv
import io
import json
import re
from collections.abc import Iterator

import pytest

from gate.canonical import Json
from gate.export import controls, page, population
from gate.export.population import Item
from gate.export.selection import selection
from gate.ledger.entry import GATE, KINDS, Draft
from gate.store.sqlite import SqliteLedger

MADE = "2026-11-22T20:30:00.000000Z"


def found(ledger: SqliteLedger, **words: str) -> dict[str, dict[str, object]]:
    def chunks() -> Iterator[list[Item]]:
        yield from population.items(ledger, population.begin(ledger, MADE, selection(**words)))

    return {one["id"]: one for one in controls.report(chunks())}


def row(control: dict[str, object], says: str) -> dict[str, object]:
    rows = control["evidence"]
    assert isinstance(rows, list)
    return next(one for one in rows if one["says"] == says)


def test_entries_stand_with_the_controls_they_evidence(told: SqliteLedger) -> None:
    report = found(told)
    signed = row(report["CM-3"], "decided by a seat")
    assert (signed["count"], signed["entries"]) == (2, [7, 9])
    assert report["CM-3"]["evidenced"]
    assert row(report["SI-2"], "canaries that held")["entries"] == [13]


def test_a_control_without_an_entry_in_the_period_is_shown_as_such(told: SqliteLedger) -> None:
    assert not found(told)["CP-9"]["evidenced"]
    before = found(told, until="2026-11-22T20:00:02Z")
    assert not before["CM-3"]["evidenced"]
    told.append(Draft("backup.verified", GATE, None, {"protection": "p", "passed": False}))
    assert found(told)["CP-9"]["evidenced"]
    assert row(found(told)["CP-4(4)"], "restores compared with production")["count"] == 0


@pytest.mark.parametrize(("answered", "count"), [("backup-isolated", 1), ("window-open", 0)])
def test_a_check_is_evidence_only_where_it_was_answered(told: SqliteLedger, answered: str, count: int) -> None:
    findings: list[Json] = [{"check": answered, "outcome": "failed"}, "not a finding"]
    told.append(Draft("verdict.given", GATE, "chg-0009", {"when": "approve", "opens": False, "findings": findings}))
    assert row(found(told)["CP-9(3)"], "places of data and backup measured")["count"] == count


def test_at_most_the_newest_twenty_are_named_and_all_are_counted(told: SqliteLedger) -> None:
    for _ in range(30):
        told.append(Draft("attempt.refused", GATE, None, {"what": "x", "why": "y", "who": "z"}))
    refused = row(found(told)["AC-5"], "attempts refused")
    assert (refused["count"], refused["entries"]) == (30, list(range(27, 47)))


def test_every_kind_of_the_mapping_exists_and_no_number_of_sp_800_209_is_printed() -> None:
    for control in controls.mapping():
        for evidence in control.evidence:
            assert set(evidence.kinds) <= set(KINDS), control.id
    text = json.dumps([control.model_dump() for control in controls.mapping()])
    assert not re.search(r"800-209|[A-Z]{2}-SS-R", text)
    assert len({control.id for control in controls.mapping()}) == len(controls.mapping())


def test_it_is_spelled_as_a_page_a_table_and_json(told: SqliteLedger) -> None:
    rows = list(found(told).values())
    rows[0]["title"] = "=cmd|' /C calc'!A0 <script>"
    head = {"origin": told.origin, "size": 17, "checkpoint": "x", "made": MADE}
    view = {"period": "The whole log", "evidenced": 3, "controls": rows, **head}
    shown = page.controls(view)
    assert "&lt;script&gt;" in shown
    assert "No entry in this period evidences it." in shown
    assert not re.search(r"<script|<link|href=", shown)
    table = list(csv.DictReader(io.StringIO(controls.as_csv(view), newline="")))
    assert table[0]["title"].startswith("'=cmd")
    assert sum(int(one["count"]) for one in table) == sum(row["count"] for one in rows for row in one["evidence"])  # type: ignore[attr-defined]
    assert json.loads(controls.as_json(view)) == view
