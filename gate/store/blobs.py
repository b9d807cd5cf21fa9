"""Content-addressed files: plans, replies and transcripts, durable before the entry that names them."""

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from gate.canonical import sha256
from gate.errors import BadInput, CannotTell, LedgerUnavailable
from gate.store.connections import sync_folder
from gate.store.kept import Kept

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
PLACE = re.compile(r"[0-9a-f]{2}/[0-9a-f]{62}")


class Blobs:
    """A directory of files named by their own SHA-256, 256 folders wide."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, data: bytes) -> str:
        """Write durably: temporary file, fsync, rename, fsync of the folder. The same bytes are kept once."""
        digest = sha256(data)
        path = self._path(digest)
        try:
            if path.exists() and path.read_bytes() == data:
                return digest
            if not path.parent.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                sync_folder(self.folder)
            file, temporary = tempfile.mkstemp(dir=path.parent, prefix=".")
            try:
                with os.fdopen(file, "wb") as out:
                    out.write(data)
                    out.flush()
                    os.fsync(out.fileno())
                Path(temporary).replace(path)
            except BaseException:
                Path(temporary).unlink(missing_ok=True)
                raise
            sync_folder(path.parent)
        except OSError as problem:
            raise LedgerUnavailable(f"cannot keep a blob: {problem.strerror}") from None
        return digest

    def get(self, digest: str) -> bytes | None:
        """Read and compare with the digest."""
        path = self._path(digest)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as problem:
            raise CannotTell(f"cannot read blob {digest}: {problem.strerror}") from None
        if sha256(data) != digest:
            raise CannotTell(f"blob {digest} has other bytes than when it was written")
        return data

    def kept(self) -> Iterator[Kept]:
        """Yield every file there is, by name."""
        for path in sorted(self.folder.rglob("*")):
            file = path.relative_to(self.folder).as_posix()
            digest = "sha256:" + file.replace("/", "") if PLACE.fullmatch(file) else ""
            with suppress(FileNotFoundError):  # one in the making has its own name by now
                about = path.lstat()
                if not path.is_dir():
                    yield Kept(file, digest, about.st_size, datetime.fromtimestamp(about.st_mtime, UTC))

    def drop(self, digest: str) -> int:
        """Delete, and return how many bytes that were; 0 when it is not here."""
        path = self._path(digest)
        try:
            size = path.stat().st_size
            path.unlink()
            sync_folder(path.parent)
        except FileNotFoundError:
            return 0
        except OSError as problem:
            raise LedgerUnavailable(f"cannot remove blob {digest}: {problem.strerror}") from None
        return size

    def _path(self, digest: str) -> Path:
        if not DIGEST.fullmatch(digest):
            raise BadInput("a blob's digest is sha256: and 64 hexadecimal digits")
        name = digest.removeprefix("sha256:")
        return self.folder / name[:2] / name[2:]
