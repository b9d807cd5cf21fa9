"""
The command line of Brocade Fabric OS: questions and readers (array-clis, 7.1).

A switch is no array: it keeps no volumes and offers no target ports, so those are told as none. Each switch has two
partitions; two versions in `firmwareshow` mean that a download or its commit is not finished. Its errors are counted
rounded (`1.2g`), and what is rounded is not known. `firmwaredownload` takes a password among its words and asks for
what it misses, so it is in no playbook: a person loads, the gate looks, keeps or restores. Facts marked [M] are from
memory, were never seen on a real switch, and never decide alone.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime

from gate.evidence import ArrayReading, Reply
from gate.families.brocade_fos_ports import Switch, errors_of, switch_of, text_of
from gate.families.counters import total
from gate.families.family import Facts, Family, Reader, Unreadable
from gate.families.reading import Asked, at_rest

QUESTIONS: Mapping[str, str] = {
    "version": "version",
    "firmware": "firmwareshow",
    "switch": "switchshow",
    "health": "mapsdb --show",
    "update": "firmwaredownloadstatus",
}

READ_ONLY = tuple(
    re.compile(pattern, re.ASCII)
    for pattern in (
        *(re.escape(command) for command in QUESTIONS.values()),
        r"porterrshow",
        r"portstats(64)?show [0-9]{1,4}",
        r"sfpshow -all",
        r"hashow",
        r"(fabric|ns|cfgactv|switchstatus)show",
        r"err(show|dump -a)",
    )
)

MUTATING = tuple(re.compile(pattern, re.ASCII) for pattern in (r"firmwarecommit", r"firmwarerestore"))

FORBIDDEN = (
    (re.compile(r"^firmwaredownload(?!status)"), "its words hold a password, and it asks for what it misses"),
    (re.compile(r"disable|reboot|clear|reset|shutdown|default"), "it takes links away and is no firmware step"),
)

RELEASE = re.compile(r"v\d{1,2}(\.\d{1,3}){1,3}[a-z0-9]{0,6}(_[a-z0-9]{1,12}){0,2}", re.ASCII)
COMPLETED = "Firmwaredownload command has completed successfully"
"""How the last step of a download reads (S 31a)."""

STAMP = re.compile(r"\[\d{1,3}\]:\s.*\d{4}", re.ASCII)
NONE_YET = re.compile(r"No (firmwaredownload )?sessions? (is |are )?running\.?", re.IGNORECASE)
"""What a switch says that knows of no download [M]."""

POLICY = re.compile(r"Current Switch Policy Status:\s*([A-Za-z]{1,20})", re.ASCII)
"""The line of the monitoring's dashboard that sums it up [M]."""


def _version(reply: Reply) -> Facts:
    found = re.findall(r"^Fabric OS:\s+(\S+)\s*$", text_of(reply), re.MULTILINE)
    if len(found) != 1 or not RELEASE.fullmatch(found[0]):
        raise Unreadable("it does not tell its version once")
    return {"version": found[0]}


def _firmware(reply: Reply) -> Facts:
    """Return what lies in both partitions, of every processor that is listed."""
    head, *rest = [line.rstrip() for line in text_of(reply).splitlines() if line.strip()] or [""]
    if "Primary/Secondary Versions" not in head:
        raise Unreadable("it does not list its partitions")
    primary: list[str] = []
    secondary: list[str] = []
    for line in rest:
        if not line.strip("- "):
            continue
        words = line.split()
        if "FOS" in words[:-1] and len(primary) == len(secondary):
            primary.append(words[words.index("FOS") + 1])
        elif len(words) == 1 and len(primary) == len(secondary) + 1:
            secondary.append(words[0])
        else:
            raise Unreadable(f'"{line.strip()[:60]}" is no partition')
    versions = primary + secondary
    if not primary or len(primary) != len(secondary) or not all(RELEASE.fullmatch(one) for one in versions):
        raise Unreadable("a partition does not tell its version")
    same = {"primary": primary[0]} if len(set(primary)) == 1 else {}
    same |= {"secondary": secondary[0]} if len(set(secondary)) == 1 else {}
    return {"equal": "yes" if len(set(versions)) == 1 else "no", "versions": " ".join(versions)[:200], **same}


def _update(reply: Reply) -> Facts:
    """Return how the last download went, from the last of its steps."""
    lines = [line.strip() for line in text_of(reply).splitlines() if line.strip()]
    if len(lines) == 1 and NONE_YET.fullmatch(lines[0]):
        return {"status": "none"}
    at = [number for number, line in enumerate(lines) if STAMP.fullmatch(line)]
    last = " ".join(lines[at[-1] + 1 :]) if at else ""
    if not last:
        raise Unreadable("it lists no step of a download")
    if re.search(r"fail|error|abort|timed?.?out", last, re.IGNORECASE):
        return {"status": "failed"}
    return {"status": "done" if COMPLETED in last else "running"}


def _switch(reply: Reply) -> Facts:
    """Return who the switch is, and its logged-in ports as a set to compare before and after."""
    switch = switch_of(reply)
    ports = "/" + "".join(f"{port}/" for port, state in switch.ports.items() if state == "Online")
    names = "/" + "".join(f"{name}/" for name in sorted(switch.logins))
    known = {"serial": switch.wwn.replace(":", ""), "name": switch.name, "state": switch.state}
    return {**known, "model": switch.kind, "online": ports, "logins": names[:4000]}


def _errors(reply: Reply) -> Facts:
    """Return the sum over all ports of each kind of error; a kind that is rounded on any port is left out."""
    counts = errors_of(reply)
    sums = {kind: total({port: kinds[kind] for port, kinds in counts.items()}) for kind in next(iter(counts.values()))}
    return {kind: str(count) for kind, count in sums.items() if count is not None}


def _ha(reply: Reply) -> Facts:
    """Return whether a director's standby processor could take over [M]."""
    text = " ".join(text_of(reply).split())
    if "HA State" not in text:
        raise Unreadable("it does not tell the state of its processors")
    return {"synchronized": "yes" if "HA enabled, Heartbeat Up, HA State synchronized" in text else "no"}


def _health(reply: Reply) -> Facts:
    """Return what the switch calls itself."""
    found = POLICY.findall(text_of(reply))
    if len(found) != 1:
        raise Unreadable("it does not sum up its own state")
    return {"policy": found[0]}


def _accepted(reply: Reply) -> Facts:
    """Return that a command was taken; whether it did its work is told by `firmwareshow` alone."""
    text = text_of(reply, quiet=True)
    if re.search(r"fail|error|invalid|denied|not found", text, re.IGNORECASE):
        raise Unreadable(f"the switch answered {' '.join(text.split())[:120]}")
    return {"accepted": "yes"}


READERS: Mapping[str, Reader] = {
    "version": Reader(("version",), _version),
    "firmware": Reader(("equal", "versions", "primary", "secondary"), _firmware),
    "update": Reader(("status",), _update),
    "switch": Reader(("serial", "name", "state", "model", "online", "logins"), _switch),
    "errors": Reader(("crc", "crc_g_eof", "enc_out", "c3_discard", "link_fail", "loss_sync", "loss_sig"), _errors),
    "ha": Reader(("synchronized",), _ha),
    "health": Reader(("policy",), _health),
    "accepted": Reader(("accepted",), _accepted),
}


def _bad_switch(reply: Reply) -> list[str]:
    """Name what is at fault; a port without a plug or without light on it is one that nobody uses."""
    switch: Switch = switch_of(reply)
    found = [] if switch.state == "Online" else [f"the switch is {switch.state}"]
    quiet = ("Online", "No_Light", "No_Module", "No_License", "No_SigDet")
    return found + [f"port {port} is {state}" for port, state in switch.ports.items() if state not in quiet]


def _bad_health(reply: Reply) -> list[str]:
    policy = _health(reply)["policy"]
    return [] if policy == "HEALTHY" else [f"the switch calls itself {policy}"]


def _bad_update(reply: Reply) -> list[str]:
    return ["its last firmware download failed"] if _update(reply)["status"] == "failed" else []


HEALTH: Mapping[str, Callable[[Reply], list[str]]] = {
    "switch": _bad_switch,
    "health": _bad_health,
    "update": _bad_update,
}


def read(array: str, replies: Mapping[str, Reply], now: datetime) -> ArrayReading:
    """
    Return who the switch is and whether it is well, from the replies to QUESTIONS.

    It runs what `version` says and lies in the first partition of every processor. While the second one holds another,
    a download or its commit is not finished: so a canary can be watched before it is committed, and nothing begins.
    """
    asked = Asked(replies)
    switch = asked.read("switch", _switch) or {}
    identity: Facts = {fact: value for fact, value in switch.items() if fact in ("serial", "model")}
    version = asked.read("version", _version) or {}
    firmware, update = asked.read("firmware", _firmware), asked.read("update", _update)
    if firmware and version.get("version") == firmware.get("primary"):
        identity |= version
    elif firmware:
        asked.unknown.append(f"version: it runs another than lies in its partitions ({firmware['versions']})")
    state = None
    if firmware and firmware["equal"] == "no":
        state = "not committed"
    elif firmware and update:
        state = at_rest(update["status"])
    return asked.switch(array, now, identity, state, HEALTH)


FAMILY = Family(QUESTIONS, READ_ONLY, MUTATING, FORBIDDEN, READERS, read)
