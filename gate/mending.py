"""
Is all that is wrong with an array what one replacement mends, and nothing beside it?

King's College London, 2016, began with a controller that had failed. Such an array is not well, and a gate that only
knows well arrays is gone round on exactly that day. So the requester names the failed part, and the array must say so
itself: of exactly this part, by place, part number and serial, with a partner that serves; and each of its other
troubles must be one that the array lays to that part (`Part.troubles`, by the family's own tables). Whatever is left
over refuses, and so does a part that serves.
"""

from collections import Counter

from gate.change import Replacement
from gate.evidence import ArrayReading, Part, PartsReading
from gate.finding import FAILED, PASSED, UNKNOWN, Outcome


def mends(asked: Replacement, reading: ArrayReading, told: PartsReading | None) -> tuple[Outcome, str]:
    """Say whether the replacement of a failed part mends all that is wrong with the array, and why not."""
    if told is None or told.parts is None:
        return UNKNOWN, f"it does not tell its parts: {told.problem if told else 'nobody asked it'}"
    where = f"{asked.what} {asked.slot} of enclosure {asked.enclosure}"
    part = told.in_place(asked.what, asked.enclosure, asked.slot)
    if part is None:
        return FAILED, f"it has no {where}"
    if wrong := _another(asked, part):
        return wrong
    if part.well:
        return FAILED, f"the change calls {where} failed, and it serves ({part.state})"
    if ill := [f"{one.what} {one.slot} of enclosure {one.enclosure} is {one.state}" for one in _others(told, part)]:
        return FAILED, f"beside the failed {where}: {', '.join(ill)}"
    return _whole(where, part, reading)


def _another(asked: Replacement, part: Part) -> tuple[Outcome, str] | None:
    if part.part is None or part.serial is None:
        return UNKNOWN, "it does not tell part number and serial of the part that is called failed"
    if (part.part, part.serial) != (asked.old.part, asked.old.serial):
        return FAILED, f"what has failed is part {part.part}, serial {part.serial}, not the part that the change names"
    return None


def _others(told: PartsReading, part: Part) -> list[Part]:
    return [one for one in told.parts or () if one is not part and not one.well]


def _whole(where: str, part: Part, reading: ArrayReading) -> tuple[Outcome, str]:
    """Compare the troubles of the array with those that it lays to the part, line by line and as often as told."""
    if reading.problems is None:
        return UNKNOWN, "its health is not known"
    if not reading.problems:
        return UNKNOWN, f"it calls itself well, and {where} {part.state}"
    found, laid = Counter(reading.problems), Counter(part.troubles)
    if beside := list((found - laid).elements()):
        return FAILED, f"beside the failed {where}: {', '.join(beside)}"
    if since := list((laid - found).elements()):
        return UNKNOWN, f"it did not tell the same twice: {', '.join(since)}"
    return PASSED, f"nothing is wrong with it but the failed {where}: {', '.join(reading.problems)}"
