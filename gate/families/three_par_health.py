"""
Whether a 3PAR is well: nodes, power, disks, ports, the hosts' paths, and what its own check found.

Its health is known only if every one of these was read. The array reverts an update by itself when hosts do not come
back (S 20e), so a host that reaches one node alone, or none, is no host to begin with.
"""

import re
from collections.abc import Callable, Mapping

from gate.evidence import Reply
from gate.families.family import Unreadable
from gate.families.three_par_tables import RULE, lines_of, table

PLACE = re.compile(r"(\d{1,2}):\d{1,2}:\d{1,2}")
SUMMARY = re.compile(r"([A-Za-z][A-Za-z0-9_]{0,30})\s+(\S.{0,200}?)\s+(\d{1,6})", re.ASCII)
HEALTHY = "System is healthy"
"""How the health check ends when it found nothing [M]."""

OTHER_NAMES = {"Ptner": "Partner", "FState": "FailoverState"}
"""Titles of `showport` in older releases (S 7)."""


def issues(reply: Reply) -> list[tuple[str, str, int]]:
    """Return component, description and count of each line of the summary; [] only where it says that all is well."""
    lines = [line for line in lines_of(reply) if not re.fullmatch(r"\s*Checking \S.*", line)]
    if [line.strip().rstrip(".") for line in lines] == [HEALTHY]:
        return []
    if not lines or not re.fullmatch(r"Component\s.*Summary.*\sQty", lines[0].strip()):
        raise Unreadable("the health check neither lists what it found nor says that it found nothing")
    at = next((number for number, line in enumerate(lines) if RULE.fullmatch(line.strip())), None)
    total = re.fullmatch(r"\s*(\d{1,6}) total\s+(\d{1,6})", lines[at + 1]) if at and at + 1 < len(lines) else None
    found = [SUMMARY.fullmatch(line.strip()) for line in lines[1:at]]
    told = [(one.group(1), one.group(2), int(one.group(3))) for one in found if one]
    if total is None or len(told) != len(found):
        raise Unreadable("the summary of the health check stops before its end")
    if (len(told), sum(count for _, _, count in told)) != (int(total.group(1)), int(total.group(2))) or not told:
        raise Unreadable("the summary of the health check counts other findings than it shows")
    return told


def nodes_of_hosts(reply: Reply) -> dict[str, set[str]]:
    """Return for each host the nodes on which one of its initiators is logged in."""
    found: dict[str, set[str]] = {}
    for row in table(reply, ("Id", "Name", "Port"), ends=True):
        nodes = found.setdefault(row["Name"][:60], set())
        place = PLACE.fullmatch(row["Port"])
        if place:
            nodes.add(place.group(1))
        elif row["Port"].strip("-"):
            raise Unreadable(f"host {row['Name'][:60]} is logged in at what is no port")
    return found


def ports(reply: Reply) -> list[dict[str, str]]:
    """Return the rows of `showport`, whichever release titled them."""
    needed = ("N:S:P", "Mode", "State", "Port_WWN/HW_Addr", "Type", "Protocol", "FailoverState")
    return table(reply, needed, ends=True, other_names=OTHER_NAMES)


def _bad_nodes(reply: Reply) -> list[str]:
    rows = table(reply, ("Node", "State"), ends=False)
    few = [f"only {len(rows)} controller node"] if len(rows) < 2 else []
    return few + [f"node {row['Node']} is {row['State']}" for row in rows if row["State"] != "OK"]


def _bad_power(reply: Reply) -> list[str]:
    wanted = ("ACState", "DCState", "PSState")
    return [
        f"power supply {row['PS']} of node {row['Node']}: {state[:2]} is {row[state]}"
        for row in table(reply, ("Node", "PS", *wanted), ends=False)
        for state in wanted
        if row[state] != "OK"
    ]


def _bad_disks(reply: Reply) -> list[str]:
    rows = table(reply, ("Id", "State"), ends=True)
    return [f"disk {row['Id']} is {row['State']}" for row in rows if row["State"] != "normal"]


def _bad_ports(reply: Reply) -> list[str]:
    """Name ports that are not ready or stand in for another; a `free` one has nothing plugged in."""
    rows = [row for row in ports(reply) if row["Type"] != "free"]
    found = [f"port {row['N:S:P']} is {row['State']}" for row in rows if row["State"] != "ready"]
    found += [
        f"port {row['N:S:P']}: {row['FailoverState']}" for row in rows if row["FailoverState"] not in ("none", "-")
    ]
    return found if rows else ["no port is in use"]


def _bad_hosts(reply: Reply) -> list[str]:
    found = []
    for host, nodes in nodes_of_hosts(reply).items():
        if not nodes:
            found.append(f"host {host} has no path")
        elif len(nodes) == 1:
            found.append(f"host {host} reaches node {min(nodes)} alone")
    return found


def _bad_health(reply: Reply) -> list[str]:
    return [f"{component}: {said} ({count})" for component, said, count in issues(reply)]


HEALTH: Mapping[str, Callable[[Reply], list[str]]] = {
    "nodes": _bad_nodes,
    "power": _bad_power,
    "disks": _bad_disks,
    "ports": _bad_ports,
    "hosts": _bad_hosts,
    "health": _bad_health,
}
