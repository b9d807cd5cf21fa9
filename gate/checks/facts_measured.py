"""Does anything that refuses rest on somebody's word?"""

from gate.checks.answer import Answer
from gate.checks.case import Case
from gate.checks.copies import Copy
from gate.checks.each import over_datasets
from gate.evidence import Provenance, Trace
from gate.finding import FAILED, PASSED, UNKNOWN, Check, Finding, Weight, When
from gate.policy import Seat

CHECK = Check(
    name="facts-measured",
    question="Is every fact that could have refused measured, or told by a tool, and none only declared?",
    meaning="What only the inventory says is somebody's word. It may be right; a second person should say so.",
    way_out="Find a way to measure it, or let the storage seat sign for what is declared.",
    threshold="none: one declared fact among those relied on is named",
    weight=Weight.SIGN,
    when=When.APPROVE,
    source="EV-03",
    seat=Seat.STORAGE,
)

DECLARED = Provenance.DECLARED


def check(case: Case) -> Finding:
    """Look for declared facts under the places that each dataset at risk relies on."""
    return over_datasets(case, CHECK, ask)


def ask(case: Case, copy: Copy) -> Answer:
    """Name what is declared of one dataset, its copy, and where the restore was rehearsed."""
    ways = {
        f"the place of {copy.dataset.id}": copy.data,
        f"the place of {copy.id}": copy.repository,
        f"the place of {copy.protection.rehearsal_scratch}": case.evidence.scratches.get(copy.id),
    }
    ways |= {f"the place of {name}": trace for name, trace in case.evidence.tools.items()}
    declared = [words for words, trace in ways.items() if _declared(case, trace)]
    if unknown := [words for words, trace in ways.items() if trace is None]:
        return Answer(UNKNOWN, f"nobody asked for {' and '.join(unknown)}")
    if declared:
        because = f"only declared: {', '.join(declared)}"
        return Answer(FAILED, because, {"declared": [*declared]})
    return Answer(PASSED, "nothing that it relies on is only declared", {"protection": copy.id})


def _declared(case: Case, trace: Trace | None) -> bool:
    if trace is None:
        return False
    words = any(hop.provenance is DECLARED for hop in trace.hops)
    return words or any(not element.counts for element in case.map.locate(trace).elements)
