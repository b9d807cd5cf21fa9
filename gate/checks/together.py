"""The rows of shared fate that one question is about, as one answer."""

from gate.canonical import Json
from gate.checks.case import Case, Reliance
from gate.checks.each import Answer
from gate.finding import Outcome
from gate.inventory import Protection
from gate.isolation import Relation


def judged(case: Case, reliance: Reliance, protection: Protection, dimensions: tuple[str, ...]) -> Answer:
    """Fail for what data and copy share, name what is not known; pass when every dimension is known and different."""
    found = case.fate_of(reliance.dataset, protection, dimensions)
    shared = [row for row in found if row.verdict is Relation.SAME]
    if shared:
        because = "; ".join(f"{row.dimension}: {row.because or row.backup}" for row in shared)
        names: list[Json] = [row.dimension for row in shared]
        return Answer(Outcome.FAILED, f"{protection.id} shares with the data {because}", {"shared": names})
    unknown = [row for row in found if row.verdict is not Relation.DIFFERENT]
    if unknown:
        words = "; ".join(f"{row.dimension}: {row.because or 'not known'}" for row in unknown)
        return Answer(Outcome.UNKNOWN, f"{protection.id} and the data: {words}")
    because = f"data and {protection.id} differ in {', '.join(dimensions)}"
    return Answer(Outcome.PASSED, because, {"protection": protection.id})
