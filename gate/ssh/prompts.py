"""
What a command may be answered while it runs: prompts on a list, each so many times, and nothing else.

A device waits for input when its last line is unfinished and nothing more comes. Whether that line is on the list is
compared as a whole: "Erase all data and continue? (y/n)" is not "continue? (y/n)", unless the list says `*continue?`.
What it said before the line is read as well: a loss that it warns of there makes of any prompt a question to people.
"""

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass

from gate.evidence import ReplyState
from gate.ssh.talk import Over, Talk
from gate.ssh.wire import printable

SETTLED = 0.3
"""Seconds without a byte after which the last line is taken as a whole (our choice)."""

WAITS = 5.0
"""Seconds without a byte after which an unfinished line that reads like a question is one (our choice)."""

QUESTION = ("?", ":", ">", "]", ")", "}")
"""How a line that waits for input ends; any other silence is waited for to the deadline."""


LOSS = re.compile(
    r"(?i)\b(?:los[et]|loss|losing|lossy|eras\w+|wip(?:e|ed|ing)|destr(?:oy|uct)\w*|delet\w+|overwrit\w+|discard\w*"
    r"|unwrit\w+|corrupt\w*|irrevers\w+|cannot be undone|format(?:s|ted|ting))\b"
)
"""Words of a line before a prompt with which a device tells of a loss (our choice: nobody lists them all)."""


@dataclass(frozen=True)
class Answer:
    """A prompt, what is typed at it, and how often at most."""

    prompt: str
    words: str
    times: int


class Prompts:
    """Listens to one command and answers what may be answered."""

    def __init__(self, answers: Sequence[Answer], end: str, not_after: float) -> None:
        """`end` ends a typed line; after `not_after` (monotonic seconds) nothing is typed any more."""
        self._left = {answer: answer.times for answer in answers}
        self._end = end
        self._not_after = not_after
        self._size = -1
        self._since = time.monotonic()
        self._answered = [0, 0]
        self.typed: list[tuple[str, str]] = []
        """Prompts as they stood there, and what was typed at each."""

    def heed(self, talk: Talk) -> None:
        """Answer if a prompt on the list waits; Over when anything else does. Nothing is typed then."""
        size = len(talk.out) + len(talk.err)
        now = time.monotonic()
        if size != self._size:
            self._size, self._since = size, now
            return
        silent = now - self._since
        line = self.waiting(talk)
        if not line or silent < SETTLED:
            return
        answer = next((one for one in self._left if _fits(line, one.prompt)), None)
        if answer is not None and (warned := self._warned(talk)):
            said = f'it says "{printable(warned[:160])}" before it asks "{printable(line[-160:])}"; nothing was typed'
            raise Over(ReplyState.PROMPTED, said)
        if answer is not None and self._left[answer] and now < self._not_after:
            self._left[answer] -= 1
            self._answered = [len(talk.out), len(talk.err)]
            self.typed.append((line, answer.words))
            talk.type((answer.words + self._end).encode("ascii"))
        elif answer is not None or (silent >= WAITS and line.endswith(QUESTION)):
            raise self.over(line, answer)

    def waiting(self, talk: Talk) -> str:
        """Return the unfinished last line of what came since the last answer; empty when there is none."""
        for stream, start in zip((talk.out, talk.err), self._answered, strict=True):
            line = bytes(stream[start:]).replace(b"\r", b"\n").rpartition(b"\n")[2]
            if text := line.decode("utf-8", "replace").strip():
                return text
        return ""

    def _warned(self, talk: Talk) -> str:
        """Return the first line since the last answer, or since the command, that tells of a loss; else nothing."""
        for stream, start in zip((talk.out, talk.err), self._answered, strict=True):
            text = bytes(stream[start:]).decode("utf-8", "replace").replace("\r", "\n")
            if warned := next((line.strip() for line in text.split("\n") if LOSS.search(line)), ""):
                return warned
        return ""

    def over(self, line: str, answer: Answer | None = None) -> Over:
        """Return the end of an exchange in which `line` waits for input."""
        why = "which is not on the list of the playbook"
        if answer is not None:
            why = "for which the time was over" if self._left[answer] else f"once more than {answer.times} times"
        said = f'it asks "{printable(line[-160:])}", {why}; nothing was typed'
        return Over(ReplyState.PROMPTED, said)

    def at_the_end(self, talk: Talk, over: Over) -> Over:
        """Return how a command ended that was given up: one that was waiting for input says so."""
        line = self.waiting(talk)
        asks = over.state is ReplyState.TIMED_OUT and line.endswith(QUESTION)
        return self.over(line) if asks else over


def _fits(line: str, prompt: str) -> bool:
    wanted = prompt.strip()
    return line.endswith(wanted[1:].strip()) if wanted.startswith("*") else line == wanted
