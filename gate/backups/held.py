"""
What holds copies fast that lie on a host: a hold of ZFS, borg's append-only flag, flags of the file system.

Each is read from the host itself, and none is tried with a sentinel (docs/decisions/0028): whoever is root there lifts
them all, and none was ever a protection against the array (`gate.immutability.TABLE`). Borg's flag is told as what it
is: `borg delete` succeeds under it and empties the list of archives. What can be tried is `append_only`.
"""

import re
from datetime import datetime

from gate.backups.answers import Asking, Unread, ask, shown, text
from gate.backups.zfs_snapshot import snapshot_of
from gate.evidence import BackupRun, Immutability, Reply
from gate.inventory import BackupTool, Protection

FLAGS = re.compile(r"([A-Za-z-]{1,32}) (\S+)\n")


def held(protection: Protection, run: BackupRun, place: str, now: datetime) -> Asking[Immutability]:
    """Ask the backup host what holds this protection's copies; what cannot be read, or even asked, is a problem."""
    log: list[Reply] = []
    mechanism, layer, mode, problem = "file-flag", "file", "", ""
    try:
        if protection.tool is BackupTool.ZFS_SNAPSHOT:
            mechanism, layer = "zfs-hold", "volume"
            mode = "hold" if (yield from _holds(protection, run, log)) else ""
        elif protection.tool is BackupTool.BORG:
            mechanism = "borg-append-only"
            said = text(
                (yield from ask(f"borg --bypass-lock config {protection.repository} append_only", log)),
                "the flag of borg",
            )
            if said not in ("0\n", "1\n"):
                raise Unread(f"the flag of borg: {log[-1].target} answered {shown(said)}")
            mode = "append-only" if said == "1\n" else ""
        else:
            mode = yield from _flag(protection, log)
    except Unread as unread:
        problem = str(unread)
    raw = tuple(reply.digest for reply in log)
    at = log[-1].finished_at if log else now
    return Immutability(protection.id, place, at, mechanism, layer, mode, problem=problem, raw=raw, backup=run.id)


def _holds(protection: Protection, run: BackupRun, log: list[Reply]) -> Asking[int]:
    snapshot = yield from snapshot_of(protection, run, log)
    said = text((yield from ask(f"zfs get -Hp -o value userrefs {snapshot}", log)), "the holds")
    if not re.fullmatch(r"[0-9]{1,9}\n", said):
        raise Unread(f"the holds: {log[-1].target} answered {shown(said)}")
    return int(said)


def _flag(protection: Protection, log: list[Reply]) -> Asking[str]:
    said = text((yield from ask(f"lsattr -d {protection.repository}", log)), "the flags of the repository")
    line = FLAGS.fullmatch(said)
    if line is None or line[2] != protection.repository:
        raise Unread(f"the flags of the repository: {log[-1].target} answered {shown(said)}")
    return "immutable" if "i" in line[1] else "append-only" if "a" in line[1] else ""
