"""
May what a permit was made for be sent now, by the keyholder itself? Decided from the entries that were followed.

A permit that leaves is used before anybody can say for what. One that stays here is used only once its intent is on
record: then nothing is done to such an array that no entry tells of, whoever has the serving process.
"""

from collections.abc import Sequence
from datetime import datetime

from gate.change import Phase
from gate.ledger.entry import Entry
from gate.lifecycle import fold


def began(entries: Sequence[Entry], serial: str, phase: Phase, number: int, now: datetime) -> datetime | str:
    """Return until when the step may be sent, as its intent says; or the sentence why it may not."""
    try:
        standing = fold(entries)
    except ValueError as problem:
        return str(problem)
    if standing.stopped:
        return f"it was stopped by {standing.stopped}"
    issued = next((one.seq for one in reversed(entries) if one.kind == "permit.issued"), None)
    named = next((one.seq for one in entries if one.kind == "permit.issued" and one.data["serial"] == serial), None)
    if named is None or named != issued:
        return "no entry names this permit, or a later one does"
    intents = [one for one in entries if one.kind == "step.intended" and one.seq is not None and one.seq > named]
    mark = standing.mark(phase, number)
    if len(intents) != 1 or mark is None or mark.at != intents[0].time or mark.act_before is None:
        return f"no intent of {phase} step {number} is on record under this permit"
    if mark.outcome or mark.looked:
        return f"{phase} step {number} has ended already, as its entries say"
    return mark.act_before if now < mark.act_before else "the time to act, as its intent says, is over"
