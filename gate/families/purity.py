"""
The Purity command line of Pure FlashArray: questions and readers (array-clis, section 3).

Every question ends with `--csv`: titles in the first line, raw numbers below, no `3.42K`. A refusal comes on standard
error with nothing on standard output (S 16). The vendor's support loads the software, or the array itself from its own
page: nothing here changes anything. Facts marked [M] are from memory, were never seen on a real array, and never decide
alone: health is known only if every part was read and says that it is well.
"""

import csv
import re
from collections.abc import Callable, Mapping
from datetime import datetime

from gate.evidence import ArrayReading, Reply, Volume
from gate.families.family import Facts, Family, Reader, Unreadable, whole_text
from gate.families.reading import Asked

QUESTIONS: Mapping[str, str] = {
    "array": "purearray list --csv",
    "controllers": "purearray list --controller --csv",
    "hardware": "purehw list --csv",
    "drives": "puredrive list --csv",
    "ports": "pureport list --csv",
    "initiators": "pureport list --initiator --csv",
    "partners": "purearray connection list --csv",
    "alerts": "purealert list --filter \"state='open'\" --csv",
    "volumes": "purevol list --csv",
}

READ_ONLY = tuple(
    re.compile(pattern, re.ASCII)
    for pattern in (
        *(re.escape(command) for command in QUESTIONS.values()),
        r"purealert list --csv",
        r"purearray list --time( --csv)?",
        r"purearray monitor( --latency)? --csv",
        r"purenetwork fc monitor --error --csv",
        r"purehost list --all --csv",
        r"purepod replica-link list --historical 24h --lag --csv",
    )
)

MUTATING: tuple[re.Pattern[str], ...] = ()
FORBIDDEN = ((re.compile(r"^pure[a-z]+ (?!list|monitor)"), "it changes the array, and no part of an update is public"),)

ID = re.compile(r"[A-Za-z0-9-]{4,64}")
RELEASE = re.compile(r"\d{1,2}(\.\d{1,4}){2,3}", re.ASCII)
WWN = re.compile(r"([0-9A-Fa-f]{2}:?){7}[0-9A-Fa-f]{2}")
IQN = re.compile(r"(iqn|nqn)\.[A-Za-z0-9.:-]{1,220}")
PORT = re.compile(r"(CT[01])\.[A-Z]{2,4}\d{1,2}", re.ASCII)
VOLUME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,62}")
SERIAL = re.compile(r"[0-9A-Fa-f]{24}")
BYTES = re.compile(r"\d{1,18}", re.ASCII)
RATE = re.compile(r"\d{1,15}(\.\d{1,9})?", re.ASCII)
COMPANY = "624a9370"
"""How the designators of its LUNs begin: NAA 6 and Pure's IEEE company id; the volume's serial follows [M]."""

ROWS_MAX = 100_000


def table(reply: Reply, needed: tuple[str, ...], *, none: bool = False) -> list[dict[str, str]]:
    """
    Return the rows by title; Unreadable unless the array answered without an error and every needed title is there.

    `none`: titles without rows mean that there are none. Nothing at all never means that.
    """
    text = whole_text(reply)
    if refusal := reply.stderr.decode("ascii", "replace").strip():
        raise Unreadable(f"the array answered {''.join(c if c.isprintable() else ' ' for c in refusal)[:120]}")
    if reply.exit_status != 0 or not text.endswith("\n"):
        raise Unreadable(f"the answer is cut (status {reply.exit_status})")
    try:
        found = [cells for cells in csv.reader(text.splitlines(), strict=True) if cells]
    except csv.Error as error:
        raise Unreadable(f"the answer is no CSV: {error}") from None
    if not found or len(found) > ROWS_MAX:
        raise Unreadable("it has no titles" if not found else f"it has more than {ROWS_MAX} lines")
    titles = [title.strip() for title in found[0]]
    missing = [name for name in needed if titles.count(name) != 1]
    if missing:
        raise Unreadable(f"the table has not one column {', '.join(missing)}")
    if any(len(cells) != len(titles) for cells in found[1:]):
        raise Unreadable("a row has not as many values as there are titles")
    if not found[1:] and not none:
        raise Unreadable("the table is empty")
    return [dict(zip(titles, (cell.strip() for cell in cells), strict=True)) for cells in found[1:]]


def _array(reply: Reply) -> Facts:
    rows = table(reply, ("Name", "ID", "Version"))
    if len(rows) != 1:
        raise Unreadable("it tells of more than one array")
    if not ID.fullmatch(rows[0]["ID"]) or not RELEASE.fullmatch(rows[0]["Version"]):
        raise Unreadable("it does not tell its id and version")
    return {"serial": rows[0]["ID"], "name": rows[0]["Name"][:60], "version": rows[0]["Version"]}


def _controllers(reply: Reply) -> Facts:
    """Return whether both controllers are ready, and model and version where both tell the same."""
    rows = table(reply, ("Name", "Type", "Mode", "Model", "Version", "Status"))
    rows = [row for row in rows if row["Type"] == "array_controller"]
    if len(rows) != 2 or not all(RELEASE.fullmatch(row["Version"]) and row["Model"] for row in rows):
        raise Unreadable(f"it does not tell model and version of two controllers, but of {len(rows)}")
    versions, models = {row["Version"] for row in rows}, {row["Model"] for row in rows}
    ready = all(row["Status"] == "ready" for row in rows) and {row["Mode"] for row in rows} == {"primary", "secondary"}
    facts = {"ready": "yes" if ready else "no", "equal": "yes" if len(versions) == 1 else "no"}
    facts["states"] = " ".join(f"{row['Name']}={row['Status']}" for row in rows)[:120]
    facts |= {"version": versions.pop()} if len(versions) == 1 else {}
    return facts | ({"model": models.pop()[:60]} if len(models) == 1 else {})


def _alerts(reply: Reply) -> Facts:
    """Return how many alerts are open, and how many of these are more than information."""
    rows = [row for row in table(reply, ("Severity", "State"), none=True) if row["State"] == "open"]
    return {"open": str(len(rows)), "serious": str(sum(row["Severity"] != "info" for row in rows))}


def _paths(reply: Reply) -> Facts:
    """Return the initiators that are logged in, and whether each of them would survive the loss of a controller."""
    found = _logins(reply)
    names = "/" + "".join(f"{name}/" for name in sorted(found))
    return {"initiators": names, "all_twofold": "yes" if all(len(seen) == 2 for seen in found.values()) else "no"}


def _logins(reply: Reply) -> dict[str, set[str]]:
    """Return for each initiator the controllers at which it is logged in; the titles are [M]."""
    names = ("Initiator WWN", "Initiator IQN")
    found: dict[str, set[str]] = {}
    for row in table(reply, (*names, "Target"), none=True):
        told = [row[name] for name in names if row[name]]
        port = PORT.fullmatch(row["Target"])
        if len(told) != 1 or port is None or not (WWN.fullmatch(told[0]) or IQN.fullmatch(told[0])):
            raise Unreadable("a login does not name its initiator and its port")
        found.setdefault(told[0], set()).add(port.group(1))
    return found


def _links(reply: Reply) -> Facts:
    """Return whether no link counts errors; the rates are exact with `--csv` alone, and a rounded one tells nothing."""
    rows = table(reply, ("Name", "CRC Errors/s (rx)", "Link Failures/s (rx)"))
    rates = [(row["Name"], row[title]) for row in rows for title in row if "/s (" in title]
    if any(not RATE.fullmatch(rate) for _, rate in rates):
        raise Unreadable("a rate of errors is rounded or no number")
    loud = dict.fromkeys(name for name, rate in rates if float(rate) > 0)
    return {"quiet": "no" if loud else "yes", "loud": " ".join(loud)[:200]}


READERS: Mapping[str, Reader] = {
    "array": Reader(("serial", "name", "version"), _array),
    "controllers": Reader(("ready", "equal", "states", "version", "model"), _controllers),
    "alerts": Reader(("open", "serious"), _alerts),
    "paths": Reader(("initiators", "all_twofold"), _paths),
    "links": Reader(("quiet", "loud"), _links),
}


def _bad_controllers(reply: Reply) -> list[str]:
    facts = _controllers(reply)
    return [] if facts["ready"] == "yes" else [f"its controllers are not both ready ({facts['states']})"]


def _bad_hardware(reply: Reply) -> list[str]:
    """Name parts that are neither well nor empty places [M for the words but degraded, critical, unknown]."""
    rows = table(reply, ("Name", "Status"))
    return [f"{row['Name']} is {row['Status']}" for row in rows if row["Status"] not in ("ok", "not_installed")]


def _bad_drives(reply: Reply) -> list[str]:
    rows = table(reply, ("Name", "Status"))
    return [f"drive {row['Name']} is {row['Status']}" for row in rows if row["Status"] != "healthy"]


def _bad_ports(reply: Reply) -> list[str]:
    rows = table(reply, ("Name", "Failover"))
    return [f"port {row['Name']} stands in for {row['Failover']}" for row in rows if row["Failover"]]


def _bad_initiators(reply: Reply) -> list[str]:
    found = _logins(reply)
    alone = [(name, min(seen)) for name, seen in found.items() if len(seen) == 1]
    return [f"initiator {name} reaches {controller} alone" for name, controller in alone]


def _bad_partners(reply: Reply) -> list[str]:
    rows = table(reply, ("Name", "Status"), none=True)
    return [f"the link to {row['Name']} is {row['Status']}" for row in rows if row["Status"] != "connected"]


def _bad_alerts(reply: Reply) -> list[str]:
    rows = table(reply, ("Severity", "State"), none=True)
    serious = [row for row in rows if row["State"] == "open" and row["Severity"] != "info"]
    return [f"open {row['Severity']} alert {row.get('Summary') or row.get('ID') or ''}".strip() for row in serious]


HEALTH: Mapping[str, Callable[[Reply], list[str]]] = {
    "controllers": _bad_controllers,
    "hardware": _bad_hardware,
    "drives": _bad_drives,
    "ports": _bad_ports,
    "initiators": _bad_initiators,
    "partners": _bad_partners,
    "alerts": _bad_alerts,
}


def _target_ports(reply: Reply) -> list[str]:
    names = []
    for row in table(reply, ("Name", "WWN", "IQN")):
        if WWN.fullmatch(row["WWN"]):
            names.append(f"naa.{row['WWN'].replace(':', '').lower()}")
        elif IQN.fullmatch(row["IQN"]):
            names.append(row["IQN"])
        elif row["WWN"] or row["IQN"]:
            raise Unreadable(f"port {row['Name'][:30]} does not tell its WWN or iSCSI name")
    return list(dict.fromkeys(names))


def _volumes(reply: Reply) -> tuple[Volume, ...]:
    """
    Return every volume with what it was copied from, where that is still there.

    A volume of a pod may be stretched over two arrays, and the other one is not asked here: then there is no list.
    """
    rows = table(reply, ("Name", "Size", "Source", "Serial"), none=True)
    for row in rows:
        if "::" in row["Name"]:
            raise Unreadable(f"volume {row['Name'][:60]} is of a pod, which may lie on another array too")
        if not (VOLUME.fullmatch(row["Name"]) and BYTES.fullmatch(row["Size"]) and SERIAL.fullmatch(row["Serial"])):
            raise Unreadable(f"volume {row['Name'][:60]} does not tell its size in bytes and its serial")
    uids = {row["Name"]: COMPANY + row["Serial"].lower() for row in rows}
    if len(uids) != len(rows) or len(set(uids.values())) != len(rows):
        raise Unreadable("two volumes have one name or one serial")
    return tuple(
        Volume(row["Name"], row["Name"], uids[row["Name"]], int(row["Size"]), (uids[source],) if source in uids else ())
        for row in rows
        for source in (row["Source"].partition(".")[0],)  # a snapshot is called VOLUME.SUFFIX
    )


def read(array: str, replies: Mapping[str, Reply], now: datetime) -> ArrayReading:
    """
    Return who the array is and whether it is well, from the replies to QUESTIONS.

    Idle is said only of two ready controllers with one version: no question asks for an update itself.
    """
    asked = Asked(replies)
    identity = asked.read("array", _array) or {}
    told = asked.read("controllers", _controllers) or {}
    identity |= {"model": told["model"]} if "model" in told else {}
    if told.get("version") != identity.get("version"):
        asked.unknown.append("version: the array and its controllers do not tell one and the same")
        identity.pop("version", None)
    state = None
    if told:
        well = told["ready"] == "yes" and told["equal"] == "yes"
        state = "idle" if well else f"controllers {told['states']}"
    return asked.reading(
        array,
        now,
        identity,
        ports=tuple(asked.read("ports", _target_ports) or ()),
        update_state=state,
        problems=asked.problems(HEALTH),
        volumes=asked.read("volumes", _volumes),
        backends=(),  # it has disks of its own alone; it cannot keep volumes on other storage
    )


FAMILY = Family(QUESTIONS, READ_ONLY, MUTATING, FORBIDDEN, READERS, read)
