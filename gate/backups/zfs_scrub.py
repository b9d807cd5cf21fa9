"""What `zpool status` says of the last scrub, and of the pool; it ends with 0 also when errors were found."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from gate.backups.answers import Unread, shown

SCRUB = re.compile(
    r" *(?:scan|scrub): scrub (?:repaired (?P<repaired>\S+) in|completed after) (?P<took>.{1,40}?)"
    r" with (?P<errors>[0-9]{1,12}) errors on (?P<at>[A-Z][a-z]{2} [A-Z][a-z]{2} +[0-9]{1,2} [0-9:]{8} [0-9]{4})"
)
SPANS = (
    (re.compile(r"(?:(\d{1,4}) days )?(\d{1,2}):(\d{2}):(\d{2})"), 1),  # OpenZFS 2
    (re.compile(r"(?:(\d{1,4})d)?(\d{1,4})h(\d{1,2})m()"), 60),  # before that, and zfs-fuse: cut to the minute
)
"""How a span is spelled, and by how many seconds it may be cut short."""

COUNTERS = re.compile(r"\t *(\S+) +([A-Z]+) +([0-9.]+[KMGT]?) +([0-9.]+[KMGT]?) +([0-9.]+[KMGT]?)(?: +(.*))?")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
NONE_REPAIRED = frozenset({"0", "0B"})
WELL = "errors: No known data errors"


@dataclass(frozen=True)
class Scrub:
    """A scrub that ran to its end."""

    began: datetime
    """Not later than it really began."""

    errors: int
    warning: str = ""
    """What was found besides and could be repaired, or is not well with the pool."""


def read_scrub(said: str, pool: str) -> Scrub:
    """Read the status of one pool, asked in UTC; Unread when no scrub has ended, or it is not understood."""
    lines = said.splitlines()
    if f"  pool: {pool}" not in lines:
        raise Unread(f"the answer is not about the pool {pool}")
    found = next((match for line in lines if (match := SCRUB.fullmatch(line))), None)
    if found is None:
        line = next((line.strip() for line in lines if line.lstrip().startswith(("scan:", "scrub:"))), "nothing")
        raise Unread(f"no scrub of {pool} has ended: {shown(line)}")
    if WELL not in lines and not int(found["errors"]):
        raise Unread(f"{pool} does not say that there are no known data errors")
    began = _moment(found["at"]) - _span(found["took"])
    return Scrub(began, int(found["errors"]), _warning(found["repaired"], lines))


def complaint(said: str, pool: str) -> str:
    """
    Return what the status of one pool complains of; empty when it is well, and knows no data errors.

    Unread when it is not understood.
    """
    lines = said.splitlines()
    if f"  pool: {pool}" not in lines:
        raise Unread(f"the answer is not about the pool {pool}")
    errors = [line for line in lines if line.startswith("errors: ")]
    if len(errors) != 1 or not any(COUNTERS.fullmatch(line) for line in lines):
        raise Unread(f"{pool} does not say whether it knows of data errors")
    return _warning(None, lines) or ("" if errors == [WELL] else errors[0])


def _warning(repaired: str | None, lines: list[str]) -> str:
    if repaired is not None and repaired not in NONE_REPAIRED:
        return f"{repaired} repaired"
    for line in lines:
        counters = COUNTERS.fullmatch(line)
        if counters and (counters[2] != "ONLINE" or any(counters[n] != "0" for n in (3, 4, 5))):
            return line.strip()
    return next((line.strip() for line in lines if line.startswith("status: ")), "")


def _span(took: str) -> timedelta:
    for pattern, cut in SPANS:
        if match := pattern.fullmatch(took):
            days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
            return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds + cut)
    raise Unread(f"how long the scrub took is told as {shown(took)}")


def _moment(at: str) -> datetime:
    """Read a time as the C library spells it; by hand, since strptime would speak the gate's own language."""
    _, month, day, clock, year = at.split()
    try:
        hour, minute, second = (int(part) for part in clock.split(":"))
        return datetime(int(year), MONTHS.index(month) + 1, int(day), hour, minute, second, tzinfo=UTC)
    except ValueError:
        raise Unread(f"the scrub ended at {shown(at)}, which is no time") from None
