"""A contractor under escort: who is named in a plan, the go to each step, and the stop that ends it all."""

import secrets
from collections.abc import Mapping

from gate.approval import Method
from gate.canonical import Json, utc
from gate.change import ChangeRequest, Contracted
from gate.control.desk import Desk, person, reason_of
from gate.control.views import View
from gate.errors import BadInput, Moved, Refused
from gate.escort import NAMESPACE, Asked, Go, may_escort, read_go
from gate.ledger.entry import Draft
from gate.person import Person
from gate.policy import ApprovalKind, Policy
from gate.sshsig import verify
from gate.standing import MOVING, Standing

SAME = tuple(name for name in Go.__dataclass_fields__ if name not in ("nonce", "v"))
"""What a signed go must say exactly as the gate would."""


def contracted(request: ChangeRequest, people: Mapping[str, Person], policy: Policy) -> Contracted | str | None:
    """Return whom a request names as its performer, the sentence why they cannot be, or None when it names nobody."""
    if request.contractor is None:
        return None
    found = people.get(request.contractor)
    if found is None or not found.contractor or found.contract is None:
        return f"there is no contractor {request.contractor} with a firm and a time box on record"
    contract = found.contract
    if not contract.not_before < request.window.closes or not contract.not_after > request.window.opens:
        return f"the time box of {found.id} ({contract.firm}) lies outside the window"
    return Contracted(
        person=found.id,
        firm=contract.firm,
        name=contract.name,
        sponsor=contract.sponsor,
        not_before=utc(contract.not_before),
        not_after=utc(contract.not_after),
        go_for=policy.escort_for.value,
        escort_within_s=int(policy.escort_within.total_seconds()),
    )


class Escorting:
    """The use cases of an escort; every refused attempt is an entry too."""

    _desk: Desk

    def go_statement(self, actor: Person, change: str) -> str:
        """Return the exact text that this person would sign with `ssh-keygen -Y sign -n escort@sangate`."""
        return _made(self._desk, actor, self._desk.standing(change))[1].text()

    def go(
        self, actor: Person, change: str, *, statement: str = "", signature: str = "", seen: str | None = None
    ) -> View:
        """
        Say go to the step that waits for it; without a signature by session, for the asking that was `seen`.

        It opens one attempt of one step. Whether it does is decided again by whoever makes the permit.
        """
        desk = self._desk
        desk.enter(change, lambda standing: (_go(desk, actor, standing, statement, signature, seen),))
        return desk.view(change, actor)

    def stop(self, actor: Person, change: str, reason: str) -> View:
        """
        Stop a contractor at once; whoever may hold may.

        Their time box ends, and with it every session and token. Then the change is held: nothing more is sent, what
        may be cut is cut, and the keyholder revokes. In this order: a gate killed in between has shut them out.
        """
        desk, why = self._desk, reason_of(reason)
        standing = desk.standing(change)
        plan = desk.plan(standing)
        named = plan.contractor if plan is not None else None
        if named is None or not standing.begun or standing.closed:
            because = "no contractor is at work on this change"
            raise desk.refuse(actor, change, "stop a contractor", because, "sangate change hold stops any change")
        now = desk.clock()
        desk.people.shut_out(named.person, now)
        who: dict[str, Json] = {"contractor": named.person, "firm": named.firm, "reason": why}
        ended: dict[str, Json] = {"person": named.person, "firm": named.firm, "not_after": utc(now), "reason": why}
        stopped = Draft("escort.stopped", person(actor), change, who)
        desk.ledger.append_all((stopped, Draft("contract.ended", person(actor), None, ended)))
        return desk.view(change, actor)


def _go(desk: Desk, actor: Person, standing: Standing, text: str, signature: str, seen: str | None) -> Draft:
    if seen is not None and (standing.asked is None or standing.asked.ask != seen):
        raise Moved("the gate asks for another go now than was shown; nothing was done", hint="read it again")
    try:
        asked, made = _made(desk, actor, standing)
        method, key = Method.SESSION, ""
        if signature or text:
            made, key = _verified(desk, actor, made, text, signature)
            method = Method.SSH
        elif desk.settings.config.policy.approvals is not ApprovalKind.SESSION:
            hint = f"sangate change escort {standing.change} --key FILE signs with your SSH key"
            raise Refused("the policy counts signatures by enrolled keys only", hint=hint)
    except (Refused, BadInput) as error:
        raise desk.refuse(actor, standing.change, "say go", error.message, error.hint) from None
    data: dict[str, Json] = {
        "phase": made.phase,
        "step": made.step,
        "number": asked.number,
        "array": made.array,
        "statement": made.text(),
        "method": method.value,
        "signature": signature,
        "key": key,
    }
    return Draft("escort.go", person(actor), standing.change, data)


def _made(desk: Desk, actor: Person, standing: Standing) -> tuple[Asked, Go]:
    """Return what is asked and what this person would say to it; Refused when they may not."""
    plan, asked = desk.plan(standing), standing.asked
    if plan is None or plan.contractor is None or asked is None or standing.state not in MOVING:
        raise Refused("no step waits for a go")
    named, step = plan.contractor, plan.steps(asked.phase)[asked.number]
    if why := may_escort(actor, standing.requester, named):
        raise Refused(why)
    if asked.go is not None:
        raise Refused(f"{asked.go.statement.escort} has said go to it")
    if desk.clock() >= asked.until:
        raise Refused("the time to say go is over", hint="the gate holds the change; resume asks for a go anew")
    return asked, Go(
        origin=desk.ledger.origin,
        change=standing.change,
        plan_digest=standing.plan_digest,
        array=standing.canary,
        phase=asked.phase.value,
        step=step.id,
        number=str(asked.number),
        attempt=str(asked.attempt),
        words=step.command,
        contractor=named.person,
        firm=named.firm,
        escort=actor.id,
        ask=asked.ask,
        expires=utc(asked.until),
        nonce=secrets.token_hex(16),
    )


def _verified(desk: Desk, actor: Person, made: Go, text: str, signature: str) -> tuple[Go, str]:
    """Return the statement and the enrolled key that signed it; Refused names the first difference."""
    try:
        given = read_go(text)
        key = verify(text.encode(), signature, NAMESPACE)
    except (ValueError, TypeError) as error:
        raise BadInput(f"the signed go cannot be used: {error}") from None
    for name in SAME:
        if getattr(given, name) != getattr(made, name):
            hint = "read the change again and sign what it says now"
            raise Refused(f"the go was signed for another {name.replace('_', ' ')}", hint=hint)
    desk.enrolled(actor, key)
    return given, key
