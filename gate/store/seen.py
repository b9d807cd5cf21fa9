"""
The last head that was written, remembered beside the key and outside the database.

A database restored from yesterday's backup is whole, signed and wrong. Only a memory outside it can tell
(until a witness is there): the size and digest of the newest frontier, in one line that is rewritten after each commit.
"""

import base64
import binascii
import errno
import os
from hashlib import sha256
from pathlib import Path

from gate.errors import LedgerUnavailable

LINE = 20 + 1 + 44 + 1


def digest(frontier: bytes) -> bytes:
    """Stand for a whole history: a frontier has one root. Cheaper than the root, and each append pays for it."""
    return sha256(frontier).digest()


def behind(missing: int) -> LedgerUnavailable:
    """Say that the file lacks entries which were signed."""
    return LedgerUnavailable(
        f"the ledger file is older than what was signed: {missing} entries are missing",
        hint="was it restored from a backup? It can still be read and exported; put the newest file back",
    )


class Seen:
    """The file `<key>.seen`: `<size, 20 digits> <SHA-256 of the frontier, base64>`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.stopped = ("", 0)
        """Why nothing may be appended although this file does not say so, and how many entries are missing."""

        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            if not self.line():
                self._begin()
        except OSError as problem:
            raise LedgerUnavailable(f"cannot open {path}: {problem.strerror}") from None

    def _begin(self) -> None:
        """Take the line's place on the disk while there is room: later it is only overwritten."""
        try:
            self.write(0, b"")
        except OSError:
            os.ftruncate(self._file, 0)
            os.close(self._file)
            raise

    def line(self) -> bytes:
        """Return the line as it is, unread."""
        return os.pread(self._file, LINE + 1, 0)

    def read(self) -> tuple[int, bytes]:
        """Return size and digest; (0, b"") before the first; LedgerUnavailable when the line is damaged."""
        line = self.line()
        if not line:
            return 0, b""
        try:
            size, _, remembered = line.decode("ascii").rstrip("\n").partition(" ")
            if len(line) != LINE:
                raise ValueError
            return int(size), base64.b64decode(remembered, validate=True)
        except (ValueError, binascii.Error):
            raise LedgerUnavailable(
                f"{self.path} is damaged, so it is not known whether the ledger is the newest",
                hint="compare the ledger with the last export or checkpoint, then remove the file",
            ) from None

    def compare(self, size: int, frontier: bytes) -> None:
        """LedgerUnavailable when a ledger of this size and frontier is behind what is remembered, or another one."""
        if self.stopped[0]:
            hint = "it can still be read and exported; sangate ledger recover puts back what is missing"
            raise LedgerUnavailable(self.stopped[0], hint=hint)
        seen, remembered = self.read()
        if seen > size:
            raise behind(seen - size)
        if seen == size and size and remembered != digest(frontier):
            raise LedgerUnavailable(
                f"the ledger tells another history than the one remembered in {self.path}",
                hint="entries were changed outside the gate; compare with the last export",
            )

    def write(self, size: int, frontier: bytes) -> bytes:
        """
        Remember a head and return its line. Called in turn, after the commit, so it is never ahead of the database.

        Not forced to disk for each entry: after a power cut it may be a few entries behind, which weakens the
        memory a little and never refuses a whole ledger.
        """
        line = b"%020d %b" % (size, binascii.b2a_base64(digest(frontier)))
        if os.pwrite(self._file, line, 0) != LINE:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return line

    def sync(self) -> None:
        """Force it to disk."""
        os.fsync(self._file)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)
