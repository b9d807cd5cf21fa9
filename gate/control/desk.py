"""What every use case needs: the record, the people, the clock, and the reading of one change from its entries."""

import json
import threading
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pydantic import TypeAdapter, ValidationError

from gate.approval import Tally, tally
from gate.authority import STAGE
from gate.canonical import Json, encode
from gate.change import ChangeRequest, Plan
from gate.checks.case import OtherChange
from gate.control.lists import Lists, readable
from gate.control.verdicts import Sources
from gate.control.views import View, change_view
from gate.errors import BadInput, CannotTell, GateError, Moved, NotThere, Refused
from gate.finding import Waiver
from gate.gather.gather import Gathering
from gate.keyring import Ring
from gate.ledger.entry import CHANGE_ID, Actor, Blob, Draft
from gate.lifecycle import ALLOWED
from gate.people import People
from gate.person import Person
from gate.policy import Seat
from gate.settings import Settings
from gate.standing import BEGUN, READY, Standing
from gate.store import Ledger
from gate.upkeep import Work
from gate.waiver import Terms, in_force
from gate.witnessing.stamping import Stamped
from gate.witnessing.state import State

Progress = Callable[[str], None]
PLAN = TypeAdapter(Plan)
REQUEST = TypeAdapter(ChangeRequest)
REASON_MAX = 500
LOOK_AGAIN = "read the change again"


def quiet(line: str) -> None:
    """Progress that nobody watches."""


@dataclass(frozen=True)
class Desk:
    """Shared by the use cases; holds nothing that is not on record elsewhere."""

    settings: Settings
    ledger: Ledger
    people: People
    lists: Lists
    gathering: Gathering
    clock: Callable[[], datetime]
    witnessed: Callable[[], State] | None = None
    """How far the ledger is witnessed; None where nobody can tell."""

    stamped: Callable[[], Stamped] | None = None
    """The newest time stamp; None where none is asked for."""

    ring: Callable[[], Ring] = Ring
    """Which keys the ledger has enrolled and revoked."""

    settled: Callable[[], None] = lambda: None
    """Waits a moment for the witnesses, so that what is handed out carries their word."""

    starting: threading.Lock = field(default_factory=threading.Lock)
    """Held while a start is entered: two changes on the same arrays never both find the other not begun."""

    def standing(self, change: str) -> Standing:
        """Read a change from its entries; NotThere when there is none."""
        history = self.ledger.history(change) if CHANGE_ID.match(change) else ()
        if not history:
            raise NotThere(f'there is no change "{change[:40]}"', hint="sangate change list shows those there are")
        return readable(history)

    def request(self, standing: Standing) -> ChangeRequest:
        """Return the request as it was opened."""
        return REQUEST.validate_python(dict(standing.request))

    def plan(self, standing: Standing) -> Plan | None:
        """Return the plan in force, None when there is none; CannotTell when its bytes are not what was sealed."""
        if not standing.plan_digest:
            return None
        stored = self.ledger.get_blob(standing.plan_blob)
        if stored is None:
            raise CannotTell(f"the plan of {standing.change} is missing from the store")
        try:
            plan = PLAN.validate_json(stored)
        except ValidationError:
            raise CannotTell(f"the plan of {standing.change} cannot be read") from None
        if plan.digest != standing.plan_digest:
            raise CannotTell(f"the plan of {standing.change} is not the one that was sealed")
        return plan

    def sealed_plan(self, standing: Standing) -> Plan:
        """Return the plan in force; CannotTell when there is none."""
        plan = self.plan(standing)
        if plan is None:
            raise CannotTell(f"{standing.change} has no sealed plan")
        return plan

    def tally(self, standing: Standing, plan: Plan | None) -> Tally:
        """Count the approvals that hold now."""
        policy = self.settings.config.policy
        seats = tuple(Seat(seat) for seat in plan.seats) if plan else policy.seats
        return tally(
            seats,
            standing.to_sign,
            standing.plan_digest,
            standing.verdict_digest,
            standing.approvals,
            self.people.all(),
            standing.requester,
            policy.approvals,
            self.clock(),
            STAGE,
        )

    def waivers(self, standing: Standing) -> tuple[Waiver, ...]:
        """Return the waivers of a change that are in force now."""
        return in_force(standing.waivers, self.waiving(standing), self.clock())

    def waiving(self, standing: Standing) -> Terms:
        """Return what a waiver of a change must fit to count now."""
        policy, people = self.settings.config.policy, self.people.all()
        lasting, asked, by = policy.waiver_lifetime, standing.requester, standing.performer
        return Terms(self.ledger.origin, policy.waiver_seats, people, asked, policy.approvals, lasting, by)

    def view(self, change: str, viewer: Person) -> View:
        """Return what the faces show of a change."""
        standing = self.standing(change)
        plan = self.plan(standing)
        stored = self.ledger.get_blob(standing.verdict_blob) if standing.verdict_blob else None
        verdict: dict[str, Any] | None = json.loads(stored) if stored else None
        tried = self.ledger.get_blob(standing.dry_run) if standing.dry_run else None
        sources = Sources(
            standing,
            plan,
            verdict,
            self.tally(standing, plan),
            self.settings.config.policy,
            self.clock(),
            self.people.all(),
            self.waiving(standing),
            json.loads(tried) if tried else None,
        )
        return change_view(sources, viewer)

    def others(self, change: str) -> list[OtherChange]:
        """
        Return every other change that has begun and not ended, from the ledger alone: lists decide nothing.

        CannotTell when the verdict that one of them began with is gone: what it relies on is then not known.
        """
        found = []
        for standing in self._beside(change, BEGUN):
            name = standing.change
            stored = self.ledger.get_blob(standing.verdict_blob)
            if stored is None:
                raise CannotTell(f"the verdict of {name}, which is under way, is missing from the store")
            targets = frozenset(self.request(standing).targets)
            protections = frozenset(json.loads(stored)["protections"])
            found.append(OtherChange(name, standing.state.value, targets, protections))
        return found

    def planned(self, change: str) -> tuple[Work, ...]:
        """
        Return every other change that has begun, or whose verdict opens so that it may begin in its window.

        What has begun may go on beyond its window, and so counts without an end.
        """
        found = []
        for standing in self._beside(change, BEGUN | READY):
            request = self.request(standing)
            words, targets = f"{standing.change} ({standing.state})", frozenset(request.targets)
            begun = standing.state in BEGUN
            closes = datetime.max.replace(tzinfo=UTC) if begun else request.window.closes
            found.append(Work(words, targets, request.window.opens, closes))
        return tuple(found)

    def _beside(self, change: str, states: Container[str]) -> list[Standing]:
        """Read every other change that is in one of these states and not closed."""
        found = [self.standing(name) for name in self.ledger.changes() if name != change]
        return [standing for standing in found if standing.state in states and not standing.closed]

    def blob(self, name: str, value: "Json | bytes") -> Blob:
        """Store something large durably and return what an entry names it by."""
        data = value if isinstance(value, bytes) else encode(value)
        return Blob(name, self.ledger.put_blob(data), len(data))

    def enrolled(self, actor: Person, key: str) -> None:
        """Refused unless what this person signs with this key counts at this moment, whatever counted a moment ago."""
        if key not in self.people.get(actor.id).keys:
            hint = "sangate key list shows which keys are; sangate key enrol FILE.pub enrols one"
            raise Refused(f"the key is not enrolled for {actor.id}", hint=hint)

    def move(self, standing: Standing, *drafts: Draft, keys_at: int | None = None) -> None:
        """
        Append entries that authorise, only if the change still stands where it was read; Refused by the table.

        `keys_at` is how long the ledger was before it was asked whose keys count: Moved when one was revoked since.
        """
        for draft in drafts:
            allowed = ALLOWED.get(draft.kind)
            if allowed is not None and standing.state not in allowed:
                raise Refused(f"the change is {standing.state}: {draft.kind} is not possible now")
        self.ledger.append_all(drafts, expect=standing.seq, keys_at=keys_at)

    def enter(
        self,
        change: str,
        decide: Callable[[Standing], Sequence[Draft]],
        about: Callable[[Standing], object] = lambda _: None,
    ) -> None:
        """
        Enter what a person decides; `decide` gives the entries, or raises.

        A change under way gets entries all the time. One that came in between is read too and the decision made anew
        from what is there now: a person who stops or goes back is not sent away because the gate wrote down a step.
        Moved after a hundred times, or when what the decision is `about` is another one than at the first reading.
        """
        first = about(self.standing(change))
        for left in reversed(range(100)):
            keys_at = self.ledger.size()
            standing = self.standing(change)
            if about(standing) != first:
                raise Moved("something else is to be decided now than a moment ago; nothing was done", hint=LOOK_AGAIN)
            drafts = decide(standing)
            try:
                return self.move(standing, *drafts, keys_at=keys_at)
            except Moved:
                if not left:
                    raise
        return None

    def refuse(self, actor: Person, change: str | None, what: str, why: str, hint: str = "") -> Refused:
        """Enter a refused attempt and return the error to raise; a refusal that cannot be entered still refuses."""
        data: dict[str, Json] = {"what": what[:200], "why": why[:1000], "who": actor.id}
        closed = change is None or bool(self.standing(change).closed)
        try:
            self.ledger.append(Draft("attempt.refused", person(actor), None if closed else change, data))
        except GateError as error:
            return Refused(f"{why}; and the attempt could not be entered: {error}", hint=hint)
        return Refused(why, hint=hint)


def person(actor: Person) -> Actor:
    """Return the person as the actor of an entry."""
    return Actor("person", actor.id)


def reason_of(text: str) -> str:
    """Return a reason as people give one, in one line; BadInput when it is none."""
    reason = text.strip()
    if not reason:
        raise BadInput("a reason is needed", place="reason")
    if len(reason) > REASON_MAX or not reason.isprintable():
        raise BadInput(f"a reason is one line of at most {REASON_MAX} printable characters", place="reason")
    return reason
