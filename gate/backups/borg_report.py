"""
What `borg check -v --log-json` says, line by line, with both streams in one.

Damage ends borg's check with 1, which elsewhere means a warning. CRCs are all that the plain check, --repository-only
and --archives-only look at: an entry that was altered with a matching CRC passes them (V2). Only the line that counts
chunks verified *cryptographically* is a full read.
"""

import json
import re
from dataclasses import dataclass, replace

from gate.backups.answers import Unread, shown, text
from gate.evidence import Counts, Reply, ReplyState
from gate.sentence import by_number, every

REPOSITORY = "Finished full repository check, no problems found."
ARCHIVES = "Archive consistency check complete, no problems found."
CHUNKS = re.compile(
    r"Finished cryptographic data integrity verification, "
    r"verified ([0-9]{1,15}) chunks with ([0-9]{1,15}) integrity errors\."
)

ANALYSED = re.compile(r"Analyzing archive (.{1,200}) \(([0-9]{1,9})/([0-9]{1,9})\)")
HARMLESS = frozenset({"INFO", "DEBUG"})

UNSEEN = "borg does not know this repository in this place; as this user on {host}, run borg list once and answer it"
REFUSALS = {
    "PassphraseWrong": "the passphrase in {file} on {host} opens nothing; put the right one there",
    "PasscommandFailure": "{file} cannot be read on {host}; name it as password_file and let this user read it",
    "NoPassphraseFailure": "{file} cannot be read on {host}; name it as password_file and let this user read it",
    "Repository.DoesNotExist": "there is no repository there on {host}; is it mounted?",
    "Repository.InvalidRepository": "what is there on {host} is no repository of borg's",
    "LockTimeout": "the repository is locked; let that end",
    "LockFailed": "the repository is locked, or this user cannot read it",
    "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": UNSEEN,
    "BORG_RELOCATED_REPO_ACCESS_IS_OK": UNSEEN,
    "Cache.RepositoryAccessAborted": UNSEEN,
    "Cache.EncryptionMethodMismatch": "the repository's encryption is another than borg remembers: somebody has put "
    "another one in its place",
    "Cache.RepositoryReplay": "the repository is older than what borg has seen of it: it was put back, or is another",
    "Cache.RepositoryIDNotUnique": "two repositories bear one id",
    "KeyfileNotFoundError": "the key file of the repository is not there for this user on {host}",
}
"""What borg names its complaint (`msgid`) → what that is, and what to do."""


@dataclass(frozen=True)
class Report:
    """What one check proved; V1 where it found damage or does not say enough."""

    level: str
    passed: bool
    because: str
    counts: Counts | None = None
    analysed: tuple[str, ...] = ()
    """Names of the archives that were gone through."""


def refusal(reply: Reply, what: str, password_file: str | None) -> None:
    """Raise Unread, with the next thing to do, when borg says why it could not even begin."""
    if reply.state is not ReplyState.ANSWERED or reply.exit_status in (0, None):
        return
    said = (reply.stdout[-8000:] + b"\n" + reply.stderr[-8000:]).decode("utf-8", errors="replace")
    for line in said.splitlines():
        sentence = REFUSALS.get(str(_told(line).get("msgid")))
        if sentence:
            file = password_file or "the passphrase"
            raise Unread(f"{what}: {sentence.format(file=file, host=reply.target)}")


def read_report(reply: Reply) -> Report:
    """Judge one answer to `check`; Unread when it did not end or is no plain text."""
    lines = [_told(line) for line in reply.stdout.decode("utf-8", errors="replace").splitlines()]
    complaints = [str(line.get("message")) for line in lines if line.get("levelname") not in HARMLESS]
    if reply.state is not ReplyState.ANSWERED or reply.exit_status is None:
        ended = f"the check did not end: {reply.problem or 'no exit status'}"
        raise Unread(f"{ended}; {shown(complaints[0])}" if complaints else ended)
    text(replace(reply, exit_status=0), "the report of the check")
    messages = [str(line.get("message")) for line in lines]
    found = [CHUNKS.fullmatch(message) for message in messages]
    chunks = next((match for match in found if match), None)
    counts = Counts("chunks", int(chunks[1]), int(chunks[1]) - int(chunks[2]), 0, int(chunks[2])) if chunks else None
    if reply.exit_status != 0 or (counts and counts.damaged):
        why = shown(complaints[0]) if complaints else "it does not say why"
        return Report("V1", False, f"the check ended with {reply.exit_status}: {why}", counts)
    analysed = _analysed(messages)
    missing = [line for line in (REPOSITORY, ARCHIVES) if line not in messages]
    if analysed is None or missing:
        said = f"the check does not say: {missing[0]}" if missing else "the check did not go through every archive"
        return Report("V2" if len(missing) == 1 else "V1", len(missing) == 1, said, counts, analysed or ())
    if counts is None:
        return Report("V2", True, "only structure and CRCs were checked, no data were verified", None, analysed)
    if not counts.total:
        return Report("V1", False, "no chunk was there to verify", counts, analysed)
    whole = f"{every(counts.total, 'chunk')} {by_number(counts.total, 'was', 'were')} verified"
    if complaints:
        return Report("V3", True, f"{whole}, with a warning: {shown(complaints[0])}", counts, analysed)
    return Report("V4", True, whole, counts, analysed)


def _told(line: str) -> dict[str, object]:
    """Return one line of the log; what is none comes back as a complaint, for borg has nothing else to say here."""
    try:
        told = json.loads(line)
    except (ValueError, RecursionError):
        told = None
    return told if isinstance(told, dict) else {"levelname": "ERROR", "message": line}


def _analysed(messages: list[str]) -> tuple[str, ...] | None:
    """Return the archives gone through, in order; None unless the last of them was the last one announced."""
    found = [match for message in messages if (match := ANALYSED.fullmatch(message))]
    if found and (len(found) != int(found[-1][3]) or found[-1][2] != found[-1][3]):
        return None
    return tuple(match[1] for match in found)
