"""
Which designator a logical unit of a Hitachi array has: made of the name of any of its ports, its serial and the number.

The rule is the maker's own, in its public collection for Ansible (class NAIDCalculator of hitachivantara.vspone_block,
version 4): NAA 6 and the company id, the lower half of a port's WWN with the port's own digits cleared, the serial
under a mark of the model, and the number of the unit. A public decoding of designators of USP, VSP and AMS arrays
(backup-evidence, source 16) has the same form. Two things guard it against a wrong guess: all ports must agree, and a
VSP's ports carry the serial themselves. A designator that is wrong all the same is that of no LUN that a host sees.
"""

import re
from collections.abc import Collection, Mapping

from gate.families.family import Unreadable

WWN = re.compile(r"50060e80([0-9a-f]{8})")
LAST = 0xFFFF
AMS_PORT, VSP_PORT = 0xFFFFFFF0, 0xFFFFFF00
FIVE = 100_000
E_SERIES = {4: 0x5040, 7: 0x5070}
"""The mark of a VSP E by the first of its six digits."""

MARKS: Mapping[str, int | None] = {
    "R7": 0x0000,
    "M7": 0x5020,
    "M700": 0x5020,
    "R8": 0x0030,
    "M8S": 0x5040,
    "M8M": 0x5040,
    "M8H": 0x5040,
    "M850S1": 0x5040,
    "M850S2": 0x5040,
    "M850M3": 0x5040,
    "M850H": 0x5040,
    "M850S1F": 0x5040,
    "M850S2F": 0x5040,
    "M850M3F": 0x5040,
    "M850HF": 0x5040,
    "R9F": 0x0050,
    "R9G": 0x0050,
    "RH10HG": 0x0050,
    "RH10HF": 0x0050,
    "M9S": None,
    "M9M": None,
    "RH10MHF": None,
}
"""What stands above the serial, by the word with which CCI names the model (V_ID); None: by the serial's own digit."""

WHOLE = frozenset({"R7", "R8", "R9F", "R9G", "RH10HG", "RH10HF"})
"""Models whose serial stands there as it is; of the others its last five digits."""


def _root(ports: Collection[str], mask: int) -> int:
    found = [WWN.fullmatch(port.lower()) for port in ports]
    roots = {int(match.group(1), 16) & mask for match in found if match}
    if None in found or len(roots) != 1:
        raise Unreadable(f"the names of its {len(found)} ports are not of one array")
    return roots.pop()


def _named(root: int, number: int, unit: int) -> str:
    if not 0 <= unit <= LAST:
        raise Unreadable(f"unit {unit} is beyond every number that there is")
    return f"60060e80{root:08x}{number:08x}0000{unit:04x}"


def of_ams(ports: Collection[str], serial: str, unit: int) -> str:
    """Return the designator of one unit of an AMS or HUS 100; Unreadable where its ports do not tell one array."""
    return _named(_root(ports, AMS_PORT), int(serial), unit)


def of_vsp(ports: Collection[str], serial: str, model: str, unit: int) -> str:
    """Return the designator of one LDEV of a VSP; Unreadable for a model whose mark is not public, or other's ports."""
    if model not in MARKS:
        raise Unreadable(f"how LUNs of a {model[:20] or 'model that it does not tell'} are named is not public")
    root, number = _root(ports, VSP_PORT), int(serial)
    mark = MARKS[model]
    if mark is None:
        mark = E_SERIES.get(number // FIVE, 0x5060)
    number = number if model in WHOLE else number % FIVE
    if number > 0xFFFFF or root >> 8 & 0xFFFF != number & 0xFFFF:
        raise Unreadable(f"its ports do not carry its serial {serial} in their names")
    return _named(root, number | mark << 16, unit)
