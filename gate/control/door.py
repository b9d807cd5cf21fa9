"""`Control` is the whole of change control as one object: what the faces are given."""

from gate.control.access import Access
from gate.control.changes import Changes
from gate.control.desk import Desk
from gate.control.exporting import Exporting
from gate.control.record import Record
from gate.control.rehearsing import Rehearsing


class Control(Changes, Rehearsing, Record, Exporting, Access):
    """Every use case; small files share one desk."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
