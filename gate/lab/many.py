"""A fleet of as many arrays of one family as are wanted: an inventory for a lab, and for a gate that asks them."""

import json

from gate.errors import BadInput
from gate.inventory import BEHIND_A_HOST, SWITCHES, ArrayFamily
from gate.lab.dialects import DIALECTS
from gate.lab.identity import Identity

PER_NETWORK = 200
MOST = 5000
BLOCKS = 64
"""Of scratch on each, so that hundreds of them fit into memory."""

CRITICALITIES = ("low", "medium", "high", "critical")


def fleet(family: ArrayFamily, count: int, network: str) -> str:
    """
    Return the section `inventory` of a configuration, in YAML, a line for each array.

    `network` is three numbers of a loopback network (127.77.1); two hundred arrays share one, and the next ones follow
    it. BadInput for a family that the lab does not speak, or a count that does not fit.
    """
    if family not in DIALECTS:
        raise BadInput(f"the lab does not speak {family}", hint=f"it speaks {', '.join(sorted(DIALECTS))}")
    first, second, third = (int(part) for part in network.split("."))
    if not 0 < count <= min(MOST, (255 - third) * PER_NETWORK):
        raise BadInput(f"{count} arrays do not fit behind {network}", hint=f"one to {MOST}; begin at a lower network")
    lines = ["inventory:", "  sites: [hall]", "  arrays:"]
    for number in range(count):
        place = f"{first}.{second}.{third + number // PER_NETWORK}.{11 + number % PER_NETWORK}"
        lines.append(f"    - {json.dumps(_array(family, number, place))}")
    return "\n".join(lines) + "\n"


def _array(family: ArrayFamily, number: int, place: str) -> dict[str, object]:
    dialect, name = DIALECTS[family], f"array-{number + 1:04}"
    serial = f"0000030000{number + 1:06d}"[-dialect.serial_digits :]
    target = dialect.target_name.format(id=name)
    uid = Identity(serial, "", "", "", dialect.company).naa(9).hex()
    scratch = {"portal": place, "port": 3260, "target": target, "lun": 9, "blocks": BLOCKS, "uid": uid}
    model, site = dialect.usual_model, "hall"
    made: dict[str, object] = {"id": name, "site": site, "family": family.value, "model": model, "serial": serial}
    made |= {"criticality": CRITICALITIES[number % len(CRITICALITIES)], "ssh": {"host": place, "port": 2222}}
    if family in BEHIND_A_HOST:
        made["unit"] = str(number + 1) if family is ArrayFamily.HITACHI_VSP else name  # an instance is a number
    if family in SWITCHES:  # the arrays behind them are not in this fleet, so there is no scratch over them either
        return made | {"plane": {"fabrics": [f"fabric-{'ab'[number % 2]}"]}}
    return made | ({"upload": {"host": place, "port": 2223}} if dialect.takes_sftp else {}) | {"scratch": scratch}
