"""A whole installation over a lab of its own: what every story stands on."""

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from gate.assembly import Installation, assemble, make_private
from gate.keys import own, public_line
from gate.lab.client import Lab
from gate.lab.images import IMAGES, LabImage, write_images
from gate.lab.process import start
from gate.lifecycle import fold
from gate.objects.credential import pretend_keys
from gate.permits.office import PermitOffice
from gate.person import Contract, Person, Role
from gate.policy import Seat
from gate.settings import Settings, demo_text, load, relocate, shipped
from tests.places import network

PASSWORD = "a password for tests"
RESTORE_PLAN = (
    "{tiers: [{items: [sidekick/contacts, sidekick/calendar], rto: 1h}, "
    "{items: [sidekick/notes, sidekick/tasks, sidekick/photographs, sidekick/scores], rto: 4h}], tools: [restore-desk]}"
)
GOOD, FLIPS = "8.7.0.4", "8.7.0.3"
PEOPLE: tuple[tuple[str, tuple[Role, ...], tuple[Seat, ...], bool], ...] = (
    ("storage-engineer", (Role.REQUESTER,), (), False),
    ("storage-lead", (), (Seat.STORAGE,), False),
    ("data-owner", (), (Seat.DATA_OWNER,), False),
    ("performer", (Role.PERFORMER,), (), False),
    ("auditor", (Role.AUDITOR,), (), False),
    ("contractor", (Role.PERFORMER,), (), True),
    ("escort", (Role.ESCORT,), (), False),
)


def contract(hours: float = 12) -> Contract:
    """The time box of a contractor, from an hour ago."""
    now = datetime.now(UTC)
    box = (now - timedelta(hours=1), now + timedelta(hours=hours))
    return Contract("Example Storage Services", "their field engineer", "storage-lead", *box)


@dataclass
class Stage:
    """One data directory, one lab, the people, and the gate that is opened and closed at will."""

    settings: Settings
    lab: Lab
    people: dict[str, Person]
    gate: Installation | None = None

    def open(self, clock: Callable[[], datetime] | None = None) -> Installation:
        """Open the gate and drive."""
        self.gate = assemble(self.settings, clock) if clock else assemble(self.settings)
        self.gate.start()
        return self.gate

    def request(self, version: str = GOOD, **changed: Any) -> bytes:
        """A change file for all six arrays; `changed` replaces lines by key, and leaves one out for None."""
        image = next(one for one in self.settings.config.images.allowed if one.version == version)
        now = datetime.now(UTC)
        fields: dict[str, Any] = {
            "title": f"Firmware {version} on the LAB-FS5 fleet",
            "reason": "closes a defect that the vendor has published",
            "kind": "firmware",
            "family": "storage-virtualize",
            "image": f'{{file: {image.file}, version: {version}, sha256: "{image.sha256}"}}',
            "targets": "[east-1, east-2, east-3, west-1, west-2, west-3]",
            "playbook": "storage-virtualize/upgrade",
            "opens": (now - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "closes": (now + timedelta(hours=4)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        } | changed
        window = f"{{opens: {fields.pop('opens')}, closes: {fields.pop('closes')}}}"
        fields.setdefault("restore_plan", RESTORE_PLAN)
        lines = {key: value for key, value in {**fields, "window": window}.items() if value is not None}
        return "".join(f"{key}: {value}\n" for key, value in lines.items()).encode()

    def ready(self) -> None:
        """Mend what the lab begins with: the repository onto the vault, a fresh backup, compared."""
        assert self.gate is not None
        self.lab.move_repository("vault-1")
        control = self.gate.control
        control.reference(self.people["data-owner"], "sidekick")
        time.sleep(1.1)  # a backup's id has seconds; the reference must be older
        self.lab.backup_now()
        control.rehearse(self.people["data-owner"], "sidekick")

    def approved(self, version: str = GOOD, **changed: Any) -> str:
        """Open, check and approve a change; return its id."""
        assert self.gate is not None
        control = self.gate.control
        change = control.open(self.people["storage-engineer"], self.request(version, **changed), "change.yaml")["id"]
        control.check(self.people["storage-engineer"], change)
        control.approve(self.people["storage-lead"], change, seat="storage")
        control.approve(self.people["data-owner"], change, seat="data-owner")
        return str(change)

    def wait_for(self, change: str, *states: str, seconds: float = 120) -> str:
        """Wait until the change is in one of the states, or asks; return the state, after so long whichever it is."""
        assert self.gate is not None
        state = ""
        with suppress(TimeoutError):
            for _ in self.rounds(seconds):
                standing = fold(self.gate.ledger.history(change))
                state = standing.state.value
                if standing.question:
                    return f"asks: {standing.question}"
                if state in states:
                    return state
        return state

    def rounds(self, seconds: float = 120) -> Iterator[None]:
        """Come round at once, then as often as the log has grown and twice a second; TimeoutError after so long."""
        assert self.gate is not None
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            size = self.gate.ledger.size()
            yield
            self.gate.ledger.wait(size, 0.5)
        raise TimeoutError(f"what was waited for did not come in {seconds:g} s")

    def until(self, holds: Callable[[], bool], seconds: float = 120) -> None:
        """Wait until something is true."""
        for _ in self.rounds(seconds):
            if holds():
                return

    def comes(self, change: str, kind: str, step: str) -> None:
        """Wait until a step has such an entry."""
        assert self.gate is not None
        ledger = self.gate.ledger
        self.until(lambda: any(one.kind == kind and one.data.get("step") == step for one in ledger.history(change)))

    def kinds(self, change: str) -> list[str]:
        """Kinds of the change's entries, in order."""
        assert self.gate is not None
        return [entry.kind for entry in self.gate.ledger.history(change)]

    def end(self) -> None:
        """Close the gate, stop the lab, remove the directory."""
        try:
            if self.gate is not None:
                self.gate.close()
        finally:
            self.lab.stop()
            shutil.rmtree(self.settings.data.parent, ignore_errors=True)


def build(
    pace: float = 0.3, edit: Callable[[str], str] = lambda text: text, images: tuple[LabImage, ...] = IMAGES
) -> Stage:
    """Start a lab and lay out a data directory with the demo's policy, shortened."""
    home = Path(tempfile.mkdtemp(prefix="sangate-story-"))
    text = demo_text(relocate(shipped("config.yaml").read_text(), network()))
    (home / "config.yaml").write_text(edit(text))
    settings = load(home / "config.yaml", home / "data")
    make_private(settings)
    config = settings.config
    lab = start(
        config.inventory,
        settings.lab,
        monitor_key=public_line(own(settings.monitor_key), "monitor"),
        rehearse_key=public_line(own(settings.rehearse_key), "rehearse"),
        ca_key=PermitOffice.open(settings.ca_key, config.policy.permit_lifetime).public_line(),
        gate_initiator=config.iscsi.initiator,
        pace=pace,
        object_keys=pretend_keys(settings.keys, config.inventory),
        image_server=config.images.server,
        revoked=settings.data.parent / "keyholder" / "revoked.krl" if config.permits.keyholder else settings.revoked,
    )
    shutil.copy(lab.known_hosts, settings.known_hosts)
    write_images(settings.images, images)
    gate = assemble(settings)
    people = {
        name: gate.control.add_person(None, name, PASSWORD, roles, seats, contract=contract() if contractor else None)
        for name, roles, seats, contractor in PEOPLE
    }
    gate.close()
    return Stage(settings, lab, people)
