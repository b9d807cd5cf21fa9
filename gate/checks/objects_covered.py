"""Is every volume on every target somebody's, and protected?"""

from gate.canonical import Json
from gate.checks.answer import Answer
from gate.checks.case import Case, stale
from gate.checks.each import joined
from gate.coverage import coverage
from gate.finding import FAILED, PASSED, UNKNOWN, Check, Finding, Weight, When
from gate.sentence import by_number, every, several

CHECK = Check(
    name="objects-covered",
    question="Has every volume on every target an owner and a protection, or somebody who answers for its having none?",
    meaning="A volume that nobody names is restored by nobody, and missed only when it is gone.",
    way_out="Declare the dataset and its protection, or under `unprotected` who says that the volume needs none.",
    threshold="none: one volume that nothing explains refuses, and so does an array that does not list its volumes",
    weight=Weight.BLOCK,
    when=When.APPROVE,
    waivable=True,
)

NAMED = 5
"""Gaps of one array that are named in the sentence; all of them are on the array's page."""


def check(case: Case) -> Finding:
    """Explain every volume of each target."""
    return joined(CHECK, {name: _ask(case, name) for name in case.request.targets})


def _ask(case: Case, name: str) -> Answer:
    found, reading = coverage(name, case.evidence, case.inventory, case.fleet.uses), case.evidence.arrays.get(name)
    raw = reading.raw if reading else ()
    if found.rows is None or reading is None:
        return Answer(UNKNOWN, found.because, evidence=raw)
    if found.gaps:
        named = "; ".join(f"{row.volume.name} ({row.because})" for row in found.gaps[:NAMED])
        more = f" and {len(found.gaps) - NAMED} more" if len(found.gaps) > NAMED else ""
        uids: list[Json] = [*sorted(row.volume.uid for row in found.gaps)]
        few = f"{len(found.gaps)} of {several(len(found.rows), 'volume')} {by_number(len(found.gaps), 'is', 'are')}"
        because = f"{few} explained by nothing: {named}{more}"
        return Answer(FAILED, because, {"gaps": uids}, raw)
    if old := stale(case, reading.at):
        return Answer(UNKNOWN, old, evidence=raw)
    count = len(found.rows)
    because = f"{every(count, 'volume')} {by_number(count, 'is', 'are')} explained"
    return Answer(PASSED, because, {}, raw, reading.at + case.policy.evidence_max_age)
