"""A reader that has a mistake, on bytes that nobody thought of: one place is unknown by name, all others are known."""

from collections.abc import Generator
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gate.backups import TOOLS
from gate.errors import LedgerUnavailable
from gate.evidence import Reply, ReplyState
from gate.families import FAMILIES, linux
from gate.gather.arrays import Arrays
from gate.gather.backups import Backups
from gate.gather.immutability import Immutables
from gate.gather.interview import interview
from gate.gather.lines import Lines
from gate.gather.objects import Objects
from gate.gather.traces import Traces
from gate.inventory import BackupTool
from gate.store.sqlite import SqliteLedger
from tests import cases
from tests.cases import NOON

HOSTILE = b"\x1b]0;owned\x07 secret of production"


def answer(target: str, command: str, **_: object) -> Reply:
    return Reply(target, command, ReplyState.ANSWERED, NOON, NOON, 0, HOSTILE)


LINES = cast("Lines", SimpleNamespace(ask=answer, deadline_s=1.0))


def stumbles(*_: object) -> Any:
    raise KeyError(HOSTILE.decode())


def asks_and_stumbles(*_: object) -> Generator[str, Reply, Any]:
    yield "what is there"
    stumbles()


@pytest.fixture
def one_family(monkeypatch: pytest.MonkeyPatch) -> None:
    of = cases.array("east-1").family
    monkeypatch.setitem(cast("dict[Any, Any]", FAMILIES), of, replace(FAMILIES[of], read=stumbles, parts=None))


@pytest.mark.usefixtures("one_family")
def test_an_array_over_whose_replies_the_reader_stumbles_is_unknown_and_the_sweep_goes_on(ledger: SqliteLedger) -> None:
    arrays, told = Arrays(cases.fleet(), LINES, ledger, parallel=2), list[str]()
    found = arrays.read(["east-1", "east-2"], told.append)
    assert told == ["asked east-1", "asked east-2"]
    for name in ("east-1", "east-2"):
        reading = found[name]
        assert (reading.serial, reading.version, reading.problems) == (None, None, None)
        assert reading.unknown == (
            "storage-virtualize: the reader stumbled over this reply (KeyError): a mistake in it, and nothing is known",
        )
        assert len(reading.raw) == len(FAMILIES[cases.array(name).family].questions)
        assert ledger.get_blob(reading.raw[0]) == HOSTILE


def test_a_list_of_parts_over_which_the_reader_stumbles_is_a_problem(
    ledger: SqliteLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    of = cases.array("east-1").family
    question = next(iter(FAMILIES[of].commands(None).values()))

    def parts() -> Generator[str, Reply, Any]:
        yield question
        stumbles()

    monkeypatch.setitem(cast("dict[Any, Any]", FAMILIES), of, replace(FAMILIES[of], parts=parts))
    found = Arrays(cases.fleet(), LINES, ledger, parallel=1).parts("east-1")
    assert "the reader stumbled over this reply (KeyError)" in found.problem
    assert (found.parts, len(found.raw)) == (None, 1)


def test_a_way_that_cannot_be_read_is_a_trace_with_a_problem(
    ledger: SqliteLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(linux, "_follow", asks_and_stumbles)
    found = Traces(LINES, ledger).dataset(cases.dataset())
    assert found.problem.startswith("what is there: the reader stumbled over this reply (KeyError)")
    assert (found.host, found.path, found.place) == ("db-1", cases.dataset().path, None)


def test_a_repository_over_which_its_tool_stumbles_has_no_runs_and_no_read_that_passed(
    ledger: SqliteLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    stumbling = replace(TOOLS[BackupTool.SQLITE_COPY], catalogue=asks_and_stumbles, verify=asks_and_stumbles)
    monkeypatch.setitem(cast("dict[Any, Any]", TOOLS), cases.protection().tool, stumbling)
    backups = Backups(cases.fleet(), LINES, LINES, ledger, cases.policy())
    found = backups.catalogue(cases.protection())
    assert found.problem.startswith("what is there: the reader stumbled over this reply (KeyError)")
    record = backups.verification(cases.protection(), cases.backups(), cases.trace("vault-1", "600c"), ())
    assert record is not None
    assert (record.level, record.passed, record.complete, record.backup) == ("V0", False, False, cases.run().id)
    assert "stumbled" in record.because
    assert [entry.kind for entry in ledger.entries()][-1] == "backup.verified"


def test_what_holds_a_copy_is_unknown_where_its_reader_stumbles(
    ledger: SqliteLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gate.gather.immutability.held.held", asks_and_stumbles)
    fleet = cases.fleet()
    made = Immutables(fleet, LINES, cast("Objects", None), ledger, timedelta(hours=1))
    found = made.immutability(cases.protection(), cases.backups(), cases.trace("vault-1", "600c"), ())
    assert found is not None
    assert "stumbled" in found.problem
    assert (found.mode, found.attempts) == ("", ())


def test_what_was_said_before_the_stumble_is_kept_and_a_ledger_that_fails_is_still_an_error(
    ledger: SqliteLedger,
) -> None:
    done = interview(asks_and_stumbles(), lambda command: answer("a-1", command), ledger, lambda why: why)
    assert done.found == (
        "what is there: the reader stumbled over this reply (KeyError): a mistake in it, and nothing is known"
    )
    assert [ledger.get_blob(blob.sha256) for blob in done.kept] == [HOSTILE]
    with pytest.raises(KeyError):
        interview(asks_and_stumbles(), lambda command: answer("a-1", command), ledger)

    def gone(_: str) -> Reply:
        raise LedgerUnavailable("the ledger cannot be written")

    with pytest.raises(LedgerUnavailable):
        interview(asks_and_stumbles(), gone, ledger, lambda why: why)
