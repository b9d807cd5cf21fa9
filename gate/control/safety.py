"""How safe the data on an array are, change or no change: the survey, and the array's safety page."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

from gate.canonical import Json, utc
from gate.control.desk import Desk, Progress, person, quiet
from gate.control.picturing import fate_view, isolation_view, stored_at
from gate.control.views import View
from gate.coverage import Coverage, Uses, coverage, uses
from gate.errors import CannotTell, NotThere
from gate.evidence import Evidence, Immutability, Rehearsal, Verification
from gate.fate.pair import Pair, Surroundings
from gate.gather.records import Known, Records, to_json
from gate.gather.surveys import Survey, Surveys
from gate.inventory import Array, Dataset, Inventory, Protection
from gate.isolation import relate
from gate.landscape import Map
from gate.ledger.entry import Draft
from gate.person import Person, Role
from gate.policy import Seat

DAYS = 30
"""Length of the freshness strip."""

REHEARSALS = 12
"""Rehearsals that are shown of one protection, the newest first."""


class Safety:
    """The use cases around arrays and what protects the data on them."""

    _desk: Desk
    _surveys: Surveys
    _records: Records

    def survey(self, actor: Person, arrays: Iterable[str] = (), progress: Progress = quiet) -> View:
        """
        Gather everything about these arrays now (all of them without a name) and enter it; return a short view.

        Backups of what lies on them are read in full unless that was done a short while ago, as for a change.
        """
        inventory = self._desk.settings.config.inventory
        names = tuple(dict.fromkeys(arrays)) or tuple(array.id for array in inventory.arrays)
        for name in names:
            _array(inventory, name)
        owns = bool(actor.seats & {Seat.STORAGE, Seat.DATA_OWNER, Seat.BACKUP_OWNER})
        if actor.contractor or not (owns or Role.REQUESTER in actor.roles):
            why = "only a requester, a storage lead, a data owner or a backup owner, and no contractor"
            raise self._desk.refuse(actor, None, "gather evidence", why)
        evidence = self._desk.gathering.gather(names, None, progress)
        kept = self._desk.blob("evidence", to_json(evidence))
        data: dict[str, Json] = {"digest": kept.sha256, "purpose": "survey"}
        entry = self._desk.ledger.append(Draft("evidence.gathered", person(actor), None, data, (kept,)))
        return {
            "at": utc(evidence.at),
            "index": entry.index,
            "digest": kept.sha256,
            "arrays": list(names),
            "unknown": _unknown(evidence),
        }

    def arrays(self, actor: Person) -> list[View]:
        """Return every array with the worst that is known of the data on it."""
        inventory = self._desk.settings.config.inventory
        survey, problem = self._survey()
        known, where, by = self._records.known(), _map(survey, inventory), _uses(survey)
        return [self._array_view(array, survey, problem, known, where, by, brief=True) for array in inventory.arrays]

    def safety(self, actor: Person, array: str) -> View:
        """Return an array's safety page; NotThere for an array outside the inventory."""
        inventory = self._desk.settings.config.inventory
        found = _array(inventory, array)
        survey, problem = self._survey()
        known, where, by = self._records.known(), _map(survey, inventory), _uses(survey)
        return self._array_view(found, survey, problem, known, where, by, brief=False)

    def _survey(self) -> tuple[Survey | None, str]:
        try:
            return self._surveys.newest(), ""
        except CannotTell as error:
            return None, error.message

    def _array_view(
        self, array: Array, survey: Survey | None, problem: str, known: Known, where: Map, by: Uses, *, brief: bool
    ) -> View:
        inventory, now = self._desk.settings.config.inventory, self._desk.clock()
        evidence = survey.evidence if survey else None
        reading = evidence.arrays.get(array.id) if evidence else None
        datasets = [
            dataset
            for dataset in inventory.datasets
            if evidence and array.id in where.locate(evidence.datasets.get(dataset.id)).arrays
        ]
        shown = [self._dataset_view(dataset, evidence, known, where, now) for dataset in datasets if evidence]
        view: View = {
            "id": array.id,
            "site": array.site,
            "family": array.family.value,
            "model": array.model,
            "serial": array.serial,
            "criticality": array.criticality.value,
            "partner": array.partner,
            "version": reading.version if reading else None,
            "problems": list(reading.problems) if reading and reading.problems is not None else None,
            "unknown": list(reading.unknown) if reading else [],
            "gathered_at": utc(survey.evidence.at) if survey else None,
            "problem": problem or ("" if survey else "no evidence was ever gathered"),
            "tone": _tone(shown, known=reading is not None),
            "coverage": _coverage(coverage(array.id, evidence, inventory, by)) if evidence else None,
            "keeps": _keeps(array, evidence, where) if evidence else [],
            "datasets": [{"id": one["id"], "tone": one["tone"]} for one in shown],
        }
        return view if brief else {**view, "datasets": shown}

    def _dataset_view(self, dataset: Dataset, evidence: Evidence, known: Known, where: Map, now: datetime) -> View:
        inventory = self._desk.settings.config.inventory
        protections = [
            self._protection_view(dataset, protection, evidence, known, where, now)
            for protection in inventory.protections_of(dataset.id)
        ]
        relations = [one["isolation"]["relation"] for one in protections]
        tone = "good" if "different" in relations else "bad" if "same" in relations or not relations else "warn"
        return {
            "id": dataset.id,
            "owner": dataset.owner,
            "tier": dataset.tier,
            "rto_s": _seconds(dataset.rto),
            "rpo_s": _seconds(dataset.rpo),
            "host": dataset.host,
            "path": dataset.path,
            "tone": tone,
            "protections": protections,
        }

    def _protection_view(
        self, dataset: Dataset, protection: Protection, evidence: Evidence, known: Known, where: Map, now: datetime
    ) -> View:
        inventory = self._desk.settings.config.inventory
        source, backup = evidence.datasets.get(dataset.id), evidence.repositories.get(protection.id)
        relation = relate(source, backup, where)
        reading = evidence.backups.get(protection.id)
        newest = max(reading.runs, key=lambda run: run.finished_at, default=None) if reading else None
        verifications = [one for one in known.verifications if one.protection == protection.id]
        rehearsals = sorted(
            (one for one in known.rehearsals if one.protection == protection.id), key=lambda one: one.at
        )
        return {
            "id": protection.id,
            "tool": protection.tool.value,
            "repository": stored_at(protection),
            "isolation": isolation_view(evidence, inventory, dataset, protection, relation),
            "newest": {"id": newest.id, "finished_at": utc(newest.finished_at), "size": newest.size}
            if newest
            else None,
            "problem": reading.problem if reading else "its catalogue was not read",
            "days": freshness(verifications, rehearsals, now),
            "rehearsals": [_rehearsal(one, dataset) for one in reversed(rehearsals[-REHEARSALS:])],
            "deleters": deleters(
                protection, relation.backup.arrays, inventory, evidence.immutability.get(protection.id)
            ),
            "fate": fate_view(Pair(dataset, protection, relation, Surroundings(evidence, inventory, where))),
            "immutability": _immutability(evidence.immutability.get(protection.id)),
        }


def freshness(
    verifications: Iterable[Verification], rehearsals: Iterable[Rehearsal], now: datetime
) -> list[dict[str, Any]]:
    """Return the last thirty days, oldest first: the highest level proven that day, and how the last proof ended."""
    proofs: dict[date, list[Verification | Rehearsal]] = {}
    every: list[Verification | Rehearsal] = [*verifications, *rehearsals]
    for one in every:
        proofs.setdefault(one.at.date(), []).append(one)
    today = now.date()
    days = []
    for back in reversed(range(DAYS)):
        day = today - timedelta(days=back)
        made = sorted(proofs.get(day, []), key=lambda one: one.at)
        level = max((one.level for one in made if one.passed), default="")
        last = made[-1] if made else None
        tone = "none" if last is None else "good" if last.passed else "bad"
        days.append({"day": day.isoformat(), "level": level, "tone": tone, "because": last.because if last else ""})
    return days


def deleters(
    protection: Protection, arrays: Iterable[str], inventory: Inventory, tested: Immutability | None
) -> dict[str, Any]:
    """Return who can delete the copy: declared accounts of its system and of what lies under it, measured bypassers."""
    under = dict.fromkeys(admin for name in sorted(arrays) for admin in inventory.array(name).plane.admins)
    return {
        "backup_system": list(protection.plane.admins),
        "array": list(under),
        "bypass": list(tested.bypass_holders) if tested and tested.bypass_holders is not None else None,
        "declared": bool(protection.plane.admins),
    }


def _coverage(found: Coverage) -> View:
    """Return every volume and what explains it; of an array that lists none, nothing is accounted for."""
    rows = [
        {
            "id": row.volume.id,
            "name": row.volume.name,
            "uid": row.volume.uid,
            "size": row.volume.size,
            "state": row.cover.value,
            "because": row.because,
            "datasets": list(row.datasets),
            "protections": list(row.protections),
        }
        for row in found.rows or ()
    ]
    return {"percent": found.percent or 0, "problem": found.because, "rows": rows}


def _uses(survey: Survey | None) -> Uses:
    return uses(survey.evidence) if survey else Uses({}, {}, {})


def _map(survey: Survey | None, inventory: Inventory) -> Map:
    return Map(survey.evidence.arrays if survey else {}, inventory)


def _keeps(array: Array, evidence: Evidence, where: Map) -> list[str]:
    """Name the protections whose repositories are measured to lie on the array."""
    return [name for name, trace in evidence.repositories.items() if array.id in where.locate(trace).arrays]


def _rehearsal(one: Rehearsal, dataset: Dataset) -> dict[str, Any]:
    return {
        "at": utc(one.at),
        "backup": one.backup,
        "level": one.level,
        "passed": one.passed,
        "because": one.because,
        "seconds": one.seconds,
        "restore_s": one.restore_s,
        "rto_s": _seconds(dataset.rto),
        "host": one.host,
    }


def _immutability(tested: Immutability | None) -> dict[str, Any] | None:
    if tested is None:
        return None
    return {
        "at": utc(tested.at),
        "mechanism": tested.mechanism,
        "layer": tested.layer,
        "mode": tested.mode,
        "retained_until": utc(tested.retained_until) if tested.retained_until else None,
        "attempts": [vars(attempt) for attempt in tested.attempts],
        "problem": tested.problem,
    }


def _tone(datasets: list[View], *, known: bool) -> str:
    tones = [one["tone"] for one in datasets]
    if "bad" in tones:
        return "bad"
    return "warn" if "warn" in tones or not known else "good"


def _unknown(evidence: Evidence) -> list[str]:
    """Name in sentences what this survey could not find out."""
    found = [f"{name}: {why}" for name, reading in evidence.arrays.items() for why in reading.unknown]
    found += [f"{name}: {trace.problem}" for name, trace in evidence.datasets.items() if trace.problem]
    found += [f"{name}: {trace.problem}" for name, trace in evidence.repositories.items() if trace.problem]
    return found + [f"{name}: {one.problem}" for name, one in evidence.backups.items() if one.problem]


def _array(inventory: Inventory, name: str) -> Array:
    for array in inventory.arrays:
        if array.id == name:
            return array
    known = ", ".join(array.id for array in inventory.arrays[:20])
    raise NotThere(f'there is no array "{name[:40]}"', hint=f"arrays: {known}")


def _seconds(span: timedelta | None) -> int | None:
    return int(span.total_seconds()) if span is not None else None
