"""
The file that says who this witness is and which logs it knows: a line for each.

    name witness.example.com/backup-team
    log gate.example.com/ledger/1+4bbc6a5e+ASlX…

Two lines of one name are two keys of one log, as during a rotation; the old line is removed once a checkpoint of the
new key is cosigned, since until then whoever has the old key could have a tree of their own cosigned. The file is read
again when it has changed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from gate.errors import BadInput
from gate.ledger.note import VerifierKey, named, read_vkey

LARGEST = 1 << 20


@dataclass(frozen=True)
class Known:
    """What the file says."""

    name: str = ""
    logs: Mapping[str, tuple[VerifierKey, ...]] = field(default_factory=dict)
    """Origin → its keys."""


def read(text: str, place: str) -> Known:
    """Read the file's text; BadInput names the line."""
    name, logs = "", dict[str, tuple[VerifierKey, ...]]()
    for number, line in enumerate(text.split("\n"), 1):
        match line.split():
            case []:
                pass
            case [first, *_] if first.startswith("#"):
                pass
            case ["name", word] if not name and named(word):
                name = word
            case ["log", vkey] | ["log", vkey, _]:
                try:
                    key = read_vkey(vkey)
                except ValueError as problem:
                    raise BadInput(str(problem), place=f"{place}:{number}") from None
                logs[key.name] = (*logs.get(key.name, ()), key)
            case _:
                hint = "each line is `name NAME` (once) or `log VKEY`"
                raise BadInput("this is not a line that a witness knows", place=f"{place}:{number}", hint=hint)
    return Known(name, MappingProxyType(logs))


class LogsFile:
    """The file as it is now; a change that cannot be read leaves what was known in force."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._state: tuple[int, int] | None = None
        self._known = Known()
        self.problem = ""
        """What is wrong with the file as it is now; empty when nothing is."""

    def load(self) -> Known:
        """Read the file; no file knows no log. BadInput when it cannot be read."""
        try:
            there = self._path.stat()
            state = (there.st_mtime_ns, there.st_size)
            if state != self._state:
                with self._path.open("rb") as file:
                    content = file.read(LARGEST)
                self._state = state
                self._known = read(content.decode(), str(self._path))
        except FileNotFoundError:
            self._state, self._known = None, Known()
        except (OSError, UnicodeDecodeError) as problem:
            reason = problem.strerror if isinstance(problem, OSError) else "not UTF-8"
            raise BadInput(f"cannot be read: {reason}", place=str(self._path)) from None
        return self._known

    def now(self) -> Known:
        """Return what is known now; a file that has become unreadable is told of in `problem`."""
        try:
            known, self.problem = self.load(), ""
        except BadInput as error:
            known, self.problem = self._known, str(error)
        return known
