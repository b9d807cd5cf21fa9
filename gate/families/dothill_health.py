"""
What is wrong with an array of the Seagate/DotHill family, by the numbers it tells, where it tells both.

And what of it comes from one controller that does not serve. A line is laid to the controller only where the object it
was read from is of that controller, or where the array itself lists what makes it degraded: `show system` does so under
`unhealthy-component`, with a `component-id` each (public monitoring of MSA arrays reads both; the words `Controller B`
are from memory [M]). They only refuse: what is not laid to it stands against the array.
"""

import re
from collections.abc import Callable, Generator, Mapping
from typing import Any

from gate.evidence import Reply
from gate.families.dothill_answer import answer, number, objects, shown, word
from gate.families.family import Unreadable, plain

OK = 0
"""Of `health-numeric`: 0 OK, 1 degraded, 2 fault, 3 unknown, 4 not applicable [M for the numbers above 0]."""

WWPN = re.compile(r"[0-9a-fA-F]{16}")
IQN = re.compile(r"iqn\.[A-Za-z0-9.:-]{1,220}")
Row = dict[str, Any]
SERVES = "Operational"
REDUNDANT = "Redundant"
ONE_LEFT = "Operational but not redundant"
HEALTHS = {1: "degraded", 2: "at fault", 3: "of unknown health"}


def port_name(row: Row) -> str:
    """Return the name by which a host knows a port: `naa.` and the WWPN, or the iSCSI name."""
    name = word(row, "target-id")
    if WWPN.fullmatch(name):
        return f"naa.{name.lower()}"
    if not IQN.fullmatch(name):
        raise Unreadable("a port does not tell its WWPN or iSCSI name")
    return name


def _ill(rows: list[Row], what: str, name: str) -> list[str]:
    """Name the objects whose health is not OK; a number that nobody knows is no health."""
    found = []
    for row in rows:
        health = number(row, "health-numeric")
        if health != OK:
            reason = row.get("health-reason")
            why = f" ({shown(reason)})" if isinstance(reason, str) and reason.strip() else ""
            found.append(f"{what} {word(row, name)} is {HEALTHS.get(health, f'in health state {health}')}{why}")
    return found


def _bad_system(reply: Reply) -> list[str]:
    return _ill(objects(reply, "system"), "system", "system-name")


def _bad_controllers(reply: Reply) -> list[str]:
    rows = objects(reply, "controllers")
    return ([f"only {len(rows)} controller"] if len(rows) < 2 else []) + _ill_controllers(rows)


def _ill_controllers(rows: list[Row]) -> list[str]:
    down = [
        f"controller {word(row, 'controller-id')} is {word(row, 'status')}"
        for row in rows
        if word(row, "status") != SERVES
    ]
    return down + _ill(rows, "controller", "controller-id")


def _bad_redundancy(reply: Reply) -> list[str]:
    row = objects(reply, "redundancy", "redundancy-mode")[0]
    status = word(row, "redundancy-status")
    found = [] if status == REDUNDANT else [f"the controllers are {status}"]
    return found + [line for side in ("a", "b") for line in _ill_side(row, side)]


def _ill_side(row: Row, side: str) -> list[str]:
    state = word(row, f"controller-{side}-status")
    return [] if state == SERVES else [f"controller {side} is {state}"]


def _bad_disks(reply: Reply) -> list[str]:
    return _ill(objects(reply, "drives", "disks"), "disk", "location")


def _bad_groups(reply: Reply) -> list[str]:
    """Anything but fault tolerant and at rest is a problem [M for the words of status and job]."""
    found = []
    for row in objects(reply, "disk-groups", "virtual-disks"):
        name, status, job = word(row, "name"), word(row, "status"), row.get("current-job", "")
        if status not in ("FTOL", "UP"):
            found.append(f"disk group {name} is {status}")
        if isinstance(job, str) and job.strip():
            found.append(f"disk group {name} runs {shown(job)}")
    return found


def _bad_ports(reply: Reply) -> list[str]:
    """Name ports with a fault; one that nothing is plugged into is `Disconnected` and has none."""
    rows = objects(reply, "port", "ports")
    used = _used(rows)
    return _ill_ports(used) if used else ["no host port is up"]


def _used(rows: list[Row]) -> list[Row]:
    return [row for row in rows if word(row, "status") != "Disconnected"]


def _ill_ports(used: list[Row]) -> list[str]:
    down = [f"port {word(row, 'port')} is {word(row, 'status')}" for row in used if word(row, "status") != "Up"]
    return down + _ill(used, "port", "port")


def _bad_cache(reply: Reply) -> list[str]:
    """Name cached data that cannot be written: an update refuses while there are any [M for the counts' names]."""
    row = objects(reply, "unwritable-cache")[0]
    counts = {side: number(row, f"unwritable-{side}-percentage") for side in ("a", "b")}
    return [f"controller {side} holds {count} % of unwritable cache" for side, count in counts.items() if count]


HEALTH: Mapping[str, Callable[[Reply], list[str]]] = {
    "system": _bad_system,
    "controllers": _bad_controllers,
    "redundancy": _bad_redundancy,
    "disks": _bad_disks,
    "disk-groups": _bad_groups,
    "ports": _bad_ports,
    "cache": _bad_cache,
}


def laid_to(
    side: str, rows: list[Row], questions: Mapping[str, str]
) -> Generator[str, Reply, tuple[tuple[str, ...], tuple[str, ...]]]:
    """
    Ask what comes from one controller alone; a question is yielded, its reply sent. `rows` are the controllers.

    Return the lines, worded as the array's problems are, and the names of the controller's host ports; nothing where
    it serves by its own status or by that of the pair, where the other controller is not well too, and where an answer
    cannot be read. A controller that serves may be ill as well: its health alone says nothing of its service.
    """
    mine = [row for row in rows if word(row, "controller-id") == side]
    if len(rows) != 2 or _ill_controllers([row for row in rows if row not in mine]):
        return (), ()
    if len(mine) != 1 or word(mine[0], "status") == SERVES:
        return (), ()
    try:
        system = yield questions["system"]
        lines = _bad_system(system) if _only(answer(system), side) else []
        lines += _ill_controllers(mine)
        redundancy = objects((yield questions["redundancy"]), "redundancy", "redundancy-mode")[0]
        down = _ill_side(redundancy, side.lower())
        if word(redundancy, "redundancy-status") == REDUNDANT or not down:
            return (), ()
        if word(redundancy, "redundancy-status") == ONE_LEFT:
            lines.append(f"the controllers are {ONE_LEFT}")
        lines += down
        ports = [row for row in objects((yield questions["ports"]), "port", "ports") if row.get("controller") == side]
        lines += _ill_ports(_used(ports))
        names = tuple(dict.fromkeys(map(port_name, ports)))
    except Unreadable:
        return (), ()
    return tuple(map(plain, lines)), names


def _only(told: Row, side: str) -> bool:
    """Whether the array lists what makes its system unhealthy, and lists this one controller alone."""
    system = told.get("system")
    rows = system if isinstance(system, list) else []
    listed = [*_listed(told), *(one for row in rows if isinstance(row, dict) for one in _listed(row))]
    return [one.get("component-id") for one in listed] == [f"Controller {side}"]


def _listed(told: Row) -> list[Row]:
    """Return the components of one object; one that is none of ours stands for a component nobody knows."""
    listed = told.get("unhealthy-component", [])
    return [one if isinstance(one, dict) else {} for one in listed] if isinstance(listed, list) else [{}]
