"""Asking one question of every dataset at risk and joining the answers into one finding."""

from collections.abc import Callable, Iterable, Mapping
from functools import wraps

from gate.canonical import Json
from gate.checks.answer import Answer
from gate.checks.case import Case
from gate.checks.copies import Copy
from gate.finding import FAILED, PASSED, UNKNOWN, Check, Finding, Weight, first, worst

NO_DATASET = "no dataset of the inventory is known to lie on any target, so nothing shows what would be lost"
DECLARE = "Declare under inventory.datasets what lies on the targets, and under inventory.protections its backups."
ATTEST = (
    "Nobody can measure this from here: two people attest it for a time (sangate change waive), or the copy moves to "
    "where it can be measured. It stays red either way."
)
HEAVIEST = (Weight.BLOCK, Weight.SIGN, Weight.INFORM)
UNPROTECTED = Answer(FAILED, "no protection makes backups of it")

Ask = Callable[[Case, Copy], Answer]


def kept(ask: Ask) -> Ask:
    """Ask each copy this question once, however many checks want its answer."""

    @wraps(ask)
    def asked(case: Case, copy: Copy) -> Answer:
        found = copy.answers.get(ask)
        if found is None:
            found = copy.answers[ask] = ask(case, copy)
        return found

    return asked


def over_datasets(case: Case, record: Check, ask: Ask) -> Finding:
    """Ask for every dataset at risk; the worst answer is the finding's. No dataset at all is unknown."""
    if not case.reliances:
        return Finding(record.name, UNKNOWN, NO_DATASET, way_out=DECLARE)
    answers = {one.dataset.id: UNPROTECTED if one.copy is None else ask(case, one.copy) for one in case.reliances}
    return joined(record, answers)


def joined(record: Check, answers: Mapping[str, Answer]) -> Finding:
    """
    Join the answers about several subjects.

    The heaviest of those that did not pass says what the finding weighs. Which of them did not pass is material: what
    was signed for or waived about one dataset is not about another.
    """
    red = [answer for answer in answers.values() if answer.outcome is not PASSED]
    attestable = bool(red) and all(answer.attestable for answer in red)
    return Finding(
        record.name,
        worst([answer.outcome for answer in red]) if red or not answers else PASSED,
        lambda: "; ".join(f"{name}: {answer.because}" for name, answer in answers.items()),
        lambda: {name: _material(answer) for name, answer in answers.items()},
        lambda: tuple(dict.fromkeys(digest for answer in answers.values() for digest in answer.evidence)),
        way_out=ATTEST if attestable else "",
        weight=_heaviest(record, red),
        valid_until=None if red else first(*[answer.until for answer in answers.values()]),
        attestable=attestable,
    )


def _material(answer: Answer) -> Json:
    if answer.outcome is PASSED:
        return dict(answer.relied_on)
    return {**answer.relied_on, "outcome": answer.outcome.value}


def _heaviest(record: Check, red: Iterable[Answer]) -> Weight | None:
    weights = {answer.weight or record.weight for answer in red}
    heaviest = next((weight for weight in HEAVIEST if weight in weights), None)
    return None if heaviest is record.weight else heaviest
