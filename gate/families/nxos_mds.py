"""
The command line of the Cisco MDS switches, NX-OS: questions and readers (array-clis, 7.2).

A switch is no array: it keeps no volumes and offers no target ports, so those are told as none. The exit status is not
reliable; what is wrong is said in the text. An installation that fails finishes the step it is in and stops, so what is
true afterwards is read from the modules, never from the command. `install all` names two images, kickstart and system,
and a change has one: it is loaded by a person. Shapes after ntc-templates, which are not used: they pass over a line
that they do not know (docs/decisions/0025). Facts marked [M] are from memory and never decide alone.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime

from gate.evidence import ArrayReading, Reply
from gate.families.counters import exact
from gate.families.family import Facts, Family, Reader, Unreadable
from gate.families.nxos_mds_tables import logins_of, modules_of, ports_of, text_of, told
from gate.families.reading import Asked, at_rest

QUESTIONS: Mapping[str, str] = {
    "version": "show version",
    "modules": "show module",
    "redundancy": "show system redundancy status",
    "ports": "show interface brief",
    "logins": "show flogi database",
    "update": "show install all status",
}

BOOTFLASH = r"bootflash:[A-Za-z0-9][A-Za-z0-9._-]{0,99}"
READ_ONLY = tuple(
    re.compile(pattern, re.ASCII)
    for pattern in (
        *(re.escape(command) for command in QUESTIONS.values()),
        rf"show incompatibility-all system {BOOTFLASH}",
        rf"show install all impact kickstart {BOOTFLASH} system {BOOTFLASH}",
        r"show install all failure-reason",
        r"show interface fc[0-9]{1,2}/[0-9]{1,3} counters",
        r"show (zoneset active|fcdomain|fcns database|environment|logging last 50)",
    )
)

MUTATING: tuple[re.Pattern[str], ...] = ()
FORBIDDEN = (
    (re.compile(r"^install "), "it names two images, and a change has one; a person loads them in an attended step"),
    (re.compile(r"^(conf|reload|write|copy|clear|no |shut|system )"), "it changes the switch and is no firmware step"),
)

RELEASE = re.compile(r"(\d{1,2}\.\d{1,2})\((\d{1,3}[a-zA-Z]?)\)([A-Za-z0-9.]{0,12})", re.ASCII)
SERIAL = re.compile(r"[A-Za-z0-9]{8,20}", re.ASCII)
CLEAN = "No incompatible configurations"
"""Said twice by the check before an installation: of what is configured and of what was learned (S 32)."""

CHECKED = "Compatibility check is done"
DONE = "Install has been successful"
"""How an installation ends [M for the exact text]."""

NEVER = re.compile(r"There is no on-?going installation\.*", re.IGNORECASE)
"""What a switch says that installs nothing [M]."""

COUNTED = {
    "crc": r"invalid CRC", "link_fail": r"link failures?", "loss_sync": r"sync(?:hronization)? loss(?:es)?",
    "loss_sig": r"signal loss(?:es)?", "discards": r"timeout discards?",
}  # fmt: skip
"""Fact → how the counter reads in `show interface … counters`, after its number [M for the wording around it]."""


def spelled(release: str) -> str:
    """Return `8.4-2c` for `8.4(2c)`; Unreadable for what is no release."""
    found = RELEASE.fullmatch(release)
    if found is None:
        raise Unreadable("it does not tell a release")
    return f"{found.group(1)}-{found.group(2)}" + (f"-{found.group(3)}" if found.group(3) else "")


def _version(reply: Reply) -> Facts:
    """Return version, serial and model; kickstart and system must be of one release."""
    system, kickstart, one = (told(reply, rf"{what}:?\s+version\s+(\S+)") for what in ("system", "kickstart", "NXOS"))
    releases = {*system, *kickstart, *one}
    serial = told(reply, r"Processor [Bb]oard ID\s+(\S+)")
    model = told(reply, r"cisco (MDS \S+) .*")
    if not (system or one) or len(releases) != 1:
        raise Unreadable("it does not tell one release of kickstart and system")
    if len(serial) != 1 or len(model) != 1 or not SERIAL.fullmatch(serial[0]):
        raise Unreadable("it does not tell its serial and model once")
    return {"version": spelled(releases.pop()), "serial": serial[0], "model": model[0][:60]}


def _modules(reply: Reply) -> Facts:
    """Return whether all modules run one release: after a step that failed they do not."""
    rows = modules_of(reply)
    releases = {row.release for row in rows}
    states = " ".join(f"{row.number}={row.status.replace(' ', '_')}" for row in rows)[:200]
    same = {"version": spelled(rows[0].release)} if len(releases) == 1 else {}
    well = "no" if _bad_modules(reply) else "yes"
    return {"equal": "yes" if same else "no", "states": states, "well": well, **same}


def _update(reply: Reply) -> Facts:
    text = " ".join(text_of(reply).split())
    if DONE in text:
        return {"status": "done"}
    if NEVER.fullmatch(text):
        return {"status": "none"}
    if re.search(r"fail|error|abort", text, re.IGNORECASE):
        return {"status": "failed"}
    if re.search(r"This is the log of|in progress|is running", text):
        return {"status": "running"}
    raise Unreadable("it does not tell how the installation stands")


def _incompatible(reply: Reply) -> Facts:
    """Return whether the configuration fits an image: said twice, and nothing else named."""
    clean = len(told(reply, rf"({CLEAN})"))
    against = re.search(r"STRICT|LOOSE", text_of(reply))
    if not clean and not against:
        raise Unreadable("it does not tell whether the configuration fits")
    return {"compatible": "yes" if clean == 2 and not against else "no"}


def _impact(reply: Reply) -> Facts:
    """
    Return what an installation would do to each module; that both images were verified stands before it.

    The table is laid out as in recordings of NX-OS on other switches, with one image and with two (the test data of
    cisco.nxos' nxos_install_os); of an MDS none is public, so whatever differs is unreadable.
    """
    text = text_of(reply)
    if CHECKED not in text or re.search(r"-- FAIL|failed|Return code", text):
        raise Unreadable("the switch did not come to the end of its check")
    lines = [line.split() for line in text.splitlines()]
    heads = [at for at, words in enumerate(lines) if words[:4] == ["Module", "bootable", "Impact", "Install-type"]]
    if len(heads) != 1:
        raise Unreadable("it does not list what the installation would do")
    rows = []
    for words in lines[heads[0] + 1 :]:
        if words and words[0].isdecimal() and len(words) >= 4:
            rows.append(words)
        elif words and any(word.strip("-") for word in words):
            break
    if not rows or any(row[1] not in ("yes", "no") for row in rows):
        raise Unreadable("it does not list what the installation would do to each module")
    if len({row[0] for row in rows}) != len(rows) or {row[2] for row in rows} - {"disruptive", "non-disruptive"}:
        raise Unreadable("a module is there twice, or its impact is in words that are not known")
    gentle = all(row[1] == "yes" and row[2] == "non-disruptive" for row in rows)
    return {"modules": str(len(rows)), "disruptive": "no" if gentle else "yes"}


def _logins(reply: Reply) -> Facts:
    """Return who is logged in, as a set to compare before and after."""
    found = logins_of(reply)
    return {"count": str(len(found)), "names": "/" + "".join(f"{name}/" for _, name in sorted(found))[:4000]}


def _errors(reply: Reply) -> Facts:
    """Return the exact counters of one port; one that is not told once, or not exactly, is left out."""
    text = text_of(reply)
    facts: Facts = {}
    for fact, words in COUNTED.items():
        found = re.findall(rf"(?<![\w.])(\S{{1,24}}) {words}\b", text)
        if len(found) == 1 and exact(found[0]) is not None:
            facts[fact] = found[0]
    if not facts:
        raise Unreadable("it tells no counter of errors")
    return facts


READERS: Mapping[str, Reader] = {
    "version": Reader(("version", "serial", "model"), _version),
    "modules": Reader(("equal", "states", "well", "version"), _modules),
    "update": Reader(("status",), _update),
    "incompatible": Reader(("compatible",), _incompatible),
    "impact": Reader(("modules", "disruptive"), _impact),
    "logins": Reader(("count", "names"), _logins),
    "errors": Reader(tuple(COUNTED), _errors),
}


def _bad_modules(reply: Reply) -> list[str]:
    good = ("ok", "active *", "active", "ha-standby", "standby")
    return [f"module {row.number} is {row.status}" for row in modules_of(reply) if row.status not in good]


def _bad_redundancy(reply: Reply) -> list[str]:
    """Name a supervisor that has no standby; a switch with one alone says so in its redundancy mode [M]."""
    states, mode = told(reply, r"Internal state:\s+(\S.*)"), told(reply, r"operational:\s+(\S.*)")
    if len(mode) != 1 or not 1 <= len(states) <= 2:
        raise Unreadable("it does not tell the state of its supervisors")
    if mode[0] == "HA" and states == ["Active with HA standby", "HA standby"]:
        return []
    if mode[0] == "None" and states == ["Active with no standby"]:
        return []  # a switch of one supervisor
    return [f"its supervisors are {', '.join(states)[:120]} ({mode[0][:30]})"]


def _bad_ports(reply: Reply) -> list[str]:
    """Name ports at fault; one that is shut, has no plug or nothing at its other end is one that nobody uses."""
    quiet = ("up", "trunking", "down", "notConnected", "sfpAbsent")
    return [f"port {port} is {state}" for port, state in ports_of(reply).items() if state not in quiet]


def _bad_update(reply: Reply) -> list[str]:
    return ["its last installation failed"] if _update(reply)["status"] == "failed" else []


HEALTH: Mapping[str, Callable[[Reply], list[str]]] = {
    "modules": _bad_modules,
    "redundancy": _bad_redundancy,
    "ports": _bad_ports,
    "update": _bad_update,
}


def read(array: str, replies: Mapping[str, Reply], now: datetime) -> ArrayReading:
    """
    Return who the switch is and whether it is well, from the replies to QUESTIONS.

    Modules of several releases are an installation that is going on, or one that stopped: there is no version then.
    """
    asked = Asked(replies)
    identity = asked.read("version", _version) or {}
    modules, update = asked.read("modules", _modules), asked.read("update", _update)
    asked.read("logins", _logins)
    state = None
    if modules and modules.get("version") != identity.get("version"):
        asked.unknown.append(f"version: switch and modules do not tell one release ({modules['states']})")
        identity.pop("version", None)
        state = "mixed"
    elif modules and update:
        state = at_rest(update["status"])
    return asked.switch(array, now, identity, state, HEALTH)


FAMILY = Family(QUESTIONS, READ_ONLY, MUTATING, FORBIDDEN, READERS, read, prechecked=True)
