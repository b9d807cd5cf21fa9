"""Is the backup a copy of its own, and no snapshot, clone or mirror of production's volume?"""

from gate.checks.case import Case, Reliance, stale_place
from gate.checks.each import Answer, over_datasets
from gate.finding import Check, Finding, Outcome, Weight, When
from gate.inventory import Protection

CHECK = Check(
    name="backup-no-replica",
    question="Is the repository no snapshot, clone or mirror of the volume that the data lie on?",
    meaning="A mirror copies damage within seconds, and a snapshot shares the very blocks. Neither is a backup.",
    way_out="Keep the repository on a volume of its own, made by a backup tool and not by the array.",
    threshold="none: the array itself says what its volumes are copies of; an array that does not say is unknown",
    weight=Weight.BLOCK,
    when=When.APPROVE,
    source="IS-03",
    waivable=True,
)


def check(case: Case) -> Finding:
    """Ask the arrays under each repository what its volumes are copies of."""
    return over_datasets(case, CHECK, ask)


def ask(case: Case, reliance: Reliance, protection: Protection) -> Answer:
    """Judge one repository's volumes; where there are none, nothing can be a replica of a volume."""
    source = case.evidence.datasets.get(reliance.dataset.id)
    backup = case.evidence.repositories.get(protection.id)
    if source is None or backup is None or source.problem or backup.problem:
        return Answer(Outcome.UNKNOWN, f"{protection.id}: it is not known on which volumes data and backup lie")
    place, raw = case.map.locate(backup), source.raw + backup.raw
    if not place.known or (old := stale_place(case, backup, place)):
        return Answer(Outcome.UNKNOWN, f"{protection.id}: {old if place.known else place.because}", evidence=raw)
    produced = _names(case, {leaf.lun for leaf in source.leaves})
    for leaf in backup.leaves:
        owners = case.map.volume_owners(leaf.lun)
        if not owners:
            because = f"no array lists the volume {leaf.lun}, so none says what it is a copy of"
            return Answer(Outcome.UNKNOWN, f"{protection.id}: {because}", evidence=raw)
        for array in owners:
            copied = {
                name for one in case.evidence.arrays[array].volumes or () if one.uid == leaf.lun for name in one.copy_of
            }
            if shared := sorted(copied & produced):
                because = f"{protection.id} lies on a copy that {array} makes of production's volume {shared[0]}"
                return Answer(Outcome.FAILED, because, evidence=raw)
    because = f"{protection.id} lies on no copy of production's volumes"
    until = min(source.at, backup.at) + case.policy.evidence_max_age
    return Answer(Outcome.PASSED, because, {"protection": protection.id, "place": backup.place}, raw, until)


def _names(case: Case, luns: set[str]) -> set[str]:
    """Return every name under which an array may call these volumes: designators, and `serial/volume id`."""
    found = set(luns)
    for lun in luns:
        for array in case.map.volume_owners(lun):
            reading = case.evidence.arrays[array]
            found |= {f"{reading.serial}/{one.id}" for one in reading.volumes or () if one.uid == lun}
    return found
