"""Asking one question of every dataset at risk and joining the answers into one finding."""

from collections.abc import Callable
from dataclasses import dataclass, field

from gate.canonical import Json
from gate.checks.case import Case, Reliance, at_risk
from gate.finding import Check, Finding, Outcome, worst
from gate.inventory import Protection

NO_DATASET = "no dataset of the inventory is known to lie on any target, so nothing shows what would be lost"
DECLARE = "Declare under inventory.datasets what lies on the targets, and under inventory.protections its backups."


@dataclass(frozen=True)
class Answer:
    """The answer for one dataset."""

    outcome: Outcome
    because: str
    relied_on: dict[str, Json] = field(default_factory=dict)
    evidence: tuple[str, ...] = ()


def over_datasets(case: Case, record: Check, ask: Callable[[Case, Reliance, Protection], Answer]) -> Finding:
    """Ask for every dataset at risk; the worst answer is the finding's. No dataset at all is unknown."""
    reliances = at_risk(case)
    if not reliances:
        return Finding(record.name, Outcome.UNKNOWN, NO_DATASET, way_out=DECLARE)
    answers = {}
    for reliance in reliances:
        if reliance.protection is None:
            answers[reliance.dataset.id] = Answer(Outcome.FAILED, "no protection makes backups of it")
        else:
            answers[reliance.dataset.id] = ask(case, reliance, reliance.protection)
    return Finding(
        record.name,
        worst([answer.outcome for answer in answers.values()]),
        "; ".join(f"{name}: {answer.because}" for name, answer in answers.items()),
        {name: answer.relied_on for name, answer in answers.items()},
        tuple(digest for answer in answers.values() for digest in answer.evidence),
    )
