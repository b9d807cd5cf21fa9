"""Histories of one change as a ledger would hold them: real entry bytes, a clock that the test turns, no ledger."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, Self

from gate.canonical import Json, utc
from gate.change import Contracted, Phase, Plan, Stage
from gate.escort import Go
from gate.judgement import ZERO_TOLERANCE
from gate.ledger import entry
from gate.ledger.entry import GATE, Actor, Draft, Entry
from gate.lifecycle import fold
from gate.standing import Standing
from gate.step import Step
from tests import cases
from tests.cases import NOON

CANARY, CONTROL = "east-2", "west-1"
VERDICT = "sha256:" + "c" * 64
INTERVAL = timedelta(seconds=10)
ROUNDS = 3
ACT_WITHIN = timedelta(seconds=20)


def ask(name: str, **fields: Any) -> Step:
    return replace(cases.step(name, expect=(("status", ("well",)),)), command=f"ls {name} {CANARY}", **fields)


def do(name: str, **fields: Any) -> Step:
    return replace(cases.step(name, mutates=True), command=f"do {name} {CANARY}", **fields)


FORWARD = (
    ask("identify"),
    do("stage", again="safe"),
    do("prepare", again="ask"),
    do("apply", again="ask", finish_first=True),
    do("switch", again="safe", finish_first=True),
    ask("updated", finish_first=True, until=(("status", ("well",)),)),
    ask("verify"),
)
COMMIT = (do("complete", again="safe", finish_first=True, point_of_no_return=True), ask("committed"))
BACK_OUT = (do("abort", again="safe", finish_first=True), ask("restored", finish_first=True), ask("restored-version"))
IDENTIFY, STAGE, PREPARE, APPLY, SWITCH, UPDATED, VERIFY = range(7)


def plan(**fields: Any) -> Plan:
    given: dict[str, Any] = {
        "canary": CANARY,
        "control": CONTROL,
        "stages": (Stage("canary", (CANARY,)), Stage("wave-1", ("east-1",))),
        "forward": FORWARD,
        "commit": COMMIT,
        "back_out": BACK_OUT,
        "thresholds": {
            "soak_s": ROUNDS * 10,
            "probe_interval_s": 10,
            "latency_deadline_us": 2_000_000,
            "latency_points_min": 5,
            "latency_increase_max_percent": 50,
            "latency_increase_floor_us": 200,
        },
    }
    return cases.plan(**{**given, **fields})


PLAN = plan()
CONTRACTED = Contracted(
    person="performer",
    firm="Example Storage Services",
    name="their field engineer",
    sponsor="lead",
    not_before=utc(NOON - timedelta(hours=1)),
    not_after=utc(NOON + timedelta(hours=4)),
    go_for="changes",
    escort_within_s=600,
)
ESCORTED = plan(contractor=CONTRACTED)
"""The same, performed by a contractor."""


class History:
    """Grows by one entry a call; `standing` is what the entries so far say."""

    def __init__(self, of: Plan = PLAN) -> None:
        self.plan = of
        self.now = NOON
        self.entries: list[Entry] = []
        self.add("change.opened", "asker", title="T", request={"targets": ["east-1"]}, number=1)

    @property
    def standing(self) -> Standing:
        return fold(self.entries)

    def add(self, kind: str, by: str = "", /, **data: Json) -> Self:
        seq = len(self.entries) + 1
        draft = Draft(kind, Actor("person", by) if by else GATE, self.plan.change, data)
        made = entry.body(draft, name=f"{seq:032x}", time=utc(self.now), seq=seq)
        self.entries.append(entry.read(made, seq - 1))
        return self

    def later(self, by: timedelta) -> Self:
        self.now += by
        return self

    def sealed(self) -> Self:
        return self.add("plan.sealed", plan_digest=self.plan.digest, canary=CANARY, control=CONTROL, targets=[])

    def verdict(self, outcome: str = "passed", **changed: Json) -> Self:
        findings: list[Json] = [
            {"check": "backup-recent", "when": "approve", "outcome": outcome, "because": ""},
            {"check": "window-open", "when": "start", "outcome": "failed", "because": ""},
        ]
        data: dict[str, Json] = {
            "when": "approve",
            "opens": outcome == "passed",
            "verdict_digest": VERDICT,
            "plan_digest": self.plan.digest,
            "findings": findings,
            "missing": [],
        }
        return self.add("verdict.given", **{**data, **changed})

    def started(self) -> Self:
        self.sealed().verdict()
        return self.add(
            "stage.started",
            "performer",
            stage="canary",
            array=CANARY,
            plan_digest=self.plan.digest,
            verdict_digest=VERDICT,
        )

    def baseline(self) -> Self:
        for array in (CANARY, CONTROL):
            self.add("known_answer.written", array=array, digest=f"digest of {array}", blocks=8)
            self.probe(array, "latency", 0, [100] * 9)
        return self

    def intend(self, phase: Phase, number: int, attempt: int = 1) -> Self:
        self.add(
            "permit.issued", purpose="forward", stage="canary", array=CANARY, plan_digest="", serial="1", expires=""
        )
        act_before = utc(self.now + ACT_WITHIN)
        step = self.plan.steps(phase)[number]
        return self.add(
            "step.intended", **named(phase, number), command=step.command, act_before=act_before, attempt=attempt
        )

    def end(self, phase: Phase, number: int, outcome: str = "done", because: str = "so") -> Self:
        return self.add("step.ended", **named(phase, number), outcome=outcome, because=because, reply="", attempt=1)

    def prompted(self, phase: Phase, number: int) -> Self:
        """The array asked something that the playbook does not answer."""
        said: dict[str, Json] = {"outcome": "unknown", "because": "it asks", "prompt": "Sure?", "attempt": 1}
        return self.add("step.ended", **named(phase, number), **said, reply="")

    def look(self, phase: Phase, number: int, result: str) -> Self:
        return self.add("step.looked", **named(phase, number), result=result, because="", reply="")

    def step(self, phase: Phase, number: int, outcome: str = "done") -> Self:
        if self.plan.steps(phase)[number].mutates:
            self.intend(phase, number)
        return self.end(phase, number, outcome)

    def forward(self, before: int = len(FORWARD)) -> Self:
        """Started, with the baseline and all forward steps before the one given done."""
        self.started().baseline()
        for number in range(before):
            self.step(Phase.FORWARD, number)
        return self

    def probe(self, array: str, name: str, number: int, value: Json = "well", outcome: str = "passed") -> Self:
        return self.add(
            "probe.finished",
            array=array,
            role="canary" if array == CANARY else "control",
            name=name,
            outcome=outcome,
            value=value,
            unit="",
            round=number,
        )

    def round(self, number: int, outcomes: Mapping[tuple[str, str], str] | None = None) -> Self:
        for array in (CANARY, CONTROL):
            for name in ZERO_TOLERANCE:
                self.probe(array, name, number, outcome=(outcomes or {}).get((array, name), "passed"))
            self.probe(array, "latency", number, [100] * 9)
        return self

    def soaked(self) -> Self:
        self.forward()
        for number in range(1, ROUNDS + 1):
            self.later(INTERVAL).round(number)
        return self

    def judged(self, result: str) -> Self:
        return self.add("judgement.given", result=result, because=["for a reason"], findings=1)

    def asked(self, step: str, question: str = "what now?") -> Self:
        return self.add("person.asked", question=question, step=step)

    def answered(self, answer: str) -> Self:
        return self.add("person.answered", "performer", answer=answer, step="", reason="seen")

    def backing_out(self) -> Self:
        return self.answered("back-out")

    def asked_escort(self, phase: Phase, number: int, run: str = "run", attempt: int = 1) -> Self:
        """The gate asks for a go; each asking has a name of its own."""
        data: dict[str, Json] = {"command": self.plan.steps(phase)[number].command, "attempt": attempt, "run": run}
        until = utc(self.now + timedelta(minutes=10))
        return self.add("escort.asked", **named(phase, number), **data, ask=f"ask-{len(self.entries)}", until=until)

    def go(self, by: str = "escort", **changed: str) -> Self:
        """Somebody says go, in a session, to what is asked; `changed` says something else."""
        asked, named_ = self.standing.asked, self.plan.contractor
        assert asked is not None
        assert named_ is not None
        step = self.plan.steps(asked.phase)[asked.number]
        made = Go(
            origin=self.plan.origin,
            change=self.plan.change,
            plan_digest=self.plan.digest,
            array=CANARY,
            phase=asked.phase.value,
            step=step.id,
            number=str(asked.number),
            attempt=str(asked.attempt),
            words=step.command,
            contractor=named_.person,
            firm=named_.firm,
            escort=by,
            ask=asked.ask,
            expires=utc(asked.until),
            nonce=str(len(self.entries)),
        )
        text = replace(made, **changed).text()  # type: ignore[arg-type]  # all but the version are texts
        said: dict[str, Json] = {"statement": text, "method": "session", "signature": "", "key": ""}
        return self.add("escort.go", by, **named(asked.phase, asked.number), **said)

    def stopped(self) -> Self:
        return self.add("escort.stopped", "anybody", contractor="performer", firm="a firm", reason="smoke")

    def held(self) -> Self:
        return self.add("hold.placed", "anybody", reason="smoke")

    def lifted(self) -> Self:
        return self.add("hold.lifted", "performer", reason="no smoke")


def named(phase: Phase, number: int) -> dict[str, Json]:
    return {"phase": phase.value, "step": "s", "number": number, "array": CANARY}
