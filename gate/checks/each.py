"""Asking one question of every dataset at risk and joining the answers into one finding."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from gate.canonical import Json
from gate.checks.answer import Answer, Asked, tell
from gate.checks.case import Case
from gate.checks.copies import Copy
from gate.finding import FAILED, PASSED, UNKNOWN, Check, Finding, Weight, first, worst
from gate.lazy import lazy

NO_DATASET = "no dataset of the inventory is known to lie on any target, so nothing shows what would be lost"
DECLARE = "Declare under inventory.datasets what lies on the targets, and under inventory.protections its backups."
ATTEST = (
    "Nobody can measure this from here: two people attest it for a time (sangate change waive), or the copy moves to "
    "where it can be measured. It stays red either way."
)
HEAVIEST = (Weight.BLOCK, Weight.SIGN, Weight.INFORM)
UNPROTECTED = Answer(FAILED, "no protection makes backups of it")

Ask = Callable[[Case, Copy], Asked]


def over_datasets(case: Case, record: Check, ask: Ask) -> Finding:
    """Ask for every dataset at risk; the worst answer is the finding's. No dataset at all is unknown."""
    if not case.reliances:
        return Finding(record.name, UNKNOWN, NO_DATASET, way_out=DECLARE)
    return joined(record, {name: UNPROTECTED if copy is None else ask(case, copy) for name, copy in case.at_risk})


def joined(record: Check, asked: Mapping[str, Asked]) -> Finding:
    """
    Join the answers about several subjects.

    The heaviest of those that did not pass says what the finding weighs. Which of them did not pass is material: what
    was signed for or waived about one dataset is not about another.
    """
    red = [answer for answer in asked.values() if isinstance(answer, Answer) and answer.outcome is not PASSED]
    attestable = bool(red) and all(answer.attestable for answer in red)
    answers = Answers(asked)
    return Finding(
        record.name,
        worst([answer.outcome for answer in red] or [PASSED] * bool(asked)),
        answers.because,
        answers.relied_on,
        answers.evidence,
        way_out=ATTEST if attestable else "",
        weight=_heaviest(record, red) if red else None,
        valid_until=None if red else answers.until,
        attestable=attestable,
    )


class Answers:
    """What several subjects were answered, told when somebody asks."""

    def __init__(self, asked: Mapping[str, Asked]) -> None:
        self._asked = asked

    @lazy
    def told(self) -> dict[str, Answer]:
        """Every answer by its subject; ValueError where one that was counted as passed says something else."""
        found = {name: tell(answer) for name, answer in self._asked.items()}
        for name, answer in found.items():
            if answer.outcome is not PASSED and not isinstance(self._asked[name], Answer):
                raise ValueError(f"{name} was counted as passed, and did not")
        return found

    def because(self) -> str:
        """Return one sentence."""
        return "; ".join(f"{name}: {answer.because}" for name, answer in self.told.items())

    def relied_on(self) -> dict[str, Json]:
        """Return what each answer rests on materially."""
        return {name: _material(answer) for name, answer in self.told.items()}

    def evidence(self) -> tuple[str, ...]:
        """Return the digests of everything that was read, each once."""
        return tuple(dict.fromkeys(digest for answer in self.told.values() for digest in answer.evidence))

    def until(self) -> datetime | None:
        """Return when the first fact expires."""
        return first(*(answer.until for answer in self.told.values()))


def _material(answer: Answer) -> Json:
    if answer.outcome is PASSED:
        return dict(answer.relied_on)
    return {**answer.relied_on, "outcome": answer.outcome.value}


def _heaviest(record: Check, red: Iterable[Answer]) -> Weight | None:
    weights = {answer.weight or record.weight for answer in red}
    heaviest = next((weight for weight in HEAVIEST if weight in weights), None)
    return None if heaviest is record.weight else heaviest
