"""What a trace over a Linux host has found so far, and how its JSON answers are read: strictly, or not at all."""

import json
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

from gate.evidence import Hop, Identity, Leaf, Reply, Share
from gate.families.family import Unreadable, whole_text

Found = TypeVar("Found")
Asking: TypeAlias = Generator[str, Reply, Found]
"""Yields commands, receives replies, returns what was found."""

DISKS_MAX = 64
"""Disks below one path; each costs a question, and real ones have less than ten."""


@dataclass
class Seen:
    """One LUN as its paths tell of it, path by path."""

    by: str = ""
    """How its disks are reached; what is reached in two ways is not one thing because it tells one name."""

    disks: list[str] = field(default_factory=list)
    ports: list[str] = field(default_factory=list)
    devices: list[str] = field(default_factory=list)
    through: list[str] = field(default_factory=list)


@dataclass
class Way:
    """The way from a path down to all it lies on."""

    hops: list[Hop] = field(default_factory=list)
    raw: list[str] = field(default_factory=list)
    luns: dict[str, Seen] = field(default_factory=dict)
    shares: list[Share] = field(default_factory=list)
    identities: list[Identity] = field(default_factory=list)
    lun_of: dict[str, str] = field(default_factory=dict)
    """Kernel name of a disk → its LUN; "" for one that a hypervisor made."""

    def leaves(self) -> tuple[Leaf, ...]:
        """Return every LUN found, in the order of finding."""
        return tuple(
            Leaf(
                tuple(seen.disks),
                lun,
                *(tuple(dict.fromkeys(names)) for names in (seen.ports, seen.devices, seen.through)),
            )
            for lun, seen in self.luns.items()
        )

    def text(self, reply: Reply) -> str:
        """Keep the digest of a reply and return its text; Unreadable when there is none."""
        self.raw.append(reply.digest)
        return whole_text(reply)

    def json(self, reply: Reply, tool: str) -> dict[str, Any]:
        """Keep the digest and return the JSON object; Unreadable names the tool."""
        text = self.text(reply)
        if reply.exit_status != 0:
            raise Unreadable(f"{tool} ended with status {reply.exit_status}: the path or device is not there")
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            raise Unreadable(f"{tool} did not answer with JSON") from None
        if not isinstance(found, dict):
            raise Unreadable(f"{tool} did not answer with a JSON object")
        return found


def only(found: dict[str, Any], key: str, tool: str) -> dict[str, Any]:
    """Return the one entry of a list; Unreadable when there are more or none."""
    entries = found.get(key)
    if not isinstance(entries, list) or len(entries) != 1 or not isinstance(entries[0], dict):
        raise Unreadable(f"{tool} does not name exactly one device")
    return entries[0]


def word(node: dict[str, Any], key: str) -> str:
    """Return a text value; "" for what is missing or null. Control characters cannot hide in JSON escapes."""
    value = node.get(key)
    return "".join(char if char.isprintable() else "?" for char in value)[:200] if isinstance(value, str) else ""
