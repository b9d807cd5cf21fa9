"""What proves a backup outside any change: references, rehearsals, and what is on record about them."""

from gate.canonical import utc
from gate.control.desk import Desk, Progress, person, quiet
from gate.control.picturing import stored_at
from gate.control.views import View
from gate.errors import CannotTell, NotThere
from gate.evidence import Rehearsal
from gate.gather.records import Subjects
from gate.person import Person, Role
from gate.policy import Seat


class Rehearsing:
    """The use cases around evidence about backups."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def datasets(self, actor: Person) -> list[View]:
        """Return every dataset with its protections and what is on record about rehearsals, the newest first."""
        inventory = self._desk.settings.config.inventory
        subjects, rehearsed = Subjects(inventory), dict[str, list[View]]()
        for entry in self._desk.ledger.entries():
            if entry.kind == "backup.rehearsed" and subjects.fits(entry):
                shown = {**dict(entry.data), "at": utc(entry.time), "by": entry.actor.id}
                rehearsed.setdefault(str(entry.data["protection"]), []).insert(0, shown)
        return [
            {
                "id": dataset.id,
                "host": dataset.host,
                "path": dataset.path,
                "tables": list(dataset.tables),
                "may": may_rehearse(actor),
                "protections": [
                    {
                        "id": protection.id,
                        "tool": protection.tool.value,
                        "repository": stored_at(protection),
                        "rehearsals": rehearsed.get(protection.id, []),
                        "progress": list(self._desk.gathering.rehearsals.told(protection.id)),
                    }
                    for protection in inventory.protections_of(dataset.id)
                ],
            }
            for dataset in inventory.datasets
        ]

    def reference(self, actor: Person, dataset: str, progress: Progress = quiet) -> View:
        """Read production's content now and keep it as a reference for later rehearsals."""
        self._backup_side(actor, dataset, "record a reference")
        progress(f"reading every table of {dataset} in production")
        made = self._desk.gathering.rehearsals.record_reference(dataset, person(actor))
        return {
            "dataset": made.dataset,
            "at": utc(made.at),
            "tables": [vars(table) for table in made.tables],
        }

    def rehearse(self, actor: Person, dataset: str, progress: Progress = quiet) -> View:
        """
        Restore the newest backup of each protection for proof, compare it, clean up.

        A protection of which nothing can be restored yet is told as not passed beside the others, and not entered;
        when that is so of all of them, CannotTell of the first.
        """
        self._backup_side(actor, dataset, "rehearse")
        protections = self._desk.settings.config.inventory.protections_of(dataset)
        told: list[View] = []
        unable: list[CannotTell] = []
        for protection in protections:
            try:
                made = self._desk.gathering.rehearsals.rehearse(protection.id, person(actor), progress)
            except CannotTell as error:
                unable.append(error)
                told.append(_untried(protection.id, error.message, utc(self._desk.clock())))
            else:
                told.append(_rehearsed(made))
        if unable and len(unable) == len(protections):
            raise unable[0]
        return {"dataset": dataset, "rehearsals": told}

    def _backup_side(self, actor: Person, dataset: str, what: str) -> None:
        known = [item.id for item in self._desk.settings.config.inventory.datasets]
        if dataset not in known:
            raise NotThere(f'there is no dataset "{dataset[:40]}"', hint="datasets: " + ", ".join(known))
        if not may_rehearse(actor):
            why = "only a requester, a data owner or a backup owner, and no contractor"
            raise self._desk.refuse(actor, None, f"{what} {dataset}", why)


def may_rehearse(actor: Person) -> bool:
    """Whether somebody may have references recorded and restores rehearsed: they load production and its backups."""
    owns = bool(actor.seats & {Seat.DATA_OWNER, Seat.BACKUP_OWNER})
    return not actor.contractor and (owns or Role.REQUESTER in actor.roles)


def _rehearsed(one: Rehearsal) -> View:
    return {
        "protection": one.protection,
        "backup": one.backup,
        "level": one.level,
        "passed": one.passed,
        "because": one.because,
        "seconds": one.seconds,
        "at": utc(one.at),
        "tables": [vars(table) for table in one.tables],
    }


def _untried(protection: str, because: str, at: str) -> View:
    return {
        "protection": protection,
        "backup": "",
        "level": "V0",
        "passed": False,
        "because": because,
        "seconds": 0,
        "at": at,
        "tables": [],
    }
