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
from gate.families.family import REMARKS, REMARKS_MAX, Facts, Family, Reader, Unreadable, plain, whole_text
from gate.families.storage_virtualize_health import DRIVES, ENCLOSURES, EVENTS, HOSTS, NODES, OF_PARTS_AND_PATHS
from gate.families.storage_virtualize_parts import OF_PARTS, parts
from gate.families.storage_virtualize_parts import READERS as PART_READERS
from gate.families.storage_virtualize_tables import answer, pairs, table
from gate.families.storage_virtualize_volumes import (
    OF_VOLUMES,
    read_backends,
    read_copies,
    read_relations,
    read_volumes,
)

QUESTIONS: Mapping[str, str] = {
    "system": "lssystem -delim !",
    "nodes": NODES,
    "enclosures": ENCLOSURES,
    "raid": "lsarray -delim !",
    "rebuild": "lsarraymemberprogress -delim !",
    "drives": DRIVES,
    "hosts": HOSTS,
    "events": EVENTS,
    "update": "lsupdate -delim !",
    **OF_VOLUMES,
}

READ_ONLY = tuple(
    re.compile(pattern, re.ASCII)
    for pattern in (
        r"(svcinfo )?ls(system|nodecanister|enclosure|array|arraymemberprogress|drive|host|update) -delim !",
        r"lseventlog -alert yes -message no -monitoring no -fixed no -expired no -order severity -delim !",
        r"(svcinfo )?lsvdisk -bytes -delim !",
        r"(svcinfo )?ls(fcmap|rcrelationship|controller) -delim !",
        r"lsdependentvdisks -node [A-Za-z0-9._-]{1,63} -delim !",
        r"lsdumps -prefix /upgrade -delim !",
        r"svcupgradetest -v [A-Za-z0-9.]{1,40}",
        *OF_PARTS,
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

LEVEL = re.compile(r"(\d{1,4}(?:\.\d{1,4}){1,4})(?: \(build ([A-Za-z0-9.]{1,60})\))?")
WORDS = re.compile(r"[!-~]([ -~]{0,98}[!-~])?")
"""What a name, a serial or a model may be: one line of ASCII, so that nobody reads another array's name in it."""

INSTALLED = "CMMVC6227I The package installed successfully."
"""What `applysoftware -file` says of a package that it has taken; IBM's field notes show no other."""

VERDICT = re.compile(r"^The tool has found (\d{1,6}) errors and (\d{1,6}) warnings\.?$", re.MULTILINE)
WARNING = re.compile(r"^\*{5,} Warning found \*{5,}$(.*?)(?=^\*{5,}|^Results of running|\Z)", re.MULTILINE | re.DOTALL)
"""What the test tool warns of, in its own words, up to the next of its headings (recorded, S 9)."""

UNSUPPORTED = re.compile(r"upgrade path from .{1,80} is unsupported", re.IGNORECASE)
IDLE = "success"
"""The status of `lsupdate` when no update is going on: the last one succeeded, or there was none [M]."""

MIXED = re.compile(r"system_(updating|committing|stalled|restoring)")
"""While these last, the controllers run different code, whatever `lssystem` tells."""

T = TypeVar("T")


def _level(text: str | None) -> tuple[str, str]:
    found = LEVEL.fullmatch(text or "")
    return (found.group(1), found.group(2) or "") if found else ("", "")


def _system(reply: Reply) -> Facts:
    told = pairs(reply)
    version, build = _level(told.get("code_level"))
    facts = {"serial": told.get("id", ""), "name": told.get("name", ""), "model": told.get("product_name", "")}
    facts |= {"version": version, "build": build}
    return {name: value for name, value in facts.items() if WORDS.fullmatch(value)}


def _update(reply: Reply) -> Facts:
    told = pairs(reply)
    if not re.fullmatch(r"[a-z_]{1,60}", told.get("status", "")):
        raise Unreadable("it tells no status")
    facts = {"status": told["status"]}
    for fact, key in (("progress", "progress"), ("event", "event_sequence_number"), ("action", "suggested_action")):
        if key in told:
            facts[fact] = told[key]
    if "system_new_code_level" in told:
        version, build = _level(told["system_new_code_level"])
        if version or not told["system_new_code_level"]:
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
    facts = {"errors": str(int(errors)), "warnings": str(int(warnings))}
    found = [" ".join(words.split()) for words in WARNING.findall(text)]
    if untold := int(warnings) - len(found):
        found.append(f"it counts {int(warnings)} warnings and shows {int(warnings) - untold}")
    return facts | ({REMARKS: plain("; ".join(found))[:REMARKS_MAX]} if found else {})


def _dumps(reply: Reply) -> Facts:
    """Read the names in /upgrade, framed so that `*/NAME/*` finds a whole name: a name holds no slash."""
    rows = table(reply, ("filename",), empty_means_none=True)
    files = "/" + "".join(f"{row['filename']}/" for row in rows)
    return {"listed": "yes", "files": files, "count": str(len(rows))}


def _accepted(reply: Reply) -> Facts:
    """
    Read the end of `applysoftware`: it says nothing, or that one information message, and nothing beside it.

    Whatever else is said, also with status 0, may be a warning or a refusal of newer code: then the array is looked at.
    """
    said = answer(reply).splitlines()
    if reply.stderr.strip() or said not in ([], [INSTALLED]):
        other = (*reply.stderr.decode("utf-8", "replace").splitlines(), *said, "a line without words")[0]
        raise Unreadable(f'the array said "{other[:120]}", which is not how it accepts a command')
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
    "test": Reader(("errors", "warnings", REMARKS), _test),
    "dumps": Reader(("listed", "files", "count"), _dumps),
    "accepted": Reader(("accepted",), _accepted),
    "copied": Reader(("copied",), _copied),
    **PART_READERS,
}


def _bad_update(reply: Reply) -> list[str]:
    status = _update(reply)["status"]
    return [f"the update is {status}"] if re.search("stalled|failed", status) else []


HEALTH: Mapping[str, Callable[[Reply], list[str]]] = {**OF_PARTS_AND_PATHS, "update": _bad_update}


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
    copies, relations = ask("copies", read_copies), ask("relations", read_relations)
    volumes = ask("volumes", lambda listed: read_volumes(listed, copies, relations, system.get("serial")))
    backends = ask("backends", read_backends)
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
        problems=tuple(plain(line) for one in known for line in one) if len(known) == len(problems) else None,
        volumes=volumes,
        backends=backends,
        unknown=tuple(dict.fromkeys(unknown)),
        raw=tuple(reply.digest for reply in replies.values()),
    )


def _ports(reply: Reply) -> list[str]:
    names = [row["iscsi_name"] for row in table(reply, ("iscsi_name",))]
    if any(not re.fullmatch(r"iqn\.[A-Za-z0-9.:-]{1,220}", name) for name in names):
        raise Unreadable("a node does not tell its iSCSI name")
    return names


FAMILY = Family(QUESTIONS, READ_ONLY, MUTATING, FORBIDDEN, READERS, read, prechecked=True, parts=parts)
