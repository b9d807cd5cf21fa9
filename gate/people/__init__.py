"""Local people with passwords, their sessions, tokens and enrolled keys, in the working database."""

from gate.people.accounts import LOCKED, MOST_FAILURES, SHORTEST_PASSWORD, People, Ticket

__all__ = ["LOCKED", "MOST_FAILURES", "SHORTEST_PASSWORD", "People", "Ticket"]
