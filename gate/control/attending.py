"""Two people confirm a step that is done by hand: each word made or checked, verified, entered."""

import secrets

from gate.approval import Method
from gate.attendance import NAMESPACE, VENDOR_MAX, Confirmation, Word, read_confirmation, why_not
from gate.canonical import Json
from gate.change import Phase
from gate.control.desk import Desk, person
from gate.control.views import View
from gate.engine.next import by_hand
from gate.errors import BadInput, Moved, Refused
from gate.ledger.entry import Draft
from gate.person import Person
from gate.policy import ApprovalKind
from gate.sshsig import verify
from gate.standing import Standing
from gate.step import Step


class Attending:
    """The use cases around steps that are done by hand; every refused attempt is an entry too."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def confirmation(self, actor: Person, change: str, word: str, by: str = "") -> str:
        """Return the exact text that this person would sign with `ssh-keygen -Y sign -n attended@sangate`."""
        return _made(self._desk, actor, self._desk.standing(change), _word(word), by)[1].text()

    def confirm(
        self,
        actor: Person,
        change: str,
        *,
        word: str,
        by: str = "",
        statement: str = "",
        signature: str = "",
        seen: str | None = None,
    ) -> View:
        """
        Give one of the two words; without a signature by session, for the step that was `seen` (`forward 4`).

        The word alone moves nothing: once both are there, the gate looks at the array.
        """
        desk, said = self._desk, _word(word)
        desk.enter(change, lambda standing: (_confirmed(desk, actor, standing, said, by, statement, signature, seen),))
        return desk.view(change, actor)


def _confirmed(
    desk: Desk, actor: Person, standing: Standing, word: Word, by: str, text: str, signature: str, seen: str | None
) -> Draft:
    plan = desk.plan(standing)
    waiting = by_hand(plan, standing) if plan is not None else None
    if seen is not None and (waiting is None or seen != f"{waiting[0]} {waiting[1]}"):
        raise Moved("another step is done by hand now than was shown; nothing was done", hint="read it again")
    try:
        (phase, number, step), made = _made(desk, actor, standing, word, by)
        method, key = Method.SESSION, ""
        if signature or text:
            made, key = _verified(desk, actor, standing, made, text, signature)
            method = Method.SSH
        elif desk.settings.config.policy.approvals is not ApprovalKind.SESSION:
            hint = f"sangate change confirm {standing.change} {word} --key FILE signs with your SSH key"
            raise Refused("the policy counts signatures by enrolled keys only", hint=hint)
    except (Refused, BadInput) as error:
        what = f"confirm that a step is {word}"
        raise desk.refuse(actor, standing.change, what, error.message, error.hint) from None
    data: dict[str, Json] = {
        "phase": phase.value,
        "step": step.id,
        "number": number,
        "array": standing.canary,
        "word": word.value,
        "by": made.by,
        "statement": made.text(),
        "method": method.value,
        "signature": signature,
        "key": key,
    }
    return Draft("step.confirmed", person(actor), standing.change, data)


def _word(name: str) -> Word:
    try:
        return Word(name)
    except ValueError:
        raise BadInput(f'there is no word "{name[:20]}"', place="word", hint="done or seen") from None


def _made(
    desk: Desk, actor: Person, standing: Standing, word: Word, by: str
) -> tuple[tuple[Phase, int, Step], Confirmation]:
    """Return the step that waits and what this person would say of it; Refused when they may not."""
    plan = desk.plan(standing)
    waiting = by_hand(plan, standing) if plan is not None else None
    if waiting is None:
        raise Refused("no step is being done by hand")
    phase, number, step = waiting
    mark = standing.marks[(phase, number)]
    if why := why_not(actor, word, standing.requester, mark.confirmed, desk.people.all()):
        raise Refused(why)
    by = by.strip()
    if len(by) > VENDOR_MAX or not by.isprintable():
        raise BadInput(f"who did it is told in one line of at most {VENDOR_MAX} printable characters", place="by")
    if bool(by) != (step.attended == "vendor" and word is Word.DONE):
        said = "say who of the vendor did it" if not by else "only the vendor's own person is named so"
        raise BadInput(said, place="by")
    made = Confirmation(
        origin=desk.ledger.origin,
        change=standing.change,
        plan_digest=standing.plan_digest,
        phase=phase.value,
        step=step.id,
        number=str(number),
        word=word.value,
        person=actor.id,
        by=by,
        nonce=secrets.token_hex(16),
    )
    return waiting, made


def _verified(
    desk: Desk, actor: Person, standing: Standing, made: Confirmation, text: str, signature: str
) -> tuple[Confirmation, str]:
    """Return the statement and the enrolled key that signed it; Refused names the first difference."""
    try:
        given = read_confirmation(text)
        key = verify(text.encode(), signature, NAMESPACE)
    except (ValueError, TypeError) as error:
        raise BadInput(f"the signed confirmation cannot be used: {error}") from None
    for name in ("origin", "change", "plan_digest", "phase", "step", "number", "word", "person", "by"):
        if getattr(given, name) != getattr(made, name):
            hint = "read the change again and sign what it says now"
            raise Refused(f"the confirmation was signed for another {name.replace('_', ' ')}", hint=hint)
    used = {one.statement.nonce for mark in standing.marks.values() for one in mark.confirmed.values()}
    if given.nonce in used:
        raise Refused("this very confirmation is on record already")
    desk.enrolled(actor, key)
    return given, key
