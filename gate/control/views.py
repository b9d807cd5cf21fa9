"""
What a face shows of a change: plain JSON-ready values, made from a standing and the blobs its entries name.

The page, the API and `--json` show the same dictionary. Times are RFC 3339 with `Z`, digests `sha256:…`, states words.
"""

from dataclasses import asdict
from typing import Any

from gate.approval import may_perform, may_resume, may_sit, may_try, seats_due
from gate.authority import no_return
from gate.canonical import utc
from gate.change import Plan
from gate.control.escorted import escort_view
from gate.control.running import by_hand_view, run_view
from gate.control.verdicts import Sources, halves_view, verdict_view
from gate.engine.next import by_hand
from gate.escort import may_start
from gate.person import Person, Role
from gate.policy import Seat
from gate.standing import BEFORE, ENDED, MOVING, Standing, State, may_go_back, stuck

View = dict[str, Any]
LOCKED = "no permit can be made for these arrays before the canary has held"
LATER = "this version opens no wave; ask for these arrays in a further change"


def change_view(sources: Sources, viewer: Person) -> View:
    """Return everything the change page shows to `viewer`."""
    standing = sources.standing
    verdict = sources.verdict or {}
    return {
        "id": standing.change,
        "number": standing.number,
        "title": standing.title,
        "reason": standing.request.get("reason", ""),
        "state": standing.state.value,
        "next": next_sentence(sources),
        "requester": standing.requester,
        "performer": standing.performer,
        "opened_at": utc(standing.opened_at),
        "updated_at": utc(standing.updated_at),
        "seq": standing.seq,
        "closed": standing.closed,
        "hold": standing.hold,
        "question": standing.question,
        "request": dict(standing.request),
        "plan": plan_view(sources.plan),
        "no_plan": verdict.get("no_plan", ""),
        "verdict": verdict_view(sources, verdict, viewer),
        "isolation": verdict.get("isolation", []),
        "seats": seats_view(sources, viewer),
        "waivers": halves_view(sources),
        "dry_run": None if sources.dry_run is None else dict(sources.dry_run),
        "not_counted": [{"who": who, "because": why} for who, why in sources.tally.not_counted],
        "stages": stages_view(sources),
        "run": run_view(sources),
        "by_hand": by_hand_view(sources, viewer),
        "escort": escort_view(sources, viewer),
        "may": may_view(sources, viewer),
    }


def plan_view(plan: Plan | None) -> View | None:
    """Return the sealed plan with its digest; None when none could be sealed."""
    return None if plan is None else {**asdict(plan), "digest": plan.digest}


def seats_view(sources: Sources, viewer: Person) -> list[View]:
    """Return every seat: `filled` with by whom and how, `yours` when the viewer may fill it now, else `empty`."""
    seats = []
    for seat in _seats_due(sources):
        name = seat.value
        signed = sources.tally.filled.get(seat)
        why_not = _why_not_sign(sources, viewer, seat)
        signs_for = list(sources.standing.to_sign.get(seat, ()))
        state = "empty" if why_not else "yours"
        view: View = {"seat": name, "state": state, "why_not": why_not, "signs_for": signs_for}
        if signed is not None:
            view |= {
                "state": "filled",
                "approver": signed.statement.approver,
                "method": signed.method.value,
                "at": utc(signed.at),
                "expires": signed.statement.expires,
            }
        seats.append(view)
    return seats


def _seats_due(sources: Sources) -> tuple[Seat, ...]:
    names = tuple(map(Seat, sources.plan.seats)) if sources.plan else sources.policy.seats
    return seats_due(names, sources.standing.to_sign)


def stages_view(sources: Sources) -> list[View]:
    """Return the stage bar: the canary with its state, later waves `locked`."""
    plan, standing = sources.plan, sources.standing
    if plan is None:
        return []
    state = standing.state.value if standing.stage else "not started"
    bars = []
    for stage in plan.stages:
        first = stage.name == "canary"
        bars.append(
            {
                "name": stage.name,
                "arrays": list(stage.arrays),
                "state": state if first else "locked",
                "because": "" if first else LATER if standing.state is State.HELD else LOCKED,
            }
        )
    return bars


def may_view(sources: Sources, viewer: Person) -> dict[str, str]:
    """Return action → why the viewer may not do it; an empty text means that they may."""
    standing = sources.standing
    ended = f"the change is {standing.state}" if standing.state in ENDED or standing.closed else ""
    before = "" if standing.state in BEFORE else f"the change is {standing.state}"
    crew = "" if viewer.seats or Role.PERFORMER in viewer.roles else "only a performer or the holder of a seat"
    waits = "" if standing.hold or standing.question else "nothing waits for a person"
    return {
        "check": before,
        "dry_run": before or may_try(viewer) or ("" if sources.plan else "there is no plan to try"),
        "approve": _why_not_any_seat(sources, viewer),
        "deny": _why_not_deny(sources, viewer),
        "start": _why_not_start(sources, viewer),
        "hold": ended or ("it is on hold already" if standing.hold else ""),
        "resume": ended or crew or may_resume(viewer, standing.requester) or waits,
        "back_out": ended or crew or _why_not_back_out(sources),
        "withdraw": _why_not_withdraw(standing, viewer, before, crew),
    }


def _why_not_sign(sources: Sources, viewer: Person, seat: Seat) -> str:
    standing = sources.standing
    if standing.state is not State.OPEN:
        return f"the change is {standing.state}"
    if (why := may_sit(viewer, seat, standing.requester)) or seat in sources.tally.filled:
        return why or "the seat is filled"
    if viewer.id in {signed.statement.approver for signed in sources.tally.filled.values()}:
        return "one person fills one seat"
    return ""


def _why_not_any_seat(sources: Sources, viewer: Person) -> str:
    seats = _seats_due(sources) if sources.plan else ()
    reasons = [_why_not_sign(sources, viewer, seat) for seat in seats]
    if not reasons:
        return "there is no plan to approve"
    return "" if "" in reasons else reasons[0]


def _why_not_deny(sources: Sources, viewer: Person) -> str:
    if sources.standing.state is not State.OPEN:
        return f"the change is {sources.standing.state}"
    reasons = [may_sit(viewer, seat, sources.standing.requester) for seat in _seats_due(sources)]
    return "" if "" in reasons else reasons[0]


def _why_not_start(sources: Sources, viewer: Person) -> str:
    standing = sources.standing
    if standing.state is not State.OPEN:
        return f"the change is {standing.state}"
    if standing.hold:
        return f"it is on hold: {standing.hold}"
    if why := may_perform(viewer, standing.requester, standing.signers) or may_start(viewer, sources.plan):
        return why
    return "" if sources.tally.complete else "approvals are missing for " + ", ".join(sources.tally.missing)


def _why_not_withdraw(standing: Standing, viewer: Person, before: str, crew: str) -> str:
    """Before anything has begun the requester withdraws; a stuck change is left as it is by those who run it."""
    if stuck(standing):
        return crew
    return before or ("" if viewer.id == standing.requester else "only the requester withdraws a change")


def _why_not_back_out(sources: Sources) -> str:
    standing = sources.standing
    if sources.plan is not None and no_return(sources.plan, standing):
        return "there is no way back from the step that was sent"
    if not standing.begun:
        return "nothing has begun"
    return "" if may_go_back(standing) else "it is being backed out already"


def next_sentence(sources: Sources) -> str:
    """Say in one sentence what this change waits for."""
    standing, tally = sources.standing, sources.tally
    if standing.question:
        return f"A person is asked: {standing.question}"
    if standing.hold:
        return f"On hold: {standing.hold}"
    if standing.asked is not None and standing.asked.go is None and standing.state in MOVING:
        return f"An escort reads the next command, and says go or stop: {standing.asked.words}"
    waiting = by_hand(sources.plan, standing) if sources.plan is not None else None
    if waiting is not None:
        return f"A step is done by hand, and two people confirm it: {waiting[2].say}"
    if standing.state is State.HALTED and standing.halted:
        return f"Stopped where it is: {standing.halted.rstrip('.')}. A person looks, and backs out."
    if standing.state is State.OPEN:
        if not tally.complete:
            return "Waits for " + " and ".join(seat.replace("-", " ") for seat in tally.missing) + " to sign."
        return "All seats are filled; a performer can start it in its window."
    return NEXT[standing.state]


NEXT = {
    State.DRAFT: "Not checked yet: a check asks arrays, hosts and backups, and says what is missing.",
    State.REFUSED: "The gate refuses it; each red line says why, and names the way out.",
    State.OPEN: "",
    State.RUNNING: "The canary is being changed.",
    State.SOAKING: "The canary is being watched.",
    State.COMMITTING: "The canary held; the update is being completed on it.",
    State.HALTED: "Stopped where it is. A person looks, and backs out.",
    State.BACKING_OUT: "The canary is being taken back.",
    State.HELD: "The canary held. The other arrays are untouched.",
    State.BACKED_OUT: "The canary is back where it came from.",
    State.DENIED: "Denied.",
    State.WITHDRAWN: "Withdrawn: nothing of it goes on.",
}
