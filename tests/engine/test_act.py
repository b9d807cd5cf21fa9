"""Permit and intent are entered only on the history that was folded; without them nothing is sent."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event
from typing import cast

import pytest

from gate.approval import Decision, Statement
from gate.authority import STAGE
from gate.canonical import Json, utc
from gate.change import Grant, Phase, Plan
from gate.engine.act import perform
from gate.engine.actions import Act, Ask, Baseline, Look, Wait
from gate.engine.crew import Crew
from gate.engine.drafts import ended, looked, told
from gate.engine.hands import Asker, Hands
from gate.engine.next import next_action
from gate.errors import LedgerUnavailable, Moved, Outside
from gate.evidence import Reply, ReplyState
from gate.gather.arrays import Arrays
from gate.gather.asking import Outcome
from gate.gather.known_answer import KnownAnswers
from gate.hostkeys import HostKeys
from gate.ledger.entry import Actor, Draft
from gate.lifecycle import fold
from gate.permits.office import Permit, PermitOffice, Wanted
from gate.person import Person
from gate.policy import ApprovalKind, Seat
from gate.ssh.wire import Timeouts
from gate.standing import Standing
from gate.step import Step
from gate.store import Ledger, keys
from gate.store.sqlite import open_ledger
from tests.cases import NOON, fleet
from tests.engine.histories import CANARY, PLAN, UPDATED, VERDICT, History
from tests.engine.histories import STAGE as SEND
from tests.engine.histories import plan as of

ORIGIN = "gate.example/ledger"
LIFETIME = timedelta(minutes=5)
SEATS = {"lead": Seat.STORAGE, "owner": Seat.DATA_OWNER}
AUTHORISING = ("permit.issued", "step.intended")
ANSWER: dict[str, Json] = {"answer": "again", "step": f"forward {SEND}", "reason": "it runs again"}


@dataclass(frozen=True)
class Counting(Hands):
    """Hands that send nothing and remember what they were asked to do, and what was on record by then."""

    ledger: Ledger = field(kw_only=True)
    acts: list[tuple[str, str, tuple[str, ...]]] = field(default_factory=list)

    def act(self, plan: Plan, step: Step, permit: Permit, act_before: datetime) -> Reply:
        """Remember."""
        on_record = tuple(each.kind for each in self.ledger.history(plan.change))
        self.acts.append((permit.array, step.id, on_record))
        return Reply(permit.array, step.command, ReplyState.LOST, NOON, NOON, problem="the line was lost")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    keys.create(tmp_path / "ledger.key", ORIGIN)
    signer = keys.load(tmp_path / "ledger.key", ORIGIN)
    opened = open_ledger(tmp_path / "ledger.db", signer=signer, clock=lambda: NOON)
    yield opened
    opened.close()


@pytest.fixture
def hands(ledger: Ledger) -> Counting:
    return Counting(
        inventory=fleet(),
        asker=cast(Asker, None),
        arrays=cast(Arrays, None),
        known_answers=cast(KnownAnswers, None),
        pinned=HostKeys(()),
        mutate_user="",
        timeouts=Timeouts(),
        images=Path(),
        clock=lambda: NOON,
        ledger=ledger,
    )


@pytest.fixture
def crew(ledger: Ledger, hands: Counting, tmp_path: Path) -> Crew:
    return Crew(
        ledger=ledger,
        hands=hands,
        office=PermitOffice.open(tmp_path / "keys" / "ca", LIFETIME),
        people=lambda: {name: Person(name, seats=frozenset({seat})) for name, seat in SEATS.items()},
        approvals=ApprovalKind.SESSION,
        permit_lifetime=LIFETIME,
        evidence_max_age=timedelta(minutes=15),
        settle=timedelta(0),
    )


@pytest.fixture
def standing(ledger: Ledger) -> Standing:
    """Sealed, approved by both seats and started, up to the first step that changes something."""
    history = History().sealed().verdict()
    for name, seat in SEATS.items():
        statement = Statement(
            ORIGIN,
            PLAN.change,
            STAGE,
            PLAN.digest,
            VERDICT,
            Decision.APPROVE,
            seat,
            name,
            utc(NOON + timedelta(hours=8)),
            name,
        )
        history.add("approval.signed", name, statement=statement.text(), method="session", signature="")
    history.forward(SEND)
    ledger.append_all([Draft(each.kind, each.actor, each.change, each.data) for each in history.entries])
    return fold(ledger.history(PLAN.change))


def due(standing: Standing) -> Act:
    """Return what is to be done next, which is an act."""
    action = next_action(PLAN, standing, NOON)
    assert isinstance(action, Act)
    assert (action.phase, action.number) == (Phase.FORWARD, SEND)
    return action


def kinds(ledger: Ledger, after: Standing) -> list[str]:
    """Kinds of the entries that came after a standing was folded."""
    return [each.kind for each in ledger.history(PLAN.change)[after.seq :]]


def test_permit_and_intent_are_on_record_before_the_hands_are_asked(
    ledger: Ledger, crew: Crew, hands: Counting, standing: Standing
) -> None:
    perform(crew, PLAN, standing, due(standing), Event())
    assert kinds(ledger, standing) == [*AUTHORISING, "step.ended"]
    ((array, step, on_record),) = hands.acts
    assert (array, step) == (CANARY, PLAN.forward[SEND].id)
    assert on_record[standing.seq :] == AUTHORISING


def test_a_hold_placed_after_the_fold_stops_the_act_before_anything_is_sent(
    ledger: Ledger, crew: Crew, hands: Counting, standing: Standing
) -> None:
    action = due(standing)
    ledger.append(Draft("hold.placed", Actor("person", "anybody"), PLAN.change, {"reason": "smoke"}))
    with pytest.raises(Moved):
        perform(crew, PLAN, standing, action, Event())
    assert kinds(ledger, standing) == ["hold.placed"]
    assert not hands.acts


def test_who_folds_again_finds_the_hold_and_has_nothing_to_do(
    ledger: Ledger, crew: Crew, hands: Counting, standing: Standing
) -> None:
    ledger.append(Draft("hold.placed", Actor("person", "anybody"), PLAN.change, {"reason": "smoke"}))
    now = fold(ledger.history(PLAN.change))
    assert not isinstance(next_action(PLAN, now, NOON), Act)
    perform(crew, PLAN, now, due(standing), Event())
    assert not set(AUTHORISING) & set(kinds(ledger, standing))
    assert not hands.acts


@dataclass
class Voice:
    """Answers every question with one reply."""

    status: str
    asked: int = 0

    def ask(self, target: str, command: str, *, deadline_s: float | None = None) -> Reply:
        """Answer."""
        self.asked += 1
        return Reply(target, command, ReplyState.ANSWERED, NOON, NOON, 0, f"status!{self.status}\n".encode())


@pytest.mark.parametrize(
    ("status", "sent", "entered"),
    [
        ("system_prepared", 0, ["step.ended"]),
        ("success", 1, [*AUTHORISING, "step.ended"]),
        ("system_updating", 0, ["step.looked"]),
    ],
)
def test_what_was_sent_before_goes_again_only_if_the_array_says_right_now_that_it_was_not_begun(
    ledger: Ledger, crew: Crew, hands: Counting, standing: Standing, status: str, sent: int, entered: list[str]
) -> None:
    step = replace(
        PLAN.forward[SEND],
        look_command="lsupdate -delim !",
        look_reader="update",
        look_done=(("status", ("system_prepared",)),),
        look_not_begun=(("status", ("success",)),),
    )
    action = Act(Phase.FORWARD, SEND, step, 2, look_first=True, repeats=True)
    voice = Voice(status)
    perform(replace(crew, hands=replace(hands, asker=voice)), PLAN, standing, action, Event())
    assert (voice.asked, len(hands.acts), kinds(ledger, standing)) == (1, sent, entered)


@pytest.mark.parametrize(
    ("status", "sent", "entered"),
    [
        ("system_prepared", 0, ["step.ended"]),
        ("success", 1, [*AUTHORISING, "step.ended"]),
        ("system_stalled_non_redundant", 0, ["step.looked"]),
    ],
)
def test_from_where_there_is_no_way_back_nothing_is_sent_into_a_state_that_the_playbook_does_not_know(
    ledger: Ledger, crew: Crew, hands: Counting, standing: Standing, status: str, sent: int, entered: list[str]
) -> None:
    step = replace(
        PLAN.forward[SEND],
        point_of_no_return=True,
        look_command="lsupdate -delim !",
        look_reader="update",
        look_done=(("status", ("system_prepared",)),),
        look_not_begun=(("status", ("success",)),),
    )
    action = Act(Phase.FORWARD, SEND, step, 1, look_first=True)
    perform(replace(crew, hands=replace(hands, asker=Voice(status))), PLAN, standing, action, Event())
    assert (len(hands.acts), kinds(ledger, standing)) == (sent, entered)


@dataclass(frozen=True)
class Asked(Counting):
    """Hands whose array asks something back."""

    def act(self, plan: Plan, step: Step, permit: Permit, act_before: datetime) -> Reply:
        """Ask back."""
        return Reply(permit.array, step.command, ReplyState.PROMPTED, NOON, NOON, problem='it asks "Sure?"')


def test_what_the_array_asked_stands_in_the_entry_and_in_the_standing(
    ledger: Ledger, crew: Crew, hands: Counting, standing: Standing
) -> None:
    asking = Asked(**{name: getattr(hands, name) for name in vars(hands)})
    perform(replace(crew, hands=asking), PLAN, standing, due(standing), Event())
    ended = ledger.history(PLAN.change)[-1]
    assert (ended.data["outcome"], ended.data["prompt"]) == ("unknown", 'it asks "Sure?"')
    mark = fold(ledger.history(PLAN.change)).mark(Phase.FORWARD, SEND)
    assert mark is not None
    assert mark.prompted


def test_where_witnesses_are_required_nothing_moves_before_they_have_cosigned_what_authorises_it(
    ledger: Ledger, crew: Crew, hands: Counting, standing: Standing
) -> None:
    asked: list[int] = []

    def nobody(size: int, seconds: float) -> bool:
        asked.append(size)
        return False

    with pytest.raises(LedgerUnavailable, match="no witness has cosigned what authorises this"):
        perform(replace(crew, covered=nobody), PLAN, standing, due(standing), Event())
    assert asked == [ledger.size()]
    assert kinds(ledger, standing) == []
    assert not hands.acts


def test_an_intent_that_no_witness_has_cosigned_sends_nothing_and_is_looked_at_before_it_is_repeated(
    ledger: Ledger, crew: Crew, hands: Counting, standing: Standing
) -> None:
    before = ledger.size()
    until_then = replace(crew, covered=lambda size, _: size <= before)
    perform(until_then, PLAN, standing, due(standing), Event())
    assert kinds(ledger, standing) == [*AUTHORISING, "step.ended"]
    ended = ledger.history(PLAN.change)[-1]
    assert (ended.data["outcome"], ended.data["because"]) == (
        "unknown",
        "nothing was sent: no witness has cosigned the intent",
    )
    assert not hands.acts
    assert isinstance(next_action(PLAN, fold(ledger.history(PLAN.change)), NOON), Look)


def test_the_intent_itself_must_be_covered_not_only_what_came_before_it(
    ledger: Ledger, crew: Crew, hands: Counting, standing: Standing
) -> None:
    asked: list[int] = []

    def everybody(size: int, seconds: float) -> bool:
        asked.append(size)
        return True

    before = ledger.size()
    perform(replace(crew, covered=everybody), PLAN, standing, due(standing), Event())
    assert asked == [before, before + 2]
    assert len(hands.acts) == 1


def test_known_data_is_not_written_before_the_start_of_the_stage_is_cosigned(crew: Crew, standing: Standing) -> None:
    with pytest.raises(LedgerUnavailable, match="no witness"):
        perform(replace(crew, covered=lambda *_: False), PLAN, standing, Baseline((CANARY,)), Event())


class Remembering(PermitOffice):
    """An office that remembers what was given back."""

    given_back: tuple[int, ...] = ()

    def over(self, permit: Permit) -> None:
        """Remember."""
        self.given_back += (permit.serial,)


def test_a_permit_is_given_back_when_its_step_has_ended_and_when_its_entry_was_overtaken(
    ledger: Ledger, crew: Crew, hands: Counting, standing: Standing, tmp_path: Path
) -> None:
    office = Remembering.open(tmp_path / "keys" / "ca", LIFETIME)
    crew = replace(crew, office=office)
    perform(crew, PLAN, standing, due(standing), Event())
    (issued,) = (each for each in ledger.history(PLAN.change) if each.kind == "permit.issued")
    assert office.given_back == (int(str(issued.data["serial"])),)
    with pytest.raises(Moved):
        perform(crew, PLAN, standing, due(standing), Event())
    assert len(set(office.given_back)) == 2
    assert len(hands.acts) == 1


class Away:
    """An office that makes no permit, with the sentence why."""

    def issue(self, grant: Grant, now: datetime, wanted: Wanted) -> Permit:
        """Refuse."""
        raise Outside(f"the keyholder does not answer about {grant.array}", hint="does it run?")

    def attend(self, grant: Grant, now: datetime, wanted: Wanted) -> None:
        """Refuse likewise."""
        self.issue(grant, now, wanted)

    def over(self, permit: Permit) -> None:
        """Hear nothing."""

    def stopped(self, change: str) -> None:
        """Likewise."""


def test_without_a_permit_nothing_is_sent_and_a_person_is_asked_with_the_reason(
    ledger: Ledger, crew: Crew, hands: Counting, standing: Standing
) -> None:
    action = due(standing)
    perform(replace(crew, office=Away()), PLAN, standing, action, Event())
    assert not hands.acts
    assert kinds(ledger, standing) == ["attempt.refused", "person.asked"]
    after = fold(ledger.history(PLAN.change))
    assert after.question == (
        "there is no permit for forward step stage, and nothing was sent: "
        f"the keyholder does not answer about {CANARY}; does it run?"
    )
    assert isinstance(next_action(PLAN, after, NOON), Wait)
    ledger.append(Draft("person.answered", Actor("person", "performer"), PLAN.change, ANSWER))
    assert next_action(PLAN, fold(ledger.history(PLAN.change)), NOON) == action


def test_again_to_a_permit_that_was_refused_is_no_leave_to_send_a_step_twice(
    ledger: Ledger, crew: Crew, standing: Standing
) -> None:
    """It was sent, the array showed that it was not begun, and for the second sending there was no permit."""
    history = History().forward(SEND).intend(Phase.FORWARD, SEND)
    history.end(Phase.FORWARD, SEND, "unknown").look(Phase.FORWARD, SEND, "not_begun")
    new = history.entries[standing.seq - len(SEATS) :]  # the same history, with the approvals of two people in it
    ledger.append_all([Draft(each.kind, each.actor, each.change, each.data) for each in new])
    sent = fold(ledger.history(PLAN.change))
    action = due(sent)
    assert action.repeats
    quiet = replace(crew.hands, asker=Voice("success"))
    looks = replace(
        action.step,
        look_command="lsupdate -delim !",
        look_reader="update",
        look_not_begun=(("status", ("success",)),),
        look_done=(("status", ("system_prepared",)),),
    )
    perform(replace(crew, office=Away(), hands=quiet), PLAN, sent, replace(action, step=looks), Event())
    after = fold(ledger.history(PLAN.change))
    assert "nothing was sent now; it was sent before" in after.question
    ledger.append(Draft("person.answered", Actor("person", "performer"), PLAN.change, ANSWER))
    again = next_action(PLAN, fold(ledger.history(PLAN.change)), NOON)
    assert isinstance(again, Act)
    assert again.repeats


@pytest.mark.parametrize(("late", "asked"), [(timedelta(hours=3), 1), (timedelta(0), 2)])
def test_a_wait_in_a_block_counts_from_what_the_ledger_says_and_not_from_the_last_turn(
    ledger: Ledger, crew: Crew, hands: Counting, late: timedelta, asked: int
) -> None:
    until = (("status", ("success",)),)
    asks = replace(PLAN.forward[UPDATED], command="lsupdate -delim !", reader="update")
    wait = replace(asks, until=until, every_s=0, within_s=2)
    steps = tuple(wait if number == UPDATED else step for number, step in enumerate(PLAN.forward))
    history = History(of(forward=steps)).forward(UPDATED)
    ledger.append_all([Draft(each.kind, each.actor, each.change, each.data) for each in history.entries])
    standing = fold(ledger.history(PLAN.change))
    begun = standing.marks[Phase.FORWARD, UPDATED - 1].at
    assert begun is not None
    voice = Voice("system_updating")
    later = replace(hands, asker=voice, clock=lambda: begun + late)
    perform(replace(crew, hands=later), history.plan, standing, Ask(Phase.FORWARD, UPDATED, wait), Event())
    assert voice.asked == 1 if late else voice.asked >= asked
    assert ledger.history(PLAN.change)[-1].data["outcome"] == "unknown"


@dataclass(frozen=True)
class Echoing(Counting):
    """Hands whose array says again what opened it, and asks with it."""

    def act(self, plan: Plan, step: Step, permit: Permit, act_before: datetime) -> Reply:
        """Echo."""
        problem = f'it asks "login with {permit.password} again?"'
        return Reply(permit.array, step.command, ReplyState.PROMPTED, NOON, NOON, problem=problem)


class Sealed(PermitOffice):
    """An office whose arrays are opened by a password."""

    def issue(self, grant: Grant, now: datetime, wanted: Wanted | None = None) -> Permit:
        """Add the password."""
        return replace(super().issue(grant, now, wanted), password=PASSWORD)


PASSWORD = "zebra-crossing-77"


def test_a_password_that_an_array_echoes_is_in_no_entry(
    ledger: Ledger, crew: Crew, hands: Counting, standing: Standing, tmp_path: Path
) -> None:
    echoing = Echoing(**{name: getattr(hands, name) for name in vars(hands)})
    office = Sealed.open(tmp_path / "keys" / "ca", LIFETIME)
    perform(replace(crew, hands=echoing, office=office), PLAN, standing, due(standing), Event())
    ended = ledger.history(PLAN.change)[-1]
    assert "it asks" in str(ended.data["prompt"])
    assert PASSWORD.encode() not in b"".join(ledger.bodies())


def test_a_look_that_does_not_know_the_password_keeps_what_looks_like_one_out_as_well(standing: Standing) -> None:
    place = (Phase.FORWARD, SEND, PLAN.forward[SEND])
    came = Outcome("unknown", f"status is password {PASSWORD}")
    for draft in (
        looked(standing, PLAN, place, came, ()),
        ended(standing, PLAN, place, 1, came, ()),
        told(PLAN, place, f"note chap_secret {PASSWORD}", Reply(CANARY, "ls", ReplyState.ANSWERED, NOON, NOON)),
    ):
        assert PASSWORD not in str(draft.data)
