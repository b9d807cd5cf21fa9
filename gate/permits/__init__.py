"""Where permits come from: an office in this process, or the keyholder, a process of its own that is asked."""

from datetime import datetime
from typing import Protocol

from gate.change import Grant
from gate.permits.office import Permit, Wanted


class Office(Protocol):
    """Whoever makes permits."""

    def issue(self, grant: Grant, now: datetime, wanted: Wanted) -> Permit:
        """Return a permit for exactly what was granted; GateError says why there is none, and then nothing is sent."""

    def attend(self, grant: Grant, now: datetime, wanted: Wanted) -> None:
        """Let a step begin that people do by hand; GateError says why it may not."""

    def over(self, permit: Permit) -> None:
        """Say that a permit is not needed any more; GateError when nobody hears it, and then it ends by itself."""

    def stopped(self, change: str) -> None:
        """Revoke what was made for a change whose contractor was stopped; GateError when that cannot be done."""
