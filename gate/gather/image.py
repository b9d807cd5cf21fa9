"""The firmware image as it lies on disk: one plain file, every byte hashed."""

import hashlib
import os
import stat
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from gate.evidence import ImageReading
from gate.ssh.wire import utc_now

LARGEST = 4 * 1024**3
"""Bytes; the largest published array images have about 2 GB."""

CHUNK = 1024 * 1024


def read_image(directory: Path, file: str, clock: Callable[[], datetime] = utc_now) -> ImageReading:
    """
    Hash `directory/file`; whatever is no plain file of bounded size becomes a problem, never an exception.

    A link is not followed: what lies elsewhere was not put into the image directory. A file that changes while it is
    read has no digest. The reading names the file, not the directory, which is nobody's business in a pack.
    """
    began = clock()
    try:
        digest, size = _hash(directory / file)
    except _NotAnImage as error:
        return ImageReading(file, began, problem=str(error))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no file can have this name"
        return ImageReading(file, began, problem=f"the image cannot be read: {reason}")
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
