"""A gate's ledger, its approvers with real keys, and a keyholder on a real socket that has pinned both."""

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gate.approval import Decision as Said
from gate.approval import Method, Statement
from gate.authority import STAGE
from gate.canonical import Json, encode, utc
from gate.change import Grant, Phase, Plan, Purpose
from gate.checks import EXPECTED
from gate.cli.sshkey import sign
from gate.control.deciding import Decision
from gate.finding import Finding, Outcome, Waiver, When
from gate.keyholder.memory import Memory
from gate.keyholder.place import memory_of, open_keyholder
from gate.keyholder.server import serve
from gate.keyholding.pinned import Pinned
from gate.keys import public_line
from gate.ledger.entry import GATE, Actor, Blob, Draft
from gate.permits.asking import KeyholderOffice
from gate.permits.office import Permit, Wanted
from gate.store import Ledger, keys
from gate.store.sqlite import open_ledger
from gate.verdict import decide
from tests import cases
from tests.cases import NOON
from tests.engine.histories import CANARY, CONTROL, PLAN
from tests.engine.histories import STAGE as SEND

ORIGIN = "gate.example"
"""The origin that the cases' plan names."""

SEATS = {"lead": "storage", "owner": "data-owner"}
LIFETIME = timedelta(minutes=5)
ASKED = [module.CHECK for module in EXPECTED[(cases.request().kind, Purpose.FORWARD)]]
DUE = [check for check in ASKED if check.when is When.APPROVE]


def findings(red: Mapping[str, Outcome] | None = None) -> tuple[Finding, ...]:
    """Every check that is due, passed but for those named."""
    return tuple(
        Finding(check.name, (red or {}).get(check.name, Outcome.PASSED), "so", {"relied": check.name}) for check in DUE
    )


def verdict(red: Mapping[str, Outcome] | None = None, waivers: tuple[Waiver, ...] = ()) -> Decision:
    made = decide(tuple(DUE), findings(red), When.APPROVE, waivers)
    return Decision(PLAN, "", made, (), ())


@dataclass
class Clock:
    """Stands still until a test moves it."""

    at: datetime = NOON

    def __call__(self) -> datetime:
        return self.at


@dataclass
class World:
    """Everything on both sides; `now` is the one clock."""

    home: Path
    ledger: Ledger
    people: dict[str, Ed25519PrivateKey]
    clock: Clock
    plan: Plan = PLAN
    decision: Decision = field(default_factory=verdict)

    @property
    def now(self) -> datetime:
        return self.clock.at

    @now.setter
    def now(self, moment: datetime) -> None:
        self.clock.at = moment

    # What the serving process does, honest or not.

    def add(self, kind: str, by: str = "", /, **data: Json) -> None:
        """Append anything: whoever has the process has its ledger, its key and every table beside it."""
        self.append(kind, by, data)

    def append(self, kind: str, by: str, data: Mapping[str, Json], *blobs: Blob) -> None:
        actor = Actor("person", by) if by else GATE
        self.ledger.append(Draft(kind, actor, self.plan.change, data, blobs))

    def opened(self, by: str = "asker") -> None:
        self.add("change.opened", by, title="T", request={"targets": ["east-1"]}, number=1)

    def sealed(self, canary: str = CANARY) -> None:
        self.add("plan.sealed", plan_digest=self.plan.digest, canary=canary, control=CONTROL, targets=[])

    def verdict(self, **changed: Any) -> None:
        stored = encode(self.decision.blob())
        kept = Blob("verdict", self.ledger.put_blob(stored), len(stored))
        data: dict[str, Json] = {
            "when": "approve",
            "opens": self.decision.verdict.opens,
            "verdict_digest": self.decision.verdict.digest,
            "plan_digest": self.plan.digest,
            "findings": list(self.decision.rows()),
            "missing": [],
            "valid_until": "",
        }
        self.append("verdict.given", "", {**data, **changed}, kept)

    def statement(self, person: str, changed: Mapping[str, str]) -> Statement:
        seat = SEATS.get(person, "storage")
        made = Statement(
            origin=ORIGIN,
            change=self.plan.change,
            stage=STAGE,
            plan_digest=self.plan.digest,
            verdict_digest=self.decision.verdict.digest,
            decision=Said.APPROVE.value,
            seat=seat,
            approver=person,
            expires=utc(self.now + timedelta(hours=8)),
            nonce=os.urandom(8).hex(),
        )
        return replace(made, **changed)  # type: ignore[arg-type]  # all but the version are texts

    def approve(
        self,
        person: str,
        key: Ed25519PrivateKey | None = None,
        method: Method = Method.SSH,
        changed: Mapping[str, str] = {},
    ) -> None:
        """Enter an approval; `key` instead of the person's own."""
        text = self.statement(person, changed).text()
        signature = sign(text, key or self.people[person]) if method is Method.SSH else ""
        self.add("approval.signed", person, statement=text, method=method.value, signature=signature)

    def approved(self) -> None:
        for person in SEATS:
            self.approve(person)

    def started(self, by: str = "performer", stage: str = STAGE, array: str = CANARY) -> None:
        digests: dict[str, Json] = {"plan_digest": self.plan.digest, "verdict_digest": self.decision.verdict.digest}
        self.add("stage.started", by, stage=stage, array=array, **digests)

    def ready(self) -> None:
        """All that an honest gate has done by the time it asks for the first permit."""
        self.opened()
        self.sealed()
        self.verdict()
        self.approved()
        self.started()

    def intend(self, phase: Phase, number: int, attempt: int = 1) -> None:
        self.add("permit.issued", purpose="forward", stage=STAGE, array=CANARY, plan_digest="", serial="1", expires="")
        step, act_before = self.plan.steps(phase)[number], utc(self.now + timedelta(seconds=20))
        named = self.named(phase, number)
        self.add("step.intended", **named, command=step.command, act_before=act_before, attempt=attempt)

    def ended(self, phase: Phase, number: int, outcome: str = "done") -> None:
        self.add("step.ended", **self.named(phase, number), outcome=outcome, because="so", reply="", attempt=1)

    def named(self, phase: Phase, number: int) -> dict[str, Json]:
        return {"phase": phase.value, "step": "s", "number": number, "array": CANARY}

    # What is asked of the keyholder.

    def grant(self, purpose: Purpose = Purpose.FORWARD, array: str = CANARY) -> Grant:
        """A grant that nobody has decided: the serving process believes itself."""
        return Grant(self.plan.change, STAGE, array, purpose, self.plan.digest, self.now + LIFETIME)

    def ask(
        self,
        phase: Phase = Phase.FORWARD,
        number: int = SEND,
        array: str = CANARY,
        purpose: Purpose = Purpose.FORWARD,
        ledger: Ledger | None = None,
    ) -> Permit:
        office = KeyholderOffice(ledger or self.ledger, self.socket, patience_s=60)
        return office.issue(self.grant(purpose, array), self.now, Wanted(self.plan, phase, number))

    def attend(self, number: int) -> None:
        """Ask that people may begin what they do by hand."""
        office = KeyholderOffice(self.ledger, self.socket, patience_s=60)
        office.attend(self.grant(), self.now, Wanted(self.plan, Phase.FORWARD, number))

    @property
    def socket(self) -> Path:
        return self.home / "socket"

    def pinned(self, **changed: Any) -> Pinned:
        policy = {
            "seats": ["storage", "data-owner"],
            "waiver_seats": ["data-owner", "change-manager"],
            "approval_lifetime": "72h",
            "permit_lifetime": "5m",
            "evidence_max_age": "15m",
            "window_max": "24h",
        }
        given: dict[str, Any] = {
            "ledger": [self.ledger.vkey],
            "socket": str(self.socket),
            "clients": [str(os.getuid())],
            "policy": policy | changed.pop("policy", {}),
            "approvers": [
                {"id": name, "seats": [seat], "keys": [public_line(self.people[name], name)]}
                for name, seat in {**SEATS, "manager": "change-manager"}.items()
            ],
            "arrays": [{"id": array} for array in (CANARY, CONTROL, "east-1")],
        }
        return Pinned.model_validate(given | changed)

    @contextmanager
    def memory(self) -> Iterator[Memory]:
        """The keyholder's memory as its administrator's commands open it, beside the one that serves."""
        opened = memory_of(self.home / "keyholder")
        try:
            yield opened
        finally:
            opened.close()

    @contextmanager
    def keyholder(self, **changed: Any) -> Iterator[None]:
        """Run a keyholder on the socket, in a thread; its folder is kept from one to the next."""
        ready, stop = threading.Event(), threading.Event()

        def work() -> None:
            holder = open_keyholder(self.pinned(**changed), self.home / "keyholder", self.clock)
            serve(holder, stop, lambda _: ready.set())
            holder.close()

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        assert ready.wait(60)
        try:
            yield
        finally:
            stop.set()
            thread.join(60)


def make(home: Path) -> World:
    """A new ledger, and people with keys."""
    keys.create(home / "ledger.key", ORIGIN)
    people = {name: Ed25519PrivateKey.generate() for name in (*SEATS, "manager", "asker", "performer", "thief")}
    clock = Clock()
    signer = keys.load(home / "ledger.key", ORIGIN)
    ledger = open_ledger(home / "ledger.db", signer=signer, clock=clock, blobs=home / "blobs")
    return World(home, ledger, people, clock)
