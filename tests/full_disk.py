"""
A real file system that is full: a small tmpfs of its own, filled to the last block by a file beside the data.

It is mounted in a mount namespace of this process alone, so that it is gone with the process, however that ends.
"""

import ctypes
import errno
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest

BLOCK = 4096
CLONE_NEWNS = 0x00020000
"""linux/sched.h"""


class SmallDisk:
    """A mounted file system with nothing else on it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._filler = path / "filler"

    @contextmanager
    def room(self, blocks: int) -> Iterator[None]:
        """Leave only so many blocks free for as long as the block runs."""
        self._filler.write_bytes(b"")
        with self._filler.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(BLOCK))
            except OSError as full:
                if full.errno != errno.ENOSPC:
                    raise
            file.truncate(max(0, file.tell() - blocks * BLOCK))
        try:
            assert shutil.disk_usage(self.path).free == blocks * BLOCK
            yield
        finally:
            self._filler.unlink()


@contextmanager
def small_disk(path: Path, mebibytes: int) -> Iterator[SmallDisk]:
    """Mount one at `path`, where this user may mount; else the test is left out."""
    path.mkdir()
    problem = _apart() or _run("mount", "-t", "tmpfs", "-o", f"size={mebibytes}m,mode=0700", "none", str(path))
    if problem:
        pytest.skip(f"no file system of its own can be mounted here: {problem}")
    try:
        yield SmallDisk(path)
    finally:
        assert not _run("umount", "--lazy", str(path))


@cache
def _apart() -> str:
    """Give this thread a mount namespace, the first time; return why it cannot have one."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS):
        return os.strerror(ctypes.get_errno())
    return _run("mount", "--make-rprivate", "/")


def _run(*words: str) -> str:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return done.stderr.strip() if done.returncode else ""
