"""
The tool `zfs-snapshot`: snapshots that were received into another pool; `name` is the file system there.

    production's pool  --zfs send | zfs receive-->  POOL/FILE-SYSTEM@SNAPSHOT

Nothing is read by our asking: only an administrator may start a scrub. What the pool remembers of its last scrub is
judged instead, and dated by its beginning. It counts for a snapshot only when it began after that came into the pool,
which is not the snapshot's own time: that is production's. A scrub compares blocks with checksums; only cryptographic
ones make it a full read (V4), the usual fletcher4 is as good as a CRC (V2). Which they are the property tells only if
it was never changed (`zfs_history`), and whether all was to be read or a part the history alone. A scrub of
production's own pool is no check of a backup. Times are asked in UTC, since `zpool` spells them without a zone.

No text tells what a scrub has read once it has ended, so there are no counts. OpenZFS 2.3 tells bytes as JSON
(`to_examine`, `examined`, `skipped`); its manual does not say what they mean, one whole scrub without errors was shown
with two thirds of the first as the second, and a scrub that had read one kind of device alone (openzfs/zfs issue 13706)
ended without errors as well. No rule is built on them before somebody has run it.

Run with zfs-fuse 0.7; the answers of OpenZFS 2 were only read about, and so was restoring out of `.zfs`, which
zfs-fuse does not have [M].
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from gate.backups.answers import Asking, Unread, ask, output, shown, text
from gate.backups.told import CLOCK, clock, not_future, not_missing
from gate.backups.tool import Tool, reading
from gate.backups.zfs_history import in_part, otherwise_summed
from gate.backups.zfs_scrub import Scrub, complaint, read_scrub
from gate.canonical import LARGEST_INTEGER
from gate.evidence import BackupReading, BackupRun, Reply, ReplyState, Verification
from gate.inventory import Dataset, Protection
from gate.sentence import several

NEWEST = 8
"""Snapshots that are listed: the newest and seven to compare its size with (BK-11)."""

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*")
SNAPSHOT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,199}")
GUID = re.compile(r"[0-9]{1,20}")
SECONDS = re.compile(r"[0-9]{9,11}")
OPENZFS = re.compile(r"zfs-(2\.[0-4])\.[0-9]+[ -~]{0,60}\n(zfs-kmod-[ -~]{1,60}\n)?")
FUSE = re.compile(r"This system is currently running ZFS pool version 23\.\n")
UNKNOWN_COMMAND = b"unrecognized command 'version'"
CRYPTOGRAPHIC = frozenset({"sha256", "sha512", "skein", "edonr", "blake3"})
CAME = re.compile(r"(\d{4}-\d{2}-\d{2}\.\d{2}:\d{2}:\d{2}) zfs (?:receive|recv|snapshot|rename|promote|rollback)\b.*")


def catalogue(protection: Protection) -> Asking[BackupReading]:
    """Ask which snapshots the file system holds. A snapshot is known by its guid, since names can be used again."""
    log: list[Reply] = []
    runs: list[BackupRun] = []
    problems: list[str] = []
    skew: int | None = None
    host_now: datetime | None = None
    version = ""
    try:
        host_now, skew = clock((yield from ask(CLOCK, log)))
    except Unread as unread:
        problems.append(str(unread))
    try:
        system = _file_system(protection)
        version = yield from _version(log)
        held = yield from _snapshots(system, log)
        listed = log[-1]
        error = yield from _error(system, log)
        for name, told in held.items():
            try:
                runs.append(_run(name, told, host_now, listed, error))
            except Unread as unread:
                problems.append(str(unread))
    except Unread as unread:
        problems.append(str(unread))
    newest = sorted(runs, key=lambda run: run.finished_at, reverse=True)[:NEWEST]
    return reading(protection, log, newest, skew, "; ".join(problems), version)


def verify(
    protection: Protection, dataset: Dataset, run: BackupRun, place: str, _earlier: Sequence[Verification] = ()
) -> Asking[Verification]:
    """
    Judge the last scrub of the pool that the snapshot was received into.

    `V4` clean, cryptographic and begun after the snapshot came; `V3` the same with a warning, such as blocks that were
    found damaged and could be repaired; `V2` of a part of the pool, or with checksums that are no hashes or were others
    at a time; `V1` errors, or a scrub that says nothing of this snapshot; `V0` nothing was learned. ValueError for an
    id that is no guid, or a protection without a file system: `catalogue` has refused both.
    """
    if not GUID.fullmatch(run.id):
        raise ValueError(f"{run.id!r} is no guid of a snapshot")
    if protection.name is None:
        raise ValueError(f"{protection.id} names no file system; catalogue has refused it")
    log: list[Reply] = []
    level, because, complete = "V0", "", True
    at: datetime | None = None
    seen: tuple[str, ...] = ()
    try:
        system = _file_system(protection)
        yield from _another_pool(protection, dataset, system, log)
        seen = tuple(sorted(told["guid"] for told in (yield from _snapshots(system, log)).values()))
        if run.id not in seen:
            raise Unread("the file system does not hold it any more")
        level = "V1"
        above = yield from _above(system, log)
        pool = system.split("/", maxsplit=1)[0]
        history = text((yield from ask(f"env TZ=UTC zpool history -i {pool}", log)), "the pool's history")
        came = yield from _came(system, history, log)
        otherwise = _otherwise(system, above, history)
        status = yield from ask(f"env TZ=UTC zpool status {pool}", log)
        scrub = read_scrub(text(status, "the last scrub"), pool)
        at = not_future(scrub.began, None, status, "the last scrub")
        level, because = _judged(scrub, came, above[system]["checksum"], otherwise, in_part(history))
    except Unread as unread:
        because, complete = f"it is not known to have been read: {unread}", False
    return Verification(
        protection=protection.id,
        backup=run.id,
        place=place,
        at=at if at and complete else log[0].started_at,
        level=level,
        passed=level in {"V2", "V3", "V4"},
        because=f"snapshot {run.id} of {dataset.id}: {because}",
        seen=seen,
        complete=complete,
        raw=tuple(reply.digest for reply in log),
    )


def restore(protection: Protection, dataset: Dataset, run: BackupRun, place: str, log: list[Reply]) -> Asking[str]:
    """Copy the snapshot out of the file system's `.zfs`; it must hold the dataset's directory at its top [M]."""
    system, _, name = (yield from snapshot_of(protection, run, log)).partition("@")
    mount = text((yield from ask(f"zfs get -Hp -o value mountpoint {system}", log)), "the mount point").strip()
    if not re.fullmatch(r"(/[A-Za-z0-9_][A-Za-z0-9._-]*)+", mount):
        raise Unread(f"the file system is mounted at {shown(mount)}")
    inside = dataset.path.removeprefix(dataset.mount)
    source = f"{mount}/.zfs/snapshot/{name}{inside}"
    output((yield from ask(f"cp -a {source} {place}/", log)), "restoring")
    return f"{place}/{source.rpartition('/')[2]}"


def snapshot_of(protection: Protection, run: BackupRun, log: list[Reply]) -> Asking[str]:
    """Return FILE-SYSTEM@SNAPSHOT as the run is named now; Unread when it is not there any more."""
    system = _file_system(protection)
    held = yield from _snapshots(system, log)
    name = next((name for name, told in held.items() if told["guid"] == run.id), None)
    if name is None:
        raise Unread("the file system does not hold it any more")
    return f"{system}@{name}"


def _file_system(protection: Protection) -> str:
    if protection.name is None or not NAME.fullmatch(protection.name):
        raise Unread(f"{protection.id} does not name the file system that is received into")
    return protection.name


def _version(log: list[Reply]) -> Asking[str]:
    reply = yield from ask("zfs version", log)
    not_missing(reply, "zfs", "the version")
    if reply.state is ReplyState.ANSWERED and reply.exit_status == 2 and UNKNOWN_COMMAND in reply.stderr:
        said = text((yield from ask("zpool upgrade -v", log)), "the version")
        if not FUSE.match(said):
            raise Unread(f"the version: {shown(said)} is not known here")
        return "pool version 23"
    said = text(reply, "the version")
    if not OPENZFS.fullmatch(said):
        raise Unread(f"the version: {shown(said)} is not known here; OpenZFS 2.0 to 2.4 are")
    return said.splitlines()[0]


def _snapshots(system: str, log: list[Reply]) -> Asking[Mapping[str, Mapping[str, str]]]:
    """Return snapshot → its properties, of this file system alone. `zfs list -p` is not known to every zfs."""
    what = "the list of snapshots"
    question = f"zfs get -Hp -r -d 1 -o name,property,value creation,referenced,userrefs,guid {system}"
    found: dict[str, dict[str, str]] = {}
    for line in text((yield from ask(question, log)), what).splitlines():
        words = line.split("\t")
        if len(words) != 3:
            raise Unread(f"{what} holds {shown(line)}")
        of, _, name = words[0].partition("@")
        if of == system and name:
            found.setdefault(name, {})[words[1]] = words[2]
    for name, told in found.items():
        if not SNAPSHOT.fullmatch(name) or not GUID.fullmatch(told.get("guid", "")):
            raise Unread(f"{what} holds {shown(name)} without a guid")
    return found


def _error(system: str, log: list[Reply]) -> Asking[str | None]:
    """
    Return what the pool complains of; None when it does not say.

    A snapshot is there only once its stream has come whole (zfs-receive(8): what was received in part is deleted, or
    kept aside as no snapshot), and a source that cannot be read ends the stream. What can be wrong with it since, the
    pool knows as data errors, and its devices count.
    """
    pool = system.split("/", maxsplit=1)[0]
    try:
        return complaint(text((yield from ask(f"env TZ=UTC zpool status {pool}", log)), "the pool's state"), pool)
    except Unread:
        return None


def _run(name: str, told: Mapping[str, str], host_now: datetime | None, reply: Reply, error: str | None) -> BackupRun:
    what = f"snapshot {shown(name)}"
    made, size = told.get("creation", ""), told.get("referenced", "")
    if not SECONDS.fullmatch(made) or not GUID.fullmatch(size) or int(size) > LARGEST_INTEGER:
        raise Unread(f"{what} gives no time or no size")
    when = not_future(datetime.fromtimestamp(int(made), UTC), host_now, reply, what)
    return BackupRun(told["guid"], when, int(size), started_at=when, kind="snapshot", error=error)


def _another_pool(protection: Protection, dataset: Dataset, system: str, log: list[Reply]) -> Asking[None]:
    """Raise Unread when production lies in the same pool on the same host."""
    if protection.host != dataset.host:
        return
    reply = yield from ask(f"zfs list -H -o name {dataset.path}", log)
    if reply.state is not ReplyState.ANSWERED or reply.exit_status is None:
        output(reply, "production's pool")
    pool = system.split("/", maxsplit=1)[0]
    if reply.exit_status == 0 and text(reply, "production's pool").strip().split("/")[0] == pool:
        raise Unread(
            f"production lies in the pool {pool} as well; a snapshot there is no copy, its scrub no check of one"
        )


def _above(system: str, log: list[Reply]) -> Asking[Mapping[str, Mapping[str, str]]]:
    """Return what governs the blocks of the file system and of all above it, by name."""
    what, parts = "the checksum", system.split("/")
    names = ["/".join(parts[:end]) for end in range(1, len(parts) + 1)]
    question = f"zfs get -Hp -o name,property,value creation,objsetid,checksum,origin {' '.join(names)}"
    found: dict[str, dict[str, str]] = {name: {} for name in names}
    for line in text((yield from ask(question, log)), what).splitlines():
        words = line.split("\t")
        if len(words) != 3 or words[0] not in found:
            raise Unread(f"{what} is told as {shown(line)}")
        found[words[0]][words[1]] = words[2]
    for name, told in found.items():
        if set(told) != {"creation", "objsetid", "checksum", "origin"} or not GUID.fullmatch(told["objsetid"]):
            raise Unread(f"{what} of {name} is not told, or not its number")
    if not SECONDS.fullmatch(found[system]["creation"]):
        raise Unread(f"{what}: {system} tells no time of its creation")
    return found


def _otherwise(system: str, above: Mapping[str, Mapping[str, str]], history: str) -> str:
    if above[system]["origin"] != "-":
        return f"it is a clone of {shown(above[system]['origin'])}"
    ids = {name: int(told["objsetid"]) for name, told in above.items()}
    created = datetime.fromtimestamp(int(above[system]["creation"]), UTC)
    return otherwise_summed(history, system.split("/", maxsplit=1)[0], system, ids, created)


def _came(system: str, history: str, log: list[Reply]) -> Asking[datetime]:
    """Return when a snapshot last came into the pool: the property of OpenZFS 2.2, else the pool's own history."""
    reply = yield from ask(f"zfs get -Hp -o value snapshots_changed {system}", log)
    if reply.state is ReplyState.ANSWERED and reply.exit_status == 0:
        said = text(reply, "when snapshots came").strip()
        if SECONDS.fullmatch(said):
            return datetime.fromtimestamp(int(said), UTC)
    what = "the pool's history"
    times = [match[1] for line in history.splitlines() if (match := CAME.fullmatch(line))]
    if not times:
        raise Unread(f"{what} does not tell when the snapshot came")
    try:
        # Its times are cut to the second.
        return datetime.strptime(max(times), "%Y-%m-%d.%H:%M:%S").replace(tzinfo=UTC) + timedelta(seconds=1)
    except ValueError:
        raise Unread(f"{what} holds {shown(max(times))}") from None


def _judged(scrub: Scrub, came: datetime, hashes: str, otherwise: str, part: str) -> tuple[str, str]:
    ended = f"the scrub that began {scrub.began.isoformat(timespec='seconds')}"
    if scrub.errors:
        return "V1", f"{ended} found {several(scrub.errors, 'error')}"
    if scrub.began <= came:
        return "V1", f"{ended} may have passed before it came into the pool at {came.isoformat(timespec='seconds')}"
    if part:
        return "V2", f"{ended} found nothing, but read only a part of the pool: {part}"
    if hashes not in CRYPTOGRAPHIC:
        return "V2", f"{ended} found nothing, but with checksum={shown(hashes)}, which is no cryptographic hash"
    if otherwise:
        return "V2", f"{ended} found nothing, but {hashes} may not be the checksum of all blocks: {otherwise}"
    if scrub.warning:
        return "V3", f"{ended} found no error that stayed, with a warning: {shown(scrub.warning)}"
    return "V4", f"{ended} read every block of the pool and found nothing"


TOOL = Tool(catalogue, verify, restore)
