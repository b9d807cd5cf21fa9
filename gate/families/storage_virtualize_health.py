"""
What is wrong with a Storage Virtualize system, and what of it the system lays to one canister that does not serve.

A canister that is lost takes more with it than its own line: its enclosure counts one less and is degraded, and every
host is. Such a line is laid to the canister only where a table of the system says so: the row of the node; a row of its
enclosure in which nothing else is missing; a host of which every port is logged in to each node that is left; an alert
about that node. That a lost node keeps its row with its place, and that alerts about it are of type `node` with its id,
are from memory [M]. They only refuse: what is not laid to it stands against the array.

A module of a shelf takes paths of drives with it. To it are laid the row of its shelf, likewise, and the drives in that
shelf that are `degraded`: so IBM's command reference (`lsdrive`) calls a drive that is "available but not through all
drive ports". Shelves behind it on the chain lose that side too (IBM, "Understanding system volume dependencies"); what
they tell is laid to nobody, and neither is an alert.
"""

from collections.abc import Callable, Generator, Mapping

from gate.evidence import Reply
from gate.families.family import Unreadable, plain
from gate.families.storage_virtualize_tables import answer, table

NODES = "lsnodecanister -delim !"
ENCLOSURES = "lsenclosure -delim !"
DRIVES = "lsdrive -delim !"
HOSTS = "lshost -delim !"
EVENTS = "lseventlog -alert yes -message no -monitoring no -fixed no -expired no -order severity -delim !"

GONE = ("offline", "service")
"""Words for a node that does not serve; `pending`, `flushing`, `adding` and the rest are on their way somewhere [M]."""

MOST_HOSTS = 60
"""Hosts that are asked about one by one (our choice); of more with lost paths none is laid to a canister."""

COUNTED = frozenset(("canisters", "PSUs", "fan_modules", "sems"))
"""What `lsenclosure` counts; older code leaves out SEMs, and before that fans (public monitoring; [M] for which)."""

Row = Mapping[str, str]


def _ill_node(row: Row) -> list[str]:
    return [] if row["status"] == "online" else [f"node {row['name']} is {row['status']}"]


def _ill_enclosure(row: Row) -> list[str]:
    found = [] if row["status"] == "online" else [f"enclosure {row['id']} is {row['status']}"]
    for part in ("canisters", "PSUs"):
        total, online = row[f"total_{part}"], row[f"online_{part}"]
        if not (total.isdecimal() and online.isdecimal()):
            raise Unreadable(f"enclosure {row['id']} does not count its {part}")
        if int(online) != int(total) or int(total) == 0:
            found.append(f"enclosure {row['id']} has {online} of {total} {part} online")
    return found


def _ill_host(row: Row) -> list[str]:
    return [] if row["status"] == "online" else [f"paths of host {row['name']}: {row['status']}"]


def _alert(row: Row) -> str:
    return f"unfixed alert {row['sequence_number']}: {row['description']}"


def _nodes(reply: Reply) -> list[dict[str, str]]:
    return table(reply, ("name", "status"))


def _enclosures(reply: Reply) -> list[dict[str, str]]:
    return table(reply, ("id", "status", "total_canisters", "online_canisters", "total_PSUs", "online_PSUs"))


def _events(reply: Reply) -> list[dict[str, str]]:
    return table(reply, ("sequence_number", "description"), empty_means_none=True)


def _bad_nodes(reply: Reply) -> list[str]:
    rows = _nodes(reply)
    few = [f"only {len(rows)} controller node"] if len(rows) < 2 else []
    return few + [line for row in rows for line in _ill_node(row)]


def _bad_enclosures(reply: Reply) -> list[str]:
    return [line for row in _enclosures(reply) for line in _ill_enclosure(row)]


def _bad_raid(reply: Reply) -> list[str]:
    rows = table(reply, ("mdisk_name", "status", "raid_status"))
    return [
        f"RAID array {row['mdisk_name']}: {row['status']}, {row['raid_status']}"
        for row in rows
        if (row["status"], row["raid_status"]) != ("online", "online")
    ]


def _bad_rebuild(reply: Reply) -> list[str]:
    rows = table(reply, ("mdisk_name", "task", "progress"), empty_means_none=True)
    return [f"RAID array {row['mdisk_name']}: {row['task']} at {row['progress']} %" for row in rows]


def _ill_drive(row: Row) -> list[str]:
    return [] if row["status"] == "online" else [f"drive {row['id']} is {row['status']}"]


def _bad_drives(reply: Reply) -> list[str]:
    return [line for row in table(reply, ("id", "status")) for line in _ill_drive(row)]


def _bad_volumes(reply: Reply) -> list[str]:
    rows = table(reply, ("name", "status"))
    return [f"volume {row['name']} is {row['status']}" for row in rows if row["status"] != "online"]


def _bad_hosts(reply: Reply) -> list[str]:
    return [line for row in table(reply, ("name", "status")) for line in _ill_host(row)]


def _bad_events(reply: Reply) -> list[str]:
    return [_alert(row) for row in _events(reply)]


OF_PARTS_AND_PATHS: Mapping[str, Callable[[Reply], list[str]]] = {
    "nodes": _bad_nodes,
    "enclosures": _bad_enclosures,
    "raid": _bad_raid,
    "rebuild": _bad_rebuild,
    "drives": _bad_drives,
    "hosts": _bad_hosts,
    "events": _bad_events,
}
"""Question → what is wrong by its answer; what the update adds is in storage_virtualize.py."""

WELL: Mapping[str, Callable[[Reply], list[str]]] = {
    "enclosures": _bad_enclosures,
    "drives": _bad_drives,
    "raid": _bad_raid,
    "volumes": _bad_volumes,
}
"""What a playbook waits for in one table of the system; volumes are degraded too while a node is away [M]."""


def laid_to(node: Row, nodes: list[dict[str, str]]) -> Generator[str, Reply, tuple[str, ...]]:
    """
    Ask what comes from this node alone; a question is yielded, its reply sent.

    Return the lines, worded as the system's problems are; () where it serves, where another one is lost too, and where
    the answers cannot be read.
    """
    lost = [row for row in nodes if row["status"] != "online"]
    if lost != [node] or node["status"] not in GONE:
        return ()
    try:
        lines = _ill_node(node)
        lines += _of_enclosure(_enclosures((yield ENCLOSURES)), node["enclosure_id"])
        degraded = [row for row in table((yield HOSTS), ("id", "name", "status")) if row["status"] == "degraded"]
        for row in degraded if len(degraded) <= MOST_HOSTS else ():
            if row["id"].isdecimal() and _logged_in((yield f"lshost -delim ! {int(row['id'])}"), len(nodes) - 1):
                lines += _ill_host(row)
        lines += [_alert(row) for row in _events((yield EVENTS)) if _about(row, node)]
    except (ValueError, KeyError):
        return ()
    return tuple(map(plain, lines))


def laid_to_module(enclosure: str) -> Generator[str, Reply, tuple[str, ...]]:
    """
    Ask what comes from the one module of a shelf that is offline; a question is yielded, its reply sent.

    A degraded drive in that shelf has one path left, which is not through that module: the other is explained by it.
    Whether anything else took it shows when the new module is in, and every path must be back.
    """
    try:
        lines = _of_enclosure(_enclosures((yield ENCLOSURES)), enclosure)
        rows = table((yield DRIVES), ("id", "status", "enclosure_id"))
        lines += [
            line
            for row in rows
            if (row["enclosure_id"], row["status"]) == (enclosure, "degraded")
            for line in _ill_drive(row)
        ]
    except (ValueError, KeyError):
        return ()
    return tuple(map(plain, lines))


def _of_enclosure(rows: list[dict[str, str]], enclosure: str) -> list[str]:
    """
    Return the lines of an enclosure when it lacks one canister and, of all that it counts, nothing else.

    Nothing where the table leaves out what else degrades an enclosure: one word for both faults hides the second.
    """
    found = [row for row in rows if row["id"] == enclosure]
    if len(found) != 1 or found[0]["status"] not in ("online", "degraded"):
        return []
    row = found[0]
    counted = {name.removeprefix("total_"): row[name] for name in row if name.startswith("total_")}
    if not counted.keys() >= COUNTED:
        return []
    missing = {part: int(total) - int(row[f"online_{part}"]) for part, total in counted.items()}
    return _ill_enclosure(row) if {part: count for part, count in missing.items() if count} == {"canisters": 1} else []


def _logged_in(reply: Reply, nodes: int) -> bool:
    """Whether every port of a host is logged in to as many nodes as there are left."""
    counts = [line.partition("!")[2] for line in answer(reply).splitlines() if line.startswith("node_logged_in_count!")]
    return bool(counts) and all(count.strip() == str(nodes) for count in counts)


def _about(row: Row, node: Row) -> bool:
    return (row.get("object_type"), row.get("object_id")) == ("node", node["id"])
