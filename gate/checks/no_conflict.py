"""Is nobody else changing these arrays or the backups relied on?"""

from gate.checks.case import Case, at_risk
from gate.finding import Check, Finding, Outcome, Weight, When

CHECK = Check(
    name="no-conflict",
    question="Is no other change under way on these targets or on the protections relied on?",
    meaning="Two changes at once on one failure domain can take both copies, and neither can be judged.",
    way_out="Let the other change end, or withdraw one of the two.",
    threshold="none: any overlap refuses",
    weight=Weight.BLOCK,
    when=When.START,
)


def check(case: Case) -> Finding:
    """Compare targets and protections with those of every change that has begun and not ended."""
    protections = {reliance.protection.id for reliance in at_risk(case) if reliance.protection is not None}
    clashes = []
    for other in case.others:
        shared = sorted(other.targets & set(case.request.targets)) + sorted(other.protections & protections)
        if shared:
            clashes.append(f"{other.change} ({other.state}) has {', '.join(shared)}")
    if clashes:
        return Finding(CHECK.name, Outcome.FAILED, "; ".join(clashes))
    return Finding(CHECK.name, Outcome.PASSED, "no other change is under way on the targets or the protections")
