"""There is a way back in exact words before there is a way forward."""

from gate.checks import back_out_ready
from gate.finding import Finding, Outcome
from gate.step import Step
from tests.cases import case, plan, step

LOOK = step("look", expect=(("version", ("8.6.0.3",)),))


def answer(*steps: Step) -> Finding:
    return back_out_ready.check(case(plan=plan(back_out=steps)))


def test_a_back_out_that_acts_and_then_looks_passes_by_its_class() -> None:
    finding = answer(step("abort", mutates=True), LOOK)
    assert (finding.outcome, finding.because) == (Outcome.PASSED, "2 steps, abort")
    assert finding.relied_on == {"class": "abort"}


def test_no_plan_is_unknown_with_the_reason() -> None:
    finding = back_out_ready.check(case(plan=None, no_plan="no target can be the canary"))
    assert finding.outcome is Outcome.UNKNOWN
    assert finding.because == "no plan could be sealed: no target can be the canary"


def test_a_back_out_without_steps_or_that_only_looks_fails() -> None:
    for finding in (answer(), answer(LOOK)):
        assert finding.outcome is Outcome.FAILED
        assert "has no back-out that does anything" in finding.because


def test_it_is_the_last_step_that_has_to_look() -> None:
    act = step("abort", mutates=True)
    assert answer(act, LOOK, act).outcome is Outcome.FAILED
    assert answer(act, act, LOOK).outcome is Outcome.PASSED


def test_a_back_out_that_ends_by_acting_or_by_looking_for_nothing_fails() -> None:
    for steps in ((step("abort", mutates=True),), (step("abort", mutates=True), step("look"))):
        finding = answer(*steps)
        assert finding.outcome is Outcome.FAILED
        assert "does not end by looking" in finding.because
    acting = step("abort", mutates=True, expect=(("version", ("8.6.0.3",)),))
    assert answer(acting).outcome is Outcome.FAILED
