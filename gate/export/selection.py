"""
Which entries an export takes, and what it says about that (docs/ledger-format.md, Mapped formats).

A selection is a function of an entry's bytes alone, so whoever holds the log can take the same entries again and see
that none was left out.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from gate.canonical import Json, utc
from gate.errors import BadInput
from gate.ledger.entry import CHANGE_ID, KINDS

DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
LONGEST_NAME = 200
KIND_NAMES = tuple(sorted(KINDS))
"""What a reader may choose from."""


@dataclass(frozen=True)
class Selection:
    """What an entry must fit; an empty value asks for nothing, and a selection of nothing but those takes all."""

    since: str = ""
    """Time from which on, spelled as the ledger spells it."""

    until: str = ""
    """Time before which, likewise."""

    change: str = ""
    kinds: tuple[str, ...] = ()
    """Kinds, or `noun.*`."""

    actor: str = ""

    @property
    def everything(self) -> bool:
        """True when every entry is taken: the complete population."""
        return self == Selection()

    def takes(self, said: Mapping[str, Any]) -> bool:
        """Say whether an entry, read as JSON, is one of these."""
        if self.change and said["change"] != self.change:
            return False
        if self.kinds and not any(_is(said["kind"], kind) for kind in self.kinds):
            return False
        if self.actor and said["actor"]["id"] != self.actor:
            return False
        return self.since <= said["time"] and (not self.until or said["time"] < self.until)

    def json(self) -> dict[str, Json]:
        """Return the `filter` of an opening statement: only the keys that ask for something."""
        asked: dict[str, Json] = {
            "from": self.since,
            "to": self.until,
            "change": self.change,
            "kinds": self.kinds,
            "actor": self.actor,
        }
        return {key: value for key, value in asked.items() if value}

    def __str__(self) -> str:
        """Spell it for an entry or a heading; empty when everything is taken."""
        words = [f"from {self.since}"] if self.since else []
        words += [f"to {self.until}"] if self.until else []
        words += [f"change {self.change}"] if self.change else []
        words += [f"kind {' '.join(self.kinds)}"] if self.kinds else []
        words += [f"actor {self.actor}"] if self.actor else []
        return ", ".join(words)


def _is(kind: str, asked: str) -> bool:
    return kind.startswith(asked[:-1]) if asked.endswith("*") else kind == asked


def selection(
    since: str = "", until: str = "", change: str = "", kinds: Sequence[str] = (), actor: str = ""
) -> Selection:
    """Return what a person asked for in words; BadInput names the one that cannot be used."""
    if change and not CHANGE_ID.match(change):
        raise BadInput("a change is named like chg-0007", place="change")
    if len(actor) > LONGEST_NAME or not actor.isprintable():
        raise BadInput("nobody has such a name", place="actor")
    made = Selection(moment(since, "from"), moment(until, "to"), change, tuple(_kind(kind) for kind in kinds), actor)
    if made.since and made.until and made.since >= made.until:
        raise BadInput("the period ends before it begins", place="to")
    return made


def moment(text: str, place: str) -> str:
    """Return a date (its first moment in UTC) or an RFC 3339 time as the ledger spells it; empty stays empty."""
    if not text:
        return ""
    try:
        if DATE.fullmatch(text):
            return utc(datetime.fromisoformat(text).replace(tzinfo=UTC))
        at = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        at = None
    if at is None or at.tzinfo is None:
        raise BadInput(
            "this is neither a date nor a time with its zone", place=place, hint="2026-11-22, or 2026-11-22T21:00:00Z"
        )
    try:
        return utc(at)
    except OverflowError:
        raise BadInput("there is no such time in UTC", place=place) from None


def _kind(text: str) -> str:
    if text in KINDS or (text.endswith(".*") and any(kind.startswith(text[:-1]) for kind in KINDS)):
        return text
    raise BadInput(f'there is no entry kind "{text[:60]}"', place="kind", hint="approval.signed, or approval.* for all")
