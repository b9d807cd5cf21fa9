"""What a change is, read from its entries: every kind, every state, and entries that are not what they should be."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.approval import Decision, Method, Statement
from gate.canonical import Json, utc
from gate.change import Phase
from gate.finding import Outcome
from gate.ledger import entry
from gate.ledger.entry import GATE, KINDS, Blob, Draft, Entry
from gate.lifecycle import AFTER, ALLOWED, MOVES, fold
from gate.standing import BEFORE, BEGUN, ENDED, MOVING, Standing, State, stuck
from gate.waiver import WaiverStatement
from tests.cases import NOON
from tests.engine.histories import APPLY, CANARY, CONTROL, PLAN, STAGE, VERDICT, History

FORWARD = Phase.FORWARD


def statement() -> str:
    return Statement(
        "gate.example",
        "chg-0001",
        "canary",
        PLAN.digest,
        VERDICT,
        Decision.APPROVE,
        "storage",
        "lead",
        utc(NOON + timedelta(hours=1)),
        "n1",
    ).text()


def signed(history: History, kind: str = "approval.signed") -> History:
    data: dict[str, Json] = {
        "seat": "storage",
        "decision": "approve",
        "statement": statement(),
        "method": "session",
        "signature": "",
        "key": "",
        "reason": "",
    }
    return history.add(kind, "lead", **data)


REACHED: dict[State, Callable[[], History]] = {
    State.DRAFT: History,
    State.REFUSED: lambda: History().sealed().verdict("failed"),
    State.OPEN: lambda: History().sealed().verdict(),
    State.RUNNING: lambda: History().started(),
    State.SOAKING: lambda: History().forward().round(1),
    State.COMMITTING: lambda: History().soaked().judged("held"),
    State.HALTED: lambda: History().started().add("change.halted", because="x"),
    State.BACKING_OUT: lambda: History().started().backing_out(),
    State.HELD: lambda: History().soaked().judged("held").add("change.closed", outcome="held", entries=1),
    State.BACKED_OUT: lambda: History().started().backing_out().add("change.backed_out"),
    State.DENIED: lambda: signed(History().sealed().verdict(), "approval.denied"),
    State.WITHDRAWN: lambda: History().add("change.withdrawn", reason="no"),
}


@pytest.mark.parametrize("state", list(State))
def test_every_state_is_reached_by_entries(state: State) -> None:
    assert REACHED[state]().standing.state is state


def test_why_it_was_halted_is_known() -> None:
    assert REACHED[State.HALTED]().standing.halted == "x"
    assert History().started().add("change.halted").standing.halted == ""


def test_the_tables_name_only_kinds_that_there_are() -> None:
    assert set(ALLOWED) <= set(KINDS)
    assert set(MOVES) <= set(KINDS)
    assert set(AFTER) <= set(KINDS)
    assert not set(MOVES) & set(AFTER)


def test_what_authorises_is_allowed_only_where_it_belongs() -> None:
    assert ALLOWED["stage.started"] == ALLOWED["approval.signed"] == {State.OPEN}
    assert ALLOWED["verdict.given"] == ALLOWED["plan.sealed"] == BEFORE
    for kind in ("permit.issued", "step.intended"):
        assert ALLOWED[kind] == MOVING
    for kind, states in ALLOWED.items():
        assert not states & ENDED, f"{kind} after the end"


def test_states_are_before_begun_or_ended_and_never_two_of_them() -> None:
    assert frozenset(State) == BEFORE | BEGUN | ENDED
    assert len(State) == len(BEFORE) + len(BEGUN) + len(ENDED)
    assert MOVING < BEGUN


@pytest.mark.parametrize("state", list(State))
def test_begun_says_whether_a_stage_is_under_way(state: State) -> None:
    assert REACHED[state]().standing.begun is (state in BEGUN)


def test_a_change_is_stuck_when_only_people_go_on() -> None:
    assert stuck(REACHED[State.HALTED]().standing)
    for history, phase in (
        (History().soaked().judged("held"), "commit"),
        (History().started().backing_out(), "back_out"),
    ):
        assert not stuck(history.standing)
        assert stuck(history.asked(f"{phase} 0").standing)
        assert not stuck(history.answered("again").standing)
    assert not stuck(History().forward(APPLY).asked(f"forward {APPLY}").standing), "back-out is still open"
    assert not stuck(REACHED[State.HALTED]().add("change.closed", outcome="left as it is", entries=1).standing)


def test_a_history_begins_with_its_opening_and_has_no_gaps() -> None:
    whole = History().started().entries
    for wrong in ([], whole[1:], [whole[0], *whole[2:]], [whole[0], whole[0]], [replace(whole[0], change=None)]):
        with pytest.raises(ValueError):
            fold(wrong)
    with pytest.raises(ValueError):
        fold([whole[1], whole[0], *whole[2:]])
    assert fold(whole).seq == len(whole)


def test_facts_that_mean_nothing_to_the_state_change_nothing_but_the_count() -> None:
    before = History().started().standing
    after = History().started().add("attempt.refused", what="x", why="y", who="z").standing
    assert after == replace(before, seq=before.seq + 1)


def test_a_verdict_opens_only_when_every_lasting_check_passed_and_none_is_missing() -> None:
    def verdict(**changed: Json) -> State:
        return History().sealed().verdict(**changed).standing.state  # type: ignore[arg-type]

    row: dict[str, Json] = {"check": "c", "when": "approve", "outcome": "passed", "because": ""}
    assert verdict() is State.OPEN
    assert verdict(missing=["backup-recent"]) is State.REFUSED
    assert verdict(plan_digest="") is State.REFUSED
    assert verdict(findings=[]) is State.REFUSED
    assert verdict(findings=[{**row, "when": "start"}]) is State.REFUSED, "no lasting check at all opens nothing"
    for outcome in (Outcome.FAILED, Outcome.UNKNOWN):
        assert verdict(findings=[row, {**row, "outcome": outcome.value}]) is State.REFUSED


def test_what_was_begun_stays_in_force_whatever_verdict_comes_later() -> None:
    begun = History().started()
    later = History().started().verdict("failed", plan_digest="", verdict_digest="another")
    assert later.standing == replace(begun.standing, seq=begun.standing.seq + 1)


def test_approvals_holds_and_known_answers_are_kept() -> None:
    history = signed(History().sealed().verdict())
    assert [one.method for one in history.standing.approvals] == [Method.SESSION]
    assert history.held().standing.hold == "smoke"
    assert history.lifted().standing.hold == ""
    assert History().started().baseline().standing.known_answers == {
        CANARY: f"digest of {CANARY}",
        CONTROL: f"digest of {CONTROL}",
    }


def test_reads_timed_before_are_replaced_and_those_after_are_collected() -> None:
    history = History().forward().probe(CANARY, "latency", 0, [7, 8]).round(1).round(2)
    timed = history.standing.latencies[CANARY]
    assert timed.before == (7, 8)
    assert timed.after == (100,) * 18


def test_a_new_intent_forgets_what_was_known_of_the_attempt_before() -> None:
    history = History().forward(STAGE).step(FORWARD, STAGE, "unknown").look(FORWARD, STAGE, "not_begun")
    mark = history.intend(FORWARD, STAGE, 2).standing.mark(FORWARD, STAGE)
    assert mark is not None
    assert (mark.attempt, mark.outcome, mark.looked, mark.again) == (2, "", "", False)


def test_again_is_for_the_step_that_was_asked_about_and_for_no_other() -> None:
    history = History().forward(APPLY).step(FORWARD, APPLY, "unknown").asked(f"forward {APPLY}").answered("again")
    marks = history.standing.marks
    assert [mark.number for mark in marks.values() if mark.again] == [APPLY]
    assert not any(
        mark.again for mark in History().forward(APPLY).asked("forward 99").answered("again").standing.marks.values()
    )


def test_closing_as_held_counts_only_where_the_canary_held() -> None:
    closed = History().started().add("change.closed", outcome="held", entries=1).standing
    assert closed.state is State.RUNNING
    assert closed.closed == "held"


def forged(body: Entry, data: dict[str, Any]) -> Entry:
    """An entry whose data is not what the gate writes, through the same reader as a real one."""
    fields = json.loads(body.body)
    return entry.read(json.dumps({**fields, "data": data}).encode(), body.index)


WHOLE = signed(History().sealed().verdict()).held().lifted()
WHOLE.add("stage.started", "p", stage="canary", array=CANARY, plan_digest=PLAN.digest, verdict_digest=VERDICT)
WHOLE.baseline()
for position in range(len(PLAN.forward)):
    WHOLE.step(FORWARD, position)
WHOLE.round(1).look(FORWARD, APPLY, "done").judged("inconclusive").asked("soak").answered("again").judged("failed")
WHOLE.backing_out().step(Phase.BACK_OUT, 0).add("change.backed_out")
WHOLE.add("change.closed", outcome="backed out", entries=1)

JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "done", "held", "passed", "7", "junk"]),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["when", "outcome"]), inner, max_size=2)
    ),
    max_leaves=4,
)


@settings(max_examples=400, deadline=None)
@given(st.integers(0, len(WHOLE.entries) - 1), st.data())
def test_malformed_data_is_no_history_or_a_standing_and_never_another_error(position: int, data: st.DataObject) -> None:
    spoilt = list(WHOLE.entries)
    keys = sorted(spoilt[position].data) or ["none"]
    key = data.draw(st.sampled_from(keys))
    changed = dict(spoilt[position].data)
    if data.draw(st.booleans()):
        changed[key] = data.draw(JUNK)
    else:
        changed.pop(key, None)
    spoilt[position] = forged(spoilt[position], changed)
    try:
        standing = fold(spoilt)
    except ValueError:
        return
    assert isinstance(standing, Standing)


def spoil(history: History, **changed: Json) -> Standing:
    """The standing after the last entry's data were changed."""
    last = history.entries[-1]
    return fold([*history.entries[:-1], forged(last, {**last.data, **changed})])


ROW: dict[str, Json] = {"check": "c", "when": "approve", "outcome": "passed"}


@pytest.mark.parametrize(
    ("history", "changed"),
    [
        (History().forward(STAGE).intend(FORWARD, STAGE), {"number": "1"}),
        (History().forward(STAGE).intend(FORWARD, STAGE), {"number": True}),
        (History().forward(STAGE).intend(FORWARD, STAGE), {"number": -1}),
        (History().forward(STAGE).intend(FORWARD, STAGE), {"attempt": "3"}),
        (History().forward(STAGE).intend(FORWARD, STAGE), {"act_before": "2026-11-22T12:00:00"}),
        (History().forward(STAGE).intend(FORWARD, STAGE), {"phase": "sideways"}),
        (History().forward(STAGE).intend(FORWARD, STAGE).end(FORWARD, STAGE), {"outcome": ""}),
        (History().started().held(), {"reason": ""}),
        (History().started().asked("soak"), {"question": ""}),
        (History().started().add("change.closed", outcome="x", entries=1), {"outcome": ""}),
        (History().forward().probe(CANARY, "health", 1, outcome="failed"), {"round": "1"}),
        (History().forward().probe(CANARY, "health", 1, outcome="failed"), {"outcome": "fine"}),
        (History().soaked().judged("failed"), {"result": "hold"}),
        (History().started().backing_out(), {"answer": "yes"}),
        (History().sealed().verdict("failed"), {"findings": {}}),
        (History().sealed().verdict("failed"), {"findings": [ROW, "failed"]}),
        (History().sealed().verdict("failed"), {"findings": [ROW, {**ROW, "when": "later", "outcome": "failed"}]}),
        (History().sealed().verdict("failed"), {"findings": [ROW], "missing": None}),
        (History().sealed().verdict("failed"), {"findings": [ROW], "missing": 0}),
    ],
)
def test_an_entry_that_would_open_something_when_misread_is_not_read(
    history: History, changed: dict[str, Json]
) -> None:
    with pytest.raises(ValueError, match="that can be read"):
        spoil(history, **changed)


def test_a_hold_holds_also_when_its_reason_is_kept_outside_the_log() -> None:
    told = History().started().add("hold.placed", reason="smoke").entries
    kept = replace(told[-1], data={}, private={"reason": "sha256:" + "0" * 64})
    assert fold((*told[:-1], kept)).hold


def test_an_approve_verdict_that_says_it_does_not_open_does_not_and_one_at_the_start_leaves_it_open() -> None:
    assert History().sealed().verdict(opens=False).standing.state is State.REFUSED
    assert History().sealed().verdict(opens=False, when="start").standing.state is State.OPEN


def test_only_what_may_be_waived_in_so_many_words_may_be() -> None:
    row: dict[str, Json] = {"check": "c", "when": "approve", "outcome": "failed", "because": "", "finding": "f"}
    for said, found in ((True, {"c": "f"}), (False, {}), ("true", {})):
        assert History().sealed().verdict(findings=[{**row, "waivable": said}]).standing.waivable == found


def test_a_dry_run_is_that_of_the_plan_in_force() -> None:
    made: dict[str, Json] = {"array": CANARY, "result": "passed", "because": "", "digest": ""}
    history = History().sealed().add("dry_run.ended", **made, plan_digest="sha256:" + "0" * 64)
    assert history.standing.dry_run_at is None, "it was another plan's"
    assert history.add("dry_run.ended", **made, plan_digest=PLAN.digest).standing.dry_run_at == NOON
    assert history.sealed().standing.dry_run_at == NOON, "the same plan was sealed again"
    other: dict[str, Json] = {"plan_digest": "sha256:" + "1" * 64, "canary": CANARY, "control": CONTROL, "targets": []}
    assert history.add("plan.sealed", **other).standing.dry_run_at is None


def test_whoever_goes_back_takes_back_that_it_may_be_sent_again() -> None:
    history = History().forward(APPLY).step(FORWARD, APPLY, "unknown").asked(f"forward {APPLY}").answered("again")
    mark = history.asked(f"forward {APPLY}").backing_out().standing.mark(FORWARD, APPLY)
    assert mark is not None
    assert (mark.again, mark.left) == (False, True)


def test_a_step_that_was_only_looked_at_was_never_sent_and_one_that_was_asked_was_asked_once() -> None:
    looked = History().started().look(FORWARD, APPLY, "unknown").standing.mark(FORWARD, APPLY)
    ended = History().started().end(FORWARD, 0).standing.mark(FORWARD, 0)
    assert looked is not None
    assert ended is not None
    assert (looked.attempt, looked.may_have_begun) == (0, False)
    assert ended.attempt == 1


def test_why_a_step_ended_as_it_did_outlasts_a_look_unless_nothing_was_sent_that_said_why() -> None:
    place: dict[str, Json] = {"phase": "forward", "step": "s", "number": APPLY, "array": CANARY}
    seen: dict[str, Json] = {**place, "result": "unknown", "because": "seen", "reply": ""}
    sent = History().forward(APPLY).intend(FORWARD, APPLY).end(FORWARD, APPLY, "failed", "it refused")
    mark = sent.add("step.looked", **seen).standing.mark(FORWARD, APPLY)
    only = History().started().add("step.looked", **seen).standing.mark(FORWARD, APPLY)
    assert mark is not None
    assert only is not None
    assert (mark.because, only.because) == ("it refused", "seen")


def test_a_transcript_is_kept_where_an_entry_names_one_by_its_own_name() -> None:
    place: dict[str, Json] = {"phase": "forward", "step": "s", "number": 0, "array": CANARY}
    history = History().started()
    assert history.end(FORWARD, 0).standing.transcripts == {}
    told: dict[str, Json] = {**place, "outcome": "done", "because": "so", "reply": "", "attempt": 1}
    blobs = tuple(Blob(name, "sha256:" + digit * 64, 1) for name, digit in (("reply", "1"), ("transcript", "2")))
    draft = Draft("step.ended", GATE, PLAN.change, told, blobs)
    seq = len(history.entries) + 1
    history.entries.append(entry.read(entry.body(draft, name="f" * 32, time=utc(NOON), seq=seq), seq - 1))
    assert history.standing.transcripts == {(FORWARD, 0): ("sha256:" + "2" * 64,)}


@pytest.mark.parametrize(("change", "by"), [("chg-0002", "lead"), (PLAN.change, "somebody")])
def test_a_half_of_a_waiver_for_another_change_or_by_somebody_else_is_none(change: str, by: str) -> None:
    text = WaiverStatement(
        approver="lead", change=change, check="c", expires=utc(NOON), finding="f", nonce="n", origin="o", reason="r",
        seat="storage",
    ).text()  # fmt: skip
    said: dict[str, Json] = {"check": "c", "seat": "storage", "statement": text, "method": "session", "signature": ""}
    history = History().sealed().verdict().add("waiver.signed", by, **said)
    with pytest.raises(ValueError, match=r"is no waiver\.signed that can be read"):
        fold(history.entries)
