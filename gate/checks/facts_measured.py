"""Does anything that refuses rest on somebody's word?"""

from functools import partial

from gate.checks.answer import Answer, Asked
from gate.checks.case import Case
from gate.checks.copies import Copy
from gate.checks.each import over_datasets
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


def check(case: Case) -> Finding:
    """Look for declared facts under the places that each dataset at risk relies on."""
    return over_datasets(case, CHECK, ask)


def ask(case: Case, copy: Copy) -> Asked:
    """Name what is declared of one dataset, its copy, and where the restore was rehearsed."""
    tools = case.evidence.tools
    fleet, own = case.fleet, (copy.data, copy.repository, case.evidence.scratches.get(copy.id))
    if fleet.tools_measured and all(map(fleet.measured, own)):
        return partial(_passed, copy)
    ways = (*own, *tools.values())
    places = (copy.dataset.id, copy.id, copy.protection.rehearsal_scratch, *tools)
    named = {f"the place of {name}": trace for name, trace in zip(places, ways, strict=True)}
    if unknown := [words for words, trace in named.items() if trace is None]:
        return Answer(UNKNOWN, f"nobody asked for {' and '.join(unknown)}")
    declared = [words for words, trace in named.items() if not fleet.measured(trace)]
    return Answer(FAILED, f"only declared: {', '.join(declared)}", {"declared": [*declared]})


def _passed(copy: Copy) -> Answer:
    return Answer(PASSED, "nothing that it relies on is only declared", {"protection": copy.id})
