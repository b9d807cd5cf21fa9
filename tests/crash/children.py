"""Processes that are forked to come to harm: one says where it is, and waits until it is let go on."""

import ctypes
import os
import signal
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Child:
    """One of them, and two ends of pipes."""

    pid: int
    told: int
    """What it says: `x`, it has come to its boundary; `A`, likewise, and it waits there for a byte."""

    tells: int

    def go_on(self) -> None:
        """Let it go on, if it is still there."""
        with suppress(BrokenPipeError):
            os.write(self.tells, b"g")

    def end(self) -> None:
        """Kill it, whatever it does, and collect it."""
        with suppress(ProcessLookupError, ChildProcessError):
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        self.forget()

    def forget(self) -> None:
        """Close the pipes of one that was collected."""
        os.close(self.told)
        os.close(self.tells)


def forked(work: Callable[[int, int], None]) -> Child:
    """Start a process that does `work(says, heard)` and is gone when this one is."""
    told, says = os.pipe()
    heard, tells = os.pipe()
    pid = os.fork()
    if pid:
        os.close(says)
        os.close(heard)
        return Child(pid, told, tells)
    try:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        os.close(told)
        os.close(tells)
        work(says, heard)
    except BaseException:  # noqa: BLE001  a fault of the bench itself is told
        traceback.print_exc()
    finally:
        os._exit(3)
