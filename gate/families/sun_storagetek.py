"""
Sun StorageTek 2500 and 6000 (LSI/Engenio) through `SMcli` on a management host (array-clis, 6.1).

The arrays have no command line of their own: the gate logs in to a host that manages them and names the array to its
tool, so two identities are checked, the host's key and the array's own identifier in its answer. A script that ran
ends with two fixed lines; without them the answer is cut. A download that looks failed may have succeeded (S 34), so
what is pending is read from the array and never from the tool's word. Loading is the vendor's: its script commands are
from memory and on no list. Keys of the profile that public readers of it do not use are [M] and never decide alone.

`sscs`, the command line of Sun's Common Array Manager, stands on the same host where a site uses it. Its words are
documented (CAM CLI guides) and its answers are not public, so gathering asks it nothing: a playbook of a site's own may
ask it, and its one reader can only refuse.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from gate.evidence import ArrayReading, Reply, Volume
from gate.families.family import Facts, Family, Reader, Unreadable, whole_text
from gate.families.reading import Asked

MODE, END = 'SMcli {unit} -c "', ';"'

QUESTIONS: Mapping[str, str] = {
    "health": f"{MODE}show storageArray healthStatus{END}",
    "profile": f"{MODE}show storageArray profile{END}",
    "volumes": f"{MODE}show allVolumes{END}",
}

READ_ONLY = (
    re.compile(
        r'SMcli [A-Za-z0-9][A-Za-z0-9._-]{0,62} -c "show '
        r'(storageArray (healthStatus|profile|longRunningOperations)|allVolumes);"',
        re.ASCII,
    ),
    re.compile(
        r"sscs list (storage-system|mgmt-sw|-a [A-Za-z0-9][A-Za-z0-9._-]{0,62} (alarm|array|disk|firmware|fru))"
    ),
)
MUTATING: tuple[re.Pattern[str], ...] = ()
FORBIDDEN = (
    (re.compile(r"^sscs (?!list )"), "it logs in or changes the array, and the vendor does that in an attended step"),
    (re.compile(r"-c \"(?!show )"), "it changes the array, and the vendor does that in an attended step"),
    (re.compile(r"-p |password", re.IGNORECASE), "it puts a password among the words of a command"),
)

OPENING = ("Performing syntax check...", "Syntax check complete.", "Executing script...")
CLOSING = ["Script execution complete.", "SMcli completed successfully."]
OPTIMAL = re.compile(r"Storage (array|subsystem) health status = optimal\.?", re.IGNORECASE)
NAMED = re.compile(r"PROFILE FOR STORAGE (?:ARRAY|SUBSYSTEM): (\S{1,60}) \(.{1,60}\)")
IDENTIFIER = re.compile(r"Storage (?:array|Subsystem) world-?wide (?:identifier|name) \(ID\): ([0-9A-Fa-f]{16,32})")
CONTROLLER = re.compile(r"(?:RAID )?Controller (?:Module )?in Enclosure \d{1,3}, Slot ([A-Z0-9])")
SECTION = re.compile(r"[A-Z][A-Z ,/-]{2,40}-{6,}")
PORT = re.compile(
    r"(?:iSCSI target name: (iqn\.[A-Za-z0-9.:-]{1,200})|World-wide port identifier: ([0-9a-fA-F:]{16,23}))"
)
"""How the profile names a port that hosts see: the second is in public scripts, the first is from memory [M]."""

COUNTED = re.compile(r"Number of ([a-z][a-z ]{0,40}) volumes: (\d{1,5})")
NAME = re.compile(r"Volume name: (\S.{0,60})")
UID = re.compile(r"Volume world-wide identifier: ((?:[0-9a-fA-F]{2}:){15}[0-9a-fA-F]{2})")
CAPACITY = re.compile(r"Capacity: ([\d,]{1,20}\.\d{3}) (KB|MB|GB|TB)")
"""Volumes as public scripts read them of the same software under IBM's and Dell's titles; Sun's words are [M]."""

UNITS = {"KB": 10, "MB": 20, "GB": 30, "TB": 40}
RELEASE = re.compile(r"\d{2}(\.\d{2,3}){2,3}", re.ASCII)


@dataclass
class _Controller:
    slot: str
    status: str = ""
    product: str = ""
    current: str = ""
    pending: str = ""


def _body(reply: Reply) -> list[str]:
    """Return the lines that the script printed; Unreadable unless it ran to its end."""
    lines = [line.strip() for line in whole_text(reply).splitlines() if line.strip()]
    if lines[-2:] != CLOSING:
        last = lines[-1][:120] if lines else "nothing"
        raise Unreadable(f"the script did not run to its end: {last}")
    return [line for line in lines[:-2] if line not in OPENING]


def _profile(reply: Reply) -> Facts:
    """Return who the array is, what both controllers run, and what lies there to be activated."""
    lines = _body(reply)
    names = [match.group(1) for line in lines if (match := NAMED.fullmatch(line))]
    identifiers = {match.group(1).upper() for line in lines if (match := IDENTIFIER.fullmatch(line))}
    if len(names) != 1 or len(identifiers) != 1:
        raise Unreadable("it does not tell one name and one identifier of the array")
    controllers = _controllers(lines)
    current, pending = {one.current for one in controllers}, {one.pending for one in controllers}
    products = {one.product for one in controllers}
    facts = {"serial": identifiers.pop(), "name": names[0], "equal": "yes" if len(current) == 1 else "no"}
    facts["states"] = " ".join(f"{one.slot}={one.status}" for one in controllers)
    facts["pending"] = "none" if pending == {"None"} else " ".join(sorted(pending))[:60]
    facts |= {"version": current.pop()} if len(current) == 1 else {}
    return facts | ({"model": products.pop()} if len(products) == 1 else {})


def _controllers(lines: list[str]) -> list[_Controller]:
    found: list[_Controller] = []
    inside, part = False, ""
    for line in lines:
        key, colon, value = (each.strip() for each in line.partition(":"))
        if match := CONTROLLER.fullmatch(line):
            found.append(_Controller(match.group(1)))
            inside, part = True, ""
        elif SECTION.fullmatch(line):
            inside = False
        elif inside and line in ("Current configuration", "Pending configuration"):
            part = line.partition(" ")[0].lower()
        elif inside and colon and key == "Firmware version" and part:
            _once(found[-1], part, value)
        elif inside and colon and key in ("Status", "Product ID"):
            _once(found[-1], {"Status": "status", "Product ID": "product"}[key], value)
    whole = [one for one in found if one.status and one.product and RELEASE.fullmatch(one.current)]
    if len(found) != 2 or len(whole) != 2 or found[0].slot == found[1].slot:
        raise Unreadable(f"it does not tell state and firmware of two controllers, but of {len(whole)}")
    if any(one.pending != "None" and not RELEASE.fullmatch(one.pending) for one in found):
        raise Unreadable("a controller does not tell whether firmware is pending")
    return found


def _once(controller: _Controller, field: str, value: str) -> None:
    if getattr(controller, field):
        raise Unreadable(f"controller {controller.slot} tells its {field} twice")
    setattr(controller, field, value[:60])


def _health(reply: Reply) -> Facts:
    """Return whether the array calls itself optimal and says nothing besides."""
    lines = _body(reply)
    if not lines:
        raise Unreadable("it says nothing of its health")
    optimal = len(lines) == 1 and OPTIMAL.fullmatch(lines[0])
    return {"optimal": "yes" if optimal else "no", "said": " / ".join(lines)[:300]}


def _ports(reply: Reply) -> tuple[str, ...]:
    """Return the names by which hosts see it; none where the profile tells none."""
    found = [match for line in _body(reply) if (match := PORT.fullmatch(line))]
    return tuple(dict.fromkeys(one.group(1) or f"naa.{one.group(2).replace(':', '').lower()}" for one in found))


def _volumes(reply: Reply) -> tuple[Volume, ...]:
    """Return every volume; Unreadable unless they are as many as are counted, and of no kind besides."""
    lines = _body(reply)
    counted = [match for line in lines if (match := COUNTED.fullmatch(line))]
    counts = {match.group(1): match.group(2) for match in counted}
    names = [match.group(1) for line in lines if (match := NAME.fullmatch(line))]
    uids = [match.group(1).replace(":", "").lower() for line in lines if (match := UID.fullmatch(line))]
    sizes = [match.groups() for line in lines if (match := CAPACITY.fullmatch(line))]
    if other := [kind for kind, count in counts.items() if kind != "standard" and count != "0"]:
        raise Unreadable(f"it has {', '.join(other)} volumes besides")
    if counts.get("standard") != str(len(uids)) or not len(names) == len(uids) == len(sizes) == len(set(uids)):
        raise Unreadable(f"it counts {counts.get('standard', 'no')} volumes and shows {len(uids)}")
    exact = [round(float(number.replace(",", "")) * (1 << UNITS[unit])) for number, unit in sizes]
    return tuple(Volume(name, name, uid, size) for name, uid, size in zip(names, uids, exact, strict=True))


CAM_ARRAY = re.compile(r"Array: ([A-Za-z0-9][A-Za-z0-9._-]{0,62})")
"""One array in `sscs list storage-system`: a public script takes its name from the eighth column on (S 35), and that
`Array:` stands before it is from memory [M]."""


def _managed(reply: Reply) -> Facts:
    """Return the names of the arrays that CAM manages, each between slashes; Unreadable for any other line."""
    if reply.exit_status != 0:
        raise Unreadable(f"sscs ended with status {reply.exit_status}")
    text = whole_text(reply)
    found = [CAM_ARRAY.fullmatch(line.rstrip()) for line in text.splitlines() if line.strip()]
    names = [match.group(1) for match in found if match]
    if not names or len(names) != len(found) or len(set(names)) != len(names) or not text.endswith("\n"):
        raise Unreadable("it does not list arrays, each by one name")
    return {"arrays": f"/{'/'.join(names)}/"}


READERS: Mapping[str, Reader] = {
    "managed": Reader(("arrays",), _managed),
    "profile": Reader(("serial", "name", "model", "version", "equal", "pending", "states"), _profile),
    "health": Reader(("optimal", "said"), _health),
}


def _bad_health(reply: Reply) -> list[str]:
    facts = _health(reply)
    return [] if facts["optimal"] == "yes" else [f"the array says: {facts['said']}"]


def _bad_controllers(reply: Reply) -> list[str]:
    return [f"controller {one.slot} is {one.status}" for one in _controllers(_body(reply)) if one.status != "Online"]


HEALTH: Mapping[str, Callable[[Reply], list[str]]] = {"health": _bad_health, "profile": _bad_controllers}


def read(array: str, replies: Mapping[str, Reply], now: datetime) -> ArrayReading:
    """
    Return who the array is and whether it is well, from the replies to QUESTIONS.

    Firmware that is pending is an update that waits for its activation. The array keeps its volumes on its own drives.
    """
    asked = Asked(replies)
    profile = asked.read("profile", _profile) or {}
    state = None
    if profile:
        if profile["equal"] == "no":
            asked.unknown.append("version: its controllers run different firmware")
        state = "idle" if profile["pending"] == "none" else f"pending {profile['pending']}"
        state = state if profile["equal"] == "yes" else "mixed"
    return asked.reading(
        array,
        now,
        profile,
        ports=asked.read("profile", _ports) or (),
        update_state=state,
        problems=asked.problems(HEALTH),
        volumes=asked.read("volumes", _volumes),
        backends=(),
    )


def _spelt(command: str) -> str:
    """Put a script into the words of the tool that runs it; what is put to CAM is whole already."""
    return command if command.startswith("sscs ") else MODE + command + END


FAMILY = Family(QUESTIONS, READ_ONLY, MUTATING, FORBIDDEN, READERS, read, spell=_spelt)
