"""
Put the questions of a pure reader to real targets, keeping every raw reply before it is read.

A reply that holds people's data is the exception: its digest goes into the evidence, its bytes are kept nowhere.
"""

from collections.abc import Callable, Generator, Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Generic, NoReturn, TypeVar

from gate.backups.private import holds_data
from gate.evidence import Reply
from gate.families.family import plain, stumbled
from gate.ledger.entry import Blob
from gate.store import Ledger

NAMED = 120
"""Characters of a question that a sentence names."""

A_MOMENT_S = 1.0
"""Seconds between two looks at what those at work have to say."""

Found = TypeVar("Found")
Subject = TypeVar("Subject")


@dataclass(frozen=True)
class Interview(Generic[Found]):
    """What a reader found, and the raw replies that were kept for it."""

    found: Found
    kept: tuple[Blob, ...]


def keep(ledger: Ledger, reply: Reply) -> Blob | None:
    """Store the raw reply durably; None when it holds people's data or nothing at all."""
    if not reply.stdout or holds_data(reply.command):
        return None
    return Blob("reply", ledger.put_blob(reply.stdout), len(reply.stdout))


def interview(
    asking: Generator[str, Reply, Found],
    ask: Callable[[str], Reply],
    ledger: Ledger,
    lost: Callable[[str], Found] | None = None,
) -> Interview[Found]:
    """
    Drive a reader to its end.

    `lost` says what was found when the reader itself has a mistake and stumbles over a reply, given the sentence that
    names the question: one reader's mistake is no reason to know nothing of all the others. Without it the error is
    raised.

    When a reply cannot be stored, the error is thrown into the reader, which may still ask for what must be done
    in any case (removing a scratch copy), and is raised afterwards.
    """
    kept: dict[str, Blob] = {}
    command = next(asking)
    while True:
        try:
            reply = ask(command)
            blob = keep(ledger, reply)
        except Exception as error:  # noqa: BLE001  it comes out of the reader again, after the tidying up
            _give_up(asking, ask, error)
        if blob is not None:
            kept[blob.sha256] = blob
        try:
            command = asking.send(reply)
        except StopIteration as end:
            return Interview(end.value, tuple(kept.values()))
        except Exception as error:  # the reader is pure: what it raises is its own mistake
            if lost is None:
                raise
            return Interview(lost(f"{plain(command)[:NAMED]}: {stumbled(error)}"), tuple(kept.values()))


def _give_up(asking: Generator[str, Reply, object], ask: Callable[[str], Reply], error: Exception) -> NoReturn:
    command = asking.throw(error)
    while True:
        command = asking.send(ask(command))


def side_by_side(
    work: Callable[[Subject], Found],
    subjects: Iterable[Subject],
    parallel: int,
    done: Callable[[Subject, Found], None] = lambda _subject, _found: None,
    meanwhile: Callable[[], None] = lambda: None,
) -> list[Found]:
    """
    Do the work for all subjects, `parallel` at once; results in the order given, the first error is raised.

    `done` and, about once a second while something is still under way, `meanwhile` are called in this thread.
    """
    waiting = list(subjects)
    found = []
    with ThreadPoolExecutor(max_workers=max(1, min(parallel, len(waiting))), thread_name_prefix="gather") as pool:
        under_way = [pool.submit(work, subject) for subject in waiting]
        try:
            for subject, future in zip(waiting, under_way, strict=True):
                while wait([future], timeout=A_MOMENT_S).not_done:
                    meanwhile()
                meanwhile()
                found.append(future.result())
                done(subject, found[-1])
        finally:
            for future in under_way:
                future.cancel()  # after an error: whatever has not begun
    return found
