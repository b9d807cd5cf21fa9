"""Does the backup survive what may happen to the targets?"""

from gate.canonical import Json
from gate.checks.case import Case, Reliance, stale_place
from gate.checks.each import Answer, over_datasets
from gate.finding import Check, Finding, Outcome, Weight, When
from gate.inventory import Protection
from gate.isolation import Isolation, Relation

CHECK = Check(
    name="backup-isolated",
    question="Does the backup lie on another array than the data, and on none of the targets?",
    meaning="In 2009 data and backup were reportedly lost together. A copy that shares the array shares its fate.",
    way_out="Move the repository to an array outside this change, then make, verify and rehearse a backup there.",
    threshold="none: same array and unknown relation are never waived; two people may attest what nobody can measure, "
    "for data below tier 1. The array of another copy may be in the change only in a later stage than the data, and "
    "only after a newer proof elsewhere",
    weight=Weight.BLOCK,
    when=When.APPROVE,
    source="IS-01, IS-02",
)

TIER_OF_NO_ATTESTATION = 1
"""Data of this tier may not rest on what people attest (promise 10)."""

LAST = 2**31
"""Stage of an array that no sealed plan has in any: no other stage is later."""


def check(case: Case) -> Finding:
    """Compare the measured places under each dataset at risk and its copies."""
    return over_datasets(case, CHECK, ask)


def ask(case: Case, reliance: Reliance, protection: Protection) -> Answer:
    """Judge one dataset's place and that of the copy relied on, and what the change does to its other copies."""
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
    if old or (isolation.relation is Relation.UNKNOWN and not isolation.attestable):
        return Answer(Outcome.UNKNOWN, f"{protection.id}: {old or isolation.because}", evidence=raw)
    if touched := sorted(isolation.backup.arrays & case.targets):
        because = f"{protection.id} lies on {' and '.join(touched)}, which this change itself touches"
        return Answer(Outcome.FAILED, because, evidence=raw)
    if because := _other_copies(case, reliance, protection):
        return Answer(Outcome.FAILED, because, evidence=raw)
    if isolation.relation is not Relation.DIFFERENT:
        return _only_declared(reliance, protection, isolation, (source.place, backup.place), raw)
    relied: dict[str, Json] = {
        "protection": protection.id,
        "data_array": isolation.source.identities,
        "repository_array": isolation.backup.identities,
        "repository": f"{protection.host}:{protection.repository}",
        "place": backup.place,
    }
    until = min(source.at, backup.at) + case.policy.evidence_max_age
    return Answer(Outcome.PASSED, f"data and {protection.id} are apart, {isolation.because}", relied, raw, until)


def _only_declared(
    reliance: Reliance,
    protection: Protection,
    isolation: Isolation,
    places: tuple[str | None, ...],
    raw: tuple[str, ...],
) -> Answer:
    """Leave it unknown; what two people may attest is bound to these very places, and to this copy."""
    because = f"{protection.id}: {isolation.because}"
    if reliance.dataset.tier <= TIER_OF_NO_ATTESTATION:
        told = f"{because}; data of tier {reliance.dataset.tier} may not rest on what people attest"
        return Answer(Outcome.UNKNOWN, told, evidence=raw)
    attest: list[Json] = [protection.id, *places, isolation.source.identities, isolation.backup.identities]
    return Answer(Outcome.UNKNOWN, because, {"attest": attest}, raw, attestable=True)


def _other_copies(case: Case, reliance: Reliance, relied_on: Protection) -> str:
    """
    Say which other copy of the dataset this change would put at risk too early; empty when none.

    Its array may be in the change in a later stage than the data, and only when the copy relied on was read in full
    after that copy's newest backup was made: a newer proof elsewhere.
    """
    source = case.map.locate(case.evidence.datasets.get(reliance.dataset.id))
    for other in case.inventory.protections_of(reliance.dataset.id):
        if other.id == relied_on.id:
            continue
        touched = case.map.locate(case.evidence.repositories.get(other.id)).arrays & case.targets
        data = [case.stage_of.get(name, LAST) for name in source.arrays & case.targets]
        for array in sorted(touched - source.arrays):
            if case.stage_of.get(array, 0) <= max(data, default=LAST):
                return f"{array}, on which the copy {other.id} lies, is not changed in a later stage than the data"
            if not _newer_proof(case, relied_on, other):
                return f"{array} holds the copy {other.id}, and {relied_on.id} was not read in full since that was made"
    return ""


def _newer_proof(case: Case, relied_on: Protection, other: Protection) -> bool:
    trace = case.evidence.repositories.get(relied_on.id)
    reads = case.proofs.verifications.get((relied_on.id, trace.place or ""), []) if trace is not None else []
    proven = [read.at for read in reads if read.passed and read.complete and read.level == "V4"]
    reading = case.evidence.backups.get(other.id)
    if reading is None or reading.problem or not proven:
        return False
    newest = max(proven)
    return all(run.finished_at <= newest for run in reading.runs)
