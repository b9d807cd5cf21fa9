"""Evidence and the record: references, rehearsals, entries, seal, exports; what concerns more than one change."""

import base64
from collections.abc import Iterator
from typing import Any

from gate.canonical import sha256
from gate.change import utc
from gate.control.desk import Desk, Progress, person, quiet
from gate.control.views import View
from gate.errors import NotThere
from gate.export import pack
from gate.ledger import checkpoint, note
from gate.ledger.entry import Draft, Entry
from gate.person import Person, Role
from gate.policy import Seat

MOST_ENTRIES = 1000


class Record:
    """The use cases around evidence and the ledger."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def datasets(self, actor: Person) -> list[View]:
        """Return every dataset with its protections and what is on record about rehearsals, the newest first."""
        inventory = self._desk.settings.config.inventory
        rehearsed: dict[str, list[View]] = {}
        for entry in self._desk.ledger.entries():
            if entry.kind == "backup.rehearsed":
                shown = {**dict(entry.data), "at": utc(entry.time), "by": entry.actor.id}
                rehearsed.setdefault(str(entry.data["protection"]), []).insert(0, shown)
        return [
            {
                "id": dataset.id,
                "host": dataset.host,
                "path": dataset.path,
                "tables": list(dataset.tables),
                "protections": [
                    {
                        "id": protection.id,
                        "tool": protection.tool.value,
                        "repository": f"{protection.host}:{protection.repository}",
                        "rehearsals": rehearsed.get(protection.id, []),
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
        """Restore the newest backup of each protection for proof, compare it, clean up."""
        self._backup_side(actor, dataset, "rehearse")
        protections = self._desk.settings.config.inventory.protections_of(dataset)
        rehearse = self._desk.gathering.rehearsals.rehearse
        made = [rehearse(protection.id, person(actor), progress) for protection in protections]
        return {
            "dataset": dataset,
            "rehearsals": [
                {
                    "protection": one.protection,
                    "backup": one.backup,
                    "level": one.level,
                    "passed": one.passed,
                    "because": one.because,
                    "seconds": one.seconds,
                    "at": utc(one.at),
                    "tables": [vars(table) for table in one.tables],
                }
                for one in made
            ],
        }

    def entries(
        self, actor: Person, change: str | None = None, start: int = 0, limit: int = 200
    ) -> list[View]:
        """Return entries by index from `start`, or those of one change; at most 1,000."""
        most = max(1, min(limit, MOST_ENTRIES))
        if change is not None:
            self._desk.standing(change)
            return [_shown(entry) for entry in self._desk.ledger.history(change)[max(0, start) :][:most]]
        return [_shown(entry) for entry in self._desk.ledger.entries(max(0, start), max(0, start) + most)]

    def export(self, actor: Person) -> Iterator[bytes]:
        """Yield the whole log as JSON lines of exact bytes, in chunks; the export itself is an entry first."""
        ledger, size = self._desk.ledger, self._desk.ledger.size()
        ledger.append(Draft("export.made", person(actor), None, {"what": "jsonl", "size": size, "digest": ""}))

        def chunks() -> Iterator[bytes]:
            lines: list[bytes] = []
            for body in ledger.bodies(0, size):
                lines.append(body + b"\n")
                if len(lines) == 500:
                    yield b"".join(lines)
                    lines = []
            yield b"".join(lines)

        return chunks()

    def pack(self, actor: Person, change: str) -> bytes:
        """Return the evidence pack of one change; that it was made is an entry of the ledger's own sequence."""
        self._desk.standing(change)
        made = pack.make(self._desk.ledger, change)
        data: dict[str, Any] = {"what": f"pack {change}", "size": len(made), "digest": sha256(made)}
        self._desk.ledger.append(Draft("export.made", person(actor), None, data))
        return made

    def reply(self, actor: Person, digest: str) -> bytes:
        """Return what a device answered, exactly; NotThere when it is not kept."""
        stored = self._desk.ledger.get_blob(digest) if digest.startswith("sha256:") and len(digest) == 71 else None
        if stored is None:
            raise NotThere("there is nothing kept under that digest")
        return stored

    def seal(self) -> View:
        """Return the signed head of the ledger; nobody witnesses it yet, and that is said."""
        signed = self._desk.ledger.checkpoint()
        head = checkpoint.verify(signed, note.read_vkey(self._desk.ledger.vkey))
        return {
            "origin": self._desk.ledger.origin,
            "size": head.size,
            "root": base64.b64encode(head.root).decode(),
            "checkpoint": signed,
            "vkey": self._desk.ledger.vkey,
            "witnessed": False,
        }

    def rebuild(self, actor: Person) -> int:
        """Make the list of changes anew from the ledger; return how many there are."""
        return self._desk.lists.rebuild()

    def size(self) -> int:
        """Return the number of entries."""
        return self._desk.ledger.size()

    def wait(self, size: int, timeout: float) -> bool:
        """Wait until the ledger is longer than `size`; the doorbell of the live pages."""
        return self._desk.ledger.wait(size, timeout)

    def _backup_side(self, actor: Person, dataset: str, what: str) -> None:
        known = [item.id for item in self._desk.settings.config.inventory.datasets]
        if dataset not in known:
            raise NotThere(f'there is no dataset "{dataset[:40]}"', hint="datasets: " + ", ".join(known))
        owns = bool(actor.seats & {Seat.DATA_OWNER, Seat.BACKUP_OWNER})
        if actor.contractor or not (owns or Role.REQUESTER in actor.roles):
            why = "only a requester, a data owner or a backup owner, and no contractor"
            raise self._desk.refuse(actor, None, f"{what} {dataset}", why)


def _shown(entry: Entry) -> View:
    return {
        "index": entry.index,
        "id": entry.id,
        "time": utc(entry.time),
        "kind": entry.kind,
        "change": entry.change,
        "seq": entry.seq,
        "actor": {"type": entry.actor.type, "id": entry.actor.id},
        "data": dict(entry.data),
        "blobs": [vars(blob) for blob in entry.blobs],
    }
