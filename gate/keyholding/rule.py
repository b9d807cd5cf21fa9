"""
May this permit be made? Decided by the keyholder from a ledger's entries, from what it has pinned, and from its memory.

The rule of the gate (`gate.authority`) is asked first, over the very entries, with the pinned people in place of the
gate's. Whoever asks may be a serving process in other hands: it can append what it likes to its own ledger, but it
cannot sign for an approver. Therefore what needs no fresh approval (finishing, backing out, committing) is made only
for a stage for which this keyholder itself has made a permit to go forward, and what time must pass is measured by its
own clock and its own memory.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from pydantic import TypeAdapter

from gate.approval import Signed, Tally, tally
from gate.authority import STAGE, authorise, escorted
from gate.change import Grant, Phase, Plan, Purpose
from gate.keyholding import verdict
from gate.keyholding.pinned import Pinned
from gate.keyholding.words import PermitWish
from gate.ledger.entry import Entry
from gate.lifecycle import ALLOWED, fold
from gate.policy import Seat
from gate.standing import Standing
from gate.waiver import Terms, in_force

PLAN: TypeAdapter[Plan] = TypeAdapter(Plan)

SLACK = timedelta(minutes=1)
"""By how much the clocks of gate and keyholder may differ."""

DECIDES = frozenset(
    {"plan.sealed", "verdict.given", "approval.signed", "waiver.signed", "stage.started", "judgement.given"}
)
"""Entries that must have been possible when they were written: a start of what was not open decides nothing here."""

MOST_PERMITS = 10
"""Of one step: three attempts, and a few that were made and never used (our choice)."""


@dataclass(frozen=True)
class Made:
    """A permit that this keyholder made before."""

    stage: str
    array: str
    phase: Phase
    number: int
    plan_digest: str
    at: datetime


@dataclass(frozen=True)
class Memory:
    """What the keyholder knows by itself."""

    made: Sequence[Made] = ()
    """Its permits of this change."""

    others: Sequence[str] = ()
    """Other changes that it has made permits for on this array, and that have not ended."""

    hold: str = ""
    """Why its administrator lets nothing begin."""

    closed: bool = False
    """It has followed the change to its end."""

    spent: Sequence[str] = ()
    """Signed goes for which it has made a permit: each opens one attempt of one step."""


def decide(pinned: Pinned, entries: Sequence[Entry], wish: PermitWish, memory: Memory, now: datetime) -> Grant | str:
    """Return the grant, or the sentence that says why there is none."""
    if memory.closed:
        return f"{wish.change} has ended"
    try:
        plan = PLAN.validate_json(wish.plan)
    except (ValueError, RecursionError):
        return "what was handed over as the plan is none"
    try:
        standing = _followed(entries, now)
    except ValueError as problem:
        return str(problem)
    if pinned.array(wish.array) is None:
        return f"no permits are made here for {wish.array}"
    if plan.origin != pinned.origin:
        return f"the plan is of the ledger {plan.origin}, and not of {pinned.origin}"
    steps = plan.steps(wish.phase)
    if wish.number >= len(steps) or not steps[wish.number].mutates:
        return f"{wish.phase} step {wish.number} of the plan changes nothing"
    counted = count(pinned, plan, standing, now)
    limits = pinned.policy
    no_go = _escorted(pinned, plan, standing, wish, memory, now)
    grant = authorise(plan, standing, counted, wish.phase, now, limits.permit_lifetime, limits.evidence_max_age, no_go)
    if isinstance(grant, str):
        return grant
    if grant.array != wish.array:
        return f"the stage under way is that of {grant.array}, not of {wish.array}"
    return _own(grant, plan, standing, counted, pinned, wish, memory, now) or grant


def _followed(entries: Sequence[Entry], now: datetime) -> Standing:
    """Fold the entries; ValueError when one could not have been written then, or lies in the future."""
    standing = fold(entries)
    for number, entry in enumerate(entries):
        if entry.time > now + SLACK:
            raise ValueError(f"{standing.change}: entry {entry.seq} lies in the future")
        if entry.kind in DECIDES and fold(entries[:number]).state not in ALLOWED[entry.kind]:
            raise ValueError(f"{standing.change}: entry {entry.seq}, {entry.kind}, was not possible then")
    return standing


def go_of(entries: Sequence[Entry]) -> str:
    """Return the go that waits to be spent, as it was signed; empty where none does."""
    asked = fold(entries).asked
    return asked.go.statement.text() if asked is not None and asked.go is not None else ""


def _escorted(pinned: Pinned, plan: Plan, standing: Standing, wish: PermitWish, memory: Memory, now: datetime) -> str:
    """
    Say why no escort lets this contractor's step be taken; empty when one does, or when the plan names no contractor.

    The plan names them under the approvers' signatures, so nobody who asks here can leave the escort out.
    """
    limits = pinned.policy
    people = pinned.escorting
    if because := escorted(plan, standing, wish.phase, wish.number, people, limits.approvals, now):
        return because
    if plan.contractor is None or standing.asked is None or standing.asked.go is None:
        return ""
    given = standing.asked.go.statement
    if given.text() in memory.spent:
        return "a permit was made for this very go before"
    if datetime.fromisoformat(given.expires) > now + limits.escort_within + SLACK:
        return "the go would hold longer than the keyholder's policy lets it"
    return ""


def count(pinned: Pinned, plan: Plan, standing: Standing, now: datetime) -> Tally:
    """Count the approvals by the pinned people, keys and seats; the plan's seats are asked for besides."""
    limits = pinned.policy
    seats = tuple(dict.fromkeys((*limits.seats, *(Seat(seat) for seat in plan.seats))))
    usable, refused = list[Signed](), list[tuple[str, str]]()
    for signed in standing.approvals:
        because = _unusable(signed, pinned, standing, now)
        if because:
            refused.append((signed.statement.approver, because))
        else:
            usable.append(signed)
    found = tally(
        seats,
        standing.to_sign,
        standing.plan_digest,
        standing.verdict_digest,
        usable,
        pinned.people,
        standing.requester,
        limits.approvals,
        now,
        STAGE,
    )
    return replace(found, not_counted=(*found.not_counted, *refused))


def _unusable(signed: Signed, pinned: Pinned, standing: Standing, now: datetime) -> str:
    """Say why a statement is not one for this ledger, this change and this time."""
    statement = signed.statement
    if statement.origin != pinned.origin or statement.change != standing.change:
        return f"it was given for {statement.change} of {statement.origin}"
    if statement.approver == standing.performer:
        return "the performer does not approve what they perform"
    try:
        ends = datetime.fromisoformat(statement.expires)
        if ends > now + pinned.policy.approval_lifetime + SLACK:
            return "it would hold longer than the keyholder's policy lets it"
    except (ValueError, TypeError):
        return "it does not say when it expires"
    return ""


def _own(
    grant: Grant,
    plan: Plan,
    standing: Standing,
    counted: Tally,
    pinned: Pinned,
    wish: PermitWish,
    memory: Memory,
    now: datetime,
) -> str:
    """Say what the keyholder's own rules hold against a grant; empty when nothing does."""
    mine = [
        made
        for made in memory.made
        if (made.stage, made.array, made.plan_digest) == (grant.stage, grant.array, grant.plan_digest)
    ]
    begun = [made for made in mine if made.phase is Phase.FORWARD]
    if sum((made.phase, made.number) == (wish.phase, wish.number) for made in mine) >= MOST_PERMITS:
        return f"{MOST_PERMITS} permits were made for {wish.phase} step {wish.number} already"
    if grant.purpose is Purpose.FORWARD:
        return _forward(plan, standing, counted, pinned, wish, memory, now) or _skipped(plan, wish.number, begun)
    if grant.purpose is Purpose.BACK_OUT and (step := _past_return(plan, mine)):
        return f"a permit was made here for step {step}, and after it there is no way back"
    if not begun:
        return f"no permit to go forward was made here for this stage, so there is nothing to {grant.purpose}"
    if wish.phase is Phase.FORWARD and not any(plan.forward[made.number].finish_first for made in begun):
        return "no permit was made here for a step that has to be finished"
    if wish.phase is Phase.FORWARD:
        return _skipped(plan, wish.number, begun)
    if wish.phase is Phase.COMMIT:
        until = max(made.at for made in begun) + watched(plan)
        if now < until:
            return f"the canary has not been watched long enough: not before {until:%H:%M:%S} UTC"
    return ""


def _past_return(plan: Plan, mine: Sequence[Made]) -> str:
    """
    Name a step without a way back that was let begin here; empty when there is none.

    That it was not sent, or rejected, would be the gate's word alone.
    """
    let = (plan.steps(made.phase)[made.number] for made in mine)
    return next((step.id for step in let if step.point_of_no_return), "")


def _skipped(plan: Plan, number: int, begun: Sequence[Made]) -> str:
    """
    Say which step before this one was never let begin here; empty when each was.

    A gate sends every one for the first time without a look whether it is needed, so an honest one has come by.
    """
    let = {made.number for made in begun}
    before = (step.id for at, step in enumerate(plan.forward[:number]) if step.mutates and at not in let)
    return next((f"step {name} comes first, and no permit was made here for it" for name in before), "")


def _forward(
    plan: Plan,
    standing: Standing,
    counted: Tally,
    pinned: Pinned,
    wish: PermitWish,
    memory: Memory,
    now: datetime,
) -> str:
    if memory.hold:
        return f"the keyholder lets nothing begin: {memory.hold}"
    if memory.others:
        return f"{memory.others[0]} has begun on {wish.array} and has not ended"
    if standing.performer == standing.requester:
        return "the requester does not perform their own change"
    opens, closes = datetime.fromisoformat(plan.window_opens), datetime.fromisoformat(plan.window_closes)
    if closes - opens > pinned.policy.window_max:
        return "the plan's window is longer than the keyholder's policy lets it be"
    limits = pinned.policy
    lasting, people = limits.waiver_lifetime, pinned.people
    asked, by = standing.requester, standing.performer
    terms = Terms(pinned.origin, limits.waiver_seats, people, asked, limits.approvals, lasting, by)
    waivers = in_force(standing.waivers, terms, now)
    return verdict.why_not(wish.verdict, standing.verdict_digest, plan.kind, counted, waivers)


def watched(plan: Plan) -> timedelta:
    """Return the least time that a soak takes: its rounds, one interval after the other."""
    soak, interval = (max(1, plan.thresholds[name]) for name in ("soak_s", "probe_interval_s"))
    return timedelta(seconds=max(1, soak // interval) * interval)
