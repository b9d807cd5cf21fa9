"""
NetApp ONTAP over SSH: questions and readers.

Every command is spoken with `set -rows 0` in front, or it would stop after a page; one with `-fields` also with a
separator, so that no value is cut off. Success is text, not the exit status alone: no line that begins with `Error:`.
Commands and tables for the update are those of NetApp's documentation ("Automated nondisruptive upgrade using the CLI",
command reference of 9.x). What is marked [M] is from memory, was never seen on a real system, and only refuses.
"""

import re
from collections.abc import Mapping
from datetime import datetime

from gate.evidence import ArrayReading, Reply
from gate.families.family import Facts, Family, Reader, Unreadable
from gate.families.ontap_health import HEALTH
from gate.families.ontap_luns import OF_LUNS, read_backends, read_luns, read_ports
from gate.families.ontap_text import answer, fields, records, table, titled
from gate.families.reading import Asked

ROWS = "set -rows 0; "
SEPARATOR = 'set -showseparator "|"; set -units raw; '
ADVANCED = "set -privilege advanced -confirmations off; "
PRIVILEGED = ("system node image show", "cluster ring show")
"""Questions of the privilege `advanced`; switching to it would ask, unless it is told not to."""


def spell(command: str) -> str:
    """Return a command with what stands in front of it."""
    higher = ADVANCED if command.startswith(PRIVILEGED) else ""
    return ROWS + (SEPARATOR if " -fields " in command else "") + higher + command


ASKED: Mapping[str, str] = {
    "identity": "cluster identity show",
    "version": "version",
    "nodes": "system node show -instance",
    "images": "system node image show",
    "health": "system health status show",
    "alerts": "system health alert show -instance",
    "subsystems": "system health subsystem show -instance",
    "quorum": "cluster show",
    "failover": "storage failover show -fields node,partner-name,possible,state-description",
    "aggregates": "storage aggregate show -fields aggregate,state,raidstatus",
    "broken": "storage disk show -broken",
    "displaced": "network interface show -is-home false",
    "update": "cluster image show-update-progress",
    **OF_LUNS,
}

READ_ONLY = tuple(
    re.compile(pattern, re.ASCII)
    for pattern in (
        *(re.escape(spell(command)) for command in ASKED.values()),
        *(
            re.escape(spell(command))
            for command in (
                "cluster image package show-repository",
                "cluster image show-update-history",
                "cluster image show-update-log",
                "storage failover show-giveback",
                "snapmirror show -fields source-path,destination-path,state,healthy",
            )
        ),
        re.escape(ROWS) + r"cluster image validate -version [A-Za-z0-9._-]{1,40}",
        re.escape(ROWS) + r"cluster image update -version [A-Za-z0-9._-]{1,40} -estimate-only true",
        re.escape(ROWS + ADVANCED) + r"cluster ring show -unitname (mgmt|vldb|vifmgr|bcomd)",
    )
)

MUTATING = tuple(
    re.compile(re.escape(ROWS) + pattern, re.ASCII)
    for pattern in (
        r"cluster image package get -url https?://[A-Za-z0-9.-]{1,200}(:[0-9]{1,5})?/[A-Za-z0-9][A-Za-z0-9._-]{0,99}",
        r"cluster image package delete -version [A-Za-z0-9._-]{1,40}",
        r"cluster image update -version [A-Za-z0-9._-]{1,40}( -stabilize-minutes [0-9]{1,2})?",
        r"cluster image (pause|resume|cancel)-update",
    )
)

FORBIDDEN = (
    (re.compile(r"-force"), "it overrules what the cluster itself holds against the update"),
    (re.compile(r"-ignore|-skip"), "a warning or confirmation that is passed over is not answered; name the prompt"),
    (re.compile(r"-confirmations off"), "it answers every question of the cluster for you; name prompt and answer"),
    (re.compile(r"revert|takeover|giveback|reboot|halt"), "it is a procedure of its own, with people at it"),
)

RELEASE = re.compile(r"NetApp Release ([0-9]{1,2}\.[0-9]{1,2}\.[0-9]{1,2}(?:(?:P|RC|D|X)[0-9]{1,3})*):.*")
VERSION = re.compile(r"[0-9]{1,2}\.[0-9]{1,2}\.[0-9]{1,2}(?:(?:P|RC|D|X)[0-9]{1,3})*")
UUID = re.compile(r"[0-9A-Za-z-]{8,64}")
RUNNING = ("in-progress", "waiting", "pause-pending", "cancel-pending")
HALTED = ("paused-by-user", "paused-on-error")
ENDED = ("completed", "failed", "canceled")


def _identity(reply: Reply) -> Facts:
    """The cluster's UUID is its serial: `Cluster Serial Number` is often only a dash."""
    told = records(reply, "Cluster UUID", "Cluster Name")
    if len(told) != 1 or not UUID.fullmatch(told[0]["Cluster UUID"]):
        raise Unreadable("it does not tell one cluster by its UUID")
    return {"serial": told[0]["Cluster UUID"], "name": told[0]["Cluster Name"]}


def _version(reply: Reply) -> Facts:
    lines = answer(reply)
    found = RELEASE.fullmatch(lines[0])
    if found is None or len(lines) != 1:
        raise Unreadable("it does not tell its release")
    return {"version": found.group(1)}


def _nodes(reply: Reply) -> Facts:
    """Return the model that all nodes share; nodes of several models have none."""
    models = {row["Model"] for row in records(reply, "Node", "Model")}
    return {"model": models.pop()} if len(models) == 1 else {}


def _images(reply: Reply) -> Facts:
    """Return what the nodes run: one current image each."""
    rows = table(reply, "Node", "Image", "Is Default", "Is Current", "Version")
    nodes = list(dict.fromkeys(row["Node"] for row in rows))
    running = [row for row in rows if row["Is Current"] == "true"]
    if len(rows) != 2 * len(nodes) or [row["Node"] for row in running] != nodes:
        raise Unreadable("a node does not tell which of its two images runs")
    versions = [row["Version"] for row in running]
    if any(not VERSION.fullmatch(version) for version in versions):
        raise Unreadable("a node does not tell the version of the image that runs")
    facts = {"equal": "yes" if len(set(versions)) == 1 else "no", "nodes": str(len(nodes))}
    facts["default"] = "yes" if all(row["Is Default"] == "true" for row in running) else "no"
    return facts | ({"version": versions[0]} if facts["equal"] == "yes" else {})


def _health(reply: Reply) -> Facts:
    rows = table(reply, "Status")
    if len(rows) != 1:
        raise Unreadable("it does not tell one status")
    return {"status": rows[0]["Status"]}


def _failover(reply: Reply) -> Facts:
    """Return whether every node can be taken over by its partner; a single node has none, and cannot."""
    rows = fields(reply, "node", "partner-name", "possible", "state-description")
    able = len(rows) >= 2 and all(row["possible"] == "true" and row["partner-name"] not in ("", "-") for row in rows)
    return {"possible": "yes" if able else "no", "nodes": str(len(rows))}


def _quorum(reply: Reply) -> Facts:
    rows = table(reply, "Node", "Health", "Eligibility")
    able = len(rows) >= 2 and all((row["Health"], row["Eligibility"]) == ("true", "true") for row in rows)
    return {"whole": "yes" if able else "no", "nodes": str(len(rows))}


def _alerts(reply: Reply) -> Facts:
    return {"count": str(len(records(reply, "Node", "Alert ID")))}


def _displaced(reply: Reply) -> Facts:
    """Return whether no interface is off its home port."""
    return {"none": "no" if table(reply) else "yes"}


def _packages(reply: Reply) -> Facts:
    """Read the versions in the repository, framed so that `*/NAME/*` finds a whole one."""
    rows = table(reply, "Package Version")
    return {"listed": "yes", "versions": "/" + "".join(f"{row['Package Version']}/" for row in rows)}


def _fetched(reply: Reply) -> Facts:
    lines = answer(reply)
    done = {"Package download completed.", "Package processing completed."}
    if not done <= {line.strip() for line in lines}:
        raise Unreadable("it does not say that the package was downloaded and processed")
    return {"fetched": "yes"}


def _validation(reply: Reply) -> Facts:
    """Count the checks by their status; what is neither of the three words is no verdict [M for the words]."""
    lines = answer(reply)
    starts = [number for number, line in enumerate(lines) if line.startswith("Pre-update Check")]
    if len(starts) != 1:
        raise Unreadable("it shows no table of checks")
    rows = titled(["", *lines[starts[0] :]], "Pre-update Check", "Status")
    if strange := [row["Status"] for row in rows if row["Status"] not in ("OK", "Warning", "Error")]:
        raise Unreadable(f"a check ended as {strange[0][:40] or 'nothing'}")
    count = {word: sum(row["Status"] == word for row in rows) for word in ("Warning", "Error")}
    return {"checks": str(len(rows)), "errors": str(count["Error"]), "warnings": str(count["Warning"])}


def _progress(reply: Reply) -> Facts:
    """Return the worst of the phases' states as `overall`; `none` when there never was an update."""
    rows = table(reply, "Update Phase", "Status")
    states = [row["Status"] for row in rows]
    if strange := [state for state in states if state not in (*RUNNING, *HALTED, *ENDED)]:
        raise Unreadable(f"a phase is {strange[0][:40] or 'in no state'}")
    for word in ("failed", *HALTED[::-1], "canceled", *RUNNING[::-1], "in-progress"):
        if word in states:
            return {"overall": word, "phase": next(row["Update Phase"] for row in rows if row["Status"] == word)}
    return {"overall": "completed" if states else "none"}


def _accepted(reply: Reply) -> Facts:
    answer(reply)
    return {"accepted": "yes"}


READERS: Mapping[str, Reader] = {
    "identity": Reader(("serial", "name"), _identity),
    "version": Reader(("version",), _version),
    "images": Reader(("equal", "nodes", "default", "version"), _images),
    "health": Reader(("status",), _health),
    "failover": Reader(("possible", "nodes"), _failover),
    "quorum": Reader(("whole", "nodes"), _quorum),
    "alerts": Reader(("count",), _alerts),
    "displaced": Reader(("none",), _displaced),
    "packages": Reader(("listed", "versions"), _packages),
    "fetched": Reader(("fetched",), _fetched),
    "validation": Reader(("checks", "errors", "warnings"), _validation),
    "progress": Reader(("overall", "phase"), _progress),
    "accepted": Reader(("accepted",), _accepted),
}


def read(array: str, replies: Mapping[str, Reply], now: datetime) -> ArrayReading:
    """
    Return who the cluster is and whether it is well, from the replies to QUESTIONS.

    It has a version only if every node runs the one that `version` tells: in mid-update nodes differ.
    """
    asked = Asked(replies)
    identity = (asked.read("identity", _identity) or {}) | (asked.read("nodes", _nodes) or {})
    told, images = asked.read("version", _version) or {}, asked.read("images", _images) or {}
    if told and images:
        if images.get("version") == told["version"]:
            identity |= told
        else:
            runs = images.get("version", "several versions")
            asked.unknown.append(f"version: it tells {told['version']}, and its nodes run {runs}")
    state = (asked.read("update", _progress) or {}).get("overall")
    return asked.reading(
        array,
        now,
        identity,
        ports=tuple(read_ports(asked)),
        update_state="idle" if state in ("completed", "none", "canceled") else state,
        problems=asked.problems(HEALTH),
        volumes=read_luns(asked),
        backends=asked.read("behind", read_backends),
    )


QUESTIONS: Mapping[str, str] = {name: spell(command) for name, command in ASKED.items()}
FAMILY = Family(QUESTIONS, READ_ONLY, MUTATING, FORBIDDEN, READERS, read, prechecked=True, fetches=True, spell=spell)
