"""Is there a way back, in exact words, before there is a way forward?"""

from gate.checks.case import Case
from gate.finding import FAILED, PASSED, UNKNOWN, Check, Finding, Weight, When

CHECK = Check(
    name="back-out-ready",
    question="Is there a back-out for this family and version, rendered in exact words for the canary?",
    meaning="Nobody writes a good back-out at three in the morning with an array down.",
    way_out="Give the playbook a back_out part, or choose a playbook that has one.",
    threshold="none",
    weight=Weight.BLOCK,
    when=When.APPROVE,
)


def check(case: Case) -> Finding:
    """Look at the sealed plan's back-out: it must act, and it must end by looking at what then runs."""
    if case.plan is None:
        because = f"no plan could be sealed: {case.no_plan}"
        return Finding(CHECK.name, UNKNOWN, because, way_out="Mend what keeps the plan from being sealed.")
    steps = case.plan.back_out
    if not any(step.mutates for step in steps):
        return Finding(CHECK.name, FAILED, f"playbook {case.plan.playbook} has no back-out that does anything")
    if steps[-1].mutates or not steps[-1].expect:
        return Finding(CHECK.name, FAILED, "the back-out does not end by looking at what runs afterwards")
    relied = {"class": case.plan.back_out_class}
    because = f"{len(steps)} steps, {case.plan.back_out_class}"
    return Finding(CHECK.name, PASSED, because, {**relied})
