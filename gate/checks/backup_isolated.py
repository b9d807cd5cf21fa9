"""Does the backup survive what may happen to the targets?"""

from functools import partial

from gate.canonical import Json
from gate.checks.answer import Answer, Asked
from gate.checks.case import Case
from gate.checks.copies import Copy
from gate.checks.each import over_datasets
from gate.evidence import Trace
from gate.finding import FAILED, PASSED, UNKNOWN, Check, Finding, Weight, When
from gate.isolation import SAME, Isolation

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


def ask(case: Case, copy: Copy) -> Asked:
    """Judge one dataset's place and that of the copy relied on, and what the change does to its other copies."""
    isolation = copy.isolation
    source, backup = copy.data, copy.repository
    if source is None or backup is None:
        return Answer(UNKNOWN, f"{copy.id}: nobody asked where data and backup lie", evidence=copy.raw)
    if isolation.relation is SAME:
        because = f"{copy.id} lies on the same array as the data: {isolation.because}"
        return Answer(FAILED, because, evidence=copy.raw)
    if (old := copy.stale) or (not isolation.apart and not isolation.attestable):
        return Answer(UNKNOWN, f"{copy.id}: {old or isolation.because}", evidence=copy.raw)
    if not isolation.backup.arrays.isdisjoint(case.targets):
        touched = sorted(isolation.backup.arrays & case.targets)
        because = f"{copy.id} lies on {' and '.join(touched)}, which this change itself touches"
        return Answer(FAILED, because, evidence=copy.raw)
    if because := _other_copies(case, copy):
        return Answer(FAILED, because, evidence=copy.raw)
    if not isolation.apart:
        return _only_declared(copy, (source.place, backup.place), copy.raw)
    return partial(_passed, copy, isolation, backup)


def _passed(copy: Copy, isolation: Isolation, backup: Trace) -> Answer:
    relied: dict[str, Json] = {
        "protection": copy.id,
        "data_array": isolation.source.identities,
        "repository_array": isolation.backup.identities,
        "repository": f"{copy.protection.host}:{copy.protection.repository}",
        "place": backup.place,
    }
    told = ("data and {} are apart, {}", copy.id, isolation.sentence)
    return Answer(PASSED, told, relied, copy.raw, copy.places_end)


def _only_declared(copy: Copy, places: tuple[str | None, ...], raw: tuple[str, ...]) -> Answer:
    """Leave it unknown; what two people may attest is bound to these very places, and to this copy."""
    isolation = copy.isolation
    because = f"{copy.id}: {isolation.because}"
    if copy.dataset.tier <= TIER_OF_NO_ATTESTATION:
        told = f"{because}; data of tier {copy.dataset.tier} may not rest on what people attest"
        return Answer(UNKNOWN, told, evidence=raw)
    attest: list[Json] = [copy.id, *places, isolation.source.identities, isolation.backup.identities]
    return Answer(UNKNOWN, because, {"attest": attest}, raw, attestable=True)


def _other_copies(case: Case, relied_on: Copy) -> str:
    """
    Say which other copy of the dataset this change would put at risk too early; empty when none.

    Its array may be in the change in a later stage than the data, and only when the copy relied on was read in full
    after that copy's newest backup was made: a newer proof elsewhere.
    """
    source = relied_on.isolation.source
    for other in case.copies_of(relied_on.dataset):
        if other.place.arrays.isdisjoint(case.targets):
            continue
        touched = other.place.arrays & case.targets
        data = [case.stage_of.get(name, LAST) for name in source.arrays & case.targets]
        for array in sorted(touched - source.arrays):
            if case.stage_of.get(array, 0) <= max(data, default=LAST):
                return f"{array}, on which the copy {other.id} lies, is not changed in a later stage than the data"
            if not _newer_proof(case, relied_on, other):
                return f"{array} holds the copy {other.id}, and {relied_on.id} was not read in full since that was made"
    return ""


def _newer_proof(case: Case, relied_on: Copy, other: Copy) -> bool:
    proven = [read.at for read in relied_on.reads if read.passed and read.complete and read.level == "V4"]
    reading = case.evidence.backups.get(other.id)
    if reading is None or reading.problem or not proven:
        return False
    newest = max(proven)
    return all(run.finished_at <= newest for run in reading.runs)
