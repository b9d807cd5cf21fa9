"""
The tool `s3-objects`: each run is a few objects and a manifest below a prefix of a bucket with Object Lock.

    PREFIX 20261122T010000Z/sidekick.db
    PREFIX 20261122T010000Z/manifest.json   {"id", "started_at", "finished_at",
                                             "files": [{"name", "size", "sha256", "version"?}, …]}

What is relied on is always one version of an object by its id. A delete marker in front of it takes nothing away, but
a restore that asks for the newest state would find nothing: it is the run's `error`. The manifest is what the tool
reports; every byte of the objects is hashed by the gate itself on its own way to the service.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any

from gate.backups.answers import Asking, Unread, ask, output, shown
from gate.backups.s3_manifest import MANIFEST, File, read_manifest
from gate.backups.s3_words import KEY, Role, answered, skew_s, spell, told
from gate.backups.sqlite_copy import read_digest
from gate.backups.tool import Tool, reading
from gate.canonical import LARGEST_INTEGER
from gate.evidence import BackupReading, BackupRun, Counts, Reply, Verification
from gate.inventory import Dataset, Engine, Protection
from gate.sentence import by_number, every

NEWEST = 10
"""Runs whose manifest is read; older ones are not relied on and not listed."""

PAGES = 20
"""Lists of 1,000 versions that are read; a prefix that holds more is not read whole, and that is said."""

RUN_ID = re.compile(r"[0-9]{8}T[0-9]{6}Z")
FUTURE_S = 60
"""Seconds by which a run may lie ahead of our own clock: the usual limit of clock skew (BK-13)."""


@dataclass(frozen=True)
class Version:
    """One version of an object, or a marker that hides the ones before it."""

    key: str
    id: str
    newest: bool
    marker: bool
    size: int = 0


@dataclass(frozen=True)
class _Told:
    """One run and the versions of its objects that are relied on."""

    run: BackupRun
    files: tuple[File, ...]


def catalogue(protection: Protection) -> Asking[BackupReading]:
    """
    Ask what the bucket keeps: versioning, the lock, every version below the prefix, the newest manifests.

    A bucket that does not keep versions is a problem: what lies there can be replaced without a trace.
    """
    log: list[Reply] = []
    runs: list[BackupRun] = []
    problems: list[str] = []
    skew: int | None = None
    try:
        reply = yield from ask(spell(protection.id, Role.READ, "versioning"), log)
        state = answered(reply, "the versioning of the bucket")
        skew = skew_s(reply, state.get("Date"))
        if state.get("Status") != "Enabled":
            raise Unread(f"the bucket keeps no versions: versioning is {shown(str(state.get('Status')))}")
        found, complete = yield from versions(protection, _prefix(protection), log)
        if not complete:
            problems.append(f"there are more than {len(found)} versions below the prefix: not all were listed")
        for run in sorted(_run_ids(protection, found), reverse=True)[:NEWEST]:
            try:
                runs.append((yield from _told_of(protection, run, found, log)).run)
            except Unread as unread:
                problems.append(str(unread))
    except Unread as unread:
        problems.append(str(unread))
    return reading(protection, log, runs, skew, "; ".join(problems))


def verify(
    protection: Protection, _dataset: Dataset, run: BackupRun, place: str, _earlier: Sequence[Verification] = ()
) -> Asking[Verification]:
    """
    Read and hash every byte of every object of one run, each by the id of the version that is relied on.

    Level `V4` only when all of them are as the manifest says and the manifest is the one that the catalogue read;
    log continuity does not apply to whole copies. Dated by the start of the reading.
    """
    log: list[Reply] = []
    total = ok = missing = damaged = 0
    seen: tuple[str, ...] = ()
    complete = True
    because = ""
    try:
        kept = yield from _again(protection, run, log)
        seen, total = (run.id,), len(kept.files)
        for file in kept.files:
            bad, gone = yield from _hash(protection, run.id, file, log)
            ok, missing, damaged = ok + (not bad), missing + gone, damaged + bool(bad and not gone)
            because = because or bad
    except Unread as unread:
        complete, because = False, f"backup {run.id} could not be read in full: {unread}"
    passed = bool(seen) and complete and ok == total > 0
    if passed:
        read = by_number(total, "was read and hashes", "were read and hash")
        because = f"{every(total, 'object')} of backup {run.id} ({run.size} bytes) {read} as its manifest says"
    return Verification(
        protection=protection.id,
        backup=run.id,
        place=place,
        at=log[0].started_at,
        level="V4" if passed else "V1" if seen else "V0",
        passed=passed,
        because=because,
        counts=Counts("objects", total, ok, missing, damaged) if seen else None,
        seen=seen,
        complete=complete,
        raw=tuple(reply.digest for reply in log),
    )


def restore(protection: Protection, dataset: Dataset, run: BackupRun, place: str, log: list[Reply]) -> Asking[str]:
    """
    Bring the objects of one run to the rehearsal host, through the gate, and have them hashed again there.

    Returns the database's file, or the directory for an engine that reads many.
    """
    kept = yield from _again(protection, run, log)
    for file in kept.files:
        line = spell(
            protection.id,
            Role.READ,
            "bring",
            key=f"{_prefix(protection)}{run.id}/{file.name}",
            version=file.version,
            bytes=str(file.size),
            sha256=file.sha256,
            to=f"{place}/{file.name}",
        )
        output((yield from ask(line, log)), f"bringing {file.name} back")
        copy = f"{place}/{file.name}"
        digest = read_digest((yield from ask(f"sha256sum {copy}", log)), copy)
        if digest != f"sha256:{file.sha256}":
            raise Unread(f"the restored {file.name} reads {digest}, the manifest says sha256:{file.sha256}")
    if dataset.engine is not Engine.SQLITE:
        return place
    wanted = PurePosixPath(dataset.path).name
    if wanted not in {file.name for file in kept.files}:
        raise Unread(f"the run holds no {wanted}")
    return f"{place}/{wanted}"


def versions(
    protection: Protection, prefix: str, log: list[Reply], role: Role = Role.READ
) -> Asking[tuple[tuple[Version, ...], bool]]:
    """Return every version and marker below a prefix, and whether that is all; Unread when a list cannot be read."""
    found: list[Version] = []
    place: dict[str, str] = {}
    for _ in range(PAGES):
        line = spell(protection.id, role, "versions", prefix=prefix, **place)
        page = answered((yield from ask(line, log)), "the list of versions")
        for kind, marker in (("Versions", False), ("DeleteMarkers", True)):
            found += [_version(each, prefix, marker=marker) for each in page.get(kind, ())]
        if page.get("IsTruncated") is not True:
            return tuple(found), True
        following = {"key-marker": page.get("NextKeyMarker"), "version-marker": page.get("NextVersionIdMarker")}
        told_place = {name: value for name, value in following.items() if isinstance(value, str) and value}
        if not told_place or told_place == place:
            raise Unread("the list of versions goes on, and does not say where")
        place = told_place
    return tuple(found), False


def newest_run(protection: Protection, run: BackupRun, log: list[Reply]) -> Asking[tuple[tuple[str, str], ...]]:
    """Return key and version id of every object that a restore of this run needs, the manifest too."""
    found, _ = yield from versions(protection, f"{_prefix(protection)}{run.id}/", log)
    manifest = _relied(found, f"{_prefix(protection)}{run.id}/{MANIFEST}")
    kept = yield from _told_of(protection, run.id, found, log)
    objects = [(f"{_prefix(protection)}{run.id}/{file.name}", file.version) for file in kept.files]
    return (*objects, (manifest.key, manifest.id))


def _prefix(protection: Protection) -> str:
    return protection.object_store.prefix if protection.object_store else ""


def _version(each: Any, prefix: str, *, marker: bool) -> Version:
    if not isinstance(each, dict):
        raise Unread("the list of versions holds what is no version")
    key, name, newest = each.get("Key"), each.get("VersionId"), each.get("IsLatest")
    if not isinstance(key, str) or not KEY.fullmatch(key) or not key.startswith(prefix):
        raise Unread(f"the list of versions holds the key {shown(str(key))}")
    if not isinstance(name, str) or not KEY.fullmatch(name) or not isinstance(newest, bool):
        raise Unread(f"the list of versions does not tell the version of {key}")
    size = each.get("Size", 0)
    if not isinstance(size, int) or not 0 <= size <= LARGEST_INTEGER:
        raise Unread(f"the list of versions does not tell the size of {key}")
    return Version(key, name, newest, marker, size)


def _run_ids(protection: Protection, found: Sequence[Version]) -> set[str]:
    """Return the ids of runs that have a manifest, also a hidden one; other keys are nobody's run."""
    prefix = _prefix(protection)
    words = {each.key.removeprefix(prefix).partition("/") for each in found if not each.marker}
    return {run for run, _, name in words if name == MANIFEST and RUN_ID.fullmatch(run)}


def _relied(found: Sequence[Version], key: str, version: str = "") -> Version:
    """Return the version that is relied on: the one named, else the newest that is no marker."""
    of_it = [each for each in found if each.key == key and not each.marker]
    for each in of_it:
        if each.id == version or (not version and each.newest):
            return each
    if version or not of_it:
        raise Unread(f"{key} is gone" + (f" in version {version}" if version else ""))
    if len(of_it) > 1:
        raise Unread(f"{key} is hidden by a delete marker, and has several versions: which one counts is not known")
    return of_it[0]


def _told_of(protection: Protection, run: str, found: Sequence[Version], log: list[Reply]) -> Asking[_Told]:
    key = f"{_prefix(protection)}{run}/{MANIFEST}"
    relied = _relied(found, key)
    reply = yield from ask(spell(protection.id, Role.READ, "get", key=key, version=relied.id), log)
    raw = output(reply, f"the manifest of backup {run}")
    manifest = read_manifest(run, raw)
    files = []
    for file in manifest.files:
        version = _relied(found, f"{_prefix(protection)}{run}/{file.name}", file.version)
        files.append(replace(file, version=version.id))
    keys = {key, *(f"{_prefix(protection)}{run}/{file.name}" for file in files)}
    hidden = sorted(each.key for each in found if each.marker and each.newest and each.key in keys)
    error = ""
    if hidden:
        error = f"{hidden[0]} is hidden by a delete marker: a restore of the newest state would find nothing"
    if manifest.finished_at.timestamp() > reply.finished_at.timestamp() + FUTURE_S:
        raise Unread(f"the manifest of backup {run} lies in the future")
    size, digest = sum(file.size for file in files), f"sha256:{hashlib.sha256(raw).hexdigest()}"
    return _Told(
        BackupRun(run, manifest.finished_at, size, digest, manifest.started_at, error=error, files=len(files)),
        tuple(files),
    )


def _again(protection: Protection, run: BackupRun, log: list[Reply]) -> Asking[_Told]:
    """List and read one run once more; Unread unless its manifest is the one that the catalogue read."""
    if not RUN_ID.fullmatch(run.id):
        raise ValueError(f"{run.id!r} is no id of an s3-objects run")
    found, _ = yield from versions(protection, f"{_prefix(protection)}{run.id}/", log)
    kept = yield from _told_of(protection, run.id, found, log)
    if kept.run.sha256 != run.sha256:
        raise Unread(f"the manifest of backup {run.id} is no longer the one that the catalogue read")
    return kept


def _hash(protection: Protection, run: str, file: File, log: list[Reply]) -> Asking[tuple[str, bool]]:
    """Return what is wrong with one object, empty when nothing is, and whether it is gone."""
    key = f"{_prefix(protection)}{run}/{file.name}"
    reply = yield from ask(spell(protection.id, Role.READ, "hash", key=key, version=file.version), log)
    if reply.exit_status == 1:
        refusal = told(reply, f"reading {key}")
        if refusal.get("HTTPStatus") == 404:
            return f"{key} is gone in version {file.version}", True
    read = answered(reply, f"reading {key}")
    if read.get("bytes") != file.size:
        return f"{key} has {read.get('bytes')} bytes, its manifest says {file.size}", False
    if read.get("sha256") != file.sha256:
        return f"{key} reads sha256:{read.get('sha256')}, its manifest says sha256:{file.sha256}", False
    return "", False


TOOL = Tool(catalogue, verify, restore)
