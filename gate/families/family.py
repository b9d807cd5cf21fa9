"""What a family is: which words ask, which words are forbidden, and who reads the replies."""

import re
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from datetime import datetime

from gate.evidence import ArrayReading, Part, Reply, ReplyState

Facts = dict[str, str]

REMARKS = "remarks"
"""
The fact of a vendor's own look that people read: warnings, and words of which the gate knows no form. Without times, so
that the same words are the same remarks.
"""
REMARKS_MAX = 2000


def plain(words: str) -> str:
    """Return a device's words for one line of a page: TAB and line ends, which a reply may hold, become blanks."""
    return "".join(char if char.isprintable() else " " for char in words)


class Unreadable(ValueError):
    """A reply that says nothing we may rely on; the reason is one sentence, in which the reply may be quoted."""

    def __init__(self, reason: str) -> None:
        super().__init__(plain(reason))


def stumbled(error: Exception) -> str:
    """Say that a reader has a mistake, by the error's kind alone: its words may hold anything of the reply."""
    return f"the reader stumbled over this reply ({type(error).__name__[:40]}): a mistake in it, and nothing is known"


@dataclass(frozen=True)
class Reader:
    """Reads one reply into facts, all of them text; never raises, whatever a device said."""

    names: tuple[str, ...]
    """Every fact that it can give; a fact that the reply does not tell is left out."""

    from_reply: Callable[[Reply], Facts]
    """May raise Unreadable."""

    def __call__(self, reply: Reply) -> Facts:
        """Return the facts; when nothing can be relied on, only `unreadable` with the reason, for people to read."""
        try:
            return self.from_reply(reply)
        except Unreadable as error:
            return {"unreadable": str(error)}
        except Exception as error:  # noqa: BLE001  a mistake in one reader is no reason to know nothing of the others
            return {"unreadable": stumbled(error)}


@dataclass(frozen=True)
class Family:
    """One dialect of arrays."""

    questions: Mapping[str, str]
    """Name → command: what gathering asks, under the read-only credential."""

    read_only: tuple[re.Pattern[str], ...]
    """Whole commands that change nothing."""

    mutating: tuple[re.Pattern[str], ...]
    """Whole commands that a playbook may `do`."""

    forbidden: tuple[tuple[re.Pattern[str], str], ...]
    """What may stand in no playbook, and why: told in preference to "not on the list"."""

    readers: Mapping[str, Reader]
    read: Callable[[str, Mapping[str, Reply], datetime], ArrayReading]
    """(array id, replies by question name, now) → who the array is and whether it is well."""

    prechecked: bool = False
    """Whether the vendor documents a look of the array's own before an update; `playbooks/FAMILY/precheck.yaml`."""

    fetches: bool = False
    """Whether its arrays fetch an image by themselves, from the web server of the settings."""

    spell: Callable[[str], str] = str
    """A command with what stands before and behind it, so that the array answers in the form that the readers read."""

    parts: Callable[[], Generator[str, Reply, tuple[Part, ...]]] | None = None
    """Yields questions, is sent their replies, and returns every replaceable part; may raise Unreadable. None where no
    question is known that makes its arrays tell part numbers, serials and firmware."""

    def spoken(self, command: str) -> str:
        """Return a command of a playbook in the words that go over the wire; `{unit}` may stand in them."""
        return self.spell(command)

    def commands(self, unit: str | None) -> dict[str, str]:
        """Return the questions by name for one array; `unit` is its name at the management host, where it has one."""
        return {name: words.replace("{unit}", unit or "") for name, words in self.questions.items()}

    def may_ask(self, command: str) -> bool:
        """True when the whole command is on the list of questions that change nothing."""
        return any(pattern.fullmatch(command) for pattern in self.read_only)

    def forbids(self, command: str) -> str:
        """Return why no playbook may `do` the command; empty when it may."""
        for pattern, why in self.forbidden:
            if pattern.search(command):
                return why
        known = any(pattern.fullmatch(command) for pattern in self.mutating)
        return "" if known else "it is not on the family's list of firmware commands"

    def facts(self, reader: str) -> tuple[str, ...]:
        """Return the names of the facts that a reader can give; () when there is no such reader."""
        return self.readers[reader].names if reader in self.readers else ()


def whole_text(reply: Reply) -> str:
    """Return standard output of an answered reply with plain line ends; Unreadable says why there is none."""
    if reply.state is not ReplyState.ANSWERED:
        raise Unreadable(f"no answer ({reply.state}): {reply.problem or 'no reason given'}")
    try:
        return re.sub(r"\r+\n", "\n", reply.text())
    except ValueError as error:
        raise Unreadable(f"the reply is not readable text: {error}") from None
