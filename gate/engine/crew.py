"""Everything that acting on a change needs besides the change itself."""

import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta

from gate.engine.hands import Hands
from gate.engine.lines import Lines
from gate.errors import GateError
from gate.permits import Office
from gate.permits.office import Permit
from gate.person import Person
from gate.policy import ApprovalKind
from gate.store import Ledger


@dataclass(frozen=True)
class Crew:
    """Everything that acting needs besides the change itself."""

    ledger: Ledger
    hands: Hands
    office: Office
    people: Callable[[], Mapping[str, Person]]
    approvals: ApprovalKind
    permit_lifetime: timedelta
    evidence_max_age: timedelta
    settle: timedelta
    covered: Callable[[int, float], bool] = lambda _size, _seconds: True
    """(size, seconds) → whether that many entries were cosigned within the time, where policy requires it."""

    lines: Lines = field(default_factory=Lines)
    """What is being sent now, so that it can be stopped."""

    run: str = field(default_factory=lambda: secrets.token_hex(8))
    """Names this run of the driver: an escort's go asked for by another one counts for nothing."""

    def give_back(self, permit: Permit) -> None:
        """Say that a permit is not needed any more; where nobody hears it, it ends by itself in minutes."""
        with suppress(GateError):
            self.office.over(permit)
