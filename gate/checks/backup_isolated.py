"""Does the backup survive what may happen to the targets?"""

from gate.canonical import Json
from gate.checks.case import Case, Reliance, stale_place
from gate.checks.each import Answer, over_datasets
from gate.finding import Check, Finding, Outcome, Weight, When
from gate.inventory import Protection
from gate.isolation import Relation

CHECK = Check(
    name="backup-isolated",
    question="Does the backup lie on another array than the data, and on none of the targets?",
    meaning="In 2009 data and backup were reportedly lost together. A copy that shares the array shares its fate.",
    way_out="Move the repository to an array outside this change, then make, verify and rehearse a backup there.",
    threshold="none: same array and unknown relation are never waived (IS-01, IS-02)",
    weight=Weight.BLOCK,
    when=When.APPROVE,
)


def check(case: Case) -> Finding:
    """Compare the measured arrays under each dataset at risk and its repository."""
    return over_datasets(case, CHECK, _ask)


def _ask(case: Case, reliance: Reliance, protection: Protection) -> Answer:
    isolation = reliance.isolation
    source = case.evidence.datasets.get(reliance.dataset.id)
    backup = case.evidence.repositories.get(protection.id)
    raw = (source.raw if source else ()) + (backup.raw if backup else ())
    if isolation is None or source is None or backup is None:
        return Answer(Outcome.UNKNOWN, f"{protection.id}: nobody asked where data and backup lie", evidence=raw)
    if isolation.relation is Relation.SAME:
        because = f"{protection.id} lies on the same array as the data: {isolation.because}"
        return Answer(Outcome.FAILED, because, evidence=raw)
    old = stale_place(case, source, isolation.source) or stale_place(case, backup, isolation.backup)
    if isolation.relation is Relation.UNKNOWN or old:
        return Answer(Outcome.UNKNOWN, f"{protection.id}: {old or isolation.because}", evidence=raw)
    if touched := sorted(isolation.backup.arrays & set(case.request.targets)):
        because = f"{protection.id} lies on {' and '.join(touched)}, which this change itself touches"
        return Answer(Outcome.FAILED, because, evidence=raw)
    relied: dict[str, Json] = {
        "protection": protection.id,
        "data_array": isolation.source.identities,
        "repository_array": isolation.backup.identities,
        "repository": f"{protection.host}:{protection.repository}",
        "place": backup.place,
    }
    return Answer(Outcome.PASSED, f"data and {protection.id} are apart, {isolation.because}", relied, raw)
