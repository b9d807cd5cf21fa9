"""
What a Linux host can tell of its own side: paths, adapters, disks, RAID, firmware (array-clis, section 8).

Each question is one whole command that changes nothing, and its reader returns facts with a state. What was not told,
not understood or not supported is `unknown`, never `ok`; a tool's exit status is read as the tool documents it. Shapes
marked [M] are from memory and were not compared with a running tool.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from gate.evidence import Reply
from gate.families.counters import Counts
from gate.families.family import Unreadable, whole_text
from gate.families.linux_drives import DISKS, firmware, history
from gate.families.linux_facts import Fact, State, objects, word
from gate.families.linux_nvme import TRANSPORTS

FC_COUNTERS = ("invalid_crc_count", "link_failure_count", "loss_of_sync_count", "loss_of_signal_count", "error_frames")
NOT_SUPPORTED = 0xFFFFFFFFFFFFFFFF
"""What the kernel shows for a counter that the adapter does not keep."""

HISTORY = "fwupdmgr get-history --json"
QUESTIONS: Mapping[str, str] = {
    "maps": "multipathd show maps json",
    "disks": DISKS,
    "adapters": "grep -s . /sys/class/fc_host/*/port_state",
    "adapter-errors": "grep -s . " + " ".join(f"/sys/class/fc_host/*/statistics/{name}" for name in FC_COUNTERS),
    "raid": "cat /proc/mdstat",
    "sessions": "iscsiadm -m session -P 1",
    "history": HISTORY,
    "firmware": HISTORY,
}

DEVICE = r"/dev/(sd[a-z]{1,3}|nvme[0-9]{1,3}(n[0-9]{1,3})?)"
READ_ONLY = tuple(
    re.compile(pattern, re.ASCII)
    for pattern in (
        *(re.escape(command) for command in QUESTIONS.values()),
        rf"smartctl -j -a {DEVICE}",
        rf"nvme (smart-log|fw-log) -o json {DEVICE}",
        r"nvme list -o json",
        re.escape(TRANSPORTS),
        r"fwupdmgr get-(devices|updates) --json",
    )
)

PORT = {"Online": State.OK, "Unknown": State.UNKNOWN}
"""Words of fc_host's port_state that do not say that it is down (scsi_transport_fc)."""

SESSION = re.compile(r"iqn\.[A-Za-z0-9.:-]{1,200} [A-Za-z0-9.:\[\]-]{1,60},\d{1,5}", re.ASCII)
UP = ("active", "ready", "running")
SYSFS = re.compile(r"/sys/class/fc_host/(host\d{1,4})/(?:statistics/)?([a-z_]{1,40}):(\S.{0,60})", re.ASCII)
MD = re.compile(r"(md\w{1,30}) : (\w{1,20})\b.*", re.ASCII)
MEMBERS = re.compile(r".*\[(\d{1,4})/(\d{1,4})\] \[([U_]{1,4096})\].*", re.ASCII)


def may_ask(command: str) -> bool:
    """True when the whole command is on the list of questions that change nothing."""
    return any(pattern.fullmatch(command) for pattern in READ_ONLY)


def _maps(reply: Reply) -> list[Fact]:
    """
    Return for each multipath map its paths and how many target ports they lead to.

    Two paths to one port are one way. A map that queues without a path looks well for ever while its I/O hangs.
    """
    facts = []
    for row in objects(reply, "maps"):
        name = word(row, "name")
        groups = row.get("path_groups")
        paths = [path for group in groups for path in _paths(group)] if isinstance(groups, list) else []
        if not name or not paths:
            raise Unreadable("a map tells no name or no paths")
        up = [path for path in paths if tuple(word(path, key) for key in ("dm_st", "chk_st", "dev_st")) == UP]
        whole = State.OK if len(up) == len(paths) else State.BAD
        facts.append(Fact("paths.up", name, f"{len(up)}/{len(paths)}", whole))
        ports = {word(path, "target_wwpn") for path in up}
        told = bool(ports) and all(re.fullmatch(r"(0x)?[0-9a-f]{16}", port) for port in ports)
        twofold = State.UNKNOWN if not told else State.OK if len(ports) > 1 else State.BAD
        facts.append(Fact("paths.controllers_seen", name, str(len(ports)) if told else "", twofold))
        queues = "queue_if_no_path" in word(row, "features") or word(row, "queueing") == "on"
        facts.append(Fact("paths.queues_for_ever", name, "yes" if queues else "no", State.BAD if queues else State.OK))
    return facts


def _paths(group: Any) -> list[dict[str, Any]]:
    paths = group.get("paths") if isinstance(group, dict) else None
    if not isinstance(paths, list) or not all(isinstance(path, dict) for path in paths):
        raise Unreadable("a group of paths cannot be read")
    return paths


def _disks(reply: Reply) -> list[Fact]:
    """Return state and revision of every disk: the array's firmware as the host itself sees it."""
    facts = []
    for row in objects(reply, "blockdevices"):
        name, state, revision = word(row, "name"), word(row, "state"), word(row, "rev")
        if word(row, "type") != "disk":
            continue
        taken = State.OK if state in ("running", "live") else State.BAD if state else State.UNKNOWN
        facts.append(Fact("disk.state", name, state, taken))
        facts.append(Fact("disk.revision", name, revision, State.OK if revision else State.UNKNOWN))
    return facts


def _sysfs(reply: Reply) -> list[tuple[str, str, str]]:
    """Return adapter, file and value of `path:value` lines; grep ends with 1 or 2 where a file is missing."""
    lines = [line.strip() for line in whole_text(reply).splitlines() if line.strip()]
    found = [SYSFS.fullmatch(line) for line in lines]
    if not lines or not all(found):
        raise Unreadable("it tells of no adapter, or what is no file of one")
    return [match.groups() for match in found if match]  # type: ignore[misc]  # three groups each


def _adapters(reply: Reply) -> list[Fact]:
    return [Fact("port.state", adapter, value, PORT.get(value, State.BAD)) for adapter, _, value in _sysfs(reply)]


def adapter_errors(reply: Reply) -> Counts:
    """Return `host1 invalid_crc_count` → exact count; None for one that the adapter does not keep."""
    counts: dict[str, int | None] = {}
    for adapter, name, value in _sysfs(reply):
        if not re.fullmatch(r"0x[0-9a-f]{1,16}", value):
            raise Unreadable(f"{adapter} counts what is no number")
        count = int(value, 16)
        counts[f"{adapter} {name}"] = None if count == NOT_SUPPORTED else count
    return counts


def _adapter_errors(reply: Reply) -> list[Fact]:
    """Return the counters as they are: only two looks show whether one grows (`counters.grown`)."""
    return [
        Fact("port.errors", name, "" if count is None else str(count), State.UNKNOWN if count is None else State.OK)
        for name, count in adapter_errors(reply).items()
    ]


def _raid(reply: Reply) -> list[Fact]:
    """
    Return each md array: whole, degraded, rebuilding. No array at all is told as such by the kernel.

    One that is being checked has lost nothing.
    """
    lines = whole_text(reply).splitlines()
    if not lines or not lines[0].startswith("Personalities"):
        raise Unreadable("it is no mdstat")
    facts: list[Fact] = []
    for number, line in enumerate(lines):
        array = MD.fullmatch(line)
        if array is None:
            continue
        below = []
        for later in lines[number + 1 :]:
            if not later.startswith(" ") or not later.strip():
                break
            below.append(later)
        members = next((match for each in below if (match := MEMBERS.fullmatch(each))), None)
        busy = any(re.search(r"(recovery|resync|reshape)\s*=", each) for each in below)
        if members is None:
            facts.append(Fact("raid.members", array.group(1), array.group(2)[:20], State.UNKNOWN))
            continue
        whole = array.group(2) == "active" and members.group(1) == members.group(2) and "_" not in members.group(3)
        shown = f"{members.group(2)}/{members.group(1)}" + (" rebuilding" if busy else "")
        facts.append(Fact("raid.members", array.group(1), shown, State.OK if whole and not busy else State.BAD))
    return facts


def _sessions(reply: Reply) -> list[Fact]:
    """
    Return every iSCSI session, by target and portal; one that does not tell both of its states spoils the list.

    Sessions to one portal are numbered, those that are logged in first: whichever is lost, the highest number is.
    """
    found: dict[str, list[Fact]] = {}
    target, portal, connection = "", "", ""
    for line in whole_text(reply).splitlines():
        key, _, value = (part.strip() for part in line.partition(": "))
        if key == "Target":
            target, portal = value.split(" ", 1)[0], ""
        elif key == "Current Portal":
            portal, connection = value, ""
        elif key == "iSCSI Connection State":
            connection = value
        elif key == "iSCSI Session State":
            if not SESSION.fullmatch(f"{target} {portal}") or not connection:
                raise Unreadable("a session does not tell its target, portal and states")
            up = (connection, value) == ("LOGGED IN", "LOGGED_IN")
            shown = value if value != "LOGGED_IN" else connection
            fact = Fact("session.state", f"{target} {portal}", shown[:40], State.OK if up else State.BAD)
            found.setdefault(fact.object, []).append(fact)
            connection = ""
    if not found:
        raise Unreadable("it tells of no session")
    return [one for facts in found.values() for one in _numbered(facts)]


def _numbered(facts: list[Fact]) -> list[Fact]:
    ordered = sorted(facts, key=lambda fact: fact.state is not State.OK)
    return ordered[:1] + [replace(one, object=f"{one.object} #{n}") for n, one in enumerate(ordered[1:], 2)]


def live_ports(question: str, reply: Reply) -> frozenset[str]:
    """
    Return the target ports through which a host has a live way now: iSCSI names, and WWPNs as `naa.…`.

    From the answers about `sessions` and `maps`; Unreadable for one that cannot be read, nothing for other questions.
    """
    if question == "sessions":
        return frozenset(fact.object.split(" ")[0] for fact in _sessions(reply) if fact.state is State.OK)
    if question != "maps":
        return frozenset()
    found = set()
    for row in objects(reply, "maps"):
        groups = row.get("path_groups")
        for path in (path for group in groups for path in _paths(group)) if isinstance(groups, list) else ():
            if tuple(word(path, key) for key in ("dm_st", "chk_st", "dev_st")) == UP:
                found.add(f"naa.{word(path, 'target_wwpn').removeprefix('0x').lower()}")
    return frozenset(found)


READERS: Mapping[str, Callable[[Reply], list[Fact]]] = {
    "maps": _maps,
    "disks": _disks,
    "adapters": _adapters,
    "adapter-errors": _adapter_errors,
    "raid": _raid,
    "sessions": _sessions,
    "history": history,
    "firmware": firmware,
}


def facts_of(replies: Mapping[str, Reply]) -> tuple[Fact, ...]:
    """Return every fact of the replies to QUESTIONS; a question without an answer is one fact, `unknown`."""
    found: list[Fact] = []
    for name, reader in READERS.items():
        try:
            if name not in replies:
                raise Unreadable("not asked")
            found += reader(replies[name])
        except Unreadable as error:
            found.append(Fact("unreadable", name, str(error)[:200], State.UNKNOWN))
    return tuple(found)
