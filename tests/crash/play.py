"""
A run to its end: the parent lets the gate come to harm, starts it again, and plays the people who are asked.

People know the truth: they ask the array's own count before they answer. They never let a step be sent that was taken.
"""

import os
import random
import select
import signal
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256

from gate.attendance import Word
from gate.authority import no_return
from gate.canonical import Json
from gate.change import Phase
from gate.engine.next import by_hand
from gate.errors import GateError, LedgerUnavailable, Moved
from gate.ledger.entry import Actor, Draft, Entry
from gate.lifecycle import fold
from gate.standing import BEGUN, SOAK, Answer, Standing, State
from gate.step import Step
from gate.store.sqlite import SqliteLedger
from tests.crash.bench import LIFETIME, MOST_S, NEW, OLD, Run, confirm
from tests.crash.saboteur import note_synced

TAKEN = {"stage": "upload", "prepare": "prepare", "apply": "apply", "complete": "complete", "abort": "abort"}
"""Step of the bench's playbook → the word under which the array counts what it accepted."""

PERFORMER = Actor("person", "performer")
PATIENCE = 6
"""How often a person lets the same question be asked again before they go back."""


@dataclass(frozen=True)
class Came:
    """How a run came out; `problems` is empty when every promise was kept."""

    cell: str
    ended: str
    happened: bool
    asked: int
    seconds: float
    problems: tuple[str, ...]


def play(run: Run) -> Came:
    """Play one run and judge it."""
    began = time.monotonic()
    run.begin()
    keeper = _Keeper(run)
    problems: list[str] = []
    try:
        while not keeper.closed:
            if time.monotonic() - began > MOST_S:
                problems.append(f"it did not come to its end in {MOST_S:g} s")
                break
            keeper.mind()
            keeper.look()
    finally:
        keeper.end()
    ledger = run.ledger()
    try:
        ledger.examine()
        history = ledger.history(run.plan.change)
        problems += judged(run, history)
        problems += lost(run, ledger)
        ended = fold(history)
    except (ValueError, GateError) as error:
        return Came(str(run.cell), "unreadable", run.happened, 0, time.monotonic() - began, (*problems, str(error)))
    finally:
        ledger.close()
    return Came(
        str(run.cell), ended.closed or ended.state, run.happened, len(run.asked), time.monotonic() - began,
        tuple(problems),
    )  # fmt: skip


class _Keeper:
    """Keeps one gate process alive, and answers what is asked."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self.closed = False
        self._next_look = 0.0
        self._child, self._told, self._tells = run.fork(run.cell)

    def mind(self) -> None:
        """See to the process: let it go on, or start it again."""
        readable, _, _ = select.select([self._told], [], [], 0.05)
        if readable:
            word = os.read(self._told, 1)
            self._run.happened = self._run.happened or bool(word)
            if word == b"A":
                self._restart_array()
                os.write(self._tells, b"g")
        pid, status = os.waitpid(self._child, os.WNOHANG | os.WUNTRACED)
        if pid and os.WIFSTOPPED(status):
            self._frozen()
        elif pid:
            if not os.WIFSIGNALED(status):
                raise AssertionError(f"the gate ended by itself: {self._run.cell}")
            self._again()

    def look(self) -> None:
        """Look into the ledger now and then, and do what a person would do now."""
        if time.monotonic() < self._next_look:
            return
        self._next_look = time.monotonic() + 0.3
        try:
            ledger = self._run.ledger()
        except LedgerUnavailable as error:
            if "busy" in error.message:  # a frozen gate may hold its turn; it is let go on
                return
            raise
        try:
            standing = fold(ledger.history(self._run.plan.change))
            self.closed = bool(standing.closed)
            drafts = self._people(standing)
            if drafts:
                ledger.append_all(drafts, expect=standing.seq)
                note_synced(self._run.folder)
                if drafts[0].kind == "step.confirmed" and self._run.cell.boundary == "confirmed":
                    self._from_outside()
        except Moved:
            pass
        except LedgerUnavailable as error:
            if "busy" not in error.message:
                raise
        finally:
            with suppress(LedgerUnavailable):  # a frozen gate may hold its turn
                ledger.close()

    def end(self) -> None:
        """End the process."""
        with suppress(ProcessLookupError, ChildProcessError):
            os.kill(self._child, signal.SIGKILL)
            os.waitpid(self._child, 0)
        os.close(self._told)
        os.close(self._tells)

    def _people(self, standing: Standing) -> Sequence[Draft]:
        run = self._run
        if standing.state is State.HALTED and not standing.closed:
            return _back_out(run, standing)
        if standing.question and standing.state in BEGUN:
            run.asked.append(standing.question)
            return self._answer(standing)
        waiting = by_hand(run.plan, standing)
        if waiting is None:
            return ()
        said = standing.marks[waiting[:2]].confirmed
        if not run.loaded:
            run.vendor_loads()
        word, who = (Word.DONE, "performer") if Word.DONE not in said else (Word.SEEN, "owner")
        return (confirm(run, standing, word, who),)

    def _answer(self, standing: Standing) -> Sequence[Draft]:
        run = self._run
        if len(run.asked) > PATIENCE:
            return _back_out(run, standing)
        if standing.question_step != SOAK:
            phase, _, number = standing.question_step.partition(" ")
            step = run.plan.steps(Phase(phase))[int(number)]
            if step.mutates and not step.attended and not step.send and run.counted()[TAKEN[step.id]]:
                return _back_out(run, standing)
        return (_said(run, standing, Answer.AGAIN),)

    def _from_outside(self) -> None:
        """A mishap at a boundary that people make: it comes from outside, once."""
        run, mishap = self._run, self._run.cell.mishap
        if run.happened:
            return
        run.happened = True
        if mishap in ("kill", "power"):
            os.kill(self._child, signal.SIGKILL)
        elif mishap == "stop":
            os.kill(self._child, signal.SIGSTOP)
        else:
            self._restart_array()

    def _frozen(self) -> None:
        self._run.happened = True
        time.sleep(LIFETIME.total_seconds() + 0.5)
        os.kill(self._child, signal.SIGCONT)

    def _again(self) -> None:
        self._run.happened = True
        if self._run.cell.mishap == "power":
            drop_unsynced(self._run)
        os.close(self._told)
        os.close(self._tells)
        self._child, self._told, self._tells = self._run.fork(None)

    def _restart_array(self) -> None:
        lab, array = self._run.bench.lab, self._run.array
        lab.fault(array, "offline")
        time.sleep(0.4)
        lab.clear(array, "offline")


def _said(run: Run, standing: Standing, answer: Answer) -> Draft:
    data: dict[str, Json] = {"answer": answer, "step": standing.question_step, "reason": "looked at the array"}
    return Draft("person.answered", PERFORMER, run.plan.change, data)


def _back_out(run: Run, standing: Standing) -> Sequence[Draft]:
    if standing.state is not State.BACKING_OUT and not no_return(run.plan, standing):
        return (_said(run, standing, Answer.BACK_OUT),)
    withdrawn = Draft("change.withdrawn", PERFORMER, run.plan.change, {"reason": "left as it is"})
    return (withdrawn, Draft("change.closed", PERFORMER, run.plan.change, {"outcome": "left as it is"}))


def drop_unsynced(run: Run) -> None:
    """Take from the log what was not acknowledged, and leave a torn piece of it, as a loss of power does."""
    wal, synced = run.folder / "ledger.db-wal", run.folder / "synced"
    if not wal.exists() or not synced.exists():
        return
    kept, size = int(synced.read_text() or 0), wal.stat().st_size
    if size > kept:
        torn = run.chance.randrange(size - kept)
        os.truncate(wal, kept + torn)
    with wal.open("ab") as file:
        file.write(run.chance.randbytes(run.chance.randrange(1, 3000)))


def judged(run: Run, history: Sequence[Entry]) -> list[str]:
    """Return what went against a promise, by the array's own count and its own words."""
    counted = run.counted()
    intents = Counter(str(entry.data["step"]) for entry in history if entry.kind == "step.intended")
    told = {str(entry.data["step"]) for entry in history if entry.kind in ("step.ended", "step.looked")}
    problems = []
    for step in _mutating(run):
        taken = counted[TAKEN[step.id]]
        allowed = run.loaded if step.attended else intents[step.id]
        if taken > 1 and not step.send:
            problems.append(f"{step.id} was applied {taken} times")
        if taken > allowed:
            problems.append(f"{step.id} was applied {taken} times on {allowed} intents")
        heard = 0 if step.attended or step.send else run.bench.lab.array_heard()[run.array].get(step.command, 0)
        if heard > 1 and f"{step.id} was sent" not in " ".join(run.asked):
            problems.append(f"{step.id} was sent {heard} times, and nobody was asked")
        if intents[step.id] and step.id not in told:
            problems.append(f"{step.id} was begun and nobody has looked since")
    standing, state = fold(history), run.bench.lab.status()
    arrays = state["arrays"]
    assert isinstance(arrays, dict)
    now = arrays[run.array]
    wanted = {"held": NEW, "backed out": OLD}.get(standing.closed)
    if wanted is not None and (now["version"], now["update"]) != (wanted, "success"):
        problems.append(f"the record says {standing.closed}, the array runs {now['version']} ({now['update']})")
    if standing.closed == "held" and counted["complete"] != 1:
        problems.append(f"held, and completed {counted['complete']} times")
    return problems


def _mutating(run: Run) -> list[Step]:
    plan = run.plan
    return [step for step in (*plan.forward, *plan.commit, *plan.back_out) if step.mutates]


def lost(run: Run, ledger: SqliteLedger) -> list[str]:
    """Return which entries were acknowledged and are not there as they were."""
    there = {index: sha256(body).hexdigest() for index, body in enumerate(ledger.bodies(0))}
    file = run.folder / "acknowledged"
    lines = [line.split() for line in file.read_text().splitlines()] if file.exists() else []
    gone = [index for index, digest in lines if there.get(int(index)) != digest]
    return [f"acknowledged and lost: entries {', '.join(gone)}"] if gone else []


def shuffled(seed: int, worker: int) -> random.Random:
    """Return the chance of one worker: the same for the same seed."""
    return random.Random(f"{seed} {worker}")
