"""Asking one question of every dataset at risk and joining the answers into one finding."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from gate.canonical import Json
from gate.checks.case import Case, Reliance
from gate.finding import Check, Finding, Outcome, Weight, first, worst
from gate.inventory import Protection

NO_DATASET = "no dataset of the inventory is known to lie on any target, so nothing shows what would be lost"
DECLARE = "Declare under inventory.datasets what lies on the targets, and under inventory.protections its backups."
ATTEST = (
    "Nobody can measure this from here: two people attest it for a time (sangate change waive), or the copy moves to "
    "where it can be measured. It stays red either way."
)
HEAVIEST = (Weight.BLOCK, Weight.SIGN, Weight.INFORM)


@dataclass(frozen=True)
class Answer:
    """The answer for one dataset."""

    outcome: Outcome
    because: str
    relied_on: dict[str, Json] = field(default_factory=dict)
    evidence: tuple[str, ...] = ()
    until: datetime | None = None
    """When the first fact under a `passed` expires."""

    weight: Weight | None = None
    """What this answer weighs where that is not the check's own weight."""

    attestable: bool = False
    """Nothing can be measured where it asks: two people may attest it."""


Ask = Callable[[Case, Reliance, Protection], Answer]


def over_datasets(case: Case, record: Check, ask: Ask) -> Finding:
    """Ask for every dataset at risk; the worst answer is the finding's. No dataset at all is unknown."""
    if not case.reliances:
        return Finding(record.name, Outcome.UNKNOWN, NO_DATASET, way_out=DECLARE)
    answers: dict[str, Answer] = {}
    for reliance in case.reliances:
        if reliance.protection is None:
            answers[reliance.dataset.id] = Answer(Outcome.FAILED, "no protection makes backups of it")
        else:
            answers[reliance.dataset.id] = ask(case, reliance, reliance.protection)
    return joined(record, answers)


def joined(record: Check, answers: Mapping[str, Answer]) -> Finding:
    """
    Join the answers about several subjects.

    The heaviest of those that did not pass says what the finding weighs. Which of them did not pass is material: what
    was signed for or waived about one dataset is not about another.
    """
    red = [answer for answer in answers.values() if answer.outcome is not Outcome.PASSED]
    attestable = bool(red) and all(answer.attestable for answer in red)
    return Finding(
        record.name,
        worst([answer.outcome for answer in answers.values()]),
        "; ".join(f"{name}: {answer.because}" for name, answer in answers.items()),
        {name: _material(answer) for name, answer in answers.items()},
        tuple(dict.fromkeys(digest for answer in answers.values() for digest in answer.evidence)),
        way_out=ATTEST if attestable else "",
        weight=_heaviest(record, red),
        valid_until=None if red else first(*(answer.until for answer in answers.values())),
        attestable=attestable,
    )


def _material(answer: Answer) -> Json:
    if answer.outcome is Outcome.PASSED:
        return answer.relied_on
    return {**answer.relied_on, "outcome": answer.outcome.value}


def _heaviest(record: Check, red: Iterable[Answer]) -> Weight | None:
    weights = {answer.weight or record.weight for answer in red}
    heaviest = next((weight for weight in HEAVIEST if weight in weights), None)
    return None if heaviest is record.weight else heaviest
