"""What is wrong with an ONTAP cluster: nodes, quorum, takeover, aggregates, disks, alerts, interfaces."""

from collections.abc import Callable, Mapping

from gate.evidence import Reply
from gate.families.family import Unreadable
from gate.families.ontap_text import EMPTY, answer, fields, records, table


def _bad_nodes(reply: Reply) -> list[str]:
    rows = records(reply, "Node", "Health", "Eligibility")
    few = [f"only {len(rows)} node"] if len(rows) < 2 else []
    ill = [f"node {row['Node']} is not healthy" for row in rows if row["Health"] != "true"]
    return few + ill + [f"node {row['Node']} is not eligible" for row in rows if row["Eligibility"] != "true"]


def _bad_quorum(reply: Reply) -> list[str]:
    rows = table(reply, "Node", "Health", "Eligibility")
    if not rows:
        raise Unreadable("it names no node")
    return [
        f"node {row['Node']} is out of quorum"
        for row in rows
        if (row["Health"], row["Eligibility"]) != ("true", "true")
    ]


def _bad_status(reply: Reply) -> list[str]:
    rows = table(reply, "Status")
    if len(rows) != 1:
        raise Unreadable("it does not tell one status")
    return [] if rows[0]["Status"] == "ok" else [f"the system's health is {rows[0]['Status'] or 'not told'}"]


def _bad_subsystems(reply: Reply) -> list[str]:
    rows = records(reply, "Subsystem", "Health")
    if not rows:
        raise Unreadable("it names no subsystem")
    return [f"subsystem {row['Subsystem']} is {row['Health']}" for row in rows if row["Health"] != "ok"]


def _alerts(reply: Reply) -> list[str]:
    rows = records(reply, "Node", "Alert ID")
    return [f"alert {row['Alert ID']} on {row['Node']}: {row.get('Probable Cause', 'no cause told')}" for row in rows]


def _bad_failover(reply: Reply) -> list[str]:
    rows = fields(reply, "node", "possible", "state-description")
    if not rows:
        raise Unreadable("it names no node")
    return [
        f"node {row['node']} cannot be taken over: {row['state-description'] or 'no reason told'}"
        for row in rows
        if row["possible"] != "true"
    ]


def _bad_aggregates(reply: Reply) -> list[str]:
    """Name aggregates whose RAID is anything but normal [M for the fields' names]."""
    rows = fields(reply, "aggregate", "state", "raidstatus")
    if not rows:
        raise Unreadable("it names no aggregate")
    found = [
        f"aggregate {row['aggregate']} is {row['state'] or 'in no state'}" for row in rows if row["state"] != "online"
    ]
    for row in rows:
        words = [word.strip() for word in row["raidstatus"].split(",")]
        if words[-1] != "normal" or len(words) != 2:
            found.append(f"aggregate {row['aggregate']}: RAID is {row['raidstatus'] or 'not told'}")
    return found


def _none_but(what: str) -> Callable[[Reply], list[str]]:
    """Make a reader of a list that must be empty: anything in it, however it is told, is a problem."""

    def read(reply: Reply) -> list[str]:
        lines = answer(reply)
        return [] if len(lines) == 1 and lines[0] in EMPTY else [f"{what}: {lines[-1].strip()[:80]}"]

    return read


HEALTH: Mapping[str, Callable[[Reply], list[str]]] = {
    "nodes": _bad_nodes,
    "quorum": _bad_quorum,
    "health": _bad_status,
    "subsystems": _bad_subsystems,
    "alerts": _alerts,
    "failover": _bad_failover,
    "aggregates": _bad_aggregates,
    "broken": _none_but("broken disks"),
    "displaced": _none_but("interfaces off their home port"),
}
