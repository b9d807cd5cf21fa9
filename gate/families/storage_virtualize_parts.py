"""
The canisters of a Storage Virtualize system: part number, serial and code of each, as the system itself tells them.

`lsenclosurecanister` tells part number and identity of what sits in each slot. What code a node canister carries is
asked of the canister itself with `sainfo lsservicestatus`, which answers also before it has joined the system; the
canister is named by its panel, which `lsnodecanister` tells. An expansion canister, the module of a shelf, is asked
nothing itself: the system tells its firmware, in up to six levels, and all of them together are what must match its
partner's. Keys are those that public readers of these views name; that `11S…` of the label is told whole as
FRU_identity, the words of `type`, and what a canister that has not joined answers are from memory [M]. They only
refuse: a canister that cannot be read has no part number.

`lsdependentvdisks -enclosure E -canister C` names the volumes that go offline without that canister; IBM demands it
before one is reset (its command reference 9.1, `lsdependentvdisks` and `chenclosurecanister`). A drive is `degraded`
while it "is available but not through all drive ports" (there, `lsdrive`).
"""

import re
from collections.abc import Callable, Generator, Mapping
from dataclasses import replace
from typing import NoReturn

from gate.evidence import Part, Reply
from gate.families.family import REMARKS_MAX, Facts, Reader, Unreadable, plain
from gate.families.storage_virtualize_health import NODES, WELL, laid_to, laid_to_module
from gate.families.storage_virtualize_tables import pairs, table

CANISTERS = "lsenclosurecanister -delim !"

OF_PARTS = (
    r"lsenclosurecanister -delim !",
    r"lsenclosurecanister -canister [0-9]{1,3} -delim ! [0-9]{1,3}",
    r"sainfo lsservicestatus -delim ! [A-Za-z0-9][A-Za-z0-9-]{0,11}",
    r"lshost -delim ! [0-9]{1,5}",
    r"lsdependentvdisks -canister [0-9]{1,3} -enclosure [0-9]{1,3} -delim !",
)
"""Questions about parts that change nothing."""

KINDS: Mapping[str, str] = {"node": "controller", "expansion": "shelf-module"}
NUMBER = re.compile(r"[0-9]{1,3}")
PANEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,11}")
LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{2,63}")
CODE = re.compile(r"\d{1,4}(?:\.\d{1,4}){1,4}|[A-Za-z]{0,4}[0-9][A-Za-z0-9]{0,11}")
LEVELS = ("firmware_level", *(f"firmware_level_{number}" for number in range(2, 7)))
"""Keys of what an expansion canister carries; those that are empty are not there."""

SAS = re.compile(r"SAS_port_?[0-9]_status")
"""Keys of the ends of its cables; two public readers spell them with and without the second underscore."""
PORT = re.compile(r"iqn\.[A-Za-z0-9.:-]{1,220}")
STATE = re.compile(r"[A-Za-z][A-Za-z _-]{0,30}")
MOST = 64
"""Canisters of one system that are asked about; the largest documented one has fewer (4 × 2 node, 40 expansion)."""


def _canister(reply: Reply) -> Facts:
    told = pairs(reply)
    facts = {name: told.get(key, "") for name, key in (("enclosure", "enclosure_id"), ("slot", "canister_id"))}
    facts |= {"status": told.get("status", ""), "kind": KINDS.get(told.get("type", ""), "")}
    facts |= {"part": told.get("FRU_part_number", ""), "serial": told.get("FRU_identity", "")}
    fits = {"part": LABEL, "serial": LABEL, "enclosure": NUMBER, "slot": NUMBER}
    facts = {name: value for name, value in facts.items() if fits.get(name, STATE).fullmatch(value)}
    levels = [told[key] for key in LEVELS if told.get(key)]
    if told.get(LEVELS[0]) and all(map(CODE.fullmatch, levels)):
        facts["module_firmware"] = "_".join(levels)
    ends = [value for key, value in told.items() if SAS.fullmatch(key)]
    if ends or facts.get("status") == "online":
        facts["cabled"] = "yes" if "online" in (*ends, facts.get("status")) else "no"
    if "enclosure" not in facts or "slot" not in facts:
        raise Unreadable("it does not tell which canister this is")
    return facts


def _service(reply: Reply) -> Facts:
    """Read what a canister tells of itself; its state is `active` once it has joined."""
    told = pairs(reply)
    panel, state, code = (told.get(key, "") for key in ("panel_name", "node_status", "node_code_version"))
    if not PANEL.fullmatch(panel) or not STATE.fullmatch(state):
        raise Unreadable("it does not tell which canister this is, or its state")
    return {"panel": panel, "state": state.lower(), **({"code": code} if CODE.fullmatch(code) else {})}


def _dependents(reply: Reply) -> Facts:
    """Count the volumes that only this canister serves; with none, not even a header is printed."""
    return {"count": str(len(table(reply, ("vdisk_id",), empty_means_none=True)))}


def _ill(read: Callable[[Reply], list[str]]) -> Callable[[Reply], Facts]:
    """What is not well in one table of the system, line by line; `none` where all of it is."""
    return lambda reply: {"ill": plain(", ".join(read(reply)))[:REMARKS_MAX] or "none"}


READERS: Mapping[str, Reader] = {
    "canister": Reader(
        ("enclosure", "slot", "status", "kind", "part", "serial", "module_firmware", "cabled"), _canister
    ),
    "service": Reader(("panel", "state", "code"), _service),
    "dependents": Reader(("count",), _dependents),
    **{name: Reader(("ill",), _ill(read)) for name, read in WELL.items()},
}


def parts() -> Generator[str, Reply, tuple[Part, ...]]:
    """Ask for every canister; a question is yielded, its reply sent. Unreadable when the list itself cannot be read."""
    nodes = table((yield NODES), ("id", "name", "status", "iscsi_name", "enclosure_id", "canister_id", "panel_name"))
    seats = {(row["enclosure_id"], row["canister_id"]): row for row in nodes}
    if len(seats) != len(nodes):
        _refuse("two nodes sit in one place")
    rows = table((yield CANISTERS), ("enclosure_id", "canister_id"))
    if len(rows) > MOST:
        _refuse(f"it lists {len(rows)} canisters")
    found = []
    for enclosure, slot in dict.fromkeys((row["enclosure_id"], row["canister_id"]) for row in rows):
        if not (NUMBER.fullmatch(enclosure) and NUMBER.fullmatch(slot)):
            _refuse("a canister has no numbers")
        told = _canister((yield f"lsenclosurecanister -canister {slot} -delim ! {enclosure}"))
        if (told["enclosure"], told["slot"]) != (enclosure, slot):
            _refuse(f"asked about canister {slot} of enclosure {enclosure}, it tells of another one")
        node = seats.get((enclosure, slot), {})
        panel = node.get("panel_name", "")
        service: Facts = {}
        if told.get("kind") == "controller" and PANEL.fullmatch(panel):
            service = _own((yield f"sainfo lsservicestatus -delim ! {panel}"), panel)
        part = _part(told, service, panel)
        if node and part.what == "controller" and not part.well:
            port = node["iscsi_name"]
            ports = (port,) if PORT.fullmatch(port) and [row["iscsi_name"] for row in nodes].count(port) == 1 else ()
            part = replace(part, ports=ports, troubles=(yield from laid_to(node, nodes)))
        elif part.what == "shelf-module":
            held = _held((yield f"lsdependentvdisks -canister {slot} -enclosure {enclosure} -delim !"))
            gone = told.get("status") == "offline"
            part = replace(part, holds=held, troubles=(yield from laid_to_module(enclosure)) if gone else ())
        found.append(part)
    return tuple(found)


def _own(reply: Reply, panel: str) -> Facts:
    """Return what a canister tells of itself; nothing when it does not answer, as a dead one does not."""
    try:
        told = _service(reply)
    except Unreadable:
        return {}
    return told if told["panel"] == panel else {}


def _held(reply: Reply) -> tuple[str, ...] | None:
    """Return the names of the volumes that go offline without a canister; None when it does not say."""
    try:
        rows = table(reply, ("vdisk_id", "vdisk_name"), empty_means_none=True)
    except Unreadable:
        return None
    return tuple(plain(row["vdisk_name"]) for row in rows)


def _part(told: Facts, service: Facts, panel: str) -> Part:
    controller = told.get("kind") == "controller"
    state = service.get("state", "silent") if controller else told.get("status", "")
    online = told.get("status") == "online"
    return Part(
        what=told.get("kind", ""),
        enclosure=told["enclosure"],
        slot=told["slot"],
        place=panel,
        part=told.get("part"),
        serial=told.get("serial"),
        firmware=service.get("code") if controller else told.get("module_firmware"),
        state=f"{told.get('status', 'of no status')}, {state}" if controller else told.get("status", "of no status"),
        well=online and (state == "active" or not controller),
    )


def _refuse(why: str) -> NoReturn:
    raise Unreadable(why)
