"""
The command line of the Seagate/DotHill family: HPE MSA, Dell PowerVault ME4 and ME5, Seagate Exos X and CORVAULT.

One code base, so one dialect. `set cli-parameters json pager off` makes every answer JSON; in one exec line its own
answer comes first. The exit status says little: the truth is the `status` object that ends every answer, of which
`return-code` 0 alone is success (Dell ME4 CLI guide, "Using XML API output"). Numbers are read, not words, where both
are told. Facts marked [M] are from memory, were never seen on a real array, and never decide alone: they only refuse.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from gate.evidence import ArrayReading, Reply, Volume
from gate.families.dothill_answer import answer, number, objects, word
from gate.families.dothill_health import HEALTH, port_name
from gate.families.dothill_parts import READERS as PART_READERS
from gate.families.dothill_parts import parts
from gate.families.family import Facts, Family, Reader, Unreadable
from gate.families.reading import Asked

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
    "volumes": JSON_MODE + "show volumes",
    "update": JSON_MODE + "show firmware-update-status",
}

READ_ONLY = tuple(
    re.compile(re.escape(JSON_MODE) + pattern, re.ASCII)
    for pattern in (
        r"show (system|versions|controllers|redundancy-mode|disks|disk-groups|ports|unwritable-cache|volumes)",
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

BUNDLE = re.compile(r"[A-Z]{1,4}[0-9]{2,4}[A-Z][0-9]{2,4}(?:-[0-9]{1,3})?")  # such as GT280R010-01


def _system(reply: Reply) -> Facts:
    rows = objects(reply, "system")
    if len(rows) != 1:
        raise Unreadable("it tells of more than one system")
    return {"serial": word(rows[0], "midplane-serial-number"), "model": word(rows[0], "product-id")}


def _versions(reply: Reply) -> Facts:
    """Return the bundle's version when both controllers run the same one."""
    bundles = [word(row, "bundle-version") for row in objects(reply, "versions")]
    if any(not BUNDLE.fullmatch(bundle) for bundle in bundles):
        raise Unreadable("a controller does not tell its bundle version")
    if len(bundles) != 2:
        raise Unreadable(f"it tells the versions of {len(bundles)} controllers, not of two")
    same = {"equal": "yes", "version": bundles[0]} if bundles[0] == bundles[1] else {"equal": "no"}
    return {"bundles": " ".join(bundles), **same}


def _bundles(reply: Reply) -> Facts:
    """
    Return which bundle is active and which is on offer; an old one may be, after an upload that failed.

    `known` holds both between slashes, so that `*/NAME/*` finds either.
    """
    facts: Facts = {}
    for row in objects(reply, "firmware-bundles", "firmware-bundle"):
        state, version = word(row, "status").lower(), word(row, "bundle-version")
        if state in ("active", "available"):
            if state in facts:
                raise Unreadable(f"more than one bundle is {state}")
            facts[state] = version
    if "active" not in facts:
        raise Unreadable("no bundle is active")
    return facts | {"known": f"/{'/'.join(facts.values())}/"}


def _readiness(reply: Reply) -> Facts:
    overall = word(objects(reply, "code-load-readiness")[0], "overall-health")
    if overall not in ("Pass", "Fail"):
        raise Unreadable(f"its overall health is {overall}")
    return {"overall": overall.lower()}


def _update(reply: Reply) -> Facts:
    """Return the word for the last update and its bundle; an array that never had one may tell none [M]."""
    rows = objects(reply, "firmware-update-status", "fw-update-status", empty_means_none=True)
    if not rows:
        return {"status": "none"}
    facts = {"status": word(rows[0], "completion-status").lower()}
    return facts | ({"bundle": word(rows[0], "bundle-version")} if rows[0].get("bundle-version") else {})


def _redundancy(reply: Reply) -> Facts:
    return {"status": word(objects(reply, "redundancy", "redundancy-mode")[0], "redundancy-status").lower()}


def _settings(reply: Reply) -> Facts:
    """Return whether the partner is updated from the controller that was [M for the object's name]."""
    row = objects(reply, "advanced-settings-table", "advanced-settings")[0]
    return {"partner_update": word(row, "partner-firmware-upgrade").lower()}


def _cache(reply: Reply) -> Facts:
    row = objects(reply, "unwritable-cache")[0]
    return {"unwritable": str(max(number(row, f"unwritable-{side}-percentage") for side in ("a", "b")))}


def _accepted(reply: Reply) -> Facts:
    """Read the end of a command; what the array asked before it stands in front of the answer."""
    answer(_after_question(reply))
    return {"accepted": "yes"}


def _after_question(reply: Reply) -> Reply:
    """Return the reply without a question of the array's own, which ends a line with (y/n) [M]."""
    found = re.search(rb"\(y/n\)[^\r\n{]{0,16}", reply.stdout)
    start = reply.stdout.rfind(b"}", 0, found.start()) + 1 if found else 0
    return replace(reply, stdout=reply.stdout[:start] + reply.stdout[found.end() :]) if found else reply


def _copied(reply: Reply) -> Facts:
    """Read the account of an upload by SFTP, which is there only if its last byte and its end were acknowledged."""
    if reply.exit_status != 0 or not re.fullmatch(rb"\d{1,15} bytes were taken\n", reply.stdout):
        raise Unreadable(f"the upload was not acknowledged ({reply.state}): {reply.problem or 'no reason given'}")
    return {"copied": "yes"}


READERS: Mapping[str, Reader] = {
    "system": Reader(("serial", "model"), _system),
    "versions": Reader(("bundles", "equal", "version"), _versions),
    "bundles": Reader(("active", "available", "known"), _bundles),
    "readiness": Reader(("overall",), _readiness),
    "update": Reader(("status", "bundle"), _update),
    "redundancy": Reader(("status",), _redundancy),
    "settings": Reader(("partner_update",), _settings),
    "cache": Reader(("unwritable",), _cache),
    "accepted": Reader(("accepted",), _accepted),
    "copied": Reader(("copied",), _copied),
    **PART_READERS,
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
        volumes=asked.read("volumes", _volumes),
        backends=(),  # it has disks of its own alone; it cannot keep volumes on other storage
    )


def _ports(reply: Reply) -> list[str]:
    """Return the names by which a host knows the ports, each once."""
    return list(dict.fromkeys(map(port_name, objects(reply, "port", "ports"))))


UID = re.compile(r"[0-9A-Fa-f]{32}")
OF_ITS_OWN = ("base", "standard")
"""Types of volumes that are no copy of another."""


def _volumes(reply: Reply) -> tuple[Volume, ...]:
    """
    Return every volume with what it is a snapshot of.

    A type that is not known may be a copy, and then the list is none [M for the words of the types, and that
    `volume-parent` holds the origin's serial number or name].
    """
    rows = objects(reply, "volumes", empty_means_none=True)
    known = {str(row.get(key)): row for row in rows for key in ("serial-number", "volume-name") if row.get(key)}
    volumes = [_volume(row, known) for row in rows]
    if len({volume.uid for volume in volumes}) != len(volumes):
        raise Unreadable("two volumes have one WWN")
    return tuple(volumes)


def _volume(row: Mapping[str, Any], known: Mapping[str, Mapping[str, Any]]) -> Volume:
    name, kind, uid = word(row, "volume-name"), word(row, "volume-type").lower(), _uid(row)
    if kind not in (*OF_ITS_OWN, "snapshot"):
        raise Unreadable(f"volume {name} is of a kind that is not known ({kind})")
    parent = row.get("volume-parent")
    if kind == "snapshot" and (not isinstance(parent, str) or parent not in known):
        raise Unreadable(f"volume {name} is a snapshot, and of what is not told")
    origin = (_uid(known[str(parent)]),) if kind == "snapshot" else ()
    return Volume(name, name, uid, number(row, "blocks") * number(row, "blocksize"), origin)


def _uid(row: Mapping[str, Any]) -> str:
    uid = word(row, "wwn")
    if not UID.fullmatch(uid):
        raise Unreadable(f"volume {word(row, 'volume-name')} does not tell its WWN")
    return uid.lower()


FAMILY = Family(
    QUESTIONS,
    READ_ONLY,
    MUTATING,
    FORBIDDEN,
    READERS,
    read,
    prechecked=True,
    spell=JSON_MODE.__add__,
    parts=lambda: parts(QUESTIONS),
)
