"""
A sentinel behind an append-only server of restic's REST protocol: rest-server, or `rclone serve restic --append-only`.

It is one object in a repository of the gate's own, which lies beside the real one and is served by the same server;
real copies are never touched. What is left of it after each attempt is read on the backup host's disk and not believed
of the server. As with object locks (`s3_lock`), a refusal shows something only if this login may delete what is not
held: a lock file of restic's, which such servers let go.

The server keeps no time, so there is nothing to shorten; and its root removes everything. Whatever is refused here, the
copy survives nothing by it (`gate.immutability`, backup-evidence 2.4): it is told, and counts nowhere. The sentinel
cannot be removed by anybody who has this login, so it is always the same one, of some forty bytes.
"""

import hashlib
import re
from collections.abc import Callable
from datetime import datetime

from gate.backups.answers import Asking, Unread, ask, shown, text
from gate.backups.s3_lock import judged, said
from gate.backups.s3_words import REST, Role, spell
from gate.evidence import Attempt, BackupRun, Immutability, Reply
from gate.immutability import HOLDING
from gate.inventory import AppendOnlyServer, Protection

MECHANISM, LAYER, MODE = "append-only-server", "file", "append-only"
HASHED = re.compile(r"(?P<sha256>[0-9a-f]{64})  /[ -~]{1,600}\n")
DEVICES = re.compile(r"(\d{1,20})\n(\d{1,20})\n")
OTHER = "sangate-sentinel-written-over"


def tried(
    protection: Protection, server: AppendOnlyServer, run: BackupRun, place: str, now: datetime
) -> Asking[Immutability]:
    """Try the server, and say what it refused; what could not be tried is a problem, dated `now` without any reply."""
    log: list[Reply] = []
    attempts: tuple[Attempt, ...] = ()
    problem = ""
    try:
        attempts = yield from _attempts(protection, server, log)
    except Unread as unread:
        problem = f"no sentinel could be tried: {unread}"
    refused = {one.action for one in attempts if one.refused}
    return Immutability(
        protection.id,
        place,
        log[-1].finished_at if log else now,
        MECHANISM,
        LAYER,
        MODE if refused == set(HOLDING[MECHANISM]) else "",
        attempts=attempts,
        problem=problem,
        raw=tuple(reply.digest for reply in log),
        backup=run.id,
    )


def _attempts(protection: Protection, server: AppendOnlyServer, log: list[Reply]) -> Asking[tuple[Attempt, ...]]:
    content = f"sangate-sentinel/{protection.id}"
    name = hashlib.sha256(content.encode()).hexdigest()

    def line(verb: str, **given: str) -> str:
        return spell(protection.id, Role.SENTINEL, verb, beginning=REST, **given)

    yield from ask(line("make"), log)
    yield from ask(line("put", key=f"data/{name}", text=content), log)
    if not (yield from _intact(server, name, log)):
        put = said(log[-2])
        raise Unread(f"{put} to writing it, and it does not lie in {server.sentinels}; does the server serve that?")
    yield from _one_disk(protection, server, log)
    yield from ask(line("put", key=f"locks/{name}", text=content), log)
    powerful = (yield from ask(line("delete", key=f"locks/{name}"), log)).exit_status == 0

    found: list[Attempt] = []
    for action, tries in _tries(line, name).items():
        answers = []
        for question in tries:
            reply = yield from ask(question, log)
            intact = yield from _intact(server, name, log)
            answers.append(judged(action, reply, intact, powerful, "the object"))
            if intact is False:
                return (*found, answers[-1])  # what is gone cannot be tried again
        found.append(min(answers, key=lambda one: (one.refused is not False, one.refused is not None)))
    return tuple(found)


def _tries(line: Callable[..., str], name: str) -> dict[str, tuple[str, ...]]:
    """Return action → questions; around the rule lead other spellings of the place, and the whole repository."""
    around = (
        f"locks/../data/{name}",
        f"data/locks/{name}",
        f"data/{name[:2]}/{name}/../locks/{name}",
        f"data/{name[:2]}/{name}",
    )
    return {
        "delete": (line("delete", key=f"data/{name}"),),
        "overwrite": (line("put", key=f"data/{name}", text=OTHER),),
        "bypass": (*(line("delete", key=one) for one in around), line("delete", key="config"), line("delete")),
    }


def _intact(server: AppendOnlyServer, name: str, log: list[Reply]) -> Asking[bool | None]:
    """Say whether the object lies on the backup host's disk and reads as it was written; None when that is not told."""
    question = f"find {server.sentinels} -type f -path '*/data/*' -name {name} -exec sha256sum {{}} +"
    reply = yield from ask(question, log)
    if reply.exit_status == 1 and not reply.stdout and b"No such file" in reply.stderr:
        return False
    try:
        found = text(reply, "the sentinel")
    except Unread:
        return None
    line = HASHED.fullmatch(found)
    return line is not None and line["sha256"] == name


def _one_disk(protection: Protection, server: AppendOnlyServer, log: list[Reply]) -> Asking[None]:
    """Raise Unread unless sentinel and repository lie in one file system: else it is about another place."""
    told = text((yield from ask(f"stat -c %d {protection.repository} {server.sentinels}", log)), "the two places")
    devices = DEVICES.fullmatch(told)
    if devices is None or devices[1] != devices[2]:
        raise Unread(f"{server.sentinels} and the repository do not lie in one file system ({shown(told)})")
