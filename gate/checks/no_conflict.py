"""Is nobody else changing these arrays or the backups relied on?"""

from gate.checks.case import Case, OtherChange, stale_place
from gate.finding import FAILED, PASSED, UNKNOWN, Check, Finding, Weight, When

CHECK = Check(
    name="no-conflict",
    question="Is no other change under way on these targets, the protections relied on, or the arrays under those?",
    meaning="Two changes at once on one failure domain can take both copies, and neither can be judged.",
    way_out="Let the other change end, or withdraw one of the two.",
    threshold="none: any overlap refuses",
    weight=Weight.BLOCK,
    when=When.START,
)


def check(case: Case) -> Finding:
    """Compare targets and protections with those of every change that has begun and not ended."""
    ours = {one.copy.id for one in case.reliances if one.copy is not None}
    clashes, doubts = [], []
    for other in case.others:
        if shared := _shared(case, ours, other):
            clashes.append(f"{other.change} ({other.state}) has {', '.join(shared)}")
        doubts += [name for name in sorted(ours | other.protections) if _arrays_under(case, name) is None]
    if clashes:
        return Finding(CHECK.name, FAILED, "; ".join(clashes))
    if doubts:
        lost = ", ".join(dict.fromkeys(doubts))
        return Finding(CHECK.name, UNKNOWN, f"it is not known on which array {lost} lies; a change may be there")
    return Finding(CHECK.name, PASSED, "no other change is under way on the targets or the protections")


def _shared(case: Case, ours: set[str], other: OtherChange) -> list[str]:
    """One change may not take the data while another takes the array under its backup, whichever is whose."""
    targets, others = case.targets, case.inventory.carried(other.targets)
    shared = sorted(others & targets) + sorted(other.protections & ours)
    for protections, touched in ((ours, others), (other.protections, targets)):
        for name in sorted(protections):
            shared += [
                f"{array}, on which {name} lies" for array in sorted((_arrays_under(case, name) or set()) & touched)
            ]
    return shared


def _arrays_under(case: Case, protection: str) -> frozenset[str] | None:
    """Return the arrays on which a repository lies now; None when that is not wholly known."""
    trace = case.evidence.repositories.get(protection)
    place = case.map.locate(trace)
    return None if trace is None or not place.known or stale_place(case, trace, place) else place.arrays
