"""A moment as people type one."""

from datetime import UTC, datetime, timedelta


def moment(expires: str) -> str:
    """Return a moment; a span of time counts from now."""
    from gate.canonical import utc
    from gate.duration import UNITS

    if expires[-1:] in UNITS and expires[:-1].isdecimal() and len(expires) < 7:
        return utc(datetime.now(UTC) + timedelta(seconds=int(expires[:-1]) * UNITS[expires[-1]]))
    return expires
