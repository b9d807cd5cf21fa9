"""The one door to a change: open, check, sign, start, hold, resume, back out, withdraw."""

from dataclasses import replace
from functools import partial

from gate.approval import Decision, may_perform, may_resume
from gate.authority import STAGE, no_return
from gate.canonical import Json, utc
from gate.change import ChangeRequest
from gate.checks import RECORDS
from gate.control import signing
from gate.control.deciding import Decision as Decided
from gate.control.deciding import decide_change
from gate.control.desk import Desk, Progress, person, quiet, reason_of
from gate.control.escorting import contracted
from gate.control.targets import check_targets, complaint
from gate.control.views import View
from gate.document import read
from gate.errors import BadInput, Moved
from gate.escort import may_start
from gate.finding import When
from gate.gather.records import to_json
from gate.ledger.entry import Draft
from gate.person import Person, Role
from gate.standing import BEFORE, BEGUN, ENDED, Answer, Standing, State, may_go_back, stuck

LEFT = "left as it is"
"""Outcome of a change that stopped in mid-stage and that people take over by hand."""


class Changes:
    """The use cases around one change; every refused attempt is an entry too."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def rows(self, actor: Person) -> list[View]:
        """Return every change's row, the newest first."""
        return self._desk.lists.rows()

    def show(self, actor: Person, change: str) -> View:
        """Return one change as `actor` sees it."""
        return self._desk.view(change, actor)

    def open(self, actor: Person, text: bytes, source: str) -> View:
        """Open a change from a change file; BadInput names line and column of what is wrong."""
        desk = self._desk
        request = read(text, source, ChangeRequest)
        check_targets(request, desk.settings.config.inventory, text, source)
        try:
            desk.settings.read_playbook(request.playbook)
        except BadInput as error:
            raise complaint(("playbook",), f"{error.message}: {request.playbook}", text, source, error.hint) from None
        if Role.REQUESTER not in actor.roles:
            raise desk.refuse(actor, None, "open a change", f"{actor.id} is not a requester")
        number = len(desk.ledger.changes())
        while True:
            number += 1
            change = f"chg-{number:04d}"
            data: dict[str, Json] = {
                "title": request.title,
                "request": request.model_dump(mode="json"),
                "number": number,
            }
            try:
                desk.ledger.append(Draft("change.opened", person(actor), change, data), expect=0)
            except Moved:
                continue
            return desk.view(change, actor)

    def check(self, actor: Person, change: str, progress: Progress = quiet) -> View:
        """Gather evidence, seal the plan, decide; the verdict in force is then this one."""
        standing = self._desk.standing(change)
        if standing.state not in BEFORE:
            why = f"the change is {standing.state}: it is not checked any more"
            raise self._desk.refuse(actor, change, "check", why)
        self._decide(actor, standing, When.APPROVE, progress)
        return self._desk.view(change, actor)

    def statement(self, actor: Person, change: str, seat: str, decision: str) -> str:
        """Return the exact text that `ssh-keygen -Y sign` is given."""
        if decision not in set(Decision):
            raise BadInput(f'there is no decision "{decision[:20]}"', hint="approve or deny")
        return signing.statement(self._desk, actor, change, seat, decision)

    def approve(
        self,
        actor: Person,
        change: str,
        *,
        seat: str,
        reason: str = "",
        statement: str = "",
        signature: str = "",
        seen: tuple[str, str] | None = None,
    ) -> View:
        """Fill a seat; without a signature by session, where the policy counts those, and for what was `seen`."""
        desk, say = self._desk, Decision.APPROVE
        desk.enter(change, lambda now: signing.signed(desk, actor, now, seat, say, reason, statement, signature, seen))
        return desk.view(change, actor)

    def deny(
        self, actor: Person, change: str, *, seat: str, reason: str, statement: str = "", signature: str = ""
    ) -> View:
        """Say no from a seat; the change ends."""
        reason_of(reason)
        desk, say = self._desk, Decision.DENY
        desk.enter(
            change,
            lambda now: signing.signed(desk, actor, now, seat, say, reason, statement, signature),
            lambda now: (now.plan_digest, now.verdict_digest),
        )
        return desk.view(change, actor)

    def start(self, actor: Person, change: str, progress: Progress = quiet) -> View:
        """
        Ask again and start the canary stage.

        Evidence is gathered and decided anew right here (promise 4); the approvals count only if they were given for
        exactly the plan and verdict that come out (promise 5); the start is appended only if nothing moved meanwhile.
        """
        desk = self._desk
        standing = desk.standing(change)
        if why := self._why_not_start(actor, standing):
            raise desk.refuse(actor, change, "start", why)
        seen = {other.change for other in desk.others(change)}
        standing, decided = self._decide(actor, standing, When.START, progress)
        if not decided.verdict.opens:
            red = decided.red
            why = "; ".join(f"{found.check} is {found.outcome}: {found.because}" for found in red)
            way_out = RECORDS[red[0].check].way_out if red else ""
            raise desk.refuse(actor, change, "start", why or "no plan could be sealed", way_out)
        keys_at = desk.ledger.size()
        if why := self._why_not_start(actor, standing):
            raise desk.refuse(actor, change, "start", why, "was something changed since people signed?")
        plan = desk.sealed_plan(standing)
        data: dict[str, Json] = {
            "stage": STAGE,
            "array": plan.canary,
            "plan_digest": standing.plan_digest,
            "verdict_digest": standing.verdict_digest,
        }
        with desk.starting:
            begun = {other.change for other in desk.others(change)} - seen
            if not begun:
                desk.move(standing, Draft("stage.started", person(actor), change, data), keys_at=keys_at)
        if begun:
            why = f"{', '.join(sorted(begun))} has begun while this was being decided"
            raise desk.refuse(actor, change, "start", why, "start it again: everything is asked anew")
        return desk.view(change, actor)

    def hold(self, actor: Person, change: str, reason: str) -> View:
        """Stop at the next step boundary; anybody signed in may."""
        standing = self._desk.standing(change)
        if standing.state in ENDED or standing.closed:
            why = f"the change is {standing.state}: there is nothing to hold"
            raise self._desk.refuse(actor, change, "hold", why)
        self._desk.ledger.append(Draft("hold.placed", person(actor), change, {"reason": reason_of(reason)}))
        return self._desk.view(change, actor)

    def resume(self, actor: Person, change: str, reason: str, seen: tuple[str, str] | None = None) -> View:
        """
        Lift a hold; where there is none, answer a question with "again". A performer or the holder of a seat may.

        `seen` is the hold and the question that were shown: nobody lifts or answers another one. Going on is a
        decision: neither the requester nor a contractor takes it alone (promise 6). Going back is not.
        """
        desk = self._desk
        if seen is None:
            found = desk.standing(change)
            seen = found.hold, found.question
        desk.enter(change, lambda standing: self._resumed(actor, standing, reason, seen))
        return desk.view(change, actor)

    def _resumed(self, actor: Person, standing: Standing, reason: str, seen: tuple[str, str]) -> tuple[Draft, ...]:
        desk, change = self._desk, standing.change
        self._crew(actor, standing, "resume")
        if why := may_resume(actor, standing.requester):
            raise desk.refuse(actor, change, "resume", why)
        if seen != (standing.hold, standing.question):
            raise Moved("another hold or question is there than was shown; nothing was done", hint="read it again")
        if standing.hold:
            return (Draft("hold.lifted", person(actor), change, {"reason": reason_of(reason)}),)
        if standing.question and standing.state in BEGUN:
            return (_answered(actor, standing, Answer.AGAIN, reason),)
        raise desk.refuse(actor, change, "resume", "nothing waits for a person")

    def back_out(self, actor: Person, change: str, reason: str, seen: str | None = None) -> View:
        """
        Take the canary back; approved with the plan, so it needs no new approval. It lifts a hold.

        While it is taken back it answers whether to wait for what goes on at the array; `seen` is the question shown.
        """
        if seen is None:
            seen = self._desk.standing(change).question
        decide = partial(self._back, actor, reason=reason, seen=seen)
        self._desk.enter(change, decide, lambda standing: standing.hold)
        return self._desk.view(change, actor)

    def _back(self, actor: Person, standing: Standing, reason: str, seen: str) -> tuple[Draft, ...]:
        desk, change = self._desk, standing.change
        self._crew(actor, standing, "back out")
        already = standing.state is State.BACKING_OUT
        if not may_go_back(standing) or (already and seen != standing.question):
            why = f"the change is {standing.state}: there is nothing to back out"
            raise desk.refuse(actor, change, "back out", why)
        if no_return(desk.sealed_plan(standing), standing):
            raise desk.refuse(actor, change, "back out", "there is no way back from the step that was sent")
        lifted = Draft("hold.lifted", person(actor), change, {"reason": "backing out"})
        return _answered(actor, standing, Answer.BACK_OUT, reason), *((lifted,) if standing.hold else ())

    def withdraw(self, actor: Person, change: str, reason: str) -> View:
        """The requester takes it back before anything has begun; a stuck one is left as it is by those who run it."""
        self._desk.enter(change, lambda standing: self._withdrawn(actor, standing, reason), stuck)
        return self._desk.view(change, actor)

    def _withdrawn(self, actor: Person, standing: Standing, reason: str) -> tuple[Draft, ...]:
        desk, change = self._desk, standing.change
        if stuck(standing):
            self._crew(actor, standing, "leave it as it is")
        elif actor.id != standing.requester:
            raise desk.refuse(actor, change, "withdraw", "only the requester withdraws a change")
        elif standing.state not in BEFORE:
            why = f"the change is {standing.state}: it is not withdrawn any more"
            raise desk.refuse(actor, change, "withdraw", why)
        outcome = LEFT if stuck(standing) else State.WITHDRAWN.value
        withdrawn = Draft("change.withdrawn", person(actor), change, {"reason": reason_of(reason)})
        return withdrawn, Draft("change.closed", person(actor), change, {"outcome": outcome})

    def _crew(self, actor: Person, standing: Standing, what: str) -> None:
        if not actor.seats and Role.PERFORMER not in actor.roles:
            why = "only a performer or the holder of a seat"
            raise self._desk.refuse(actor, standing.change, what, why)

    def _why_not_start(self, actor: Person, standing: Standing) -> str:
        if standing.state is not State.OPEN:
            return f"the change is {standing.state}"
        if standing.hold:
            return f"it is on hold: {standing.hold}"
        plan = self._desk.plan(standing)
        tally = self._desk.tally(standing, plan)
        if why := may_perform(actor, standing.requester, standing.signers) or may_start(actor, plan):
            return why
        if tally.complete:
            return ""
        reasons = "; ".join(f"{who}: {because}" for who, because in tally.not_counted)
        return "approvals are missing for " + ", ".join(tally.missing) + (f" ({reasons})" if reasons else "")

    def _decide(self, actor: Person, standing: Standing, moment: When, progress: Progress) -> tuple[Standing, Decided]:
        """Gather, seal, decide, and enter all three; the whole is refused when the change moved meanwhile."""
        desk = self._desk
        request = desk.request(standing)
        progress("gathering evidence from arrays, hosts and repositories")
        image = request.image.file if request.image else None
        evidence = desk.gathering.gather(request.targets, image, progress, parts=request.part is not None)
        if request.image:
            progress("asking what the vendor's own prechecks hold against it")
            evidence = replace(evidence, prechecks=desk.gathering.prechecks(request, evidence, progress))
        progress("sealing the plan and asking every check")
        now = desk.clock()
        others, waivers, people = desk.others(standing.change), desk.waivers(standing), desk.people.all()
        planned, team = desk.planned(standing.change), frozenset(people)
        named = contracted(request, people, desk.settings.config.policy)
        decided = decide_change(
            standing.change, request, evidence, desk.settings, others, moment, now, waivers, team, planned, named
        )
        desk.move(standing, *self._drafts(actor, standing.change, decided, to_json(evidence), moment))
        progress(f"verdict: {'opens' if decided.verdict.opens else 'refused'} at {utc(now)[11:19]}Z")
        return desk.standing(standing.change), decided

    def _drafts(self, actor: Person, change: str, decided: Decided, evidence: bytes, moment: When) -> list[Draft]:
        desk, by = self._desk, person(actor)
        kept = desk.blob("evidence", evidence)
        drafts = [Draft("evidence.gathered", by, change, {"digest": kept.sha256, "purpose": moment.value}, (kept,))]
        plan = decided.plan
        if plan is not None:
            data: dict[str, Json] = {
                "plan_digest": plan.digest,
                "canary": plan.canary,
                "control": plan.control,
                "targets": [target.array for target in plan.targets],
            }
            sealed = desk.blob("plan", {**plan.material(), "choice": [vars(one) for one in plan.choice]})
            drafts.append(Draft("plan.sealed", by, change, data, (sealed,)))
        given: dict[str, Json] = {
            "when": moment.value,
            "opens": decided.verdict.opens,
            "verdict_digest": decided.verdict.digest,
            "plan_digest": plan.digest if plan else "",
            "findings": [*decided.rows()],
            "missing": list(decided.verdict.missing),
            "valid_until": decided.valid_until,
        }
        drafts.append(Draft("verdict.given", by, change, given, (desk.blob("verdict", decided.blob()),)))
        return drafts


def _answered(actor: Person, standing: Standing, answer: Answer, reason: str) -> Draft:
    data: dict[str, Json] = {"answer": answer, "step": standing.question_step, "reason": reason_of(reason)}
    return Draft("person.answered", person(actor), standing.change, data)
