"""
How fast the copies are held, and whether production's credential is refused: read anew at every gathering, tried with
sentinels when the last trial is older than the policy's `sentinel_max_age`. Every trial is an entry.
"""

import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeVar

from gate import immutability, production
from gate.backups import access, append_only, held, s3_lock
from gate.backups.answers import Asking, Unread, ask
from gate.backups.s3_words import Role, answered, skew_s, spell
from gate.evidence import AccessTest, Attempt, BackupReading, BackupRun, Immutability, Reply, Trace
from gate.gather import records
from gate.gather.backups import newest
from gate.gather.interview import interview
from gate.gather.lines import Lines
from gate.gather.objects import Objects
from gate.inventory import AppendOnlyServer, Inventory, ObjectStore, Protection
from gate.ledger.entry import GATE, Blob
from gate.ssh.wire import utc_now
from gate.store import Ledger

Found = TypeVar("Found")

MECHANISM, LAYER = "s3-object-lock", "object"


@dataclass(frozen=True)
class _Tried:
    attempts: tuple[Attempt, ...]
    problem: str
    raw: tuple[str, ...]
    kept: tuple[Blob, ...]


class Immutables:
    """Asks under the read-only credentials; sentinels are written under their own, at declared places only."""

    def __init__(
        self,
        inventory: Inventory,
        lines: Lines,
        objects: Objects,
        ledger: Ledger,
        sentinel_max_age: timedelta,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._inventory = inventory
        self._lines = lines
        self._objects = objects
        self._ledger = ledger
        self._max_age = sentinel_max_age
        self._clock = clock

    def immutability(
        self, protection: Protection, reading: BackupReading, trace: Trace, known: Iterable[Immutability]
    ) -> Immutability | None:
        """
        Return what holds the newest backup of a protection where it lies now; None when either is not known.

        Retention and clock are always read now; the sentinel's attempts may be those on record, and then the time is
        theirs.
        """
        run = newest(reading)
        if run is None or trace.place is None:
            return None
        store = protection.object_store
        if protection.append_only_server is not None:
            return self._behind(protection, protection.append_only_server, run, trace.place, known)
        if store is None:
            asking = held.held(protection, run, trace.place, self._clock())
            return self._drive(protection, asking, self._lost(protection, run, trace.place))[0]
        now = self._read(protection, run, trace.place)
        if now.problem or not now.mode:
            return now
        last = max(
            (one for one in known if (one.protection, one.place, one.mode) == (protection.id, trace.place, now.mode)),
            key=lambda one: one.at,
            default=None,
        )
        if last and immutability.held(last.attempts) and timedelta(0) <= self._clock() - last.at < self._max_age:
            return replace(now, at=last.at, attempts=last.attempts, raw=(*now.raw, *last.raw))
        tried = self._try(protection, store, now.mode)
        record = replace(now, at=self._clock(), attempts=tried.attempts, problem=tried.problem, raw=tried.raw)
        self._ledger.append(records.draft(record, self._ledger, GATE, tried.kept, self._inventory))
        return replace(record, raw=(*now.raw, *tried.raw))

    def _behind(
        self,
        protection: Protection,
        server: AppendOnlyServer,
        run: BackupRun,
        place: str,
        known: Iterable[Immutability],
    ) -> Immutability:
        """Try an append-only server, unless it refused all that it can refuse lately: nothing else is read of it."""
        about = (protection.id, place, append_only.MECHANISM)
        found = (one for one in known if (one.protection, one.place, one.mechanism) == about)
        last = max(found, key=lambda one: one.at, default=None)
        if last and last.mode and timedelta(0) <= self._clock() - last.at < self._max_age:
            return replace(last, backup=run.id)
        asking = append_only.tried(protection, server, run, place, self._clock())
        record, kept = self._drive(protection, asking, self._lost(protection, run, place))
        self._ledger.append(records.draft(record, self._ledger, GATE, kept, self._inventory))
        return record

    def access(self, protection: Protection, known: Iterable[AccessTest]) -> AccessTest | None:
        """
        Try production's own credential where one is declared; None where none is, or it is not there.

        A refusal on record stands for the very credential and place that would be tried now, and no other.
        """
        by_key, by_login = production.over_s3(protection), production.over_ssh(protection, self._inventory)
        mark = self._objects.key_mark(protection.id, Role.PRODUCTION) if by_key else ""
        if by_key and mark:
            actor = by_key.with_key(mark)
        elif by_login:
            actor = by_login.words
        else:
            return None
        of_it = [one for one in known if (one.protection, one.actor) == (protection.id, actor)]
        last = max(of_it, key=lambda one: one.at, default=None)
        if last and last.refused and timedelta(0) <= self._clock() - last.at < self._max_age:
            return last

        def lost(why: str) -> AccessTest:
            return AccessTest(protection.id, self._clock(), actor, None, why)

        if by_key and mark:
            found, kept = self._drive(protection, access.over_s3(protection, f"{self._stamp()}-access", actor), lost)
        else:
            host = self._inventory.dataset(protection.dataset).host
            asking = access.over_ssh(protection, self._inventory.host(protection.host).ssh, actor)
            done = interview(asking, lambda command: self._lines.ask(host, command), self._ledger, lost)
            found, kept = done.found, done.kept
        self._ledger.append(records.draft(found, self._ledger, GATE, kept, self._inventory))
        return found

    def _read(self, protection: Protection, run: BackupRun, place: str) -> Immutability:
        def asking() -> Asking[Immutability]:
            log: list[Reply] = []
            skew: int | None = None
            mode, until, because = "", None, ""
            try:
                reply = yield from ask(spell(protection.id, Role.READ, "versioning"), log)
                skew = skew_s(reply, answered(reply, "the service's clock").get("Date"))
                found = yield from s3_lock.retention(protection, run, log)
                mode, until = found.mode, found.until
            except Unread as unread:
                because = str(unread)
            holders = protection.object_store.bypass_holders if protection.object_store else None
            return Immutability(
                protection.id,
                place,
                log[-1].finished_at,
                MECHANISM,
                LAYER,
                mode,
                until,
                holders,
                skew,
                problem=because,
                raw=tuple(reply.digest for reply in log),
                backup=run.id,
            )

        return self._drive(protection, asking(), self._lost(protection, run, place))[0]

    def _lost(self, protection: Protection, run: BackupRun, place: str) -> Callable[[str], Immutability]:
        """Say what is known where a reader stumbles: nothing."""

        def lost(why: str) -> Immutability:
            return Immutability(protection.id, place, self._clock(), "unknown", "", problem=why, backup=run.id)

        return lost

    def _try(self, protection: Protection, store: ObjectStore, mode: str) -> _Tried:
        if store.sentinels is None:
            return _Tried((), "no place for sentinels is declared in the inventory", (), ())
        log: list[Reply] = []

        def asking() -> Asking[tuple[tuple[Attempt, ...], str]]:
            now = self._clock()
            try:
                yield from s3_lock.tidy(protection, store, now, log)
                return (yield from s3_lock.attempts(protection, store, mode, self._stamp(), now, log)), ""
            except Unread as unread:
                return (), f"no sentinel could be tried: {unread}"

        def lost(why: str) -> tuple[tuple[Attempt, ...], str]:
            return (), why

        (attempts, problem), kept = self._drive(protection, asking(), lost)
        return _Tried(attempts, problem, tuple(reply.digest for reply in log), kept)

    def _drive(
        self, protection: Protection, asking: Asking[Found], lost: Callable[[str], Found]
    ) -> tuple[Found, tuple[Blob, ...]]:
        done = interview(asking, lambda command: self._lines.ask(protection.host, command), self._ledger, lost)
        return done.found, done.kept

    def _stamp(self) -> str:
        return f"{self._clock():%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"
