"""
What `restic check` says, as text (0.14 and later) or as the JSON summary that 0.17 and later print with --json.

The exit status alone is nothing: plain `check` ends with 0 on a flipped bit. The report must name what it read, count
it to the end, say that no errors were found, and end with 0. What it says beyond that is a warning and lowers the
level; the summary in JSON counts nothing, so it proves no more than that the repository opened.
"""

import json
import re
from dataclasses import dataclass, replace

from gate.backups.answers import Unread, shown, text
from gate.backups.told import MISSING
from gate.evidence import Counts, Reply, ReplyState
from gate.sentence import by_number, every

FOUND_NOTHING = "no errors were found"
USUAL = frozenset(
    {"", "load indexes", "check all packs", "check snapshots, trees and blobs", "create exclusive lock for repository"}
)
CACHE = "using temporary cache in "
READ_ALL = "read all data"
READ_PART = re.compile(
    r"read group #(?P<bucket>\d{1,3}) of \d{1,9} data packs "
    r"\(out of total \d{1,9} packs in (?P<buckets>\d{1,3}) groups\)"
)
READ_SOME = re.compile(r"read [0-9.]{1,20}( bytes \([0-9.]{1,20}%\)|%) of (total \d{1,9} packs|data packs)")
PROGRESS = re.compile(r"\[[0-9:]{3,12}\] +(?:[0-9.]{4,6}% +)?(?:(\d{1,9}) / )?(\d{1,9}) (snapshots|packs)")

GONE = re.compile(r"pack ([0-9a-f]{64}):? does not exist")
HURT = re.compile(
    r"(?:[Pp]ack |want )([0-9a-f]{64})(?: contains|: unexpected file size| failed to download|, got |: not referenced)"
)
COMPLAINT_IS_LATER = ("Load(", "Fatal: repository contains errors")
"""Lines that repeat what another line says better."""

LOCKED = re.compile(
    r"already locked(?P<how> exclusively)? by PID (?P<pid>\d{1,10}) on (?P<host>\S{1,255}) by [^\n]*\n"
    r"lock was created at (?P<since>[0-9-]{10} [0-9:]{8})"
)

WAY_OUT = "let it end; if nothing runs there, the backup's owner removes the lock with restic unlock"
NO_REPOSITORY, IS_LOCKED, WRONG_PASSWORD = 10, 11, 12
"""Exit statuses since 0.17; before that all of them are 1, and the text says which."""


@dataclass(frozen=True)
class Report:
    """What one check proved. `level` is V1 where it found damage or does not say enough."""

    level: str
    passed: bool
    because: str
    counts: Counts | None = None
    snapshots: int = 0
    """How many snapshots were checked."""

    part: tuple[int, int] | None = None
    """(bucket, buckets) when it read one part by id."""


def refusal(reply: Reply, what: str, password_file: str) -> None:
    """Raise Unread, with the next thing to do, when restic says why it could not even begin."""
    if reply.state is not ReplyState.ANSWERED or reply.exit_status in (0, None):
        return
    said = (reply.stdout[-4000:] + b"\n" + reply.stderr[-4000:]).decode("utf-8", errors="replace")
    code = reply.exit_status
    locked = LOCKED.search(said)
    if code == IS_LOCKED or locked or "unable to create lock in backend" in said:
        raise Unread(f"{what}: {_who(locked)}; {WAY_OUT}")
    if code == WRONG_PASSWORD or "wrong password or no key found" in said:
        raise Unread(
            f"{what}: the password in {password_file} on {reply.target} opens nothing; put the right one there"
        )
    if "Resolving password failed" in said or "unable to read password" in said:
        raise Unread(f"{what}: {password_file} cannot be read on {reply.target}; let this user read it")
    if code == NO_REPOSITORY or "unable to open config file" in said:
        raise Unread(f"{what}: there is no repository there on {reply.target}; is it mounted?")
    if code == MISSING:
        raise Unread(f"{what}: restic is not there for this user on {reply.target}; install it or put it into PATH")


def _who(locked: re.Match[str] | None) -> str:
    if locked is None:
        return "the repository is locked"
    return f"the repository is locked by PID {locked['pid']} on {locked['host']} since {locked['since']}"


def read_report(reply: Reply, packs: int, part: tuple[int, int] | None) -> Report:
    """
    Judge one answer to `check` with both streams in one; `packs` is how many there are to read, all or of the part.

    Unread when the check did not end, or ended without saying anything that can be judged.
    """
    if reply.state is not ReplyState.ANSWERED:
        said = _first_complaint(reply.stdout.decode("utf-8", errors="replace").splitlines())
        raise Unread(f"the check did not end: {reply.problem or reply.state.value}" + (f"; {said}" if said else ""))
    if reply.exit_status is None:
        raise Unread("the check did not end: no exit status")
    said = _plain(reply)
    lines = said.splitlines()
    strange = [line for line in lines if not _usual(line)]
    if reply.exit_status != 0 or FOUND_NOTHING not in lines:
        return _failed(reply, lines, packs)
    done = {match[3]: match for line in lines if (match := PROGRESS.fullmatch(line))}
    report = _level(lines, done, part, packs)
    if report.level in {"V3", "V4"} and strange:
        lower = "V2" if report.level == "V3" else "V3"
        return replace(report, level=lower, because=f"{report.because}, with a warning: {shown(strange[0])}", part=None)
    return report


def _plain(reply: Reply) -> str:
    # A check that found something ends with 1 and still says what.
    return text(replace(reply, exit_status=0), "the report of the check")


def _usual(line: str) -> bool:
    known = line in USUAL or line in (READ_ALL, FOUND_NOTHING) or line.startswith(CACHE)
    return known or any(pattern.fullmatch(line) for pattern in (READ_PART, READ_SOME, PROGRESS))


def _level(lines: list[str], done: dict[str, re.Match[str]], part: tuple[int, int] | None, packs: int) -> Report:
    """Say what a report without errors covers."""
    snapshots = _all_of(done.get("snapshots"))
    group = next((match for line in lines if (match := READ_PART.fullmatch(line))), None)
    read_packs = _all_of(done.get("packs"))
    if snapshots is None:
        return Report("V1", False, "the check does not say that it saw every snapshot")
    if any(READ_SOME.fullmatch(line) for line in lines):
        return Report("V2", True, "a random share of the packs was read, and nobody can say which", None, snapshots)
    if READ_ALL not in lines and group is None:
        return Report("V2", True, "only the structure was checked, no data were read", None, snapshots)
    told = (int(group["bucket"]), int(group["buckets"])) if group else None
    if told != part:
        return Report("V2", False, f"another part was read than was asked for: {told}", None, snapshots)
    if read_packs is None:
        return Report("V2", False, "the check does not say that it read every pack", None, snapshots)
    if not read_packs:
        few = "no pack was there to read" + (": lower read_parts" if part else "")
        return Report("V1", False, few, Counts("packs", 0, 0), snapshots)
    if part and read_packs < packs:
        orphans = f"{read_packs} of {packs} packs of the part were read, the others are in no index: prune"
        return Report("V2", False, orphans, Counts("packs", packs, read_packs), snapshots)
    counts = Counts("packs", read_packs, read_packs)
    whole = f"{every(read_packs, 'pack')} {by_number(read_packs, 'was', 'were')} read"
    if part:
        return Report("V3", True, f"part {part[0]} of {part[1]}: {whole}", counts, snapshots, part)
    return Report("V4", True, whole, counts, snapshots)


def _all_of(progress: re.Match[str] | None) -> int | None:
    """Return a number that was counted to its end; restic prints `0 packs` where there are none."""
    if progress is None:
        return None
    done, total = progress[1], int(progress[2])
    if done is None:
        return 0 if total == 0 else None
    return total if int(done) == total else None


def _failed(reply: Reply, lines: list[str], packs: int) -> Report:
    summary = _summary(lines)
    if summary is not None and reply.exit_status == 0 and summary.get("num_errors") == 0:
        return Report("V1", False, "the check says that it found no errors, but not what it read")
    said = "\n".join(lines)
    gone, hurt = set(GONE.findall(said)), set(HURT.findall(said))
    broken = summary.get("broken_packs") if summary else None
    if isinstance(broken, list):
        hurt |= {one for one in broken if isinstance(one, str)}
    hurt -= gone
    counts = Counts("packs", packs, max(packs - len(gone | hurt), 0), len(gone), len(hurt)) if gone or hurt else None
    found = [f"pack {one[:16]} is missing" for one in sorted(gone)] + [
        f"pack {one[:16]} is damaged" for one in sorted(hurt)
    ]
    why = ", ".join(found[:3]) or _first_complaint(lines) or "it does not say that no errors were found"
    return Report("V1", False, f"the check ended with {reply.exit_status}: {why}", counts)


def _summary(lines: list[str]) -> dict[str, object] | None:
    for line in lines:
        try:
            told = json.loads(line) if line.startswith("{") else None
        except (ValueError, RecursionError):
            continue
        if isinstance(told, dict) and told.get("message_type") == "summary":
            return told
    return None


def _first_complaint(lines: list[str]) -> str:
    odd = [line for line in lines if not _usual(line) and not line.startswith(COMPLAINT_IS_LATER)]
    return shown(odd[0]) if odd else ""
