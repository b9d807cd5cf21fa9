"""
The ledger in its own SQLite file.

Reading is here; what is written goes through gate/store/writing.py, what is signed through gate/store/sealing.py.
"""

import sqlite3
import threading
import time as clocks
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path

from gate.errors import CannotTell, GateError, LedgerUnavailable
from gate.ledger import entry, note, policy
from gate.ledger.commitment import Disclosure
from gate.ledger.entry import GATE, Actor, Draft, Entry
from gate.store import schema
from gate.store.anchors import Anchors
from gate.store.appending import Job, job
from gate.store.blobs import Blobs
from gate.store.connections import FULL, Connections, sync_folder
from gate.store.kept import Kept
from gate.store.keys import FileKey
from gate.store.private import Private
from gate.store.proofs import Tree
from gate.store.reading import Reading
from gate.store.sealing import Seals
from gate.store.seen import Seen
from gate.store.turn import Turn
from gate.store.writing import Writer

WAIT_FOR_TURN = 10.0
"""Seconds a writer waits; longer means that somebody hangs with the lock."""

CLOCK_TOLERANCE = timedelta(seconds=60)
PRIVATE = b'"private":'
"""Quotes inside texts are escaped, so an entry without these bytes commits to nothing outside the log."""


def open_ledger(
    path: Path,
    *,
    signer: note.Signer,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    blobs: Path | None = None,
    clock_tolerance: timedelta = CLOCK_TOLERANCE,
    seen: Path | None = None,
    private: frozenset[str] = entry.PRIVATE,
    beginning: Sequence[Draft] = (),
) -> "SqliteLedger":
    """
    Open the ledger of `signer`'s name, or begin it; its first entry is `log.opened`, or `beginning` its first ones.

    `seen` is where the last head is remembered: beside a key file, unless it is told. `private` are the fields that are
    kept outside the log, as `kind.field`, in a file `private.db` beside the ledger's.

    LedgerUnavailable when the file cannot be used, lacks a trigger, belongs to another key, or tells another history
    than the one remembered beside the key. A file that is merely behind opens for reading (`missing` > 0).
    """
    try:
        ledger = SqliteLedger(
            path,
            signer,
            clock,
            Blobs(blobs or path.with_name(path.name + ".blobs")),
            clock_tolerance,
            seen or (signer.seen if isinstance(signer, FileKey) else path.with_name(path.name + ".seen")),
            Private(path.with_name("private.db"), private | entry.PRIVATE),
        )
    except sqlite3.Error as problem:
        raise LedgerUnavailable(f"cannot open the ledger {path}: {problem}", hint=FULL) from None
    except OSError as problem:
        raise LedgerUnavailable(f"cannot open the ledger {path}: {problem.strerror}", hint=FULL) from None
    try:
        ledger.begin(beginning)
    except BaseException:
        ledger.close()
        raise
    return ledger


class SqliteLedger(Reading):
    """Made by `open_ledger`; implements gate.store.Ledger."""

    def __init__(
        self,
        path: Path,
        signer: note.Signer,
        clock: Callable[[], datetime],
        blobs: Blobs,
        clock_tolerance: timedelta,
        seen: Path,
        private: Private,
    ) -> None:
        super().__init__(Connections(path))
        self.path = path
        self.origin = signer.vkey.name
        self.vkey = str(signer.vkey)
        self.policy = policy.write(policy.of(signer.vkey))
        self.stopped = ""
        self._signer = signer
        self._blobs = blobs
        self._grown = threading.Condition()
        self._closed = False
        self._turn: Turn[Job] = Turn(path.with_name(path.name + ".lock"), within=WAIT_FOR_TURN)
        self._seen = Seen(seen)
        self._private = private
        self._anchors = Anchors(self._file, self._turn, clock)
        self._writer = Writer(self._file, self._turn, self._seen, clock, clock_tolerance)
        self._seals = Seals(self._writer, self._seen, self._anchors, signer, clock, clock_tolerance)
        try:
            self._open(new=not path.exists())
        except BaseException:
            self.close()
            raise

    @property
    def missing(self) -> int:
        """How many entries were written here, or seen by a witness, that the file no longer holds."""
        return max(0, self._seen.read()[0] - self.size(), self._seen.stopped[1])

    def append(self, draft: Draft, *, expect: int | None = None) -> Entry:
        """See Ledger."""
        return self.append_all((draft,), expect=expect)[0]

    def append_all(
        self, drafts: Sequence[Draft], *, expect: int | None = None, keys_at: int | None = None
    ) -> tuple[Entry, ...]:
        """See Ledger."""
        if not drafts:
            return ()
        separated = [self._private.separate(draft) for draft in drafts]
        wanted = job(separated, expect, keys_at)
        try:
            self._writer.append(wanted)
            made = wanted.result()
        except GateError:
            self._private.forget([one for draft in separated for one in draft.private.values()])
            raise
        with self._grown:
            self._grown.notify_all()
        return made

    def begin(self, beginning: Sequence[Draft] = ()) -> None:
        """Append the first entries to an empty log, once, whoever opens it at the same time."""
        if self.size() == 0 and not self.missing:
            opened = Draft("log.opened", GATE, data={"origin": self.origin, "key": self.vkey})
            self._seals.first(tuple(beginning) or (opened,))

    def checkpoint(self, *, keep: bool = False) -> str:
        """See Ledger."""
        return self._seals.checkpoint(keep=keep)

    def rotate(self, successor: note.Signer, actor: Actor, reason: str) -> str:
        """Hand the log to another key; the ledger is closed by it and opens with that key alone."""
        signed = self._seals.rotate(successor, actor, reason)
        self.close()
        return signed

    def keep_anchor(self, kind: str, size: int, content: bytes) -> None:
        """See Ledger."""
        self._anchors.keep(kind, size, content)

    def anchor(self, kind: str, least: int = 0) -> tuple[int, bytes] | None:
        """See Ledger."""
        return self._anchors.newest(kind, least)

    def stop_appending(self, why: str, missing: int = 0) -> None:
        """See Ledger."""
        self.stopped, self._seen.stopped = why, (why, missing)

    def sign_note(self, text: str) -> str:
        """See Ledger."""
        if not text.startswith(f"{self.origin}#"):
            raise ValueError("only a checkpoint begins with the bare origin")
        return note.sign(text, self._signer)

    def examine(self) -> None:
        """See Ledger."""
        with self._file.reading() as connection:
            size, frontier = Tree(connection).examine()
        try:
            self._seen.compare(size, frontier)
        except LedgerUnavailable as problem:
            raise CannotTell(problem.message, hint=problem.hint) from None

    def blobs(self) -> Iterator[Kept]:
        """See Ledger."""
        return self._blobs.kept()

    def put_blob(self, data: bytes) -> str:
        """See Ledger."""
        return self._blobs.put(data)

    def get_blob(self, digest: str) -> bytes | None:
        """See Ledger."""
        return self._blobs.get(digest)

    def drop_blob(self, digest: str) -> int:
        """See Ledger."""
        return self._blobs.drop(digest)

    def disclosures(self, indices: Iterable[int]) -> tuple[Disclosure, ...]:
        """See Ledger."""
        found = []
        for start, end in _runs(indices):
            for index, body in enumerate(self.bodies(start, end), start):
                for field, commitment in (entry.read(body, index).private if PRIVATE in body else {}).items():
                    opened = self._private.get(commitment)
                    found += [Disclosure(index, field, *opened)] if opened else []
        return tuple(found)

    def put_back(self, told: Disclosure) -> None:
        """See Ledger."""
        self._private.put_back(told.field, told.salt, told.value)

    def forget(self, index: int, field: str) -> bool:
        """See Ledger."""
        wanted = [item.private[field] for item in self.entries(index, index + 1) if field in item.private]
        return bool(self._private.forget(wanted))

    def wait(self, size: int, timeout: float) -> bool:
        """See Ledger. Appends of this process wake it at once, those of others within a quarter of a second."""
        deadline = clocks.monotonic() + timeout
        with self._grown:
            while not self._closed:
                if self.size() > size:
                    return True
                left = deadline - clocks.monotonic()
                if left <= 0:
                    return False
                self._grown.wait(min(left, 0.25))
        return False

    def close(self) -> None:
        """See Ledger."""
        if self._closed:
            return
        with self._turn.taken(), self._grown:
            self._closed = True
            self._writer.drop()
            self._file.close()
            with suppress(OSError):
                self._seen.sync()
            self._grown.notify_all()
            self._seen.close()
            self._turn.close()

    def _open(self, *, new: bool) -> None:
        first = self._file.open()
        self._file.take_back(first)
        with self._turn.taken():
            schema.create(first, self.origin, self.vkey)
        if new:
            sync_folder(self.path.parent)
        schema.assert_format(first)
        schema.assert_ours(first, self.origin, self.vkey)
        with self._turn.taken():  # another process that appends meanwhile would seem to be ahead of the file
            self._compare_with_memory()

    def _compare_with_memory(self) -> None:
        size, _ = self._seen.read()
        if 0 < size <= self.size():
            with self._file.reading() as connection:
                self._seen.compare(size, b"".join(Tree(connection).frontier(size)))


def _runs(indices: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Yield begin and end of every run of consecutive indices: each is read at one go."""
    for _, run in groupby(enumerate(indices), lambda one: one[1] - one[0]):
        following = [index for _, index in run]
        yield following[0], following[-1] + 1
