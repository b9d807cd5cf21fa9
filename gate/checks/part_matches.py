"""
Does the part that goes in match the partner it will work with, and does the part that is taken out sit in its place?

King's College London, 2016: a controller was replaced, its firmware was not the partner's, and the array was lost.
"""

from collections.abc import Iterator

from gate.canonical import Json
from gate.change import Replacement
from gate.checks.case import Case, stale
from gate.evidence import Part, PartsReading
from gate.finding import Check, Finding, Outcome, Weight, When

CHECK = Check(
    name="part-matches",
    question="Are part number and firmware of the new part those of its partner, as the array itself tells them now?",
    meaning="Two controllers that do not match can take a whole array down, on the day one of them was to be mended.",
    way_out="Get a part like the partner, brought to its firmware; correct the change; mend what hangs on one path.",
    threshold="none: both are equal or they are not",
    weight=Weight.BLOCK,
    when=When.APPROVE,
)

SHOWN = 5
"""Volumes that are named in one sentence."""


def check(case: Case) -> Finding:
    """Compare the change with what each target lists; what it does not tell is unknown."""
    asked = case.request.part
    if asked is None:
        return Finding(CHECK.name, Outcome.FAILED, "the change names no part")
    for name in case.request.targets:
        reading = case.evidence.parts.get(name)
        if reading is None or reading.parts is None:
            problem = reading.problem if reading else "nobody asked it"
            return Finding(CHECK.name, Outcome.UNKNOWN, f"{name} does not tell its parts: {problem}")
        outcome, because = _compare(case, asked, reading)
        if outcome is not Outcome.PASSED:
            return Finding(CHECK.name, outcome, f"{name}: {because}", evidence=reading.raw)
    relied: dict[str, Json] = {
        "old": asked.old.serial,
        "new": asked.new.serial,
        "part": asked.new.part,
        "firmware": asked.new.firmware,
    }
    said = f"part {asked.new.part} with firmware {asked.new.firmware} is what the partner is and carries"
    raw = tuple(digest for name in case.request.targets for digest in case.evidence.parts[name].raw)
    return Finding(CHECK.name, Outcome.PASSED, said, relied, raw)


def _compare(case: Case, asked: Replacement, reading: PartsReading) -> tuple[Outcome, str]:
    if old := stale(case, reading.at):
        return Outcome.UNKNOWN, old
    where = f"{asked.what} {asked.slot} of enclosure {asked.enclosure}"
    part = reading.in_place(asked.what, asked.enclosure, asked.slot)
    if part is None:
        return Outcome.FAILED, f"it has no {where}"
    partner = reading.partner(part)
    if partner is None:
        return Outcome.FAILED, f"{where} has not exactly one partner in its enclosure: nothing serves meanwhile"
    wrong = list(_wrong(asked, where, part, partner, reading))
    if wrong:
        return Outcome.FAILED, "; ".join(wrong)
    unknown = [what for what, value in _told(part, partner) if value is None]
    return (Outcome.UNKNOWN, f"it does not tell {' and '.join(unknown)}") if unknown else (Outcome.PASSED, "")


def _told(part: Part, partner: Part) -> tuple[tuple[str, str | None], ...]:
    beside = f"of {partner.what} {partner.slot}"
    return (
        (f"the part number of {part.what} {part.slot}", part.part),
        (f"the serial of {part.what} {part.slot}", part.serial),
        (f"the part number {beside}", partner.part),
        (f"the serial {beside}", partner.serial),
        (f"the firmware {beside}", partner.firmware),
        (f"what depends on {part.what} {part.slot}", None if part.holds is None else "told"),
    )


def _wrong(asked: Replacement, where: str, part: Part, partner: Part, reading: PartsReading) -> Iterator[str]:
    """Say what differs, of that which is told."""
    if (told := (part.part, part.serial)) != (asked.old.part, asked.old.serial) and None not in told:
        yield f"in {where} sits part {told[0]}, serial {told[1]}, not {asked.old.part}, serial {asked.old.serial}"
    if partner.part not in (None, asked.new.part):
        yield f"its partner {partner.slot} is part {partner.part}, the new one is {asked.new.part}"
    if partner.firmware not in (None, asked.new.firmware):
        yield f"its partner {partner.slot} carries firmware {partner.firmware}, the new one {asked.new.firmware}"
    if not partner.well:
        yield f"its partner {partner.slot} does not serve ({partner.state}): with the old part gone nothing would"
    if part.holds:
        more = f" and {len(part.holds) - SHOWN} more" if len(part.holds) > SHOWN else ""
        yield f"without {where} volumes go offline: {', '.join(part.holds[:SHOWN])}{more}"
    if any(one.serial == asked.new.serial for one in reading.parts or ()):
        yield f"serial {asked.new.serial} is in it already"
