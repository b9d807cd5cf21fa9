"""Was the backup read after the last change of the storage that holds it?"""

from gate.checks.case import Case, Reliance
from gate.checks.each import Answer, over_datasets
from gate.checks.proof import Trouble, expiry, run_and_read
from gate.evidence import maintenance_of, software_of
from gate.finding import Check, Finding, Outcome, Weight, When
from gate.inventory import Protection

CHECK = Check(
    name="verified-since-change",
    question="Was the backup relied on read after the last change of the storage under it and of the backup software?",
    meaning="What was read under the old firmware of the backup's array says nothing of what the new one did to it; "
    "nor does it say what an update of the backup program did: in 2021 one deleted 77 TB of a university's files.",
    way_out="Check the change again: the gate reads the backup once more.",
    threshold="none: the read is newer than the first sighting of what runs there now, and than the end of the last "
    "maintenance that the inventory tells of",
    weight=Weight.BLOCK,
    when=When.APPROVE,
    source="BK-12",
    waivable=True,
)


def check(case: Case) -> Finding:
    """Compare the last read of each newest run with when its storage was first seen as it is now."""
    return over_datasets(case, CHECK, ask)


def ask(case: Case, _: Reliance, protection: Protection) -> Answer:
    """Judge one repository and every array under it."""
    found = run_and_read(case, protection)
    if isinstance(found, Trouble):
        return found.answer
    run, record = found
    place = case.map.locate(case.evidence.repositories.get(protection.id))
    if not place.known:
        return Answer(Outcome.UNKNOWN, f"{protection.id}: {place.because}", evidence=record.raw)
    # Not every tool tells a version, and not everything is ever under maintenance.
    optional = (software_of(protection.id), maintenance_of(protection.id))
    for name in (protection.id, *optional, *sorted(place.arrays)):
        since = case.evidence.settled.get(name)
        if since is None and name in optional:
            continue
        if since is None:
            return Answer(Outcome.UNKNOWN, f"it is not known since when {name} is as it is now", evidence=record.raw)
        if record.at < since:
            over = "was over" if name == maintenance_of(protection.id) else "was first seen as it is now"
            because = f"{run.id} was last read before {name} {over}"
            return Answer(Outcome.FAILED, because, evidence=record.raw)
    because = f"{run.id} was read after the last change of {' and '.join(sorted(place.arrays)) or place.words}"
    relied = {"protection": protection.id, "storage": place.identities}
    return Answer(Outcome.PASSED, because, {**relied}, record.raw, expiry(case, protection))
