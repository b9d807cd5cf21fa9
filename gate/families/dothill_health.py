"""What is wrong with an array of the Seagate/DotHill family, by the numbers it tells, where it tells both."""

from collections.abc import Callable, Mapping
from typing import Any

from gate.evidence import Reply
from gate.families.dothill_answer import number, objects, shown, word

OK = 0
"""Of `health-numeric`: 0 OK, 1 degraded, 2 fault, 3 unknown, 4 not applicable [M for the numbers above 0]."""

HEALTHS = {1: "degraded", 2: "at fault", 3: "of unknown health"}


def _ill(rows: list[dict[str, Any]], what: str, name: str) -> list[str]:
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
    few = [f"only {len(rows)} controller"] if len(rows) < 2 else []
    down = [
        f"controller {word(row, 'controller-id')} is {word(row, 'status')}"
        for row in rows
        if word(row, "status") != "Operational"
    ]
    return few + down + _ill(rows, "controller", "controller-id")


def _bad_redundancy(reply: Reply) -> list[str]:
    row = objects(reply, "redundancy", "redundancy-mode")[0]
    status = word(row, "redundancy-status")
    found = [] if status == "Redundant" else [f"the controllers are {status}"]
    for side in ("a", "b"):
        state = word(row, f"controller-{side}-status")
        if state != "Operational":
            found.append(f"controller {side} is {state}")
    return found


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
    used = [row for row in rows if word(row, "status") != "Disconnected"]
    down = [f"port {word(row, 'port')} is {word(row, 'status')}" for row in used if word(row, "status") != "Up"]
    return down + (_ill(used, "port", "port") if used else ["no host port is up"])


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
