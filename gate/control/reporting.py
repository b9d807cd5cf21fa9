"""What the backup side pushes: taken in under a person's or a machine's token, counted by the signature in it."""

from gate.canonical import utc
from gate.control.desk import Desk, person
from gate.control.views import View
from gate.errors import Refused
from gate.person import Person


class Reporting:
    """The use case around pushed reports."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def report(self, actor: Person, protection: str, report: str, signature: str) -> View:
        """Take one signed report in and say what it proves; a refused attempt is entered."""
        try:
            made = self._desk.gathering.reports.accept(protection, report, signature, person(actor))
        except Refused as refused:
            about = f"report about {protection[:60]}"
            raise self._desk.refuse(actor, None, about, refused.message, refused.hint) from None
        proofs = [one for one in (made.verification, made.rehearsal) if one is not None]
        return {
            "protection": made.protection,
            "report": made.id,
            "backup": made.run.id,
            "at": utc(made.at),
            "proofs": [{"level": one.level, "passed": one.passed, "because": one.because} for one in proofs],
        }
