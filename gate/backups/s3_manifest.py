"""The manifest of one run of the tool `s3-objects`: which files it made, as its uploader tells them."""

import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gate.backups.answers import Unread, shown
from gate.backups.s3_words import KEY, moment
from gate.canonical import LARGEST_INTEGER

FILES_MAX = 1000
MANIFEST = "manifest.json"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class File:
    """One object of a run."""

    name: str
    size: int
    sha256: str
    version: str
    """Id of the version that is relied on; empty where the manifest names none."""


@dataclass(frozen=True)
class Manifest:
    """What one run says of itself."""

    started_at: datetime
    finished_at: datetime
    files: tuple[File, ...]


def read_manifest(run: str, raw: bytes) -> Manifest:
    """Read one manifest; Unread otherwise. Unknown keys are left alone: newer uploaders may add some."""
    what = f"the manifest of backup {run}"
    try:
        said = json.loads(raw.decode(), object_pairs_hook=_once)
    except (ValueError, RecursionError):
        raise Unread(f"{what} is not JSON") from None
    if not isinstance(said, dict) or said.get("id") != run:
        raise Unread(f"{what} is of another backup, or of none")
    started, finished = (moment(said.get(name), f"{what}: {name}") for name in ("started_at", "finished_at"))
    if finished < started:
        raise Unread(f"{what} ends before it begins")
    listed = said.get("files")
    if not isinstance(listed, list) or not 0 < len(listed) <= FILES_MAX:
        raise Unread(f"{what} lists no files, or more than {FILES_MAX}")
    files = tuple(_file(each, what) for each in listed)
    if len({file.name for file in files}) < len(files):
        raise Unread(f"{what} names a file twice")
    return Manifest(started, finished, files)


def _file(each: Any, what: str) -> File:
    said = each if isinstance(each, dict) else {}
    name, size, digest, version = (said.get(key) for key in ("name", "size", "sha256", "version"))
    if not isinstance(name, str) or not NAME.fullmatch(name) or name == MANIFEST:
        raise Unread(f"{what} names the file {shown(str(name))}")
    if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= LARGEST_INTEGER:
        raise Unread(f"{what} gives no size of {name}")
    if not isinstance(digest, str) or not SHA256.fullmatch(digest):
        raise Unread(f"{what} gives no SHA-256 of {name}")
    if version is not None and (not isinstance(version, str) or not KEY.fullmatch(version)):
        raise Unread(f"{what} gives no version id of {name}")
    return File(name, size, digest, version or "")


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    if len({key for key, _ in pairs}) != len(pairs):
        raise ValueError("a key is there twice")
    return dict(pairs)
