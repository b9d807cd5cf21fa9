"""Each entry as a line of a file that somebody follows; it is opened anew for each piece, so it can be rotated."""

import os
from collections.abc import Sequence
from pathlib import Path

from gate.errors import Outside
from gate.export.population import Item
from gate.export.stream import FORMS
from gate.sink import LogFile


class FileDelivery:
    """Appends, forces to disk, and takes back half a line that a kill left."""

    def __init__(self, sink: LogFile, base: Path) -> None:
        self._path, self._form = base / sink.path, FORMS[sink.format]

    def deliver(self, items: Sequence[Item]) -> None:
        """See Delivery."""
        try:
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            with os.fdopen(handle, "r+b") as file:
                file.truncate(_whole(file.fileno()))
                file.seek(0, os.SEEK_END)
                file.write(self._form.records(items))
                file.flush()
                os.fsync(file.fileno())
        except OSError as problem:
            raise Outside(f"the file {self._path} cannot be written: {problem.strerror}") from None

    def close(self) -> None:
        """See Delivery."""


def _whole(handle: int) -> int:
    """Return the length up to the end of the last whole line; an entry is 16 KiB, its line never above 64."""
    size = os.fstat(handle).st_size
    start = max(0, size - (64 << 10))
    tail = os.pread(handle, size - start, start)
    return start + tail.rfind(b"\n") + 1 if tail else 0
