"""
What comes next? A pure function of plan, standing and now.

Whatever drives a change loads its history, asks here, does the one thing, appends, and asks again. So a kill at
any point loses nothing, and recovery is not a special path: an intent without an outcome is answered with a look
(promise 7).
"""

from datetime import datetime, timedelta

from gate.attendance import Word
from gate.change import Phase, Plan
from gate.engine.actions import Act, Action, Ask, Baseline, Close, Halt, Judge, Look, ProbeRound, Prove, Question, Wait
from gate.engine.waiting import at_hand, awaited, both_said, to_prove
from gate.finding import Outcome
from gate.judgement import ZERO_TOLERANCE
from gate.standing import MOVING, SOAK, Mark, Standing, State
from gate.step import Step

MOST_ATTEMPTS = 3
"""How often a step that is safe to repeat is sent without a person being asked (our choice)."""

BASELINE = 0
"""Round of the probes before the change."""


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
        return _back(plan, standing, now)
    if standing.state is State.COMMITTING:
        return _walk(plan, standing, Phase.COMMIT, now) or Close(State.HELD)
    lacking = tuple(name for name in (plan.canary, plan.control) if not _has_baseline(standing, name))
    if lacking and standing.mark(Phase.FORWARD, 0) is None:
        return Wait(f"on hold: {standing.hold}") if standing.hold else Baseline(lacking)
    return _walk(plan, standing, Phase.FORWARD, now) or _soak(plan, standing, now)


def _back(plan: Plan, standing: Standing, now: datetime) -> Action:
    """Nothing goes back while something may still begin, or goes on, at the array; a person may say otherwise."""
    return (
        _in_flight(plan, standing, now)
        or _somebody_at_it(plan, standing)
        or _under_way(plan, standing)
        or _walk(plan, standing, Phase.BACK_OUT, now)
        or _proof(plan, standing)
        or Close(State.BACKED_OUT)
    )


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
        return Look(mark.phase, mark.number, step)
    return None


def _somebody_at_it(plan: Plan, standing: Standing) -> Look | Question | None:
    """What is done by hand ends when people say so: no array tells that somebody types at it."""
    found = at_hand(plan, standing)
    if found is None:
        return None
    (phase, number, step), mark = found
    if mark.again or both_said(mark):
        return Look(phase, number, step)
    opened = f"{phase} step {step.id} was opened to be done by hand, and nobody has said how it ended"
    said = "Say again once nobody is at it, and the array is asked; or back out at once, whoever may be at it"
    return Question(f"{opened}: somebody may be at the array. {said}.", f"{phase} {number}")


def _under_way(plan: Plan, standing: Standing) -> Ask | Question | None:
    """What was begun goes on at the array: it ends, or is known to have failed, before anything goes back."""
    found = awaited(plan, standing)
    if found is None:
        return None
    (phase, number, step), mark = found
    if mark is None or mark.again or mark.outcome != "unknown":
        return Ask(phase, number, step)
    goes_on = f"what was begun may go on at the array ({phase} step {step.id}: {mark.because})"
    return Question(f"{goes_on}. Wait for its end (again), or back out without waiting?", f"{phase} {number}")


def _proof(plan: Plan, standing: Standing) -> Prove | Question | None:
    place = to_prove(plan, standing)
    if place is None:
        return None
    phase, number, step = place
    mark = standing.mark(phase, number)
    if mark is None or mark.again or not mark.looked:
        return Prove(phase, number, step)
    return Question(f"the canary cannot be called taken back: {mark.because}. Look again?", f"{phase} {number}")


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
            return _failed(phase, number, step, mark)
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


def _failed(phase: Phase, number: int, step: Step, mark: Mark) -> Action:
    """An array that says no to a command may have begun it all the same: what it shows decides, not an exit status."""
    if step.mutates and not mark.looked:
        return Look(phase, number, step)
    doubt = "; whether it was begun is not known" if step.mutates and mark.looked != "not_begun" else ""
    if phase is Phase.FORWARD:
        return Halt(f"{phase} step {step.id} failed: {mark.because}{doubt}")
    return Question(f"{phase} step {step.id}: {mark.because or 'it failed'}{doubt}", f"{phase} {number}")


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
    phases = (Phase.BACK_OUT,) if standing.state is State.BACKING_OUT else Phase
    for phase in phases:
        for number, step in enumerate(plan.steps(phase)):
            mark = standing.mark(phase, number)
            if step.attended and mark is not None and not mark.settled and not both_said(mark):
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
    if not mark.attempt:
        return Question(f"{phase} step {step.id} was not sent: {mark.because}. Look again?", f"{phase} {number}")
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
