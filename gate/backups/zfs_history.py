"""
What `zpool history -i` says of a file system's checksums: whether they were ever others than they are now.

The property `checksum` governs blocks that are written from then on; the ones that are there keep theirs. So what it is
now says what the blocks have only if nobody set or inherited it, on the file system or on one above it, since the file
system came to be, and if it was not moved to another parent. Sets by other ways than the command (a channel program, a
received stream) stand there as internal events alone, hence `-i`. The pool keeps its history in a ring: one that does
not reach back to the file system's own beginning tells nothing.

It also says from which transaction group to which a scrub was to look: `zpool scrub -C` (OpenZFS 2.3) and `-S`, `-E`
(2.4) look at a part, and end in the very words of a whole one.

zfs-fuse 0.7 was run, and names datasets by number alone; the lines of OpenZFS 2 are from its manual pages and from
histories that others have shown [M].
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from gate.backups.answers import Unread, shown

LINE = re.compile(r"(\d{4}-\d{2}-\d{2}\.\d{2}:\d{2}:\d{2}) (.*)")
FUSE = re.compile(r"\[internal (?P<kind>[a-z_ ]{1,40}) txg:\d{1,20}\] (?P<data>.*?) ?dataset = (?P<id>\d{1,20})")
OPENZFS = re.compile(r"\[txg:\d{1,20}\] (?P<kind>[a-z_ ]{1,40}?) \S+ \((?P<id>\d{1,20})\) ?(?P<data>.*)")
SETUP = re.compile(
    r"(?:\[internal pool scrub txg:(?P<fuse>\d{1,20})\]|\[txg:(?P<openzfs>\d{1,20})\] scan setup)"
    r" func=(?P<func>\d{1,3}) mintxg=(?P<least>\d{1,20}) maxtxg=(?P<most>\d{1,20}) *"
)
"""What a scan is to look at; `func=1` is a scrub, 2 a resilver."""

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
        at, event, _ = _read(line)
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


def in_part(said: str) -> str:
    """
    Say why the last scrub that began looked at a part of the pool only; empty when it looked at all that was there.

    Unread when the history names no scrub.
    """
    told = (SETUP.fullmatch(_read(line)[2]) for line in said.splitlines()[1:] if line and not line.startswith(" "))
    last = next((one for one in reversed([one for one in told if one is not None]) if one["func"] == "1"), None)
    if last is None:
        raise Unread(f"{WHAT} does not tell what the last scrub was to read")
    now, least, most = (int(last[name] or 0) for name in ("fuse" if last["fuse"] else "openzfs", "least", "most"))
    return "" if least == 0 and most >= now else f"it was to read what was written from {least} to {most}, it was {now}"


def _read(line: str) -> tuple[datetime, re.Match[str] | None, str]:
    found = LINE.fullmatch(line)
    if found is None:
        raise Unread(f"{WHAT} holds {shown(line)}")
    try:
        at = datetime.strptime(found[1], "%Y-%m-%d.%H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        raise Unread(f"{WHAT} holds {shown(line)}") from None
    return at, FUSE.fullmatch(found[2]) or OPENZFS.fullmatch(found[2]), found[2]


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
