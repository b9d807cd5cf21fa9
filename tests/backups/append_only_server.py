"""An append-only server and the disk beneath it, as a script of answers."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from gate.evidence import Reply, ReplyState
from gate.inventory import AppendOnlyServer

NOW = datetime(2026, 11, 23, tzinfo=UTC)
PLACE = AppendOnlyServer(endpoint="https://bk-1.example:8000", sentinels="/backup/sangate")
"""Where it says it is, beside /backup/nightly."""

NAME = hashlib.sha256(b"sangate-sentinel/nightly").hexdigest()


@dataclass
class Server:
    """A server and the host beneath it, of which a test changes one answer."""

    answers: dict[str, int] = field(default_factory=dict)
    """Beginning of a question → status; other writing is refused once the object is there, other deleting always."""

    does: dict[str, Callable[[], None]] = field(default_factory=dict)
    """Beginning of a question → what really happens."""

    there: bytes | None = None
    disks: bytes = b"7\n7\n"
    blind: bool = False
    asked: list[str] = field(default_factory=list)

    def __call__(self, command: str) -> Reply:
        self.asked.append(command)
        if command.startswith("find "):
            return self._said(1 if self.blind else 0, b"" if self.there is None or self.blind else self._sum())
        if command.startswith("stat "):
            return self._said(0, self.disks)
        status = self._status(command)
        if command.startswith(f"rest nightly sentinel put key=data/{NAME}") and status < 300:
            self.there = command.rpartition("text=")[2].encode()
        for beginning, effect in self.does.items():
            if command.startswith(beginning):
                effect()
        told = json.dumps({"HTTPStatus": status}).encode()
        return self._said(0 if status < 300 else 1, told)

    def _status(self, command: str) -> int:
        for beginning, status in self.answers.items():
            if command.startswith(beginning):
                return status
        verb = command.split(" ")[3]
        if verb == "make" or "key=locks/" + NAME in command:
            return 200
        return 200 if verb == "put" and self.there is None else 403

    def _sum(self) -> bytes:
        return f"{hashlib.sha256(self.there or b'').hexdigest()}  /backup/sangate/data/{NAME[:2]}/{NAME}\n".encode()

    def _said(self, status: int, out: bytes) -> Reply:
        return Reply("bk-1", "asked", ReplyState.ANSWERED, NOW, NOW, status, out)
