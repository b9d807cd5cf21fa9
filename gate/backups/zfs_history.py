"""
What `zpool history -i` says of a file system's checksums: whether they were ever others than they are now.

The property `checksum` governs blocks that are written from then on; the ones that are there keep theirs. So what it is
now says what the blocks have only if nobody set or inherited it, on the file system or on one above it, since the file
system came to be, and if it was not moved to another parent. Sets by other ways than the command (a channel program, a
received stream) stand there as internal events alone, hence `-i`. The pool keeps its history in a ring: one that does
not reach back to the file system's own beginning tells nothing.

zfs-fuse 0.7 was run, and names datasets by number alone; the lines of OpenZFS 2 are from its manual pages [M].
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from gate.backups.answers import Unread, shown

LINE = re.compile(r"(\d{4}-\d{2}-\d{2}\.\d{2}:\d{2}:\d{2}) (.*)")
FUSE = re.compile(r"\[internal (?P<kind>[a-z_ ]{1,40}) txg:\d{1,20}\] (?P<data>.*?) ?dataset = (?P<id>\d{1,20})")
OPENZFS = re.compile(r"\[txg:\d{1,20}\] (?P<kind>[a-z_ ]{1,40}?) \S+ \((?P<id>\d{1,20})\) ?(?P<data>.*)")
BORN = frozenset({"create", "receive", "replay_full_sync"})
GOVERNS = frozenset({"property set", "set", "inherit"})
MOVED = frozenset({"rename", "promote", "clone"})
WHAT = "the pool's history"

AROUND_S = (-2, 60)
"""Within how many seconds of its creation a file system's first event stands (our choice): both are cut to seconds."""


def otherwise_summed(said: str, pool: str, system: str, ids: Mapping[str, int], created: datetime) -> str:
    """
    Say why a file system's blocks may have other checksums than its property tells; empty when they have not.

    `said` was asked in UTC, `ids` are the numbers of the file system and of all above it, by name. Unread when the
    history is not understood or does not reach back to the file system's beginning.
    """
    lines = said.splitlines()
    if not lines or lines[0] != f"History for '{pool}':":
        raise Unread(f"{WHAT} is not that of {pool}")
    born = made = False
    for line in lines[1:]:
        if not line or line.startswith(" "):  # what an ioctl was given
            continue
        at, event = _read(line)
        if not born:
            born = _is_beginning(event, ids[system], at, created)
            made = born and event is not None and event["kind"] == "create"
            continue
        if event is None:
            made = False
            if _by_command(line, ids):
                return f"{shown(line)} stands in {WHAT}"
        # What `zfs create -o` sets stands between the event and the command, before anything could be written.
        elif int(event["id"]) in ids.values() and _matters(event) and not (made and int(event["id"]) == ids[system]):
            return f"{shown(line)} stands in {WHAT}"
    if not born:
        raise Unread(f"{WHAT} does not reach back to the beginning of {system}")
    return ""


def _read(line: str) -> tuple[datetime, re.Match[str] | None]:
    found = LINE.fullmatch(line)
    if found is None:
        raise Unread(f"{WHAT} holds {shown(line)}")
    try:
        at = datetime.strptime(found[1], "%Y-%m-%d.%H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        raise Unread(f"{WHAT} holds {shown(line)}") from None
    return at, FUSE.fullmatch(found[2]) or OPENZFS.fullmatch(found[2])


def _is_beginning(event: re.Match[str] | None, own: int, at: datetime, created: datetime) -> bool:
    """A number can be used again, so what is about an earlier file system of that number lies before its creation."""
    if event is None or int(event["id"]) != own or event["kind"] not in BORN:
        return False
    return AROUND_S[0] <= (at - created).total_seconds() <= AROUND_S[1]


def _matters(event: re.Match[str]) -> bool:
    return event["kind"] in MOVED or (event["kind"] in GOVERNS and event["data"].startswith("checksum="))


def _by_command(line: str, ids: Mapping[str, int]) -> bool:
    """The same by the commands themselves, by name: no event may be overlooked for the way that it is spelled."""
    words = line.split()[1:]
    if words[:1] != ["zfs"] or not set(words) & set(ids):
        return False
    governs = words[1:2] in (["set"], ["inherit"]) and any(word.partition("=")[0] == "checksum" for word in words)
    return governs or words[1:2] in (["rename"], ["promote"])
