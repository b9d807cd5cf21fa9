"""May a permit be made: each rule of each purpose from both sides, and no way to name another array."""

import inspect
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from gate.approval import Decision, Method, Signed, Statement, Tally
from gate.authority import STAGE, applying, authorise, no_return, purpose_of
from gate.canonical import utc
from gate.change import Grant, Phase, Plan, Purpose, Stage
from gate.policy import Seat
from gate.standing import Standing, State
from tests.cases import NOON, SECOND
from tests.engine.histories import APPLY, CANARY, PLAN, PREPARE, VERDICT, History, plan
from tests.engine.histories import STAGE as SEND

LIFETIME = timedelta(minutes=5)
EVIDENCE = timedelta(minutes=15)
FORWARD, COMMIT, BACK_OUT = Phase.FORWARD, Phase.COMMIT, Phase.BACK_OUT


def complete(expires: datetime = NOON + timedelta(hours=8), of: Plan = PLAN) -> Tally:
    """Both seats filled until the moment given."""
    filled = {
        seat: Signed(
            Statement(
                "gate.example",
                of.change,
                STAGE,
                of.digest,
                VERDICT,
                Decision.APPROVE,
                seat,
                f"{seat} owner",
                utc(expires),
                seat,
            ),
            Method.SSH,
            NOON,
        )
        for seat in (Seat.STORAGE, Seat.DATA_OWNER)
    }
    return Tally(filled, (), ())


NOBODY = Tally({}, (Seat.STORAGE, Seat.DATA_OWNER), (("lead (storage)", "it has expired"),))


def may(
    history: History, phase: Phase = FORWARD, tally: Tally | None = None, now: datetime = NOON, of: Plan | None = None
) -> Grant | str:
    return authorise(of or history.plan, history.standing, tally or complete(), phase, now, LIFETIME, EVIDENCE)


def test_forward_with_everything_in_place_is_granted_for_the_canary_alone() -> None:
    grant = may(History().forward(SEND))
    assert grant == Grant("chg-0001", "canary", CANARY, Purpose.FORWARD, PLAN.digest, NOON + LIFETIME)


@pytest.mark.parametrize(
    ("now", "opens"),
    [
        (datetime.fromisoformat(PLAN.window_opens) - timedelta(microseconds=1), False),
        (datetime.fromisoformat(PLAN.window_opens), True),
        (datetime.fromisoformat(PLAN.window_closes) - timedelta(microseconds=1), True),
        (datetime.fromisoformat(PLAN.window_closes), False),
    ],
)
def test_forward_only_inside_the_window(now: datetime, opens: bool) -> None:
    history = History()
    history.now = now
    answer = may(history.forward(SEND), now=now)
    assert isinstance(answer, Grant) if opens else answer == "the window is not open"


def test_a_permit_to_go_forward_ends_with_the_window_and_with_the_first_approval() -> None:
    closes = datetime.fromisoformat(PLAN.window_closes)
    late = History()
    late.now = closes - SECOND
    by_window = may(late.forward(SEND), now=late.now)
    by_approval = may(History().forward(SEND), tally=complete(NOON + SECOND))
    assert isinstance(by_window, Grant)
    assert by_window.expires == closes
    assert isinstance(by_approval, Grant)
    assert by_approval.expires == NOON + SECOND


def test_forward_without_approvals_or_on_hold_is_refused_with_the_reason() -> None:
    assert may(History().forward(SEND), tally=NOBODY) == (
        "approvals are missing for storage, data-owner (lead (storage): it has expired)"
    )
    nothing = Tally({}, (), ())
    assert may(History().forward(SEND), tally=nothing) == "approvals are missing for every seat"
    assert may(History().forward(SEND).held()) == "the change is on hold: smoke"


def test_the_first_change_rests_on_fresh_evidence_and_later_ones_do_not_start_anew() -> None:
    history = History().forward(SEND)
    assert isinstance(may(history, now=NOON + EVIDENCE), Grant)
    late = NOON + EVIDENCE + timedelta(microseconds=1)
    assert may(history, now=late) == "the evidence that the start rests on is too old by now"
    history.step(FORWARD, SEND)
    assert isinstance(may(history, now=late), Grant)


def test_a_standing_without_any_verdict_moves_nothing() -> None:
    standing = replace(History().forward(SEND).standing, verdict_at=None)
    answer = authorise(PLAN, standing, complete(), FORWARD, NOON, LIFETIME, EVIDENCE)
    assert answer == "the evidence that the start rests on is too old by now"


def test_from_the_apply_on_a_step_is_finished_whatever_has_expired() -> None:
    history = History().forward(APPLY).intend(FORWARD, APPLY).end(FORWARD, APPLY, "unknown").held()
    far = NOON + timedelta(days=30)
    grant = may(history, tally=NOBODY, now=far)
    assert isinstance(grant, Grant)
    assert (grant.purpose, grant.expires) == (Purpose.FINISH, far + LIFETIME)


@pytest.mark.parametrize("end", [("unknown", "not_begun"), ("failed", "not_begun")])
def test_an_apply_that_is_known_not_to_have_begun_is_not_finished_but_sent_forward(end: tuple[str, str]) -> None:
    """Sending it again, however much later, needs approvals, window and all; nothing is half-flashed."""
    outcome, looked = end
    history = History().forward(APPLY).intend(FORWARD, APPLY).end(FORWARD, APPLY, outcome)
    assert applying(PLAN, history.standing), "an array's own no is not enough"
    history = history.look(FORWARD, APPLY, looked)
    assert not applying(PLAN, history.standing)
    assert "approvals are missing" in str(may(history, tally=NOBODY, now=NOON))
    assert purpose_of(PLAN, history.standing, FORWARD) is Purpose.FORWARD


def test_a_send_that_is_known_not_to_have_begun_makes_no_old_evidence_good() -> None:
    history = (
        History().forward(SEND).intend(FORWARD, SEND).end(FORWARD, SEND, "unknown").look(FORWARD, SEND, "not_begun")
    )
    assert "too old" in str(may(history, now=NOON + EVIDENCE * 3))


def test_before_the_apply_nothing_counts_as_finishing() -> None:
    for number in (SEND, PREPARE, APPLY):
        history = History().forward(number)
        assert not applying(PLAN, history.standing)
        assert purpose_of(PLAN, history.standing, FORWARD) is Purpose.FORWARD
    assert purpose_of(PLAN, History().standing, COMMIT) is Purpose.FINISH
    assert purpose_of(PLAN, History().standing, BACK_OUT) is Purpose.BACK_OUT


def test_nothing_is_committed_before_the_canary_has_held() -> None:
    running = History().forward()
    soaking = History().soaked()
    for history in (running, soaking, History().soaked().judged("failed"), History().soaked().judged("inconclusive")):
        assert "no commit step belongs there" in str(may(history, COMMIT))
    held = History().soaked().judged("held")
    assert isinstance(may(held, COMMIT, tally=NOBODY, now=NOON + timedelta(days=9)), Grant)
    assert may(held.held(), COMMIT) == "the change is on hold: smoke"


def test_a_back_out_needs_no_new_approval_and_no_window_but_somebody_who_asked_for_it() -> None:
    history = History().forward(APPLY)
    assert "no back_out step belongs there" in str(may(history, BACK_OUT))
    grant = may(history.backing_out(), BACK_OUT, tally=NOBODY, now=NOON + timedelta(days=30))
    assert isinstance(grant, Grant)
    assert grant.purpose is Purpose.BACK_OUT
    for phase in (FORWARD, COMMIT):
        assert isinstance(may(history, phase), str), "who backs out goes neither forward nor on to the commit"


@pytest.mark.parametrize(
    ("outcome", "looked", "gone"),
    [
        ("", "", True),
        ("done", "", True),
        ("unknown", "", True),
        ("unknown", "unknown", True),
        ("unknown", "done", True),
        ("unknown", "not_begun", False),
        ("failed", "", True),
        ("failed", "unknown", True),
        ("failed", "not_begun", False),
    ],
)
def test_past_the_point_of_no_return_nothing_is_backed_out(outcome: str, looked: str, gone: bool) -> None:
    history = History().soaked().judged("held")
    assert not no_return(PLAN, history.standing)
    history.intend(COMMIT, 0)
    if outcome:
        history.end(COMMIT, 0, outcome)
    if looked:
        history.look(COMMIT, 0, looked)
    assert no_return(PLAN, history.standing) is gone
    answer = may(history.backing_out(), BACK_OUT)
    assert isinstance(answer, str) if gone else isinstance(answer, Grant)


@pytest.mark.parametrize("state", [state for state in State if state is not State.RUNNING])
@pytest.mark.parametrize("phase", list(Phase))
def test_a_phase_is_granted_in_its_own_state_only(state: State, phase: Phase) -> None:
    standing = replace(History().forward(SEND).standing, state=state)
    answer = authorise(PLAN, standing, complete(), phase, NOON, LIFETIME, EVIDENCE)
    own = {COMMIT: State.COMMITTING, BACK_OUT: State.BACKING_OUT}.get(phase)
    assert isinstance(answer, Grant) is (state is own)


def test_a_closed_change_and_another_plan_are_refused() -> None:
    standing = replace(History().forward(SEND).standing, closed="left halted")
    assert "no stage is under way" in str(authorise(PLAN, standing, complete(), FORWARD, NOON, LIFETIME, EVIDENCE))
    for other in (plan(image_version="8.7.0.5"), plan(canary="east-1"), plan(change="chg-0002")):
        assert may(History().forward(SEND), of=other) == "the plan at hand is not the one in force"


def named_everywhere(array: str) -> tuple[Plan, Standing]:
    """A plan and a standing that both say `array` wherever something can say one, as far as the digests let them."""
    standing = History().forward(SEND).standing
    return PLAN, replace(standing, canary=array, stage="wave-1" if array != CANARY else STAGE)


def test_no_argument_makes_a_grant_for_another_array() -> None:
    """Promise 3: neither phase nor standing nor a plan of the same change yields a grant outside the canary."""
    assert not {"array", "target", "stage"} & set(inspect.signature(authorise).parameters)
    arrays = [target.array for target in PLAN.targets] + ["west-1", "vault-1"]
    for array in arrays:
        for phase in Phase:
            for state in State:
                told, standing = named_everywhere(array)
                answer = authorise(told, replace(standing, state=state), complete(), phase, NOON, LIFETIME, EVIDENCE)
                assert isinstance(answer, str) or answer.array == CANARY
    for stages in (
        (Stage("canary", ("east-1",)),),
        (Stage("canary", (CANARY, "east-1")),),
        (Stage("wave-1", ("east-1",)), Stage("canary", (CANARY,))),
    ):
        other = plan(stages=stages)
        history = History(other).forward(SEND)
        assert may(history, tally=complete(of=other)) == "the stage under way is not the plan's canary stage"


def test_a_stage_of_another_name_or_array_on_record_is_refused() -> None:
    standing = History().forward(SEND).standing
    for changed in ({"stage": "wave-1"}, {"stage": ""}, {"canary": "east-1"}):
        other = replace(standing, **changed)  # type: ignore[arg-type]
        answer = authorise(PLAN, other, complete(), FORWARD, NOON, LIFETIME, EVIDENCE)
        assert answer == "the stage under way is not the plan's canary stage"
