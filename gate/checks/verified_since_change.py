"""Was the backup read after the last change of the storage that holds it?"""

from functools import partial

from gate.checks.answer import Answer, Asked
from gate.checks.case import Case
from gate.checks.copies import Copy
from gate.checks.each import over_datasets
from gate.evidence import BackupRun, Verification, maintenance_of, software_of
from gate.finding import FAILED, PASSED, UNKNOWN, Check, Finding, Weight, When

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


def ask(case: Case, copy: Copy) -> Asked:
    """Judge one repository and every array under it."""
    found = copy.run_and_read
    if isinstance(found, Answer):
        return found
    run, record = found
    place = copy.place
    if not place.known:
        return Answer(UNKNOWN, f"{copy.id}: {place.because}", evidence=record.raw)
    # Not every tool tells a version, and not everything is ever under maintenance.
    optional = (software_of(copy.id), maintenance_of(copy.id))
    for name in (copy.id, *optional, *sorted(place.arrays)):
        since = case.evidence.settled.get(name)
        if since is None and name in optional:
            continue
        if since is None:
            return Answer(UNKNOWN, f"it is not known since when {name} is as it is now", evidence=record.raw)
        if record.at < since:
            over = "was over" if name == maintenance_of(copy.id) else "was first seen as it is now"
            because = f"{run.id} was last read before {name} {over}"
            return Answer(FAILED, because, evidence=record.raw)
    return partial(_passed, copy, run, record)


def _passed(copy: Copy, run: BackupRun, record: Verification) -> Answer:
    place = copy.place
    storage = " and ".join(sorted(place.arrays)) or place.words
    told = ("{} was read after the last change of {}", run.id, storage)
    relied = {"protection": copy.id, "storage": place.identities}
    return Answer(PASSED, told, relied, record.raw, copy.expiry())
