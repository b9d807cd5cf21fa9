"""
What comes next? A pure function of plan, standing and now.

Whatever drives a change loads its history, asks here, does the one thing, appends, and asks again. So a kill at
any point loses nothing, and recovery is not a special path: an intent without an outcome is answered with a look
(promise 7).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from gate.attendance import Word
from gate.change import Phase, Plan
from gate.finding import Outcome
from gate.judgement import ZERO_TOLERANCE
from gate.standing import MOVING, SOAK, Mark, Standing, State
from gate.step import Step

MOST_ATTEMPTS = 3
"""How often a step that is safe to repeat is sent without a person being asked (our choice)."""

BASELINE = 0
"""Round of the probes before the change."""


@dataclass(frozen=True)
class Wait:
    """Nothing to do before `until`; None when only a person or another entry changes that."""

    because: str
    until: datetime | None = None


@dataclass(frozen=True)
class Baseline:
    """Write known-answer data and time reads on these arrays before anything is changed."""

    arrays: tuple[str, ...]


@dataclass(frozen=True)
class Ask:
    """Run one asking step."""

    phase: Phase
    number: int
    step: Step


@dataclass(frozen=True)
class Act:
    """
    Run one mutating step: permit, intent, act, result.

    `look_first`: it may already be as wanted. `repeats`: it was sent before, and nobody but the array has said that it
    was not begun; so it must say so again right before.
    """

    phase: Phase
    number: int
    step: Step
    attempt: int
    look_first: bool
    repeats: bool = False


@dataclass(frozen=True)
class Look:
    """An intent has no known outcome: ask the array before anything else."""

    phase: Phase
    number: int
    step: Step


@dataclass(frozen=True)
class ProbeRound:
    """Probe canary and control."""

    number: int


@dataclass(frozen=True)
class Judge:
    """All rounds are there, or the canary has failed one."""

    rounds: int


@dataclass(frozen=True)
class Question:
    """Only a person may decide how it goes on."""

    question: str
    step: str


@dataclass(frozen=True)
class Halt:
    """Stop where it is; a person backs out or leaves it."""

    because: str


@dataclass(frozen=True)
class Close:
    """The change has come to its end."""

    outcome: str


Action = Wait | Baseline | Ask | Act | Look | ProbeRound | Judge | Question | Halt | Close


def rounds_due(plan: Plan, standing: Standing) -> int:
    """Return how many rounds of probes the soak has: soak over interval, at least one; again as many an extension."""
    soak, interval = _seconds(plan, "soak_s"), _seconds(plan, "probe_interval_s")
    return max(1, soak // interval) * (1 + standing.extensions)


def next_action(plan: Plan, standing: Standing, now: datetime) -> Action:
    """Return the next action of a change whose stage has begun."""
    if standing.closed:
        return Wait("the change has ended")
    if standing.state is State.BACKED_OUT:
        return Close(State.BACKED_OUT)
    if standing.question:
        return Wait(f"a person is asked: {standing.question}")
    if standing.state not in MOVING:
        return Wait(f"the change is {standing.state}")
    if standing.state is State.BACKING_OUT:
        return _in_flight(plan, standing, now) or _walk(plan, standing, Phase.BACK_OUT, now) or Close(State.BACKED_OUT)
    if standing.state is State.COMMITTING:
        return _walk(plan, standing, Phase.COMMIT, now) or Close(State.HELD)
    lacking = tuple(name for name in (plan.canary, plan.control) if not _has_baseline(standing, name))
    if lacking and standing.mark(Phase.FORWARD, 0) is None:
        return Wait(f"on hold: {standing.hold}") if standing.hold else Baseline(lacking)
    return _walk(plan, standing, Phase.FORWARD, now) or _soak(plan, standing, now)


def _in_flight(plan: Plan, standing: Standing, now: datetime) -> Wait | Look | None:
    """
    What an earlier intent sent may be on its way until its `act_before`, and may lie with the array after it.

    So before anything goes back the array is looked at, until it shows that the step was begun, or long enough that it
    was not: it would else be begun after the canary was called taken back, with nobody watching.
    """
    for mark in standing.marks.values():
        step = plan.steps(mark.phase)[mark.number]
        if mark.phase is Phase.BACK_OUT or step.attended or not step.mutates or mark.settled or mark.looked:
            continue
        if not mark.outcome and mark.act_before is not None and now < mark.act_before:
            return Wait("a step sent before may still be on its way", mark.act_before)
        if mark.outcome in ("", "unknown"):
            return Look(mark.phase, mark.number, step)
    return None


def _has_baseline(standing: Standing, array: str) -> bool:
    points = standing.latencies.get(array)
    return array in standing.known_answers and points is not None and bool(points.before)


def _walk(plan: Plan, standing: Standing, phase: Phase, now: datetime) -> Action | None:
    """Return the action for the first step of the phase that is not settled; None when all are."""
    steps = plan.steps(phase)
    for number, step in enumerate(steps):
        mark = standing.mark(phase, number)
        if mark is not None and mark.settled:
            continue
        if mark is not None and mark.outcome == "failed" and not mark.again:
            if phase is Phase.FORWARD:
                return Halt(f"{phase} step {step.id} failed: {mark.because}")
            return _stuck(phase, number, step, mark)
        if mark is not None and step.attended:
            return _attend(step, phase, number, mark)
        if mark is not None and step.mutates and not mark.again:
            return _reconcile(standing, steps, phase, number, mark, now)
        if standing.hold and not _within_block(standing, steps, phase, number):
            return Wait(f"on hold: {standing.hold}")
        if not step.mutates:
            if mark is not None and mark.outcome == "unknown" and not mark.again:
                return _stuck(phase, number, step, mark)
            return Ask(phase, number, step)
        attempt, look_first = mark.attempt + 1 if mark else 1, mark is not None or phase is not Phase.FORWARD
        return Act(phase, number, step, attempt, look_first)
    return None


def _attend(step: Step, phase: Phase, number: int, mark: Mark) -> Action:
    """A person does it by hand: two words, then the array itself is asked."""
    lacking = [word for word in Word if word not in mark.confirmed]
    if lacking:
        said = " and ".join(f"that it is {word}" for word in lacking)
        return Wait(f"{step.id} is done by hand: somebody has to confirm {said}")
    if not mark.looked or mark.again:
        return Look(phase, number, step)
    people = " and ".join(one.statement.person for one in mark.confirmed.values())
    question = f"{phase} step {step.id} was confirmed by {people}, and the array does not show it: {mark.because}"
    return Question(f"{question}. Look again?", f"{phase} {number}")


def by_hand(plan: Plan, standing: Standing) -> tuple[Phase, int, Step] | None:
    """Return the step that people are doing by hand now, if there is one whose two words are not there yet."""
    if standing.state not in MOVING:
        return None
    for phase in Phase:
        for number, step in enumerate(plan.steps(phase)):
            mark = standing.mark(phase, number)
            if step.attended and mark is not None and not mark.settled and set(mark.confirmed) != set(Word):
                return phase, number, step
    return None


def _stuck(phase: Phase, number: int, step: Step, mark: Mark) -> Question:
    return Question(f"{phase} step {step.id}: {mark.because or 'its outcome is not known'}", f"{phase} {number}")


def _reconcile(
    standing: Standing, steps: tuple[Step, ...], phase: Phase, number: int, mark: Mark, now: datetime
) -> Action:
    """A mutating step has begun and is not known to be done: look, then repeat only what may be repeated."""
    step = steps[number]
    if not mark.looked:
        if not mark.outcome and mark.act_before is not None and now < mark.act_before:
            return Wait(f"{step.id} was begun and has not ended", mark.act_before)
        return Look(phase, number, step)
    safe = step.again == "safe" and not mark.prompted and mark.attempt < MOST_ATTEMPTS
    if mark.looked == "not_begun" and safe:
        if standing.hold and not _within_block(standing, steps, phase, number):
            return Wait(f"on hold: {standing.hold}")
        return Act(phase, number, step, mark.attempt + 1, look_first=True, repeats=True)
    found = "it was not begun" if mark.looked == "not_begun" else f"its outcome is not known: {mark.because}"
    if mark.prompted:
        found = f"{mark.because}; {found.partition(':')[0]}"
    sent = "was sent" if mark.attempt == 1 else f"was sent {mark.attempt} times"
    return Question(f"{phase} step {step.id} {sent} and {found}. May it be sent again?", f"{phase} {number}")


def _within_block(standing: Standing, steps: tuple[Step, ...], phase: Phase, number: int) -> bool:
    """A run of `finish_first` steps that has begun is ended before a hold takes effect."""
    before = standing.mark(phase, number - 1)
    return number > 0 and steps[number].finish_first and steps[number - 1].finish_first and before is not None


def _soak(plan: Plan, standing: Standing, now: datetime) -> Action:
    if standing.stopped:
        return Wait(f"on hold: {standing.hold}")
    if standing.judgement == "failed":
        return Halt("the canary failed: " + "; ".join(standing.judged_because))
    if standing.judgement == "inconclusive":
        because = "; ".join(standing.judged_because)
        return Question(f"the judgement is inconclusive: {because}. Watch for another soak, or back out?", SOAK)
    last = standing.mark(Phase.FORWARD, len(plan.forward) - 1)
    begun = last.at if last is not None and last.at is not None else now
    rounds = rounds_due(plan, standing)
    done = _rounds_done(plan, standing)
    if done >= rounds or _canary_broke(plan, standing):
        return Judge(done)
    # From the last round on: after an extension or a pause of the gate, rounds never follow each other at once.
    due = max(begun, standing.probed_at or begun) + timedelta(seconds=_seconds(plan, "probe_interval_s"))
    return ProbeRound(done + 1) if now >= due else Wait(f"soak: round {done + 1} of {rounds} is due", due)


def _rounds_done(plan: Plan, standing: Standing) -> int:
    answered = {(probe.array, probe.name, probe.round) for probe in standing.probes}
    done = 0
    while all((array, name, done + 1) in answered for array in (plan.canary, plan.control) for name in ZERO_TOLERANCE):
        done += 1
    return done


def _canary_broke(plan: Plan, standing: Standing) -> bool:
    return any(
        probe.array == plan.canary and probe.round > BASELINE and probe.outcome is Outcome.FAILED
        for probe in standing.probes
    )


def _seconds(plan: Plan, name: str) -> int:
    return max(1, plan.thresholds[name])
