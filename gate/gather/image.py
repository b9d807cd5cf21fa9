"""The firmware image as it lies on disk: one plain file, every byte hashed."""

import hashlib
import os
import stat
from collections.abc import Callable, Collection
from datetime import datetime
from pathlib import Path

from gate.evidence import ImageReading
from gate.families import FAMILIES
from gate.gather.handed_out import NotHandedOut, handed_out
from gate.settings import Settings
from gate.ssh.wire import utc_now

LARGEST = 4 * 1024**3
"""Bytes; the largest published array images have about 2 GB."""

CHUNK = 1024 * 1024


def read_for(
    settings: Settings, targets: Collection[str], file: str | None, clock: Callable[[], datetime] = utc_now
) -> ImageReading | None:
    """Read the image of a change, also where its targets fetch it from; None for a change without one."""
    inventory = settings.config.inventory
    fetch = any(FAMILIES[inventory.array(name).family].fetches for name in targets)
    server = settings.config.images.server if fetch else ""
    return None if file is None else read_image(settings.images, file, clock, server)


def read_image(directory: Path, file: str, clock: Callable[[], datetime] = utc_now, server: str = "") -> ImageReading:
    """
    Hash `directory/file`; whatever is no plain file of bounded size becomes a problem, never an exception.

    A link is not followed: what lies elsewhere was not put into the image directory. A file that changes while it is
    read has no digest. The reading names the file, not the directory, which is nobody's business in a pack. With
    `server`, from which the arrays fetch it, what is handed out there must be the same bytes.
    """
    began = clock()
    try:
        digest, size = _hash(directory / file)
    except _NotAnImage as error:
        return ImageReading(file, began, problem=str(error))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no file can have this name"
        return ImageReading(file, began, problem=f"the image cannot be read: {reason}")
    if server:
        try:
            other = handed_out(server, file, LARGEST)
        except NotHandedOut as error:
            return ImageReading(file, began, problem=str(error))
        if other != digest:
            return ImageReading(file, began, problem=f"{server} hands out other bytes under this name ({other[:12]}…)")
    return ImageReading(file, began, f"sha256:{digest}", size)


class _NotAnImage(Exception):
    pass


def _hash(path: Path) -> tuple[str, int]:
    if path.is_symlink():
        raise _NotAnImage("the image is a link, not a file")
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        before = os.fstat(handle)
        if not stat.S_ISREG(before.st_mode):
            what = "a directory" if stat.S_ISDIR(before.st_mode) else "no plain file"
            raise _NotAnImage(f"the image is {what}")
        if before.st_size > LARGEST:
            raise _NotAnImage(f"the image has {before.st_size} bytes, more than {LARGEST}")
        hashed, size = hashlib.sha256(), 0
        while part := os.read(handle, min(CHUNK, LARGEST + 1 - size)):
            hashed.update(part)
            size += len(part)
        after = os.fstat(handle)
    finally:
        os.close(handle)
    if size != before.st_size or (before.st_mtime_ns, before.st_ctime_ns) != (after.st_mtime_ns, after.st_ctime_ns):
        raise _NotAnImage("the image changed while it was read")
    return hashed.hexdigest(), size
