"""
The command line of the Seagate/DotHill family: HPE MSA, Dell PowerVault ME4 and ME5, Seagate Exos X and CORVAULT.

One code base, so one dialect. `set cli-parameters json pager off` makes every answer JSON; in one exec line its own
answer comes first. The exit status says little: the truth is the `status` object that ends every answer, of which
`return-code` 0 alone is success (Dell ME4 CLI guide, "Using XML API output"). Numbers are read, not words, where both
are told. Facts marked [M] are from memory, were never seen on a real array, and never decide alone: they only refuse.
"""

import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from gate.evidence import ArrayReading, Reply
from gate.families.family import Facts, Family, Reader, Unreadable, whole_text
from gate.families.reading import Asked, no_constant, once

JSON_MODE = "set cli-parameters json pager off ; "

QUESTIONS: Mapping[str, str] = {
    "system": JSON_MODE + "show system",
    "versions": JSON_MODE + "show versions",
    "controllers": JSON_MODE + "show controllers",
    "redundancy": JSON_MODE + "show redundancy-mode",
    "disks": JSON_MODE + "show disks",
    "disk-groups": JSON_MODE + "show disk-groups",
    "ports": JSON_MODE + "show ports",
    "cache": JSON_MODE + "show unwritable-cache",
    "update": JSON_MODE + "show firmware-update-status",
}

READ_ONLY = tuple(
    re.compile(re.escape(JSON_MODE) + pattern, re.ASCII)
    for pattern in (
        r"show (system|versions|controllers|redundancy-mode|disks|disk-groups|ports|unwritable-cache)",
        r"show (advanced-settings|firmware-bundles|firmware-update-status|disk-statistics|controller-statistics)",
        r"show events (error|warning) last [0-9]{1,3}",
        r"check firmware-upgrade-health",
    )
)

MUTATING = (re.compile(re.escape(JSON_MODE) + r"activate firmware bundle available", re.ASCII),)

FORBIDDEN = (
    (re.compile(r"(^|\s)noprompt(\s|$)"), "noprompt answers the array's own question for you; name prompt and answer"),
    (re.compile(r"restart (mc|sc)|shutdown|clear|reset"), "it takes parts of the array down and is no firmware step"),
)

OK = 0
"""Of `health-numeric`: 0 OK, 1 degraded, 2 fault, 3 unknown, 4 not applicable [M for the numbers above 0]."""

HEALTHS = {1: "degraded", 2: "at fault", 3: "of unknown health"}
LARGEST = 4096
BUNDLE = re.compile(r"[A-Z]{1,4}[0-9]{2,4}[A-Z][0-9]{2,4}(?:-[0-9]{1,3})?")  # such as GT280R010-01
WWPN = re.compile(r"[0-9a-fA-F]{16}")
IQN = re.compile(r"iqn\.[A-Za-z0-9.:-]{1,220}")


def _answer(reply: Reply) -> dict[str, Any]:
    """Return the last JSON object of the reply; Unreadable unless it says that the command succeeded."""
    lines = [line for line in whole_text(reply).split("\n") if not line.lstrip().startswith("#")]
    text, found, at = "\n".join(lines), None, 0
    decoder = json.JSONDecoder(object_pairs_hook=once, parse_constant=no_constant)
    while (start := text.find("{", at)) >= 0:
        if text[at:start].strip():
            raise Unreadable("between its answers stands what is no JSON")
        try:
            found, at = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            raise Unreadable("the answer is not whole JSON") from None
    if found is None or text[at:].strip():
        raise Unreadable("the reply holds no answer in JSON, or more than that")
    status = found.get("status")
    last = status[-1] if isinstance(status, list) and status else None
    if not isinstance(last, dict) or type(last.get("return-code")) is not int:
        raise Unreadable("the answer does not end with its status")
    if (last["return-code"], last.get("response-type-numeric")) != (0, 0):
        raise Unreadable(f"the array answered {_shown(last.get('response'))} (code {last['return-code']})")
    return dict(found)


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else "nothing readable"
    return "".join(char if char.isprintable() else "?" for char in text)[:120]


def _objects(reply: Reply, *names: str, empty_means_none: bool = False) -> list[dict[str, Any]]:
    """Return the objects under the first of these names that the answer has."""
    answer = _answer(reply)
    for name in names:
        rows = answer.get(name)
        if rows is None:
            continue
        if not isinstance(rows, list) or len(rows) > LARGEST or not all(isinstance(row, dict) for row in rows):
            raise Unreadable(f"what it tells under {name} is no list of objects")
        if rows:
            return rows
    if empty_means_none:
        return []
    raise Unreadable(f"it tells no {names[0]}")


def _word(row: Mapping[str, Any], key: str) -> str:
    value = row.get(key)
    if not isinstance(value, str) or not value.strip():
        raise Unreadable(f"an object does not tell its {key}")
    return _shown(value.strip())


def _number(row: Mapping[str, Any], key: str) -> int:
    value = row.get(key)
    if type(value) is not int:
        raise Unreadable(f"an object does not tell its {key} as a number")
    return value


def _system(reply: Reply) -> Facts:
    rows = _objects(reply, "system")
    if len(rows) != 1:
        raise Unreadable("it tells of more than one system")
    return {"serial": _word(rows[0], "midplane-serial-number"), "model": _word(rows[0], "product-id")}


def _versions(reply: Reply) -> Facts:
    """Return the bundle's version when both controllers run the same one."""
    bundles = [_word(row, "bundle-version") for row in _objects(reply, "versions")]
    if any(not BUNDLE.fullmatch(bundle) for bundle in bundles):
        raise Unreadable("a controller does not tell its bundle version")
    if len(bundles) != 2:
        raise Unreadable(f"it tells the versions of {len(bundles)} controllers, not of two")
    same = {"equal": "yes", "version": bundles[0]} if bundles[0] == bundles[1] else {"equal": "no"}
    return {"bundles": " ".join(bundles), **same}


def _bundles(reply: Reply) -> Facts:
    """Return which bundle is active and which is on offer; an old one may be, after an upload that failed."""
    facts: Facts = {}
    for row in _objects(reply, "firmware-bundles", "firmware-bundle"):
        state, version = _word(row, "status").lower(), _word(row, "bundle-version")
        if state in ("active", "available"):
            if state in facts:
                raise Unreadable(f"more than one bundle is {state}")
            facts[state] = version
    if "active" not in facts:
        raise Unreadable("no bundle is active")
    return facts


def _readiness(reply: Reply) -> Facts:
    overall = _word(_objects(reply, "code-load-readiness")[0], "overall-health")
    if overall not in ("Pass", "Fail"):
        raise Unreadable(f"its overall health is {overall}")
    return {"overall": overall.lower()}


def _update(reply: Reply) -> Facts:
    """Return the word for the last update; an array that never had one may tell none [M]."""
    rows = _objects(reply, "firmware-update-status", "fw-update-status", empty_means_none=True)
    return {"status": _word(rows[0], "completion-status").lower()} if rows else {"status": "none"}


def _accepted(reply: Reply) -> Facts:
    _answer(reply)
    return {"accepted": "yes"}


READERS: Mapping[str, Reader] = {
    "system": Reader(("serial", "model"), _system),
    "versions": Reader(("bundles", "equal", "version"), _versions),
    "bundles": Reader(("active", "available"), _bundles),
    "readiness": Reader(("overall",), _readiness),
    "update": Reader(("status",), _update),
    "accepted": Reader(("accepted",), _accepted),
}


def _ill(rows: list[dict[str, Any]], what: str, name: str) -> list[str]:
    """Name the objects whose health is not OK; a number that nobody knows is no health."""
    found = []
    for row in rows:
        health = _number(row, "health-numeric")
        if health != OK:
            reason = row.get("health-reason")
            why = f" ({_shown(reason)})" if isinstance(reason, str) and reason.strip() else ""
            found.append(f"{what} {_word(row, name)} is {HEALTHS.get(health, f'in health state {health}')}{why}")
    return found


def _bad_system(reply: Reply) -> list[str]:
    return _ill(_objects(reply, "system"), "system", "system-name")


def _bad_controllers(reply: Reply) -> list[str]:
    rows = _objects(reply, "controllers")
    few = [f"only {len(rows)} controller"] if len(rows) < 2 else []
    down = [
        f"controller {_word(row, 'controller-id')} is {_word(row, 'status')}"
        for row in rows
        if _word(row, "status") != "Operational"
    ]
    return few + down + _ill(rows, "controller", "controller-id")


def _bad_redundancy(reply: Reply) -> list[str]:
    row = _objects(reply, "redundancy", "redundancy-mode")[0]
    status = _word(row, "redundancy-status")
    found = [] if status == "Redundant" else [f"the controllers are {status}"]
    for side in ("a", "b"):
        state = _word(row, f"controller-{side}-status")
        if state != "Operational":
            found.append(f"controller {side} is {state}")
    return found


def _bad_disks(reply: Reply) -> list[str]:
    return _ill(_objects(reply, "drives", "disks"), "disk", "location")


def _bad_groups(reply: Reply) -> list[str]:
    """Anything but fault tolerant and at rest is a problem [M for the words of status and job]."""
    found = []
    for row in _objects(reply, "disk-groups", "virtual-disks"):
        name, status, job = _word(row, "name"), _word(row, "status"), row.get("current-job", "")
        if status not in ("FTOL", "UP"):
            found.append(f"disk group {name} is {status}")
        if isinstance(job, str) and job.strip():
            found.append(f"disk group {name} runs {_shown(job)}")
    return found


def _bad_ports(reply: Reply) -> list[str]:
    """Name ports with a fault; one that nothing is plugged into is `Disconnected` and has none."""
    rows = _objects(reply, "port", "ports")
    used = [row for row in rows if _word(row, "status") != "Disconnected"]
    down = [f"port {_word(row, 'port')} is {_word(row, 'status')}" for row in used if _word(row, "status") != "Up"]
    return down + (_ill(used, "port", "port") if used else ["no host port is up"])


def _bad_cache(reply: Reply) -> list[str]:
    """Name cached data that cannot be written: an update refuses while there are any [M for the counts' names]."""
    row = _objects(reply, "unwritable-cache")[0]
    counts = {side: _number(row, f"unwritable-{side}-percentage") for side in ("a", "b")}
    return [f"controller {side} holds {count} % of unwritable cache" for side, count in counts.items() if count]


HEALTH: Mapping[str, Callable[[Reply], list[str]]] = {
    "system": _bad_system,
    "controllers": _bad_controllers,
    "redundancy": _bad_redundancy,
    "disks": _bad_disks,
    "disk-groups": _bad_groups,
    "ports": _bad_ports,
    "cache": _bad_cache,
}


def read(array: str, replies: Mapping[str, Reply], now: datetime) -> ArrayReading:
    """
    Return who the array is and whether it is well, from the replies to QUESTIONS.

    Controllers that run different bundles have no version: an update is half done, or one that failed.
    """
    asked = Asked(replies)
    system = asked.read("system", _system) or {}
    versions = asked.read("versions", _versions) or {}
    if versions.get("equal") == "no":
        asked.unknown.append(f"version: its controllers run different bundles ({versions['bundles']})")
    identity = system | ({"version": versions["version"]} if "version" in versions else {})
    state = (asked.read("update", _update) or {}).get("status")
    return asked.reading(
        array,
        now,
        identity,
        ports=tuple(asked.read("ports", _ports) or ()),
        update_state="idle" if state in ("success", "none") else state,
        problems=asked.problems(HEALTH),
        backends=(),  # it has disks of its own alone; it cannot keep volumes on other storage
    )


def _ports(reply: Reply) -> list[str]:
    """Return the names by which a host knows the ports: `naa.` and the WWPN, or the iSCSI name."""
    names = []
    for row in _objects(reply, "port", "ports"):
        name = _word(row, "target-id")
        if WWPN.fullmatch(name):
            names.append(f"naa.{name.lower()}")
        elif IQN.fullmatch(name):
            names.append(name)
        else:
            raise Unreadable("a port does not tell its WWPN or iSCSI name")
    return list(dict.fromkeys(names))


FAMILY = Family(QUESTIONS, READ_ONLY, MUTATING, FORBIDDEN, READERS, read)
