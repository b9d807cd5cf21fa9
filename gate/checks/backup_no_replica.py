"""Is the backup a copy of its own, and no snapshot, clone or mirror of production's volume?"""

from functools import partial

from gate.checks.answer import Answer, Asked
from gate.checks.case import Case
from gate.checks.copies import Copy
from gate.checks.each import over_datasets
from gate.checks.together import judged
from gate.finding import UNKNOWN, Check, Finding, Weight, When

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


def ask(case: Case, copy: Copy) -> Asked:
    """Judge one repository's volumes; where there are none, nothing can be a replica of a volume."""
    source, backup = copy.data, copy.repository
    if source is None or backup is None or source.problem or backup.problem:
        return Answer(UNKNOWN, f"{copy.id}: it is not known on which volumes data and backup lie")
    if not copy.place.known or copy.stale_there:
        why = copy.stale_there if copy.place.known else copy.place.because
        return Answer(UNKNOWN, f"{copy.id}: {why}", evidence=copy.raw)
    asked = judged(case, copy, ("replication",))
    return asked._replace(evidence=copy.raw) if isinstance(asked, Answer) else partial(_passed, copy, asked)


def _passed(copy: Copy, apart: partial[Answer]) -> Answer:
    return apart()._replace(evidence=copy.raw, until=copy.places_end)
