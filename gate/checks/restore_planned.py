"""Is it written down, and was it tried, how the data would come back?"""

from datetime import timedelta

from gate.canonical import Json
from gate.change import RestorePlan
from gate.checks.answer import Answer, tell
from gate.checks.backup_rehearsed import ask as backup_rehearsed
from gate.checks.case import Case, Reliance
from gate.checks.copies import Copy
from gate.checks.each import DECLARE, NO_DATASET, UNPROTECTED, joined
from gate.checks.rehearsal_in_time import time_of
from gate.finding import FAILED, PASSED, UNKNOWN, Check, Finding, Weight, When, first
from gate.sentence import span

CHECK = Check(
    name="restore-planned",
    question="Does the change carry a restore plan: every dataset at risk, in order, rehearsed, each in its time?",
    meaning="In 2009 the data came back in order of priority, after the restoration plan itself had been validated.",
    way_out="Write restore_plan into the change: tiers with their rto, most missed first, and the tools they need.",
    threshold="each tier's own rto against the rehearsal's time; rehearsals as backup-rehearsed wants them",
    weight=Weight.BLOCK,
    when=When.APPROVE,
    waivable=True,
)


def check(case: Case) -> Finding:
    """Hold the plan against what is at risk, what was rehearsed, and which tools there are."""
    plan = case.request.restore_plan
    if plan is None:
        return Finding(CHECK.name, FAILED, "the change has no restore plan")
    if not case.reliances:
        return Finding(CHECK.name, UNKNOWN, NO_DATASET, way_out=DECLARE)
    at_risk = {reliance.dataset.id: reliance for reliance in case.reliances}
    answers = {name: _dataset(case, plan, reliance) for name, reliance in at_risk.items()}
    answers |= {item: Answer(FAILED, "it is not at risk in this change") for item in _strange(plan, at_risk)}
    answers |= {tool: _tool(case, tool) for tool in plan.tools}
    return joined(CHECK, answers)


def _strange(plan: RestorePlan, at_risk: dict[str, Reliance]) -> list[str]:
    """Return the items of the plan that name nothing that is at risk."""
    found = []
    for item in (item for tier in plan.tiers for item in tier.items):
        dataset, _, table = item.partition("/")
        reliance = at_risk.get(dataset)
        if reliance is None or (table and table not in reliance.dataset.tables):
            found.append(item)
    return found


def _dataset(case: Case, plan: RestorePlan, reliance: Reliance) -> Answer:
    dataset = reliance.dataset
    tiers = [
        (tier, item)
        for tier in plan.tiers
        for item in tier.items
        if item == dataset.id or item.startswith(f"{dataset.id}/")
    ]
    named = {item.partition("/")[2] for _, item in tiers}
    missed = [] if "" in named else [table for table in dataset.tables if table not in named]
    if not tiers or missed:
        what = f"its {', '.join(missed)}" if tiers else "it"
        return Answer(FAILED, f"{what} is in no tier of the restore plan")
    if reliance.copy is None:
        return UNPROTECTED
    rehearsed = tell(backup_rehearsed(case, reliance.copy))
    if rehearsed.outcome is not PASSED:
        return Answer(rehearsed.outcome, f"its restore is not rehearsed: {rehearsed.because}", {}, rehearsed.evidence)
    return _in_time(reliance.copy, min(tier.rto for tier, _ in tiers), rehearsed)


def _in_time(copy: Copy, rto: timedelta, rehearsed: Answer) -> Answer:
    """A dataset is restored as one: the rehearsal's time counts against its earliest tier."""
    record = copy.rehearsal
    took = None if isinstance(record, Answer) else time_of(record)
    if took is None:
        return Answer(UNKNOWN, "its rehearsal does not tell how long a restore takes", {}, rehearsed.evidence)
    because = f"usable after {span(took)}, its tier allows {span(rto)}"
    outcome = FAILED if took > rto else PASSED
    relied: dict[str, Json] = {"protection": copy.id, "rto_s": int(rto.total_seconds())}
    return Answer(outcome, because, {**relied}, rehearsed.evidence, first(rehearsed.until))


def _tool(case: Case, name: str) -> Answer:
    if name not in {tool.id for tool in case.inventory.recovery_tools}:
        return Answer(FAILED, "the inventory has no such recovery tool")
    place = case.map.locate(case.evidence.tools.get(name))
    if place.arrays & case.targets:
        return Answer(FAILED, "it lies on an array that this change itself touches")
    if not place.known:
        return Answer(UNKNOWN, place.because)
    return Answer(PASSED, "it lies off the targets", {"place": place.identities})
