"""`Control` is the whole of change control as one object: what the faces are given."""

from gate.control.access import Access
from gate.control.attending import Attending
from gate.control.changes import Changes
from gate.control.checking import Checking
from gate.control.desk import Desk
from gate.control.enrolling import Enrolling
from gate.control.escorting import Escorting
from gate.control.exporting import Exporting
from gate.control.record import Record
from gate.control.rehearsing import Rehearsing
from gate.control.reporting import Reporting
from gate.control.safety import Safety
from gate.control.transcripts import Transcripts
from gate.control.trying import Trying
from gate.control.waiving import Waiving
from gate.gather.records import Records
from gate.gather.surveys import Surveys


class Control(
    Changes,
    Trying,
    Waiving,
    Attending,
    Escorting,
    Transcripts,
    Rehearsing,
    Reporting,
    Safety,
    Record,
    Exporting,
    Checking,
    Access,
    Enrolling,
):
    """Every use case; small files share one desk."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._records = Records(desk.ledger, desk.settings.config.inventory)
        self._surveys = Surveys(desk.ledger)
