"""Random walks: whatever arrays and people do, nothing is sent twice blindly, nowhere else, and every walk ends."""

from dataclasses import dataclass, field
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from gate.authority import authorise, no_return
from gate.change import Grant, Phase
from gate.engine.actions import Act, Action, Ask, Baseline, Close, Halt, Judge, Look, ProbeRound, Prove, Question, Wait
from gate.engine.next import next_action
from gate.standing import State, may_go_back
from tests.engine.histories import CANARY, CONTROL, PLAN, History
from tests.test_authority import complete

MOST_STEPS = 400
PATIENCE = 6
"""How often a person says again before they back out or leave it."""


@dataclass
class Walk:
    """One change, driven by draws."""

    data: st.DataObject
    history: History = field(default_factory=lambda: History().started())
    allowed_again: set[tuple[Phase, int]] = field(default_factory=set)
    sent: set[tuple[Phase, int]] = field(default_factory=set)
    patience: int = PATIENCE

    def draw(self, *choices: str) -> str:
        return self.data.draw(st.sampled_from(choices))

    def one(self) -> bool:
        """Do the next thing; False when nothing moves any more."""
        history = self.history
        if self.draw(*["go"] * 12, "hold") == "hold" and history.standing.state is not State.BACKED_OUT:
            history.held()
        action = next_action(history.plan, history.standing, history.now)
        match action:
            case Wait(_, None):
                return self.person()
            case Wait(_, until) if until is not None:
                assert until > history.now
                history.now = until
            case Close(outcome):
                history.add("change.closed", outcome=outcome, entries=1)
                return False
            case Ask() | Act() | Look():
                self.step(action)
            case Prove(phase, number):
                history.look(phase, number, self.draw("done", "done", "unknown"))
            case _:
                self.watch(action)
        history.later(timedelta(seconds=1))
        return True

    def step(self, action: Ask | Act | Look) -> None:
        phase, number = action.phase, action.number
        assert PLAN.steps(phase)[number] == action.step
        if isinstance(action, Act):
            self.act(phase, number, action.attempt)
        elif isinstance(action, Ask):
            assert not action.step.mutates
            self.history.end(phase, number, self.draw("done", "done", "done", "failed", "unknown"))
        else:
            result = self.draw("done", "not_begun", "not_begun", "unknown")
            self.history.look(phase, number, result)
            if result == "not_begun":
                self.allowed_again.add((phase, number))

    def watch(self, action: Action) -> None:
        history = self.history
        match action:
            case Baseline(arrays):
                assert set(arrays) <= {CANARY, CONTROL}
                history.baseline()
            case ProbeRound(number):
                outcome = self.draw("passed", "passed", "passed", "failed", "unknown")
                history.round(number, {(CANARY, "health"): outcome})
            case Judge(_):
                history.judged(self.draw("held", "failed", "inconclusive"))
            case Question(question, step):
                history.asked(step, question)
            case Halt(because):
                history.add("change.halted", because=because)

    def act(self, phase: Phase, number: int, attempt: int) -> None:
        history = self.history
        grant = authorise(
            history.plan, history.standing, complete(), phase, history.now, timedelta(minutes=5), timedelta(hours=9)
        )
        if isinstance(grant, str):
            history.add("change.halted", because=grant)
            return
        assert isinstance(grant, Grant)
        assert grant.array == CANARY
        place = (phase, number)
        assert place not in self.sent or place in self.allowed_again, "sent twice blindly"
        self.sent.add(place)
        self.allowed_again.discard(place)
        history.intend(phase, number, attempt)
        outcome = self.draw("done", "done", "done", "unknown", "failed", "killed")
        if outcome != "killed":
            history.end(phase, number, outcome)

    def person(self) -> bool:
        """Somebody answers, lifts a hold or backs out as the gate lets them; False when nobody does anything."""
        history, standing = self.history, self.history.standing
        if standing.hold and not standing.closed:
            history.lifted()
            return True
        way_back = may_go_back(standing) and not no_return(PLAN, standing)
        if standing.question and self.patience and self.draw("again", "back-out") == "again":
            self.patience -= 1
            for phase in Phase:
                for number in range(len(PLAN.steps(phase))):
                    if standing.question_step == f"{phase} {number}":
                        self.allowed_again.add((phase, number))
            history.answered("again")
            return True
        if way_back:
            history.backing_out()
        return way_back


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_nothing_is_sent_twice_blindly_and_every_walk_ends(data: st.DataObject) -> None:
    walk = Walk(data)
    steps = 0
    while walk.one():
        steps += 1
        assert steps < MOST_STEPS
    standing = walk.history.standing
    assert standing.closed or standing.question or standing.state is State.HALTED, standing
