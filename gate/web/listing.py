"""The list of changes: what needs the viewer first."""

from collections.abc import Sequence
from dataclasses import dataclass

from flask import Blueprint, Response, render_template

from gate.control.views import View
from gate.person import Person
from gate.web.change import bell
from gate.web.face import face, fragment
from gate.web.session import person
from gate.web.stages import yours
from gate.web.words import ENDED, Look, look_of

READ_MOST = 60
"""Open changes that are read whole to say who must act; beyond it the list says to open them."""

ENDED_MOST = 50


@dataclass(frozen=True)
class Card:
    """One line of the list."""

    row: View
    look: Look
    next: str
    yours: str
    """What the change waits for from the viewer; empty when nothing."""


def add(pages: Blueprint) -> None:
    """Add the routes."""
    pages.add_url_rule("/changes", "changes", changes)
    pages.add_url_rule("/changes/live", "changes_live", changes_live)
    pages.add_url_rule("/bell", "bell", bell_of_all)


def changes() -> str:
    """Show all changes."""
    return render_template("changes/list.html", size=face().control.size(), **_groups(person()))


def changes_live() -> Response:
    """Show the part of the list that moves."""
    return fragment("changes/_list.html", **_groups(person()))


def bell_of_all() -> Response:
    """Ring for the whole ledger; the page of one change hears the same bell."""
    return bell("")


def _groups(actor: Person) -> dict[str, object]:
    rows = face().control.rows(actor)
    open_rows = [row for row in rows if row["state"] not in ENDED]
    cards = [_card(actor, row, whole=number < READ_MOST) for number, row in enumerate(open_rows)]
    ended = [_ended(row) for row in rows if row["state"] in ENDED]
    return {
        "mine": [card for card in cards if card.yours],
        "others": [card for card in cards if not card.yours],
        "ended": ended[:ENDED_MOST],
        "more": max(0, len(ended) - ENDED_MOST),
        "nothing": not rows,
        "waiting": _count(cards),
    }


def _count(cards: Sequence[Card]) -> str:
    mine = sum(bool(card.yours) for card in cards)
    if not mine:
        return "Nothing waits for you."
    return "One change waits for you." if mine == 1 else f"{mine} changes wait for you."


def _card(actor: Person, row: View, *, whole: bool) -> Card:
    look = look_of(row["state"], row["hold"], row["question"])
    if not whole:
        return Card(row, look, "Open it to see what it waits for.", "")
    view = face().control.show(actor, row["id"])
    return Card(row, look, view["next"], yours(view, actor.id))


def _ended(row: View) -> Card:
    return Card(row, look_of(row["state"]), "", "")
