"""
Production's own credential, tried against the backup system: it must be refused in so many words (IS-05).

A time-out, an unknown host, a service that is down: all of that is no refusal but not knowing, since the same
credential may be let in tomorrow.
"""

import re

from gate.backups.answers import Asking, Unread, ask, shown
from gate.backups.s3_words import Role, spell, told
from gate.evidence import AccessTest, Reply, ReplyState
from gate.inventory import Protection, Ssh

DENIED = re.compile(r"(?:^|\n)\S+: Permission denied \([a-z,-]+\)\.\s*$")
SSH_FAILED = 255
NO_SUCH_USER = {"AccessDenied", "InvalidAccessKeyId"}
"""What S3 says to a key that may not, or that it does not know. A wrong signature shows a wrong file of ours."""


def over_ssh(protection: Protection, backup_host: Ssh, actor: str) -> Asking[AccessTest]:
    """
    From production's host, as production's account, log in to the backup host; OpenSSH must say why it may not.

    `actor` is what the record calls the trial (`gate.production`).
    """
    tried = protection.production
    if tried is None:
        raise ValueError(f"{protection.id} declares no account of production")
    log: list[Reply] = []
    options = f"-o BatchMode=yes -o ConnectTimeout=10 -p {backup_host.port}"
    line = f"sudo -n -u {tried.account} ssh {options} {tried.user}@{backup_host.host} true"
    reply = yield from ask(line, log)
    said = reply.stderr[:2000].decode("utf-8", errors="replace").strip()
    if reply.state is not ReplyState.ANSWERED or reply.exit_status is None:
        return _test(protection, log, actor, None, reply.problem or "the trial did not end")
    if said.startswith("sudo:"):
        return _test(protection, log, actor, None, f"it could not be tried: {shown(said)}")
    if reply.exit_status != SSH_FAILED:
        return _test(protection, log, actor, False, f"it was let in (exit status {reply.exit_status})")
    if DENIED.search(said):
        return _test(protection, log, actor, True, shown(said.splitlines()[-1]))
    return _test(protection, log, actor, None, f"neither let in nor refused: {shown(said)}")


def over_s3(protection: Protection, name: str, actor: str) -> Asking[AccessTest]:
    """
    Have production's key hide an object of the gate's own, and take a delete marker of the gate's own away.

    Neither is held by any lock, so only the want of rights can refuse it. `actor` is what the record calls the trial.
    """
    store = protection.object_store
    if store is None or store.sentinels is None:
        raise ValueError(f"{protection.id} has no place for sentinels")
    log: list[Reply] = []
    key = f"{store.sentinels.prefix}{protection.id}-{name}"
    markers: list[str] = []
    try:
        made = yield from ask(spell(protection.id, Role.SENTINEL, "delete", key=key), log)
        marker = told(made, "a delete marker of the gate's own").get("VersionId")
        if made.exit_status != 0 or not isinstance(marker, str) or not marker:
            raise Unread("the gate could make no delete marker of its own to try it on")
        markers.append(marker)
        answers = []
        for version in (marker, ""):
            reply = yield from ask(spell(protection.id, Role.PRODUCTION, "delete", key=key, version=version), log)
            answers.append(_refusal(reply))
            added = told(reply, "production's key").get("VersionId") if reply.exit_status == 0 else None
            markers += [added] if isinstance(added, str) and added else []
        found = [one for one, _ in answers]
        refused = False if False in found else None if None in found else True
        said = "; ".join(dict.fromkeys(words for one, words in answers if one is refused))
    except Unread as unread:
        refused, said = None, str(unread)
    for version in markers:
        yield from ask(spell(protection.id, Role.SENTINEL, "delete", key=key, version=version), log)
    return _test(protection, log, actor, refused, said)


def _refusal(reply: Reply) -> tuple[bool | None, str]:
    found = told(reply, "production's key")
    status, error = found.get("HTTPStatus"), found.get("Error")
    if reply.exit_status == 0:
        return False, f"it may delete there ({status})"
    code = error.get("Code") if isinstance(error, dict) else None
    if status == 403 and code in NO_SUCH_USER:
        return True, f"{status} {code}"
    return None, f"neither let in nor refused: {status} {shown(str(code))}"


def _test(protection: Protection, log: list[Reply], actor: str, refused: bool | None, said: str) -> AccessTest:
    return AccessTest(protection.id, log[-1].finished_at, actor, refused, said, tuple(reply.digest for reply in log))
