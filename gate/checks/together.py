"""The rows of shared fate that one question is about, as one answer."""

from functools import partial

from gate.canonical import Json
from gate.checks.answer import Answer, Asked
from gate.checks.case import Case
from gate.checks.copies import Copy
from gate.fate.rows import Row, shared_fate
from gate.fate.rules import RULES
from gate.finding import FAILED, PASSED, UNKNOWN
from gate.isolation import DIFFERENT, SAME


def judged(case: Case, copy: Copy, dimensions: tuple[str, ...]) -> Asked:
    """Fail for what data and copy share, name what is not known; pass when every dimension is known and different."""
    pair = copy.pair
    for dimension in dimensions:
        if RULES[dimension](pair) is not DIFFERENT:
            return _refused(copy, shared_fate(pair, dimensions))
    return partial(_passed, copy, dimensions)


def _refused(copy: Copy, found: tuple[Row, ...]) -> Answer:
    shared = [row for row in found if row.verdict is SAME]
    if shared:
        because = "; ".join(f"{row.dimension}: {row.because or row.backup}" for row in shared)
        names: list[Json] = [row.dimension for row in shared]
        return Answer(FAILED, f"{copy.id} shares with the data {because}", {"shared": names})
    unknown = [row for row in found if row.verdict is not DIFFERENT]
    words = "; ".join(f"{row.dimension}: {row.because or 'not known'}" for row in unknown)
    return Answer(UNKNOWN, f"{copy.id} and the data: {words}")


def _passed(copy: Copy, dimensions: tuple[str, ...]) -> Answer:
    told = ("data and {} differ in {}", copy.id, ", ".join(dimensions))
    return Answer(PASSED, told, {"protection": copy.id})
