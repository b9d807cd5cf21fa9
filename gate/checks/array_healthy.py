"""Is every target well, idle, and the array it is said to be?"""

from gate.canonical import Json
from gate.change import Replacement
from gate.checks.case import Case, stale
from gate.evidence import ArrayReading
from gate.finding import FAILED, PASSED, UNKNOWN, Check, Finding, Outcome, Weight, When, worst
from gate.mending import mends
from gate.sentence import by_number, several

CHECK = Check(
    name="array-healthy",
    question="Is every target well: all controllers, all paths, no rebuild, no update going on, the right serial?",
    meaning="An update takes redundancy away for a while. An array that has lost some already may lose the rest.",
    way_out="Repair the array and let rebuilds finish, then check the change again. A controller that has failed is "
    "replaced by a hardware change that names it as failed (part.failed), when nothing else is wrong.",
    threshold="none: any problem refuses, but for those that the array lays to the failed part which is replaced",
    weight=Weight.BLOCK,
    when=When.APPROVE,
)


def check(case: Case) -> Finding:
    """Judge each target's reading."""
    outcomes: list[Outcome] = []
    sentences: list[str] = []
    raw: list[str] = []
    identities: dict[str, Json] = {}
    for name in case.request.targets:
        outcome, because = _ask(case, name)
        outcomes.append(outcome)
        reading = case.evidence.arrays.get(name)
        if reading is not None:
            identities[name] = {"serial": reading.serial, "version": reading.version, **_mended(case, reading)}
            raw.extend(reading.raw)
        if because:
            sentences.append(f"{name}: {because}")
    count = len(outcomes)
    well = f"{several(count, 'array')} {by_number(count, 'is', 'are')} well and idle"
    because = "; ".join(sentences) or well
    return Finding(CHECK.name, worst(outcomes), because, identities, tuple(raw))


def _ask(case: Case, name: str) -> tuple[Outcome, str]:
    reading = case.evidence.arrays.get(name)
    if not case.inventory.has_array(name):
        return FAILED, "it is not in the inventory"
    array = case.inventory.array(name)
    if reading is None:
        return UNKNOWN, "it was not asked"
    if reading.serial is not None and reading.serial != array.serial:
        return FAILED, f"it answers with serial {reading.serial}, the inventory says {array.serial}"
    failed = case.request.part if case.request.part is not None and case.request.part.failed else None
    if reading.problems and failed is None:
        return FAILED, ", ".join(reading.problems)
    unread = reading.unknown or tuple(
        f"its {what} is not known"
        for what, value in (
            ("serial", reading.serial),
            ("model", reading.model),
            ("version", reading.version),
            ("update state", reading.update_state),
            ("health", reading.problems),
        )
        if value is None
    )
    if unread:
        return UNKNOWN, ", ".join(unread)
    if old := stale(case, reading.at):
        return UNKNOWN, old
    if reading.update_state != "idle":
        return FAILED, f"an update is going on ({reading.update_state})"
    if reading.model != array.model:
        return FAILED, f"it is a {reading.model}, the inventory says {array.model}"
    return (PASSED, "") if failed is None else _mends(case, name, reading, failed)


def _mends(case: Case, name: str, reading: ArrayReading, failed: Replacement) -> tuple[Outcome, str]:
    told = case.evidence.parts.get(name)
    if told is not None and (old := stale(case, told.at)):
        return UNKNOWN, old
    return mends(failed, reading, told)


def _mended(case: Case, reading: ArrayReading) -> dict[str, Json]:
    """What people sign for besides: the very troubles that the array has now. Others void their approvals."""
    failed = case.request.part is not None and case.request.part.failed
    return {"mends": tuple(sorted(reading.problems or ()))} if failed else {}
