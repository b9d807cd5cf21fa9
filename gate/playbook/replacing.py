"""
What a playbook that replaces a part must hold, whatever its family.

The part in the slot is compared before it is touched. After it was put in, and before anything else is done, the array
is asked whether it is the planned one and carries the planned firmware: a playbook that leaves that out is none.
"""

from collections.abc import Iterator

from gate.change import Kind
from gate.playbook.written import Expected, Playbook, PlaybookStep, SlotName, listed
from gate.tree import Path

OF_PARTS: tuple[SlotName, ...] = (
    *("enclosure", "slot", "place", "partner_slot", "partner_place", "partner_serial"),
    *("old_part", "old_serial", "new_part", "new_serial", "new_firmware"),
)
"""Slots that only a replacement fills."""

OF_IMAGES: tuple[SlotName, ...] = ("image", "version", "image_server", "kickstart")
"""Slots that only an image fills."""


def problems(playbook: Playbook) -> Iterator[tuple[Path, str]]:
    """Find what a playbook lacks, or has too much, for its kind; each with its place."""
    foreign = OF_IMAGES if playbook.kind is Kind.HARDWARE else OF_PARTS
    for name in playbook.slots:
        if name in foreign:
            yield ("slots", name), f"a change of {playbook.kind} does not fill this slot"
    if playbook.kind is not Kind.HARDWARE:
        if "replaces" in playbook.model_fields_set:
            yield ("replaces",), f"a change of {playbook.kind} replaces no part"
        return
    for key, _, steps in playbook.phases():
        for number, step in enumerate(steps):
            if step.send is not None:
                yield (key, number, "send"), "no image goes with a part"
    yield from _forward(playbook.steps)
    if not any(_put(step, "{old_serial}") for step in playbook.back_out):
        yield ("back_out",), "no step by hand puts the old part back: its look says done by {old_serial}"


def _forward(steps: tuple[PlaybookStep, ...]) -> Iterator[tuple[Path, str]]:
    swaps = [number for number, step in enumerate(steps) if _put(step, "{new_serial}")]
    if not swaps:
        yield ("steps",), "no step by hand puts the new part in: its look says done by {new_serial}"
        return
    first = next(number for number, step in enumerate(steps) if step.mutates)
    before = steps[:first]
    for slot in ("{old_serial}", "{partner_serial}", "{new_firmware}"):
        if not any(_asks(step, slot) for step in before):
            yield ("steps",), f"nothing before the first change expects {slot}: is it the right part, and its partner?"
    after = next((number for number in range(swaps[0] + 1, len(steps)) if steps[number].mutates), len(steps))
    for slot in ("{new_part}", "{new_firmware}"):
        if not any(_asks(step, slot) for step in steps[swaps[0] + 1 : after]):
            yield ("steps", swaps[0]), f"the next steps do not ask for {slot} before anything else is done"


def _put(step: PlaybookStep, slot: str) -> bool:
    return step.attended is not None and step.look is not None and _names(step.look.done, slot)


def _asks(step: PlaybookStep, slot: str) -> bool:
    return step.ask is not None and _names(step.expect, slot)


def _names(condition: Expected, slot: str) -> bool:
    return any(values and all(slot in value for value in values) for values in map(listed, condition.values()))
