"""
Linux hosts: where a path really lies, from the mount point down to LUNs and their target ports.

The way is findmnt → what the file system lies on → lsblk -s → VPD page 0x83 of every disk below; a file behind a loop
device starts it again. Each question follows from the answer before it, so `trace` is a generator that yields commands
and takes replies. Whatever is not understood leaves a problem in the trace: an unmounted repository silently resolves
to the root disk, and lsblk's own WWN and SERIAL columns come from udev and may be short, wrong or empty, so neither is
used (backup-evidence 2.2).
"""

import re
from collections.abc import Callable
from datetime import datetime

from gate.evidence import Hop, Reply, Trace
from gate.families.family import Unreadable, whole_text
from gate.families.linux_blocks import PATH, devices
from gate.families.linux_mounts import below, mounted
from gate.families.linux_way import Asking, Found, Way

CLOCK = "date -u +%s"

FILES_MAX = 4
"""Files below one another, each behind a loop device or in a pool; two are already strange."""


def trace(host: str, path: str, mount: str | None, now: datetime) -> Asking[Trace]:
    """
    Yield one command after the other, take each reply, return the trace.

    `mount` is the mount point under which the path must lie; None: wherever it lies. The trace has no problem only if
    every disk below was identified by itself. What was found before a problem stays: what is shared there is shared.
    """
    way = Way([Hop("host", host)])
    problem = ""
    try:
        yield from _follow(way, host, path, mount)
    except Unreadable as error:
        problem = str(error)
    return Trace(
        host=host,
        path=path,
        at=now,
        hops=tuple(way.hops),
        leaves=way.leaves(),
        shares=tuple(way.shares),
        identities=tuple(dict.fromkeys(way.identities)),
        problem=problem,
        raw=tuple(way.raw),
    )


def follow(asking: Asking[Found], ask: Callable[[str], Reply]) -> Found:
    """Drive a trace or another line of questions: put each with `ask` and return what it found."""
    try:
        command = next(asking)
        while True:
            command = asking.send(ask(command))
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]  # what the generator returns


def clock(reply: Reply) -> int | None:
    """Return the host's clock minus ours in whole seconds, against the middle of the asking; None when not told."""
    try:
        text = whole_text(reply).strip()
    except Unreadable:
        return None
    if reply.exit_status != 0 or not re.fullmatch(r"\d{9,11}", text, re.ASCII):
        return None
    middle = (reply.started_at.timestamp() + reply.finished_at.timestamp()) / 2
    return round(int(text) + 0.5 - middle)  # the host cuts its own second short by half of one on average


def _follow(way: Way, host: str, path: str, mount: str | None) -> Asking[None]:
    if not PATH.fullmatch(path) or not (mount is None or PATH.fullmatch(mount)):
        raise Unreadable("the path or its mount point holds characters that are not allowed")
    if mount is not None and path != mount and not path.startswith(mount + "/"):
        raise Unreadable(f"{path} does not lie under {mount}")
    waiting, files = [path], {path}
    while waiting:
        here = waiting.pop(0)
        if not PATH.fullmatch(here):
            raise Unreadable("a file that the data lie in has a name with characters that are not allowed")
        found = yield from mounted(way, here, mount if here == path else None)
        names, more = yield from below(way, found)
        for name in names:
            more += yield from devices(way, host, name, found.number if found.on_block else "")
        for file in dict.fromkeys(more):
            if file in files:
                raise Unreadable(f"the way goes in a circle: {file} lies on itself")
            files.add(file)
            waiting.append(file)
        if len(files) > FILES_MAX:
            raise Unreadable(f"more than {FILES_MAX} files lie below one another")
