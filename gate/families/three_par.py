"""
The InForm command line of HPE 3PAR, Primera and Alletra 9000: questions and readers (array-clis, section 4).

The array's software itself is not loaded here: the service processor does that, node by node, and checks the hosts'
connections around every node. So nearly all of it is questions. Their exit status says nothing; what is not wholly
understood is unreadable. Facts marked [M] are from memory, were never seen on a real array, and never decide alone:
health is known only if every part was read and says that it is well.
"""

import re
from collections.abc import Mapping
from datetime import datetime

from gate.evidence import ArrayReading, Reply
from gate.families.family import REMARKS, REMARKS_MAX, Facts, Family, Reader, Unreadable, plain, whole_text
from gate.families.reading import Asked
from gate.families.three_par_health import HEALTH, issues, nodes_of_hosts, ports
from gate.families.three_par_tables import lines_of, table
from gate.families.three_par_volumes import VOLUMES, read_volumes

QUESTIONS: Mapping[str, str] = {
    "system": "showsys -csvtable",
    "version": "showversion -b",
    "code": "shownode -verbose",
    "nodes": "shownode -state -csvtable",
    "power": "shownode -ps -csvtable",
    "disks": "showpd -showcols Id,State -csvtable",
    "ports": "showport -csvtable",
    "names": "showport -iscsiname -csvtable",
    "hosts": "showhost -csvtable",
    "health": "checkhealth -svc -detail",
    "tasks": "showtask -active -csvtable",
    "volumes": VOLUMES,
}

READ_ONLY = tuple(
    re.compile(pattern, re.ASCII)
    for pattern in (
        *(re.escape(command) for command in QUESTIONS.values()),
        r"showsys -d",
        r"showcage -d",
        r"showbattery -csvtable",
        r"showhost -pathsum",
        r"showportlesb( [0-9]:[0-9]{1,2}:[0-9]{1,2})?",
        r"checkupgrade",
        r"showrcopy( -csvtable)?",
        r"showalert -d",
        r"showsched",
        r"showuserconn",
        r"stat(cpu|port) -iter 1",
        r"statvlun -iter 1 -ni",
    )
)

MUTATING = tuple(re.compile(pattern, re.ASCII) for pattern in (r"setsched -suspend_all", r"upgradecage cage[0-9]{1,3}"))
"""The field's own preparation of an update (S 20c), and the shelves' firmware (S 19): all that is public."""

FORBIDDEN = (
    (re.compile(r"(^|\s)-f(\s|$)"), "-f answers the array's own question for you; name prompt and answer"),
    (re.compile(r"shutdown|remove|dismiss|destroy|reset"), "it takes parts of the array away and is no firmware step"),
)

RELEASE = re.compile(r"Release version (\d{1,2}(?:\.\d{1,4}){1,3})(?:\.(MU\d{1,2})| \((MU\d{1,2})\))?", re.ASCII)
PATCHES = re.compile(r"Patches:\s+(None|P[A-Za-z0-9]{1,12}(?:,\s?P[A-Za-z0-9]{1,12})*)", re.ASCII)
SERIAL = re.compile(r"[A-Za-z0-9-]{4,64}")
WWN = re.compile(r"[0-9A-Fa-f]{16}")
IQN = re.compile(r"iqn\.[A-Za-z0-9.:-]{1,220}")
NO_TASKS = re.compile(r"No (active )?tasks\.?", re.IGNORECASE)
"""What the task list says when it is empty [M]."""

MOMENT = re.compile(r"\b(\d{4}-\d{2}-\d{2}|\d{1,2}:\d{2}(:\d{2})?|(Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]{0,6})\b", re.ASCII)
"""Days and times of day, which differ from one asking to the next."""

HALF = 50
"""Percent of a node's processors: a single node must carry both (S 20c, S 20e)."""


def _system(reply: Reply) -> Facts:
    rows = table(reply, ("Name", "Model", "Serial"), ends=False)
    if len(rows) != 1:
        raise Unreadable("it tells of more than one system")
    row = rows[0]
    if not SERIAL.fullmatch(row["Serial"]) or not row["Model"]:
        raise Unreadable("it does not tell serial and model")
    return {"serial": row["Serial"], "name": row["Name"][:60], "model": row["Model"][:60]}


def _version(reply: Reply) -> Facts:
    """Return the release as `3.3.1-MU5`, whichever of its two spellings it has, and its patches."""
    lines = [line.strip() for line in lines_of(reply)]
    found = [match for line in lines if (match := RELEASE.fullmatch(line))]
    if len(found) != 1:
        raise Unreadable("it does not tell its release once")
    number, *update = found[0].groups()
    facts = {"version": "-".join((number, *filter(None, update)))}
    patched = [match.group(1) for line in lines if (match := PATCHES.fullmatch(line))]
    return facts | ({"patches": patched[0].replace(" ", "")} if len(patched) == 1 else {})


def _code(reply: Reply) -> Facts:
    """Return whether all nodes run the same code: in an update they do not, whatever `showversion` tells."""
    codes: dict[str, str] = {}
    node = ""
    for line in lines_of(reply):
        key, colon, value = (part.strip() for part in line.partition(":"))
        if colon and key == "Node":
            node = value
            if node in codes:
                raise Unreadable("a node is there twice")
            codes[node] = ""
        elif colon and key == "OS version" and node:
            codes[node] = value
    if len(codes) < 2 or not all(re.fullmatch(r"\d{1,2}(\.\d{1,6}){1,4}", code) for code in codes.values()):
        raise Unreadable("it does not tell the code of two nodes or more")
    return {"equal": "yes" if len(set(codes.values())) == 1 else "no", "codes": " ".join(codes.values())}


def _health(reply: Reply) -> Facts:
    """Return the count of what the array's own check found, and the components it names."""
    found = issues(reply)
    components = "/" + "".join(f"{name}/" for name in dict.fromkeys(name for name, _, _ in found))
    return {"issues": str(sum(count for _, _, count in found)), "components": components}


def _upgrade_check(reply: Reply) -> Facts:
    """
    Return what the array's own upgrade check says, word for word, for people to read: it is asked in the field before
    an update (S 20c), and what it answers is not public. So no word of it opens anything, also not that all is well.
    """
    lines = [MOMENT.sub("…", " ".join(line.split())) for line in whole_text(reply).splitlines() if line.strip()]
    if not lines:
        raise Unreadable("the reply is empty, which says nothing")
    return {"told": "yes", REMARKS: plain("; ".join(lines))[:REMARKS_MAX]}


def _tasks(reply: Reply) -> Facts:
    lines = lines_of(reply)
    if len(lines) == 1 and NO_TASKS.fullmatch(lines[0].strip()):
        return {"active": "0"}
    return {"active": str(len(table(reply, ("Id", "Type", "Name", "Status"), ends=False)))}


def _load(reply: Reply) -> Facts:
    """Return how busy the busiest node is, in percent, and whether every node could carry another's load."""
    head, *rest = lines_of(reply)
    titles = head.split()
    if titles[:1] != ["node,cpu"] or titles.count("idle") != 1:
        raise Unreadable("it does not tell how idle the nodes are")
    totals = [line.split() for line in rest if re.match(r"\s*\d{1,2},total\s", line)]
    idle = [cells[titles.index("idle")] for cells in totals if len(cells) == len(titles)]
    if len(idle) < 2 or len(idle) != len(totals) or not all(re.fullmatch(r"\d{1,3}", cell) for cell in idle):
        raise Unreadable("it does not tell the load of two nodes or more")
    busiest = 100 - min(int(cell) for cell in idle)
    if not 0 <= busiest <= 100:
        raise Unreadable("its percentages are none")
    return {"busiest": str(busiest), "below_half": "yes" if busiest < HALF else "no"}


def _paths(reply: Reply) -> Facts:
    """Return the hosts that are logged in, and whether each of them would survive the loss of any one node."""
    paths = nodes_of_hosts(reply)
    hosts = "/" + "".join(f"{host}/" for host in sorted(paths) if paths[host])
    return {"hosts": hosts, "all_twofold": "yes" if all(len(nodes) > 1 for nodes in paths.values()) else "no"}


READERS: Mapping[str, Reader] = {
    "system": Reader(("serial", "name", "model"), _system),
    "version": Reader(("version", "patches"), _version),
    "code": Reader(("equal", "codes"), _code),
    "health": Reader(("issues", "components"), _health),
    "ready": Reader(("told", REMARKS), _upgrade_check),
    "tasks": Reader(("active",), _tasks),
    "load": Reader(("busiest", "below_half"), _load),
    "paths": Reader(("hosts", "all_twofold"), _paths),
}


def _wwns(reply: Reply) -> tuple[list[str], bool]:
    """Return the names of the Fibre Channel ports that offer volumes, and whether there are iSCSI ports besides."""
    offering = [row for row in ports(reply) if row["Mode"] == "target" and row["Type"] == "host"]
    fc = [row["Port_WWN/HW_Addr"] for row in offering if row["Protocol"] == "FC"]
    if any(not WWN.fullmatch(name) for name in fc):
        raise Unreadable("a port does not tell its WWN")
    return [f"naa.{name.lower()}" for name in fc], any(row["Protocol"] == "iSCSI" for row in offering)


def _iscsi_names(reply: Reply) -> list[str]:
    names = [row["iSCSI_Name"] for row in table(reply, ("N:S:P", "iSCSI_Name"), ends=True)]
    if any(not IQN.fullmatch(name) for name in names):
        raise Unreadable("a port does not tell its iSCSI name")
    return names


def read(array: str, replies: Mapping[str, Reply], now: datetime) -> ArrayReading:
    """
    Return who the array is and whether it is well, from the replies to QUESTIONS.

    While its nodes run different code an update is going on, and the array has no version. Any task at all is told as
    its state: none may run when an update begins (S 20c).
    """
    asked = Asked(replies)
    identity = asked.read("system", _system) or {}
    version = asked.read("version", _version) or {}
    code, tasks = asked.read("code", _code), asked.read("tasks", _tasks)
    state = None
    if code and code["equal"] == "no":
        asked.unknown.append(f"version: its nodes run different code ({code['codes']})")
        state = "updating"
    elif code and tasks:
        state = "idle" if tasks["active"] == "0" else f"running {tasks['active']} tasks"
        identity |= {"version": version["version"]} if version else {}
    wwns, iscsi = asked.read("ports", _wwns) or ([], False)
    names = (asked.read("names", _iscsi_names) or []) if iscsi else []
    return asked.reading(
        array,
        now,
        identity,
        ports=tuple(dict.fromkeys(wwns + names)),
        update_state=state,
        problems=asked.problems(HEALTH),
        volumes=asked.read("volumes", read_volumes),
        backends=(),  # it has disks of its own alone; it cannot keep volumes on other storage
    )


FAMILY = Family(QUESTIONS, READ_ONLY, MUTATING, FORBIDDEN, READERS, read, prechecked=True)
