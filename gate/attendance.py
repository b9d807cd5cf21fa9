"""
What two people say of a step that is done by hand: one that it is done, another that they saw it with their own eyes.

The gate sends nothing for such a step. It opens it under the same rules as a command, waits for both words, and then
looks at the array itself: people's words alone never make a step done.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum

from gate.approval import Method, read_signed
from gate.canonical import encode
from gate.person import Person, Role

NAMESPACE = "attended@sangate"
"""Namespace of `ssh-keygen -Y sign`: a signature made for an approval confirms nothing."""

VENDOR_MAX = 200


class Word(StrEnum):
    """Which of the two words somebody gives."""

    DONE = "done"
    SEEN = "seen"


@dataclass(frozen=True)
class Confirmation:
    """What one person says, and perhaps signs; the field order here is not the byte order, `text` is."""

    origin: str
    change: str
    plan_digest: str
    phase: str
    step: str
    number: str
    word: str
    person: str
    by: str
    """Who of the vendor did it, in words; empty where the performer did."""

    nonce: str
    v: int = 1

    def text(self) -> str:
        """Return the canonical JSON that is signed, one line without a line end."""
        return encode(asdict(self)).decode()


@dataclass(frozen=True)
class Confirmed:
    """A confirmation on record, and how it was made."""

    statement: Confirmation
    method: Method
    at: datetime
    key: str = ""
    """The OpenSSH public key that the signature on record was verified with just now; empty when none fits."""


def read_confirmation(text: str) -> Confirmation:
    """Read a statement back; ValueError unless it is exactly the canonical text of one."""
    return read_signed(text, Confirmation, "confirmation")


def counting(confirmed: Mapping[Word, Confirmed], people: Mapping[str, Person]) -> dict[Word, str]:
    """Return who gave each word that counts still: a key that was taken away takes its words along."""
    found = {}
    for word, given in confirmed.items():
        who = people.get(given.statement.person)
        if given.method is Method.SESSION or (who is not None and given.key in who.keys):
            found[word] = given.statement.person
    return found


def why_not(
    person: Person, word: Word, requester: str, confirmed: Mapping[Word, Confirmed], people: Mapping[str, Person]
) -> str:
    """Say why this person may not give this word after those on record; empty when they may."""
    others = counting(confirmed, people)
    for one, given in confirmed.items():
        if one not in others and one is not word:
            by = given.statement.person
            return f"that it is {one} was said by {by} with a key that counts no more; it is said anew first"
    return may_confirm(person, word, requester, others)


def may_confirm(person: Person, word: Word, requester: str, others: dict[Word, str]) -> str:
    """Say why this person may not give this word; empty when they may. `others` are the words given so far."""
    if person.id == requester:
        return "the requester confirms nothing of their own change"
    if word in others:
        return f"that it is {word} was confirmed by {others[word]}"
    if person.id in others.values():
        return "one person gives one of the two words"
    if word is Word.DONE:
        return "" if Role.PERFORMER in person.roles else f"{person.id} is not a performer"
    if person.contractor:
        return "a contractor is not the second pair of eyes"
    return "" if person.seats or Role.PERFORMER in person.roles else "only a performer or the holder of a seat"
