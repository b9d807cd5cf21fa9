"""
A host's view of one LUN: the same SCSI commands as over the wire, so the array's faults reach the host's files.

Files lie on the LUN as a plain tar archive, which anybody can look at after reading the blocks.
"""

import errno
import io
import struct
import tarfile
import threading
import time

from gate.lab.array import Array
from gate.lab.identity import device_identification_page
from gate.lab.scsi import BLOCK, UNIT_ATTENTION, CheckCondition, Nexus, execute

CHUNK = 256 * 1024
QUEUE_S = 20.0  # how long I/O waits for an array that restarts, as multipath with a queueing limit does


class Disk:
    """One LUN as a host sees it. OSError EIO when the array refuses or stays away."""

    def __init__(self, array: Array, lun: int, initiator: str) -> None:
        self.array = array
        self.lun = lun
        self._nexus = Nexus(initiator, born=array.controller.generation)

    @property
    def size(self) -> int:
        """Bytes."""
        last = struct.unpack(">Q", self._run(struct.pack(">BBQIBB", 0x9E, 0x10, 0, 32, 0, 0))[:8])[0]
        return (int(last) + 1) * BLOCK

    def read(self, at: int, count: int) -> bytes:
        """Read bytes; both ends may lie inside a block."""
        first, last = at // BLOCK, -(-(at + count) // BLOCK)
        parts = []
        for block in range(first, last, CHUNK // BLOCK):
            blocks = min(CHUNK // BLOCK, last - block)
            parts.append(self._run(struct.pack(">BBQIBB", 0x88, 0, block, blocks, 0, 0)))
        return b"".join(parts)[at - first * BLOCK :][:count]

    def write(self, at: int, data: bytes) -> None:
        """Write whole blocks."""
        for offset in range(0, len(data), CHUNK):
            part = data[offset : offset + CHUNK]
            cdb = struct.pack(">BBQIBB", 0x8A, 0, (at + offset) // BLOCK, len(part) // BLOCK, 0, 0)
            self._run(cdb, part)

    def identification(self) -> bytes:
        """Page 0x83 as this array answers INQUIRY for this LUN."""
        return device_identification_page(self.array.controller.identity, self.lun)

    def _run(self, cdb: bytes, data: bytes = b"") -> bytes:
        until = time.monotonic() + QUEUE_S
        while not self.array.serving:
            if time.monotonic() > until:
                raise OSError(errno.EIO, "Input/output error")
            time.sleep(0.02)
        for _ in range(4):
            try:
                answer = execute(self.array.controller, self._nexus, self.lun, cdb, data)
            except CheckCondition as refusal:
                if refusal.sense[2] == UNIT_ATTENTION:
                    continue
                raise OSError(errno.EIO, "Input/output error") from None
            if answer.pause:
                time.sleep(answer.pause)
            return answer.data
        raise OSError(errno.EIO, "Input/output error")


class _Window(io.RawIOBase):
    """The LUN's bytes as a file that tarfile can read."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self._size = disk.size
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + (0, self._at, self._size)[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        count = max(0, min(len(buffer), self._size - self._at))
        if count:
            buffer[:count] = self._disk.read(self._at, count)
            self._at += count
        return count


class Volume:
    """Files on one LUN, names without a leading slash. OSError as a mounted file system gives it."""

    def __init__(self, disk: Disk) -> None:
        self.disk = disk
        self._lock = threading.RLock()

    def names(self) -> dict[str, int]:
        """Names of all files and their sizes."""
        with self._lock, self._open() as archive:
            return {member.name: member.size for member in self._members(archive)}

    def read(self, name: str) -> bytes:
        """Content of one file."""
        with self._lock, self._open() as archive:
            for member in self._members(archive):
                if member.name == name:
                    handle = archive.extractfile(member)
                    return handle.read() if handle is not None else b""
        raise OSError(errno.ENOENT, "No such file or directory")

    def everything(self) -> dict[str, bytes]:
        """All files."""
        with self._lock:
            return {name: self.read(name) for name in self.names()}

    def replace(self, files: dict[str, bytes]) -> None:
        """Make these the files of the volume; OSError ENOSPC when they do not fit."""
        image = io.BytesIO()
        with tarfile.open(fileobj=image, mode="w", format=tarfile.USTAR_FORMAT) as archive:
            for name, content in sorted(files.items()):
                member = tarfile.TarInfo(name)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
        data = image.getvalue()
        with self._lock:
            if len(data) > self.disk.size:
                raise OSError(errno.ENOSPC, "No space left on device")
            self.disk.write(0, data + bytes(-len(data) % BLOCK))

    def _open(self) -> tarfile.TarFile:
        window = io.BufferedReader(_Window(self.disk), CHUNK)
        try:
            return tarfile.open(fileobj=window, mode="r:")
        except tarfile.TarError:
            raise OSError(errno.EUCLEAN, "Structure needs cleaning") from None

    def _members(self, archive: tarfile.TarFile) -> list[tarfile.TarInfo]:
        try:
            members = archive.getmembers()
        except (tarfile.TarError, ValueError):
            raise OSError(errno.EUCLEAN, "Structure needs cleaning") from None
        # tarfile takes a damaged header for the end; a true end is a block of zeros.
        if any(self.disk.read(archive.offset - BLOCK if archive.offset >= BLOCK else 0, 2 * BLOCK)[-BLOCK:]):
            raise OSError(errno.EUCLEAN, "Structure needs cleaning")
        return members
