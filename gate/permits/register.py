"""
What an office in the gate's own process has made and is still valid, and which of it is revoked.

Two files, each written whole or not at all: one that only the register reads, so that a restart forgets nothing, and
the list of revoked serials for `RevokedKeys` of arrays and bastions. A keyholder has both in its own place instead.
"""

import json
import os
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from gate.canonical import utc
from gate.errors import BadInput, Outside
from gate.keyholding import krl


class Made(BaseModel):
    """One permit that has not ended. `revoked` says why it opens nothing any more; empty when it still does."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    change: str
    expires: datetime
    revoked: str = ""


_ALL = TypeAdapter(dict[str, Made])


class Register:
    """Read at its first use, so that only the process that drives changes touches it. Safe to use from many threads."""

    def __init__(self, ca: str, memory: Path, listed: Path, clock: Callable[[], datetime]) -> None:
        """`ca` is the public line of whoever signs the permits; `memory` and `listed` are the two files."""
        self._ca = ca
        self._memory = memory
        self._listed = listed
        self._clock = clock
        self._made: dict[str, Made] | None = None
        self._turn = threading.Lock()

    def start(self) -> None:
        """Make good what a kill left undone: an array whose list is missing lets nobody in."""
        with self._turn:
            self._write(self._known())

    def close(self) -> None:
        """There is nothing to end."""

    def enter(self, serial: int, change: str, expires: datetime) -> None:
        """Remember a permit before anybody is given it; Outside when that cannot be written."""
        with self._turn:
            self._write({**self._known(), str(serial): Made(change=change, expires=expires)})

    def over(self, serial: int) -> None:
        """Revoke a permit that is not needed any more."""
        with self._turn:
            self._write({name: _ended(one, "used", name == str(serial)) for name, one in self._known().items()})

    def stop(self, change: str) -> None:
        """Revoke all that was made for a change and may still be valid; nothing is written where there is nothing."""
        with self._turn:
            known = self._known()
            if any(one.change == change for one in known.values()):
                self._write({name: _ended(one, "stopped", one.change == change) for name, one in known.items()})

    def _known(self) -> dict[str, Made]:
        if self._made is None:
            self._made = _read(self._memory)
        return self._made

    def _write(self, made: dict[str, Made]) -> None:
        """Write what has not ended; Outside when the memory or the list cannot be written."""
        now = self._clock()
        kept = {serial: one for serial, one in made.items() if now < one.expires}
        rows = {
            serial: {"change": one.change, "expires": utc(one.expires), "revoked": one.revoked}
            for serial, one in kept.items()
        }
        revoked = [int(serial) for serial, one in kept.items() if one.revoked]
        moment = int(now.timestamp())
        try:
            _whole(self._memory, json.dumps(rows, indent=1).encode() + b"\n", 0o600)
            self._made = kept  # what is revoked stays so, also where the list cannot be written this time
            _whole(self._listed, krl.write(self._ca, revoked, moment, moment), 0o644)
        except OSError as error:
            raise Outside(f"the register of permits cannot be written: {error.strerror}") from None


def _ended(one: Made, because: str, chosen: bool) -> Made:
    """Return a permit as it is after some were chosen to be revoked; the first reason stays."""
    return one.model_copy(update={"revoked": because}) if chosen and not one.revoked else one


def _read(memory: Path) -> dict[str, Made]:
    try:
        return _ALL.validate_json(memory.read_bytes()) if memory.exists() else {}
    except OSError as error:
        raise BadInput(f"the register of permits cannot be read: {error.strerror}", place=str(memory)) from None
    except ValidationError:
        hint = "permits end within minutes: move the file away once policy.permit_lifetime is over"
        raise BadInput("this is no register of permits", place=str(memory), hint=hint) from None


def _whole(path: Path, content: bytes, mode: int) -> None:
    begun = path.with_name(path.name + ".part")
    with begun.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    begun.chmod(mode)
    begun.replace(path)
