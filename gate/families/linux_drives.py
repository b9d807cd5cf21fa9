"""
Disks of a Linux host by themselves: `smartctl -j`, `nvme`, and what fwupd has changed (array-clis, section 8).

What is put to one disk is a function of its device, not one of the questions to the host.
"""

import re
from collections.abc import Generator, Mapping
from typing import Any

from gate.evidence import Reply
from gate.families.family import Unreadable
from gate.families.linux_facts import Fact, State, objects, whole_json, word
from gate.families.linux_nvme import HIDDEN_PATH, TRANSPORTS, reached_of

DISKS = "lsblk -J -b -d -o NAME,TYPE,SIZE,STATE,MODEL,SERIAL,WWN,HCTL,TRAN,REV"
OWN = ("nvme", "sata", "ata")
"""
How a host's own disks are joined to it, as lsblk tells (TRAN); LUNs come by fc, iscsi or sas.

Of an NVMe disk it tells nothing by that: whether it lies in the host the kernel says (gate/families/linux_nvme.py).
"""

NAME = re.compile(r"sd[a-z]{1,3}|nvme[0-9]{1,3}n[0-9]{1,3}", re.ASCII)
OWN_MAX = 16
"""Own disks that are asked one by one (our choice); of more than these nothing is known."""

SMART_UNASKED = 0b111
"""Bits of smartctl's status that say that it could not ask (smartctl(8), RETURN VALUES); bit 3 is a disk that fails."""

SMART_FAILING = 0b1000

FWUPD_WAITS = {1: "is pending", 4: "waits for a restart"}
"""FwupdUpdateState of libfwupd: what has been begun and not ended."""

FWUPD_NOTHING = 2
"""fwupdmgr(1): nothing to do."""


def history(reply: Reply) -> list[Fact]:
    """Return what fwupd has changed and whether that went well; its status 2 says that there was nothing."""
    if reply.exit_status == FWUPD_NOTHING:
        return []
    if reply.exit_status != 0:
        raise Unreadable(f"fwupdmgr ended with status {reply.exit_status}")
    facts = []
    for row in objects(reply, "Devices"):
        state = row.get("UpdateState")
        well = State.OK if state == 2 else State.BAD if isinstance(state, int) else State.UNKNOWN
        facts.append(Fact("firmware.history", word(row, "Name"), word(row, "Version"), well))
    return facts


def smart(device: str, reply: Reply) -> list[Fact]:
    """
    Return health, age and firmware of one disk from `smartctl -j -a`; its status is a mask, not a verdict.

    Bits 4 to 7 tell of the past and of the logs, and leave the disk as it calls itself.
    """
    found = whole_json(reply, "smartctl")
    if reply.exit_status is None or reply.exit_status & SMART_UNASKED:
        raise Unreadable(f"smartctl could not ask the disk (status {reply.exit_status})")
    passed = _inner(found, "smart_status", "passed")
    hours = _inner(found, "power_on_time", "hours")
    state = State.UNKNOWN if not isinstance(passed, bool) else State.OK if passed else State.BAD
    if reply.exit_status & SMART_FAILING:
        state = State.BAD
    aged = type(hours) is int and hours >= 0
    return [
        Fact("disk.healthy", device, str(passed).lower() if isinstance(passed, bool) else "", state),
        Fact("disk.power_on_hours", device, str(hours) if aged else "", State.OK if aged else State.UNKNOWN),
        Fact("disk.firmware", device, word(found, "firmware_version"), _known(found, "firmware_version")),
        Fact("disk.model", device, word(found, "model_name"), _known(found, "model_name")),
    ]


def nvme(device: str, reply: Reply) -> list[Fact]:
    """Return the critical warning of one NVMe disk; zero is well (NVM Express base specification, SMART log)."""
    warning = whole_json(reply, "nvme").get("critical_warning")
    if reply.exit_status != 0 or type(warning) is not int:
        raise Unreadable("nvme does not tell its critical warning as a number")
    return [Fact("disk.healthy", device, str(warning), State.BAD if warning else State.OK)]


def firmware(reply: Reply) -> list[Fact]:
    """
    Return whether an update of the host's own firmware waits, and how many there have been: one more is one since.

    What failed long ago says nothing of today, and is for `history`.
    """
    rows = [] if reply.exit_status == FWUPD_NOTHING else objects(reply, "Devices")
    if reply.exit_status not in (0, FWUPD_NOTHING):
        raise Unreadable(f"fwupdmgr ended with status {reply.exit_status}")
    states = [row.get("UpdateState") for row in rows]
    if any(type(state) is not int for state in states):
        raise Unreadable("fwupdmgr does not tell how an update came out")
    waits = [f"{word(row, 'Name') or 'one'} {FWUPD_WAITS[state]}" for row, state in zip(rows, states, strict=True)
             if state in FWUPD_WAITS]  # fmt: skip
    return [
        Fact(
            "firmware.update", "of the host", "; ".join(waits)[:200] or "none waits", State.BAD if waits else State.OK
        ),
        Fact("firmware.count", f"of {len(rows)} updates", "", State.OK),
    ]


def own_disks() -> Generator[str, Reply, list[Fact]]:
    """
    Yield questions, take their replies, return the health of each disk that is the host's own; [] where it has none.

    Both tools want rights that a reading user may not have: a disk that does not tell is `unknown`.
    """
    listed = yield DISKS
    rows = [(word(row, "name"), word(row, "tran")) for row in objects(listed, "blockdevices")]
    names = [
        name for name, tran in rows if (tran in OWN or name.startswith("nvme")) and not HIDDEN_PATH.fullmatch(name)
    ]
    facts: list[Fact] = []
    if any(name.startswith("nvme") for name in names):
        told = yield TRANSPORTS
        names, facts = _in_the_host(names, told)
    for name in names[:OWN_MAX]:
        device = f"/dev/{name}"
        try:
            if not NAME.fullmatch(name):
                raise Unreadable("it has another name than disks have")
            if name.startswith("nvme"):
                facts += nvme(device, (yield f"nvme smart-log -o json {device}"))
            else:
                facts += smart(device, (yield f"smartctl -j -a {device}"))[:1]
        except Unreadable as error:
            facts.append(_unknown(device, error))
    if len(names) > OWN_MAX:
        facts.append(Fact("disk.healthy", f"of {len(names) - OWN_MAX} more", "not asked", State.UNKNOWN))
    return facts


def _in_the_host(names: list[str], told: Reply) -> tuple[list[str], list[Fact]]:
    """Leave out every namespace of a fabric; one that does not tell is unknown, and is not asked."""
    own, facts = [], []
    for name in names:
        try:
            if not name.startswith("nvme") or reached_of(told, name).own:
                own.append(name)
        except Unreadable as error:
            facts.append(_unknown(f"/dev/{name}", error))
    return own, facts


def _unknown(device: str, why: Unreadable) -> Fact:
    return Fact("disk.healthy", device[:80], str(why)[:200], State.UNKNOWN)


def _inner(found: Mapping[str, Any], outer: str, key: str) -> Any:
    inside = found.get(outer)
    return inside.get(key) if isinstance(inside, dict) else None


def _known(found: Mapping[str, Any], key: str) -> State:
    return State.OK if word(found, key) else State.UNKNOWN


def same_age_share(disks: Mapping[str, tuple[str, str, int]], within_h: int = 168) -> int:
    """
    Return how many percent of the disks are of one model and firmware and nearly of one age: what fails together.

    `disks`: device → model, firmware, hours; `within_h` is a week (our choice). 0 for no disks. SAS SSDs that stop
    after 32,768 hours stopped side by side (array-clis, I02).
    """
    most = 0
    for model, firmware, hours in disks.values():
        alike = [one for one in disks.values() if one[:2] == (model, firmware) and 0 <= one[2] - hours <= within_h]
        most = max(most, len(alike))
    return 100 * most // len(disks) if disks else 0
