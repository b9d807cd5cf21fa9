"""
A run to its end: the parent lets the gate come to harm, starts it again, and plays the people who are asked.

People know the truth: they ask the array's own count before they answer. They never let a step be sent that was taken.
"""

import os
import select
import signal
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise

from gate.attendance import Word
from gate.authority import no_return
from gate.canonical import Json
from gate.change import Phase
from gate.engine.next import by_hand
from gate.errors import GateError, LedgerUnavailable, Moved
from gate.lab.client import is_locked
from gate.ledger.entry import Actor, Draft, Entry
from gate.lifecycle import fold
from gate.standing import BEGUN, MOVING, Answer, Standing, State
from gate.step import Step
from gate.store.sqlite import SqliteLedger
from tests.crash.bench import MOST_S, NEW, OLD, Run, confirm
from tests.crash.children import Child
from tests.crash.escorted import ESCORT, broken, go, stop, waits
from tests.crash.holder import forgotten, tear
from tests.crash.saboteur import note_synced

TAKEN = {"stage": "upload", "prepare": "prepare", "apply": "apply", "complete": "complete", "abort": "abort"}
"""Step of the bench's playbook → the word under which the array counts what it accepted."""

PERFORMER = Actor("person", "performer")
SPARE_S = 0.5
"""Seconds by which a freeze is longer than anything that was begun may still be sent, and than the keyholder's time."""

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
    if run.cell.apart:
        run.raise_array()
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
        problems += broken(history) if run.cell.escorted else []
        problems += lost(run, ledger)
        problems += forgotten(run.data, history, ledger.size())
        ended = fold(history)
    except (ValueError, GateError) as error:
        return Came(str(run.cell), "unreadable", run.happened, 0, time.monotonic() - began, (*problems, str(error)))
    finally:
        ledger.close()
        if run.own is not None:
            run.own.stop()
    return Came(
        str(run.cell), ended.closed or ended.state, run.happened, len(run.asked), time.monotonic() - began,
        tuple(problems),
    )  # fmt: skip


class _Keeper:
    """Keeps one gate process and its keyholder alive, does harm to others when told, and answers what is asked."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self.closed = False
        self._next_look = 0.0
        self._repairs: list[tuple[float, Callable[[], None]]] = []
        """What is to be made good again, and when; people do nothing until then."""

        self._holder: Child | None = run.keyholder(run.cell)
        self._gate = run.fork(run.cell)

    def mind(self) -> None:
        """See to the processes: do harm to others, let them go on, or start them again."""
        children = [child for child in (self._gate, self._holder) if child is not None]
        readable, _, _ = select.select([child.told for child in children], [], [], 0.05)
        for child in children:
            if child.told in readable:
                word = os.read(child.told, 1)
                self._run.happened = self._run.happened or bool(word)
                if word == b"A":
                    self._harm()
                    if child in (self._gate, self._holder):  # else it is gone
                        child.go_on()
        pid, status = os.waitpid(self._gate.pid, os.WNOHANG | os.WUNTRACED)
        if pid and os.WIFSTOPPED(status):
            self._frozen()
        elif pid:
            if not os.WIFSIGNALED(status):
                raise AssertionError(f"the gate ended by itself: {self._run.cell}")
            self._again()
        if self._holder is not None and os.waitpid(self._holder.pid, os.WNOHANG)[0]:
            raise AssertionError(f"the keyholder ended by itself: {self._run.cell}")
        for one in [one for one in self._repairs if one[0] <= time.monotonic()]:
            self._repairs.remove(one)
            one[1]()

    def _harm(self) -> None:
        """Do to somebody what the cell says, and see to it that it is made good again."""
        run, jump = self._run, self._run.bench.jump
        assert jump is not None
        match run.cell.party, run.cell.mishap:
            case "gate", "stop":
                os.kill(self._gate.pid, signal.SIGSTOP)
            case "gate", _:
                os.kill(self._gate.pid, signal.SIGKILL)
            case "keyholder", "stop" if self._holder is not None:
                self._freeze(self._holder.pid)
            case "keyholder", mishap if self._holder is not None:
                self._holder.end()
                self._holder = None
                if mishap == "power":
                    tear(run.data, run.chance.randbytes(run.chance.randrange(1, 3000)))
                self._soon(self._holder_again)
            case "bastion", "kill":
                jump.kill()
                self._soon(jump.start)
            case "bastion", "stop":
                jump.freeze()
                self._later(jump.thaw)
            case "bastion", _:
                jump.cut()
            case "array", "stop":
                self._freeze(run.lab.pid)
            case "array", "kill":
                os.kill(run.lab.pid, signal.SIGKILL)
                self._soon(self._array_again)
            case "contractor", _:
                self._stop_contractor()
            case _:
                self._restart_array()

    def _freeze(self, pid: int) -> None:
        os.kill(pid, signal.SIGSTOP)
        self._later(lambda: os.kill(pid, signal.SIGCONT))

    @property
    def _frozen_s(self) -> float:
        return self._run.lifetime.total_seconds() + SPARE_S

    def _later(self, repair: Callable[[], None]) -> None:
        """Not before everything that waits for it must have given up."""
        self._repairs.append((time.monotonic() + self._frozen_s, repair))

    def _soon(self, repair: Callable[[], None]) -> None:
        self._repairs.append((time.monotonic() + self._run.chance.uniform(0.1, 1.5), repair))

    def _holder_again(self) -> None:
        self._holder = self._run.keyholder(None)

    def _array_again(self) -> None:
        while is_locked(self._run.lab.directory):  # until the kernel has taken all of it away
            time.sleep(0.02)
        self._run.raise_array()

    def _stop_contractor(self) -> None:
        """Shut them out, and then enter it, whatever the gate does at this moment."""
        self._run.shut.touch()
        ledger = self._run.ledger()
        ledger.append_all([stop(self._run.plan)])
        ledger.close()
        note_synced(self._run.folder)

    def look(self) -> None:
        """Look into the ledger now and then, and do what a person would do now."""
        if time.monotonic() < self._next_look or self._repairs:
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
                happens = {"step.confirmed": "confirmed", "escort.go": "said"}.get(drafts[0].kind)
                if (happens, drafts[0].data.get("step")) == (self._run.cell.boundary, self._run.cell.step):
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
        """End the processes, and leave the others well."""
        for _, repair in self._repairs:
            repair()
        self._gate.end()
        if self._holder is not None:
            self._holder.end()

    def _people(self, standing: Standing) -> Sequence[Draft]:
        run = self._run
        if standing.state is State.HALTED and not standing.closed:
            return _back_out(run, standing)
        if standing.question and standing.state in BEGUN:
            run.asked.append(standing.question)
            return self._answer(standing)
        if standing.hold and standing.state in BEGUN:
            return (Draft("hold.lifted", PERFORMER, run.plan.change, {"reason": "looked at the array"}),)
        if waits(standing) and standing.state in MOVING:
            return (go(run.plan, standing, run.bench.people[ESCORT]),)
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
        phase, _, number = standing.question_step.partition(" ")
        if phase in tuple(Phase):  # neither about the soak nor about a permit: again sends nothing then
            step = run.plan.steps(Phase(phase))[int(number)]
            if step.mutates and not step.attended and not step.send and run.counted()[TAKEN[step.id]]:
                return _back_out(run, standing)
        return (_said(run, standing, Answer.AGAIN),)

    def _from_outside(self) -> None:
        """A mishap at a boundary that people make: it comes from outside, once."""
        if not self._run.happened:
            self._run.happened = True
            self._harm()

    def _frozen(self) -> None:
        self._run.happened = True
        time.sleep(self._frozen_s)
        os.kill(self._gate.pid, signal.SIGCONT)

    def _again(self) -> None:
        self._run.happened = True
        if (self._run.cell.party, self._run.cell.mishap) == ("gate", "power"):
            drop_unsynced(self._run)
        self._gate.forget()
        self._gate = self._run.fork(None)

    def _restart_array(self) -> None:
        lab, array = self._run.lab, self._run.array
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
        heard = 0 if step.attended or step.send else run.lab.array_heard()[run.array].get(step.command, 0)
        if heard > intents[step.id]:
            problems.append(f"{step.id} was sent {heard} times on {intents[step.id]} intents")
        if heard > 1 and step.again != "safe" and f"{step.id} was sent" not in " ".join(run.asked):
            problems.append(f"{step.id} was sent {heard} times, and nobody was asked")
        if not looked_between(history, step.id) and f"{step.id} was sent" not in " ".join(run.asked):
            problems.append(f"{step.id} was intended again, and nobody had looked")
        if intents[step.id] and step.id not in told:
            problems.append(f"{step.id} was begun and nobody has looked since")
    standing, state = fold(history), run.lab.status()
    arrays = state["arrays"]
    assert isinstance(arrays, dict)
    now = arrays[run.array]
    wanted = {"held": NEW, "backed out": OLD}.get(standing.closed)
    if wanted is not None and (now["version"], now["update"]) != (wanted, "success"):
        problems.append(f"the record says {standing.closed}, the array runs {now['version']} ({now['update']})")
    if standing.closed == "held" and counted["complete"] != 1:
        problems.append(f"held, and completed {counted['complete']} times")
    return problems


def looked_between(history: Sequence[Entry], step: str) -> bool:
    """
    Whether the array was looked at, and showed that nothing had begun, between any two intents of a step.

    A step that may be repeated is sent again then. The array may still come to hear of both, where the first lay in
    the buffer of a bastion or of a frozen array while somebody looked: that is what `again: safe` answers for.
    """
    about = [(entry.kind, entry.data.get("result")) for entry in history if entry.data.get("step") == step]
    intents = [place for place, (kind, _) in enumerate(about) if kind == "step.intended"]
    return all(("step.looked", "not_begun") in about[one:two] for one, two in pairwise(intents))


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
