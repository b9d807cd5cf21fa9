"""
Counters of errors: what has grown between two looks, or that it is not known.

A rounded counter (`1.2g`) can stand still while errors grow, and one that is smaller than before was cleared or has
gone round: in neither case is "no new errors" the truth (array-clis, rule 7).
"""

import re
from collections.abc import Mapping

Counts = Mapping[str, int | None]
"""Name of a counter → its exact value; None where it was rounded or not supported."""

EXACT = re.compile(r"\d{1,20}", re.ASCII)


def exact(word: str) -> int | None:
    """Return a counter's value; None when it is rounded or no number."""
    return int(word) if EXACT.fullmatch(word) else None


def grown(before: Counts, after: Counts) -> dict[str, int | None]:
    """Return by how much each counter of either look has grown; None is not known, and never stands for zero."""
    found: dict[str, int | None] = {}
    for name in dict.fromkeys((*before, *after)):
        old, new = before.get(name), after.get(name)
        found[name] = None if old is None or new is None or new < old else new - old
    return found


def total(counts: Counts) -> int | None:
    """Return the sum; None unless every one is known, and for none at all."""
    known = [count for count in counts.values() if count is not None]
    return sum(known) if known and len(known) == len(counts) else None
