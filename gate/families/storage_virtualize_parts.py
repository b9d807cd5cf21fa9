"""
The canisters of a Storage Virtualize system: part number, serial and code of each, as the system itself tells them.

`lsenclosurecanister` tells part number and identity of what sits in each slot. What code a node canister carries is
asked of the canister itself with `sainfo lsservicestatus`, which answers also before it has joined the system; the
canister is named by its panel, which `lsnodecanister` tells. Keys are those that public readers of these views name;
that `11S…` of the label is told whole as FRU_identity, the words of `type`, and what a canister that has not joined
answers are from memory [M]. They only refuse: a canister that cannot be read has no part number.
"""

import re
from collections.abc import Generator, Mapping
from dataclasses import replace
from typing import NoReturn

from gate.evidence import Part, Reply
from gate.families.family import Facts, Reader, Unreadable
from gate.families.storage_virtualize_health import NODES, laid_to
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
PORT = re.compile(r"iqn\.[A-Za-z0-9.:-]{1,220}")
STATE = re.compile(r"[A-Za-z][A-Za-z _-]{0,30}")
MOST = 64
"""Canisters of one system that are asked about; the largest documented one has fewer (4 × 2 node, 40 expansion)."""


def _canister(reply: Reply) -> Facts:
    told = pairs(reply)
    facts = {name: told.get(key, "") for name, key in (("enclosure", "enclosure_id"), ("slot", "canister_id"))}
    facts |= {"status": told.get("status", ""), "kind": KINDS.get(told.get("type", ""), "")}
    facts |= {"part": told.get("FRU_part_number", ""), "serial": told.get("FRU_identity", "")}
    facts |= {"module_firmware": told.get("firmware_level", "")}
    fits = {"part": LABEL, "serial": LABEL, "module_firmware": CODE, "enclosure": NUMBER, "slot": NUMBER}
    facts = {name: value for name, value in facts.items() if fits.get(name, STATE).fullmatch(value)}
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


READERS: Mapping[str, Reader] = {
    "canister": Reader(("enclosure", "slot", "status", "kind", "part", "serial", "module_firmware"), _canister),
    "service": Reader(("panel", "state", "code"), _service),
    "dependents": Reader(("count",), _dependents),
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
        found.append(part)
    return tuple(found)


def _own(reply: Reply, panel: str) -> Facts:
    """Return what a canister tells of itself; nothing when it does not answer, as a dead one does not."""
    try:
        told = _service(reply)
    except Unreadable:
        return {}
    return told if told["panel"] == panel else {}


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
