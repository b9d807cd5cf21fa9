"""
The escort of a contractor: an employee who reads every step's exact words and says go, or stop.

A go is one signed statement for one attempt of one step, asked for by one run of the gate's driver. It opens that one
attempt within minutes and nothing else: not the same words again, not after a crash, not for another array. It is a
person's presence in the only form that another process can check.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime

from gate.approval import Method, over, read_signed
from gate.canonical import encode
from gate.change import Contracted, Phase, Plan
from gate.person import Person, Role
from gate.policy import ApprovalKind, EscortFor
from gate.step import Step

NAMESPACE = "escort@sangate"
"""Namespace of `ssh-keygen -Y sign`: a signature made for an approval sends nothing."""


@dataclass(frozen=True)
class Go:
    """What an escort says, and perhaps signs; the field order here is not the byte order, `text` is."""

    origin: str
    change: str
    plan_digest: str
    array: str
    phase: str
    step: str
    number: str
    attempt: str
    words: str
    """The exact words that will be sent, or what is done by hand."""

    contractor: str
    firm: str
    escort: str
    ask: str
    """Which asking this answers: the gate asks anew for each attempt, and after each of its own restarts."""

    expires: str
    nonce: str
    v: int = 1

    def text(self) -> str:
        """Return the canonical JSON that is signed, one line without a line end."""
        return encode(asdict(self)).decode()


@dataclass(frozen=True)
class Gone:
    """A go on record, and how it was made."""

    statement: Go
    method: Method
    at: datetime
    key: str = ""
    """The OpenSSH public key that the signature on record was verified with just now; empty when none fits."""


@dataclass(frozen=True)
class Asked:
    """The gate waits for a go."""

    ask: str
    run: str
    """The run of the driver that asks: a later one asks anew, so that a go never outlives a crash."""

    phase: Phase
    number: int
    attempt: int
    words: str
    until: datetime
    go: Gone | None = None


def read_go(text: str) -> Go:
    """Read a statement back; ValueError unless it is exactly the canonical text of one."""
    return read_signed(text, Go, "go")


def needs_go(plan: Plan, step: Step) -> bool:
    """True when an escort must say go before this step."""
    return plan.contractor is not None and (step.mutates or plan.contractor.go_for == EscortFor.EVERYTHING)


def may_escort(person: Person, requester: str, contractor: Contracted) -> str:
    """Say why this person may not escort this contractor; empty when they may."""
    if person.contractor:
        return "a contractor escorts nobody"
    if person.id == contractor.person:
        return "nobody escorts themselves"
    if person.id == requester:
        return "the requester does not escort their own change"
    if Role.ESCORT in person.roles or person.seats:
        return ""
    return "only an escort or the holder of a seat says go"


def may_start(person: Person, plan: Plan | None) -> str:
    """Say why this person is not the one whom the plan lets perform it; empty when they are."""
    named = plan.contractor if plan is not None else None
    if named is not None and person.id != named.person:
        return f"the plan names {named.person} of {named.firm} as the one who performs it"
    if person.contractor and named is None:
        return f"the plan names no contractor; the change file has to say: contractor: {person.id}"
    return ""


def why_no_go(
    plan: Plan,
    asked: Asked | None,
    due: tuple[Phase, int, int],
    people: Mapping[str, Person],
    requester: str,
    kind: ApprovalKind,
    now: datetime,
) -> str:
    """
    Say why no go lets the step that is `due` (phase, number, attempt) be sent now; empty when one does, or none is due.

    Asked again for each permit, over what the ledger holds: that a go was entered says nothing.
    """
    phase, number, attempt = due
    step, named = plan.steps(phase)[number], plan.contractor
    if named is None or not needs_go(plan, step):
        return ""
    if asked is None or asked.go is None:
        return f"no escort has said go for {phase} step {step.id}"
    given, said = asked.go, asked.go.statement
    due_words = {
        "origin": plan.origin,
        "change": plan.change,
        "plan_digest": plan.digest,
        "array": plan.canary,
        "phase": phase.value,
        "step": step.id,
        "number": str(number),
        "attempt": str(attempt),
        "words": step.command,
        "contractor": named.person,
        "firm": named.firm,
        "ask": asked.ask,
    }
    for name, value in due_words.items():
        if getattr(said, name) != value:
            return f"the go was given for another {name.replace('_', ' ')}"
    if because := over(said.expires, now):
        return f"the go does not count: {because}"
    if given.method is not Method.SSH and kind is not ApprovalKind.SESSION:
        return "the policy counts signatures by enrolled keys only, and the go was said in a session"
    person = people.get(said.escort)
    if person is None:
        return f"nobody called {said.escort} is known who may say go"
    if given.method is Method.SSH and (not given.key or given.key not in person.keys):
        return f"the go is not signed by a key that is enrolled for {person.id}"
    return may_escort(person, requester, named)
