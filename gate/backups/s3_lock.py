"""
How fast the copies in an object service are held: their own retention, and a sentinel on which destroying is tried.

The retention is that of the object, among those a restore needs, whose lock ends first; a bucket's default says
nothing about objects that are there. The sentinel is an object of the gate's own, under its own prefix, locked in the
same mode: real copies are never touched. Whether a version is still there and the same decides, not the status alone.

A refusal shows a lock only if the key could have done it otherwise. So the gate first does what must succeed: it
lengthens the sentinel's retention, and removes a delete marker of its own. A key that may not even do that proves
nothing by being refused, and the attempt counts as not found out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from gate.backups.answers import Asking, Unread, ask, output, shown
from gate.backups.s3_objects import Version, newest_run, versions
from gate.backups.s3_words import Role, answered, moment, spell, told
from gate.canonical import utc
from gate.evidence import Attempt, BackupRun, Reply, ReplyState
from gate.inventory import BackupTool, ObjectStore, Protection

MODES = {"COMPLIANCE": "compliance", "GOVERNANCE": "governance"}
OBJECTS_MAX = 2000
"""Objects whose retention is read; a repository of more is not known to be held."""

CONTENT, OTHER = "sangate-sentinel-first", "sangate-sentinel-second"
TIDIED_MAX = 50
"""Versions of expired sentinels that one run removes."""

NOT_TOLD = "the sentinel was no longer as it had been written"
POWERLESS = "; but this key may not do so without a lock either, so the refusal shows nothing"


@dataclass(frozen=True)
class Retention:
    """How long the objects that a restore needs are held."""

    mode: str
    """The weaker one where they differ; empty when one of them is not locked at all."""

    until: datetime | None
    """When the first of the locks ends."""

    because: str


def retention(protection: Protection, run: BackupRun, log: list[Reply]) -> Asking[Retention]:
    """Read mode and end of the lock of every object that a restore of this run needs; Unread when one is not told."""
    needed = yield from _needed(protection, run, log)
    if not needed:
        raise Unread(f"no object of backup {run.id} is there")
    if len(needed) > OBJECTS_MAX:
        raise Unread(f"{len(needed)} objects are needed; the retention of at most {OBJECTS_MAX} is read")
    first: tuple[datetime, str] | None = None
    modes = set()
    for key, version in needed:
        mode, until = yield from _lock_of(protection, Role.READ, key, version, log)
        if until is None:
            return Retention("", None, f"{key} is not locked")
        modes.add(mode)
        first = min(first, (until, key)) if first else (until, key)
    if first is None:
        raise Unread("no object told its retention")
    mode = "governance" if "governance" in modes else "compliance"
    return Retention(mode, first[0], f"{first[1]} is held until {utc(first[0])}, {mode} mode")


def attempts(
    protection: Protection, store: ObjectStore, mode: str, name: str, now: datetime, log: list[Reply]
) -> Asking[tuple[Attempt, ...]]:
    """
    Write a sentinel and try to destroy it; `name` is of this test alone, `now` by the service's clock or ours.

    Unread when there is no sentinel that could have been destroyed: then nothing was shown.
    """
    if store.sentinels is None:
        raise Unread("no place for sentinels is declared in the inventory")
    key = f"{store.sentinels.prefix}{protection.id}-{name}"
    until = (now + store.sentinels.retention).replace(microsecond=0)
    sentinel = yield from _written(protection, key, mode, until, log)
    longer = until + timedelta(minutes=1)
    lengthened = yield from ask(sentinel.line("retain", mode=mode.upper(), until=_second(longer)), log)
    may_retain = lengthened.exit_status == 0
    until = longer if may_retain else until
    deleted = yield from ask(sentinel.line("delete"), log)
    there = yield from _intact(sentinel, until, log)
    overwrite, may_delete = yield from _overwrite(sentinel, mode, until, log)
    sooner = _second(now + (until - now) / 2)
    shortened = yield from ask(sentinel.line("retain", mode=mode.upper(), until=sooner), log)
    short = yield from _intact(sentinel, until, log)
    around = yield from ask(sentinel.line("retain", mode=mode.upper(), until=sooner, bypass="yes"), log)
    held_on = yield from _intact(sentinel, until, log)
    forced = yield from ask(sentinel.line("delete", bypass="yes"), log)
    still = yield from _intact(sentinel, until, log)
    bypass = [judged("bypass", reply, intact, True) for reply, intact in ((around, held_on), (forced, still))]
    told_so = (
        judged("delete", deleted, there, may_delete),
        overwrite if there else Attempt("overwrite", None, NOT_TOLD),
        judged("shorten", shortened, short, may_retain) if there else Attempt("shorten", None, NOT_TOLD),
        min(bypass, key=lambda one: (one.refused is not False, one.refused is not None))
        if there and short
        else Attempt("bypass", None, NOT_TOLD),
    )
    return told_so


def tidy(protection: Protection, store: ObjectStore, now: datetime, log: list[Reply]) -> Asking[int]:
    """Remove markers and expired versions of this protection's own sentinels; return how many went."""
    if store.sentinels is None:
        return 0
    own = f"{store.sentinels.prefix}{protection.id}-"
    found, _ = yield from versions(protection, own, log, Role.SENTINEL)
    gone = 0
    for one in found[:TIDIED_MAX]:
        if not one.marker:
            _, until = yield from _lock_of(protection, Role.SENTINEL, one.key, one.id, log)
            if until is None or until > now:
                continue
        line = spell(protection.id, Role.SENTINEL, "delete", key=one.key, version=one.id)
        gone += (yield from ask(line, log)).exit_status == 0
    return gone


@dataclass(frozen=True)
class _Sentinel:
    protection: str
    key: str
    version: str

    def line(self, verb: str, **given: str) -> str:
        """Spell a request about this very version."""
        return spell(self.protection, Role.SENTINEL, verb, key=self.key, version=self.version, **given)


def _written(protection: Protection, key: str, mode: str, until: datetime, log: list[Reply]) -> Asking[_Sentinel]:
    line = spell(protection.id, Role.SENTINEL, "put", key=key, text=CONTENT, mode=mode.upper(), until=_second(until))
    version = answered((yield from ask(line, log)), "writing the sentinel").get("VersionId")
    if not isinstance(version, str) or not version or version == "null":
        raise Unread(f"the sentinel has no version: {shown(str(version))}")
    sentinel = _Sentinel(protection.id, key, version)
    if not (yield from _intact(sentinel, until, log)):
        raise Unread("the service took the sentinel and did not lock it as asked")
    return sentinel


def _intact(sentinel: _Sentinel, until: datetime, log: list[Reply]) -> Asking[bool | None]:
    """Say whether the version is there, says the same and is held as long; None when that was not told."""
    try:
        head = yield from ask(sentinel.line("head"), log)
        if head.exit_status == 1 and told(head, "the sentinel").get("HTTPStatus") == 404:
            return False
        held = _lock(answered(head, "the sentinel"), sentinel.key)
        content = output((yield from ask(sentinel.line("get"), log)), "the sentinel")
    except Unread:
        return None
    return content == CONTENT.encode() and held[1] is not None and held[1] >= until


def _overwrite(sentinel: _Sentinel, mode: str, until: datetime, log: list[Reply]) -> Asking[tuple[Attempt, bool]]:
    """Put something else in its place, and hide it; say also whether this key may delete what is not locked."""
    over = {"text": OTHER, "mode": mode.upper(), "until": _second(until)}
    over_line = spell(sentinel.protection, Role.SENTINEL, "put", key=sentinel.key, **over)
    written = yield from ask(over_line, log)
    kept = yield from _intact(sentinel, until, log)
    hidden = yield from ask(spell(sentinel.protection, Role.SENTINEL, "delete", key=sentinel.key), log)
    still = yield from _intact(sentinel, until, log)
    may_delete = False
    if hidden.exit_status == 0:
        marker = told(hidden, "hiding the sentinel").get("VersionId")
        if isinstance(marker, str) and marker not in ("", sentinel.version):
            line = spell(sentinel.protection, Role.SENTINEL, "delete", key=sentinel.key, version=marker)
            may_delete = (yield from ask(line, log)).exit_status == 0
    words = f"{said(written)} to another content, {said(hidden)} to a delete marker"
    if kept is None or still is None:
        return Attempt(
            "overwrite", None, f"{words}; whether the locked version is still there was not told"
        ), may_delete
    if kept and still:
        return Attempt("overwrite", True, f"{words}; the locked version remained"), may_delete
    return Attempt("overwrite", False, f"{words}; the locked version is not what it was"), may_delete


def judged(action: str, reply: Reply, intact: bool | None, powerful: bool, what: str = "the version") -> Attempt:
    """Say whether an attempt was refused: by the answer, by what is left of `what`, by what the key may do anyhow."""
    words = said(reply)
    if intact is None:
        return Attempt(action, None, f"{words}; whether {what} is still there was not told")
    if not intact:
        return Attempt(action, False, f"{words}; {what} is not what it was")
    if reply.state is not ReplyState.ANSWERED or reply.exit_status == 0 or not words.startswith("4"):
        return Attempt(action, None, f"{words}; {what} is still there, which may be so or may not stay so")
    if not powerful:
        return Attempt(action, None, f"{words}{POWERLESS}")
    return Attempt(action, True, f"{words}; {what} remained")


def said(reply: Reply) -> str:
    """Spell an answer: its status and, when it refused, the service's word for it."""
    try:
        found = told(reply, "the answer")
    except Unread as unread:
        return str(unread)
    error: Any = found.get("Error")
    code = error.get("Code") if isinstance(error, dict) else None
    return f"{found.get('HTTPStatus')} {shown(code)[1:-1]}" if isinstance(code, str) else f"{found.get('HTTPStatus')}"


def _needed(protection: Protection, run: BackupRun, log: list[Reply]) -> Asking[Sequence[tuple[str, str]]]:
    """
    Return key and version of every object that a restore of this run may need.

    A tool that shares parts between runs may need any of them: then it is whatever is there now, however old, but
    for restic's locks, which are made to be deleted.
    """
    if protection.tool is BackupTool.S3_OBJECTS:
        return (yield from newest_run(protection, run, log))
    prefix = protection.object_store.prefix if protection.object_store else ""
    found, complete = yield from versions(protection, prefix, log)
    if not complete:
        raise Unread(f"there are more than {len(found)} versions: not all were listed")
    return tuple((one.key, one.id) for one in found if _counts(one, protection, prefix))


def _counts(one: Version, protection: Protection, prefix: str) -> bool:
    store = protection.object_store
    sentinel = store is not None and store.sentinels is not None and one.key.startswith(store.sentinels.prefix)
    passing = protection.tool is BackupTool.RESTIC and one.key.startswith(f"{prefix}locks/")
    return one.newest and not one.marker and not sentinel and not passing


def _lock_of(
    protection: Protection, role: Role, key: str, version: str, log: list[Reply]
) -> Asking[tuple[str, datetime | None]]:
    """
    Return mode and end of one version's lock; ("", None) when the service says that there is none.

    HEAD leaves the lock out for a key that may not see it, so its silence is asked about.
    """
    head = answered((yield from ask(spell(protection.id, role, "head", key=key, version=version), log)), key)
    if "ObjectLockMode" in head:
        return _lock(head, key)
    reply = yield from ask(spell(protection.id, role, "retention", key=key, version=version), log)
    if reply.exit_status == 1:
        error = told(reply, f"the retention of {key}").get("Error")
        if isinstance(error, dict) and error.get("Code") == "NoSuchObjectLockConfiguration":
            return "", None
    said = answered(reply, f"the retention of {key}").get("Retention")
    held = said if isinstance(said, dict) else {}
    return _lock({"ObjectLockMode": held.get("Mode"), "ObjectLockRetainUntilDate": held.get("RetainUntilDate")}, key)


def _lock(head: dict[str, Any], key: str) -> tuple[str, datetime | None]:
    mode = MODES.get(str(head.get("ObjectLockMode")))
    if mode is None:
        raise Unread(f"{key} is held in the mode {shown(str(head.get('ObjectLockMode')))}")
    return mode, moment(head.get("ObjectLockRetainUntilDate"), f"the retention of {key}")


def _second(at: datetime) -> str:
    """Spell a moment in whole seconds with an offset that VALUE takes."""
    return at.replace(microsecond=0).isoformat()
