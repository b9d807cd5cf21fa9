"""What the entries of an escort make of a standing."""

from dataclasses import replace

from gate.escort import NAMESPACE, Asked, Gone, read_go
from gate.ledger.entry import Entry
from gate.lifecycle.said import moment, place, said, signature, whole
from gate.standing import Standing


def escort_asked(standing: Standing, entry: Entry) -> Standing:
    """The gate waits for a go, whatever was said to an earlier asking."""
    phase, number = place(entry)
    until, words = moment(entry, "until"), said(entry, "command")
    asked = Asked(said(entry, "ask"), said(entry, "run"), phase, number, whole(entry, "attempt"), words, until)
    return replace(standing, asked=asked)


def escort_go(standing: Standing, entry: Entry) -> Standing:
    """Keep a go, its signature verified each time it is read; one that nobody has asked for is none."""
    text, method, key = signature(entry, NAMESPACE)
    gone = Gone(read_go(text), method, entry.time, key)
    if (gone.statement.change, gone.statement.escort) != (entry.change, entry.actor.id):
        raise ValueError(entry.change)
    return replace(standing, asked=replace(standing.asked, go=gone)) if standing.asked is not None else standing


def escort_stopped(standing: Standing, entry: Entry) -> Standing:
    """A contractor was stopped: it is held, and more than held."""
    who = entry.actor.id
    return replace(standing, hold=f"stopped by {who}: {said(entry, 'reason')}", stopped=who, asked=None)
