"""One round of probes: what each answer of canary and control becomes, and that no answer is never a pass."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

import pytest

from gate.canonical import Json
from gate.engine.hands import Asker, Hands
from gate.engine.probes import probe_round
from gate.errors import Outside
from gate.evidence import ArrayReading
from gate.finding import Outcome
from gate.gather.arrays import Arrays
from gate.gather.known_answer import KnownAnswers, ReadBack, Timed
from gate.hostkeys import HostKeys
from gate.ledger.entry import Blob, Draft
from gate.ssh.wire import Timeouts
from gate.store import Ledger, keys
from gate.store.sqlite import open_ledger
from tests.cases import DIGEST, NOON, OTHER_DIGEST, RELEASED, VERSION, fleet, reading
from tests.engine.histories import CANARY, CONTROL, PLAN, History

NUMBER = 2
STANDING = replace(History().forward().standing, known_answers={CANARY: DIGEST, CONTROL: OTHER_DIGEST})
ROLES = {CANARY: "canary", CONTROL: "control"}
NAMES = ("known-answer", "write-read", "deadline", "identity", "version", "health")


@dataclass
class Answers:
    """Reads back what is laid in; an array without anything laid in cannot be read."""

    found: dict[str, ReadBack]
    seeds: list[tuple[str, str]] = field(default_factory=list)
    written: dict[str, ReadBack] = field(default_factory=dict)
    late: dict[str, Timed] = field(default_factory=dict)

    def read(self, array: str, seed: str) -> ReadBack:
        """Read back."""
        self.seeds.append((array, seed))
        if array not in self.found:
            raise Outside(f"{array} does not answer")
        return self.found[array]

    def write_and_read(self, array: str, seed: str) -> ReadBack:
        """Write the end of the range."""
        self.seeds.append((array, seed))
        return self.written.get(array, ReadBack(array, DIGEST, True, None))

    def latencies(self, array: str, points: int, deadline_s: float) -> Timed:
        """Time reads."""
        assert deadline_s == 2
        return self.late.get(array, Timed((100,) * points, 0))


@dataclass
class Readings:
    """Tells what is laid in of each array."""

    told: dict[str, ArrayReading]

    def read(self, names: Iterable[str]) -> dict[str, ArrayReading]:
        """Ask who they are."""
        return {name: self.told[name] for name in names}


@dataclass
class Fleet:
    """Canary and control as they answer after a good update; a test spoils one answer."""

    answers: Answers
    readings: Readings

    def tells(self, array: str, **fields: object) -> None:
        """Let an array tell something else of itself."""
        self.readings.told[array] = replace(self.readings.told[array], **fields)  # type: ignore[arg-type]

    def holds(self, array: str, **fields: object) -> None:
        """Let an array's scratch object hold something else."""
        self.answers.found[array] = replace(self.answers.found[array], **fields)  # type: ignore[arg-type]


@pytest.fixture
def well() -> Fleet:
    found = {array: ReadBack(array, digest, True, None) for array, digest in STANDING.known_answers.items()}
    told = {CANARY: reading(CANARY, version=RELEASED), CONTROL: reading(CONTROL)}
    return Fleet(Answers(found), Readings(told))


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    keys.create(tmp_path / "ledger.key", "gate.example/ledger")
    signer = keys.load(tmp_path / "ledger.key", "gate.example/ledger")
    opened = open_ledger(tmp_path / "ledger.db", signer=signer, clock=lambda: NOON)
    yield opened
    opened.close()


def probed(ledger: Ledger, well: Fleet, known: dict[str, str] | None = None) -> tuple[Draft, ...]:
    """Return the drafts of one round, which the ledger takes."""
    hands = Hands(
        inventory=fleet(),
        asker=cast(Asker, None),
        arrays=cast(Arrays, well.readings),
        known_answers=cast(KnownAnswers, well.answers),
        pinned=HostKeys(()),
        mutate_user="",
        timeouts=Timeouts(),
        images=Path(),
        clock=lambda: NOON,
    )
    standing = STANDING if known is None else replace(STANDING, known_answers=known)
    return tuple(probe_round(ledger, hands, PLAN, standing, NUMBER))


def outcomes(drafts: Iterable[Draft]) -> dict[tuple[Json, Json], Json]:
    """Array and probe → outcome; the latency apart, which the judgement weighs."""
    finished = [draft.data for draft in drafts if draft.kind == "probe.finished"]
    return {(data["array"], data["name"]): data["outcome"] for data in finished if data["name"] != "latency"}


def but(array: str, name: str, outcome: Outcome) -> dict[tuple[str, str], str]:
    """Everything passed but one."""
    passed = {(each, probe): Outcome.PASSED.value for each in ROLES for probe in NAMES}
    return passed | {(array, name): outcome.value}


def said(drafts: Iterable[Draft], array: str, name: str) -> str:
    """What the record says of one probe."""
    found = [draft.data for draft in drafts if (draft.data["array"], draft.data.get("name")) == (array, name)]
    assert len(found) == 1
    return str(found[0]["value"])


def test_when_all_is_well_every_probe_of_both_arrays_passes(ledger: Ledger, well: Fleet) -> None:
    drafts = probed(ledger, well)
    assert outcomes(drafts) == but(CANARY, "health", Outcome.PASSED)
    finished = [draft.data for draft in drafts if draft.kind == "probe.finished"]
    assert {(data["array"], data["role"], data["round"]) for data in finished} == {
        (array, role, NUMBER) for array, role in ROLES.items()
    }
    assert {data["array"] for data in finished if data["name"] == "latency"} == set(ROLES)
    compared = {draft.data["array"]: draft.data for draft in drafts if draft.kind == "known_answer.read"}
    assert {array: (data["expected"], data["matches"]) for array, data in compared.items()} == {
        CANARY: (DIGEST, True),
        CONTROL: (OTHER_DIGEST, True),
    }
    assert len(set(well.answers.seeds)) == 2 * len(ROLES), "each array has a pattern of its own, and each round another"
    assert said(drafts, CANARY, "deadline") == "60 reads: p50 100 µs, p95 100 µs, p99 100 µs, slowest 100 µs"


def test_the_ledger_takes_a_round_and_names_the_replies_that_are_kept(ledger: Ledger, well: Fleet) -> None:
    history = History().forward()
    ledger.append_all([Draft(each.kind, each.actor, each.change, each.data) for each in history.entries])
    raw = ledger.put_blob(b"serial!0000020420E00012\n")
    well.tells(CANARY, raw=(raw, DIGEST))
    made = ledger.append_all(probed(ledger, well))
    named = {blob for each in made for blob in each.blobs}
    assert named == {Blob("reply", raw, 24)}, "a reply that is not kept is not named"


@pytest.mark.parametrize("array", [CANARY, CONTROL])
def test_an_array_with_another_serial_is_another_array(ledger: Ledger, well: Fleet, array: str) -> None:
    well.tells(array, serial="0000020420E00099")
    drafts = probed(ledger, well)
    assert outcomes(drafts) == but(array, "identity", Outcome.FAILED)
    assert said(drafts, array, "identity").startswith("serial 0000020420E00099, expected 0000020420E000")


@pytest.mark.parametrize(("array", "version"), [(CONTROL, RELEASED), (CANARY, VERSION), (CANARY, "8.7.0.5")])
def test_the_canary_runs_the_new_version_and_the_control_still_the_old(
    ledger: Ledger, well: Fleet, array: str, version: str
) -> None:
    well.tells(array, version=version)
    assert outcomes(probed(ledger, well)) == but(array, "version", Outcome.FAILED)


@pytest.mark.parametrize("array", [CANARY, CONTROL])
def test_data_that_match_the_pattern_and_not_the_digest_on_record_have_failed(
    ledger: Ledger, well: Fleet, array: str
) -> None:
    well.holds(array, digest="sha256:" + "d" * 64)
    drafts = probed(ledger, well)
    assert outcomes(drafts) == but(array, "known-answer", Outcome.FAILED)
    assert [draft.data["matches"] for draft in drafts if draft.kind == "known_answer.read"].count(False) == 1


def test_data_that_differ_from_the_pattern_have_failed_and_the_block_is_named(ledger: Ledger, well: Fleet) -> None:
    well.holds(CANARY, matches=False, first_bad_block=7)
    drafts = probed(ledger, well)
    assert outcomes(drafts) == but(CANARY, "known-answer", Outcome.FAILED)
    assert said(drafts, CANARY, "known-answer").endswith("from block 7 on")


@pytest.mark.parametrize("digest", [DIGEST, ""])
def test_data_of_which_nothing_was_recorded_have_failed(ledger: Ledger, well: Fleet, digest: str) -> None:
    well.holds(CANARY, digest=digest)
    drafts = probed(ledger, well, {CONTROL: OTHER_DIGEST})
    assert outcomes(drafts) == but(CANARY, "known-answer", Outcome.FAILED)


def test_data_that_cannot_be_read_are_unknown_and_nothing_else_is_made_up(ledger: Ledger, well: Fleet) -> None:
    del well.answers.found[CANARY]
    drafts = probed(ledger, well)
    expected = but(CANARY, "known-answer", Outcome.UNKNOWN) | {(CANARY, "write-read"): Outcome.UNKNOWN.value}
    assert outcomes(drafts) == expected
    assert said(drafts, CANARY, "known-answer") == f"{CANARY} does not answer"
    assert [draft.data["array"] for draft in drafts if draft.kind == "known_answer.read"] == [CONTROL]


def test_new_data_that_do_not_come_back_have_failed_though_the_old_are_whole(ledger: Ledger, well: Fleet) -> None:
    well.answers.written[CANARY] = ReadBack(CANARY, OTHER_DIGEST, False, 3600)
    drafts = probed(ledger, well)
    assert outcomes(drafts) == but(CANARY, "write-read", Outcome.FAILED)
    assert said(drafts, CANARY, "write-read").endswith("from block 3600 on")


@pytest.mark.parametrize("points", [(), (100, 900)])
def test_a_read_that_is_not_answered_in_time_has_failed(ledger: Ledger, well: Fleet, points: tuple[int, ...]) -> None:
    well.answers.late[CANARY] = Timed(points, 1)
    drafts = probed(ledger, well)
    assert outcomes(drafts) == but(CANARY, "deadline", Outcome.FAILED)
    assert said(drafts, CANARY, "deadline").startswith("a read of 4 KiB was not answered within 2 s; before it ")
    timed = [draft.data["value"] for draft in drafts if draft.data.get("name") == "latency"]
    assert timed == [*([list(points)] if points else []), [100] * 60]


@pytest.mark.parametrize(
    ("name", "fields"),
    [("identity", {"serial": None}), ("version", {"version": None}), ("health", {"problems": None})],
)
def test_what_an_array_does_not_tell_is_unknown(
    ledger: Ledger, well: Fleet, name: str, fields: dict[str, object]
) -> None:
    well.tells(CONTROL, **fields)
    assert outcomes(probed(ledger, well)) == but(CONTROL, name, Outcome.UNKNOWN)


def test_an_array_with_a_problem_is_not_well(ledger: Ledger, well: Fleet) -> None:
    well.tells(CANARY, problems=("node 2 is offline",))
    assert outcomes(probed(ledger, well)) == but(CANARY, "health", Outcome.FAILED)
