"""Does the vendor's own look before an update hold anything against this one?"""

from collections.abc import Iterable

from gate.canonical import Json
from gate.change import Plan
from gate.checks.case import Case, stale
from gate.evidence import Prechecked
from gate.finding import Check, Finding, Outcome, Weight, When, worst
from gate.policy import Seat
from gate.sentence import several
from gate.step import Step

CHECK = Check(
    name="vendor-precheck",
    question="Does the vendor's own precheck, asked of every target for this version, hold nothing against the update?",
    meaning="The vendor knows faults that no health command shows: versions that do not follow one another, parts that "
    "will not come back. There is no way to ignore what it says; what it only warns of, a person reads and signs for.",
    way_out="Mend what it names on the array, then check the change again.",
    threshold="policy.evidence_max_age; where the vendor offers none, or it only warns, storage signs for it",
    weight=Weight.BLOCK,
    when=When.APPROVE,
    seat=Seat.STORAGE,
)

READ = "Read what it says besides; whoever signs for storage answers for going on."
NONE = "Ask the vendor's support for its own precheck of this version; whoever signs for storage answers for it."


def check(case: Case) -> Finding:
    """Judge what each target's look said; those that need the image on the array must stand in the plan."""
    outcomes: list[Outcome] = []
    sentences: list[str] = []
    ways: list[str] = []
    raw: list[str] = []
    relied: dict[str, Json] = {}
    remarks: list[str] = []
    for name in case.request.targets:
        told = case.evidence.prechecks.get(name)
        outcome, because, way_out = _judge(case, told)
        outcomes.append(outcome)
        if outcome is not Outcome.PASSED:
            sentences.append(f"{name}: {because}")
            ways.append(way_out)
        if told is not None:
            rests: dict[str, Json] = {"offered": told.offered, "version": told.version}
            rests["playbook"] = told.playbook_sha256
            if told.remarks:
                rests["remarks"] = list(told.remarks)
                remarks += [f"{name}: {remark}" for remark in told.remarks]
            relied[name] = rests
            raw += told.raw
    known = [case.evidence.prechecks.get(name) for name in case.request.targets]
    because = "; ".join(sentences) or _well([told for told in known if told is not None])
    if outcomes and all(told is not None and not told.offered for told in known):
        return Finding(CHECK.name, Outcome.UNKNOWN, because, relied, tuple(raw), NONE, Weight.SIGN)
    if remarks and worst(outcomes) is Outcome.PASSED:
        said = f"nothing is held against it, and a person must read what is said besides: {'; '.join(remarks)}"
        return Finding(CHECK.name, Outcome.UNKNOWN, said, relied, tuple(raw), READ, Weight.SIGN)
    way = " ".join(dict.fromkeys(way for way in ways if way))
    return Finding(CHECK.name, worst(outcomes), because, relied, tuple(raw), way)


def _judge(case: Case, told: Prechecked | None) -> tuple[Outcome, str, str]:
    if told is None:
        return Outcome.UNKNOWN, "it was not asked", ""
    if not told.offered:
        return Outcome.UNKNOWN, "the vendor tells of no precheck that can be asked", NONE
    if told.found:
        return Outcome.FAILED, ", ".join(told.found), ""
    if told.unknown:
        return Outcome.UNKNOWN, ", ".join(told.unknown), told.way_out
    if case.request.image is None or told.version != case.request.image.version:
        return Outcome.UNKNOWN, f"it was asked for version {told.version}", ""
    if old := stale(case, told.at):
        return Outcome.UNKNOWN, old, ""
    if not told.held and not told.staged:
        return Outcome.UNKNOWN, "it asked nothing", ""
    if case.plan is not None and told.array == case.plan.canary and (left := _left_out(case.plan, told.staged)):
        because = f"the plan does not ask {left} between putting the image on the array and applying it"
        return Outcome.FAILED, because, "Give the playbook that question before the step that applies the image."
    if told.staged and case.plan is None:
        return (
            Outcome.UNKNOWN,
            f"no plan could be sealed: {case.no_plan}",
            "Mend what keeps the plan from being sealed.",
        )
    return Outcome.PASSED, "", ""


def _left_out(plan: Plan, staged: Iterable[Step]) -> str:
    """Return the first question that the plan does not ask, as strictly, before it applies anything; else empty."""
    before = []
    for step in plan.forward:
        if step.mutates and not step.send and step.again != "safe":
            break
        before.append(step)
    else:
        before = []  # nothing is applied at all: then nothing was asked before it
    asked = {(one.command, one.reader, one.expect) for one in before if not one.mutates and not one.until}
    return next((f'"{one.command}"' for one in staged if (one.command, one.reader, one.expect) not in asked), "")


def _well(told: list[Prechecked]) -> str:
    held = ", ".join(dict.fromkeys(line for one in told for line in one.held)) or "it holds nothing against it"
    staged = [f'"{step.command}"' for one in told for step in one.staged]
    later = f"; the plan asks {staged[0]} once the image is on the array" if staged else ""
    return f"{several(len(told), 'array')}: {held}{later}"
