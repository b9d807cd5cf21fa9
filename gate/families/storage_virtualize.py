"""
IBM Storage Virtualize command line (SVC, Storwize, FlashSystem): questions and readers.

Output is read by header and key, never by position: columns grow with the firmware, most of all in the update that
this product watches. `-delim !` because iSCSI names hold colons. A reply that is not wholly understood is
unreadable; nothing is guessed from a part. Facts marked [M] were never seen on a real array.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TypeVar

from gate.evidence import ArrayReading, Reply
from gate.families.family import Facts, Family, Reader, Unreadable, whole_text

QUESTIONS: Mapping[str, str] = {
    "system": "lssystem -delim !",
    "nodes": "lsnodecanister -delim !",
    "enclosures": "lsenclosure -delim !",
    "raid": "lsarray -delim !",
    "rebuild": "lsarraymemberprogress -delim !",
    "drives": "lsdrive -delim !",
    "hosts": "lshost -delim !",
    "events": "lseventlog -alert yes -message no -monitoring no -fixed no -expired no -order severity -delim !",
    "update": "lsupdate -delim !",
}

READ_ONLY = tuple(
    re.compile(pattern, re.ASCII)
    for pattern in (
        r"(svcinfo )?ls(system|nodecanister|enclosure|array|arraymemberprogress|drive|host|update) -delim !",
        r"lseventlog -alert yes -message no -monitoring no -fixed no -expired no -order severity -delim !",
        r"lsdependentvdisks -node [A-Za-z0-9._-]{1,63} -delim !",
        r"lsdumps -prefix /upgrade -delim !",
        r"svcupgradetest -v [A-Za-z0-9.]{1,40}",
    )
)

MUTATING = tuple(
    re.compile(pattern, re.ASCII)
    for pattern in (
        r"(svctask )?applysoftware -file [A-Za-z0-9][A-Za-z0-9._-]{0,99}( -(prepare|pause|all))*",
        r"(svctask )?applysoftware -(complete( -paced)?|abort|resume|continue)",
    )
)

FORBIDDEN = (
    (re.compile(r"(^|\s)-force"), "-force skips the array's own redundancy checks; no playbook may contain it"),
)

ERROR = re.compile(r"^CMMVC\d{4,5}E .*", re.MULTILINE)
LEVEL = re.compile(r"(\d{1,4}(?:\.\d{1,4}){1,4})(?: \(build ([A-Za-z0-9.]{1,60})\))?")
VERDICT = re.compile(r"^The tool has found (\d{1,6}) errors and (\d{1,6}) warnings\.?$", re.MULTILINE)
UNSUPPORTED = re.compile(r"upgrade path from .{1,80} is unsupported", re.IGNORECASE)
IDLE = "success"
"""The status of `lsupdate` when no update is going on: the last one succeeded, or there was none [M]."""

MIXED = re.compile(r"system_(updating|committing|stalled|restoring)")
"""While these last, the controllers run different code, whatever `lssystem` tells."""

T = TypeVar("T")


def _answer(reply: Reply) -> str:
    """Return the text of a question that the array answered without an error."""
    text = whole_text(reply)
    found = ERROR.search(text) or ERROR.search(reply.stderr.decode("ascii", "replace"))
    if found:
        raise Unreadable(f"the array answered {found.group(0)[:120]}")
    if reply.exit_status != 0:
        raise Unreadable(f"the command ended with status {reply.exit_status}")
    if text and not text.endswith("\n"):
        raise Unreadable("the reply stops in the middle of a line")
    return text


def _pairs(reply: Reply) -> dict[str, str]:
    """Read `key!value` lines; a key that comes twice with different values (`tier`) is left out."""
    found: dict[str, set[str]] = {}
    for line in _answer(reply).splitlines():
        key, delimiter, value = line.partition("!")
        if not delimiter or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", key):
            raise Unreadable(f'"{line[:60]}" is not a key and a value')
        found.setdefault(key, set()).add(value.strip())
    return {key: values.pop() for key, values in found.items() if len(values) == 1}


def _table(reply: Reply, needed: tuple[str, ...], *, empty_means_none: bool = False) -> list[dict[str, str]]:
    """Read a concise view by its header. With no data no header is printed either, so nothing at all is ambiguous."""
    lines = _answer(reply).splitlines()
    if not lines:
        if empty_means_none:
            return []
        raise Unreadable("the table is empty")
    header = lines[0].split("!")
    missing = [name for name in needed if name not in header]
    if missing or len(set(header)) != len(header):
        raise Unreadable(f"the table has no column {', '.join(missing)}" if missing else "a column is there twice")
    rows = [line.split("!") for line in lines[1:]]
    if any(len(row) != len(header) for row in rows):
        raise Unreadable("a row has not as many values as the header has columns")
    if not rows and not empty_means_none:
        raise Unreadable("the table is empty")
    return [dict(zip(header, row, strict=True)) for row in rows]


def _level(text: str | None) -> tuple[str, str]:
    found = LEVEL.fullmatch(text or "")
    return (found.group(1), found.group(2) or "") if found else ("", "")


def _system(reply: Reply) -> Facts:
    pairs = _pairs(reply)
    version, build = _level(pairs.get("code_level"))
    facts = {"serial": pairs.get("id", ""), "name": pairs.get("name", ""), "model": pairs.get("product_name", "")}
    facts |= {"version": version, "build": build}
    return {name: value for name, value in facts.items() if value}


def _update(reply: Reply) -> Facts:
    pairs = _pairs(reply)
    if not re.fullmatch(r"[a-z_]{1,60}", pairs.get("status", "")):
        raise Unreadable("it tells no status")
    facts = {"status": pairs["status"]}
    for fact, key in (("progress", "progress"), ("event", "event_sequence_number"), ("action", "suggested_action")):
        if key in pairs:
            facts[fact] = pairs[key]
    if "system_new_code_level" in pairs:
        version, build = _level(pairs["system_new_code_level"])
        if version or not pairs["system_new_code_level"]:
            facts |= {"new_version": version, "new_build": build}
    return facts


def _test(reply: Reply) -> Facts:
    """Decide on the closing line alone; the exit status of the tool says nothing reliable [M]."""
    text = whole_text(reply)
    verdicts = VERDICT.findall(text)
    if reply.exit_status is None or len(verdicts) != 1:
        raise Unreadable("the test tool did not end with its one line of counts")
    errors, warnings = verdicts[0]
    if UNSUPPORTED.search(text) and int(errors) == 0:
        raise Unreadable("the test tool calls the upgrade path unsupported and yet counts no error")
    return {"errors": str(int(errors)), "warnings": str(int(warnings))}


def _dumps(reply: Reply) -> Facts:
    """Read the names in /upgrade, framed so that `*/NAME/*` finds a whole name: a name holds no slash."""
    rows = _table(reply, ("filename",), empty_means_none=True)
    files = "/" + "".join(f"{row['filename']}/" for row in rows)
    return {"listed": "yes", "files": files, "count": str(len(rows))}


def _accepted(reply: Reply) -> Facts:
    _answer(reply)
    return {"accepted": "yes"}


def _copied(reply: Reply) -> Facts:
    """Read the acknowledgements of `scp -t`: a zero for the start, the header and the content."""
    if reply.exit_status != 0 or reply.stdout != b"\0\0\0":
        reason = reply.problem or reply.stdout.lstrip(b"\0\1\2").decode("ascii", "replace")[:120]
        raise Unreadable(f"the copy was not acknowledged ({reply.state}): {reason or 'no reason given'}")
    return {"copied": "yes"}


READERS: Mapping[str, Reader] = {
    "system": Reader(("serial", "name", "model", "version", "build"), _system),
    "update": Reader(("status", "progress", "event", "action", "new_version", "new_build"), _update),
    "test": Reader(("errors", "warnings"), _test),
    "dumps": Reader(("listed", "files", "count"), _dumps),
    "accepted": Reader(("accepted",), _accepted),
    "copied": Reader(("copied",), _copied),
}


def _bad_nodes(reply: Reply) -> list[str]:
    rows = _table(reply, ("name", "status"))
    few = [f"only {len(rows)} controller node"] if len(rows) < 2 else []
    return few + [f"node {row['name']} is {row['status']}" for row in rows if row["status"] != "online"]


def _bad_enclosures(reply: Reply) -> list[str]:
    rows = _table(reply, ("id", "status", "total_canisters", "online_canisters", "total_PSUs", "online_PSUs"))
    found = [f"enclosure {row['id']} is {row['status']}" for row in rows if row["status"] != "online"]
    for row in rows:
        for part in ("canisters", "PSUs"):
            total, online = row[f"total_{part}"], row[f"online_{part}"]
            if not (total.isdecimal() and online.isdecimal()):
                raise Unreadable(f"enclosure {row['id']} does not count its {part}")
            if int(online) != int(total) or int(total) == 0:
                found.append(f"enclosure {row['id']} has {online} of {total} {part} online")
    return found


def _bad_raid(reply: Reply) -> list[str]:
    rows = _table(reply, ("mdisk_name", "status", "raid_status"))
    return [
        f"RAID array {row['mdisk_name']}: {row['status']}, {row['raid_status']}"
        for row in rows
        if (row["status"], row["raid_status"]) != ("online", "online")
    ]


def _bad_rebuild(reply: Reply) -> list[str]:
    rows = _table(reply, ("mdisk_name", "task", "progress"), empty_means_none=True)
    return [f"RAID array {row['mdisk_name']}: {row['task']} at {row['progress']} %" for row in rows]


def _bad_drives(reply: Reply) -> list[str]:
    rows = _table(reply, ("id", "status"))
    return [f"drive {row['id']} is {row['status']}" for row in rows if row["status"] != "online"]


def _bad_hosts(reply: Reply) -> list[str]:
    rows = _table(reply, ("name", "status"))
    return [f"paths of host {row['name']}: {row['status']}" for row in rows if row["status"] != "online"]


def _bad_events(reply: Reply) -> list[str]:
    rows = _table(reply, ("sequence_number", "description"), empty_means_none=True)
    return [f"unfixed alert {row['sequence_number']}: {row['description']}" for row in rows]


def _bad_update(reply: Reply) -> list[str]:
    status = _update(reply)["status"]
    return [f"the update is {status}"] if re.search("stalled|failed", status) else []


HEALTH: Mapping[str, Callable[[Reply], list[str]]] = {
    "nodes": _bad_nodes,
    "enclosures": _bad_enclosures,
    "raid": _bad_raid,
    "rebuild": _bad_rebuild,
    "drives": _bad_drives,
    "hosts": _bad_hosts,
    "events": _bad_events,
    "update": _bad_update,
}


def read(array: str, replies: Mapping[str, Reply], now: datetime) -> ArrayReading:
    """
    Return who the array is and whether it is well, from the replies to QUESTIONS.

    `problems` is None unless every part of the health was read. An update that is going on is told by
    `update_state` alone; one that stalled or failed is a problem too.
    """
    unknown: list[str] = []

    def ask(name: str, reader: Callable[[Reply], T]) -> T | None:
        try:
            if name not in replies:
                raise Unreadable("not asked")
            return reader(replies[name])
        except Unreadable as error:
            unknown.append(f"{name}: {error}")
            return None

    system = ask("system", _system) or {}
    state = (ask("update", _update) or {}).get("status")
    ports = ask("nodes", _ports) or []
    problems = [ask(name, reader) for name, reader in HEALTH.items()]
    unknown += [f"system: it does not tell its {fact}" for fact in ("serial", "model", "version") if fact not in system]
    version = system.get("version")
    if state and MIXED.match(state) and version:
        unknown.append(f"version: its controllers may run different code while the update is {state}")
        version = None
    known = [one for one in problems if one is not None]
    return ArrayReading(
        array=array,
        at=now,
        serial=system.get("serial"),
        model=system.get("model"),
        version=version,
        target_ports=tuple(ports),
        update_state="idle" if state == IDLE else state,
        problems=tuple(line for one in known for line in one) if len(known) == len(problems) else None,
        unknown=tuple(dict.fromkeys(unknown)),
        raw=tuple(reply.digest for reply in replies.values()),
    )


def _ports(reply: Reply) -> list[str]:
    names = [row["iscsi_name"] for row in _table(reply, ("iscsi_name",))]
    if any(not re.fullmatch(r"iqn\.[A-Za-z0-9.:-]{1,220}", name) for name in names):
        raise Unreadable("a node does not tell its iSCSI name")
    return names


FAMILY = Family(QUESTIONS, READ_ONLY, MUTATING, FORBIDDEN, READERS, read)
