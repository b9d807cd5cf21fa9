"""Is the record that this rests on whole?"""

from gate.checks.case import Case, stale
from gate.finding import FAILED, PASSED, UNKNOWN, Check, Finding, Weight, When

CHECK = Check(
    name="evidence-whole",
    question="Is the ledger's chain intact, and is every record of backups, rehearsals and trials in it whole?",
    meaning="A record that was removed or altered could be the one that said no.",
    way_out="Find out who changed what: sangate ledger verify; bring the missing blobs back from an export.",
    threshold="none: one broken link, or one record within policy.full_read_max_age that cannot be read, refuses",
    weight=Weight.BLOCK,
    when=When.APPROVE,
    source="EV-02",
)


def check(case: Case) -> Finding:
    """Look at what gathering found when it read the record."""
    record = case.evidence.record
    if record is None:
        return Finding(CHECK.name, UNKNOWN, "nobody checked the record")
    if record.problem:
        return Finding(CHECK.name, FAILED, record.problem)
    if record.left_out:
        because = f"{len(record.left_out)} records cannot be read: {'; '.join(record.left_out[:5])}"
        return Finding(CHECK.name, FAILED, because)
    if old := stale(case, record.at):
        return Finding(CHECK.name, UNKNOWN, old)
    because = f"all {record.size} entries hash to the signed head, and every record is whole"
    return Finding(CHECK.name, PASSED, because, valid_until=record.at + case.policy.evidence_max_age)
