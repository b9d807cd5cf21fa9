"""What a replacement is sealed as: the part, its place, and the partner it has to match, as the array told them."""

from gate.change import Replacement, Swap
from gate.evidence import Evidence


def swap(asked: Replacement, evidence: Evidence, array: str) -> Swap | str:
    """Return the replacement with its partner; a sentence why there is none."""
    reading = evidence.parts.get(array)
    if reading is None or reading.parts is None:
        return f"{array} does not tell its parts: {reading.problem if reading else 'nobody asked it'}"
    part = reading.in_place(asked.what, asked.enclosure, asked.slot)
    partner = reading.partner(part) if part is not None else None
    if part is None or partner is None:
        return f"{array} lists no {asked.what} {asked.slot} with one partner in enclosure {asked.enclosure}"
    return Swap(
        what=asked.what.value,
        enclosure=asked.enclosure,
        slot=asked.slot,
        place=part.place,
        old_part=asked.old.part,
        old_serial=asked.old.serial,
        part=asked.new.part,
        serial=asked.new.serial,
        firmware=asked.new.firmware,
        paper=asked.new.paper,
        partner_slot=partner.slot,
        partner_place=partner.place,
        partner_part=partner.part or "",
        partner_serial=partner.serial or "",
        partner_firmware=partner.firmware or "",
        failed=asked.failed,
        ports=part.ports if asked.failed else (),
    )


def slots(part: Swap) -> dict[str, str]:
    """Return what a playbook can fill in of it."""
    return {
        "enclosure": part.enclosure,
        "slot": part.slot,
        "place": part.place,
        "partner_slot": part.partner_slot,
        "partner_place": part.partner_place,
        "old_part": part.old_part,
        "old_serial": part.old_serial,
        "new_part": part.part,
        "new_serial": part.serial,
        "new_firmware": part.firmware,
        "partner_serial": part.partner_serial,
    }
