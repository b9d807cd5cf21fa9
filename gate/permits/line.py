"""One conversation with the keyholder, from the gate's side: frames out, answers in, files handed over with a frame."""

import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from gate.canonical import Json
from gate.errors import Outside, Refused
from gate.keyholding import words

AWAY = "does it run? systemctl status sangate-keyholder, or sangate keyholder run"


class Line:
    """One conversation."""

    def __init__(self, sock: socket.socket, patience_s: float) -> None:
        self._sock = sock
        self._patience_s = patience_s

    def ask(self, said: dict[str, Json]) -> dict[str, object]:
        """Return the answer; Refused when it is no, Outside when none came."""
        self._sock.settimeout(self._patience_s)
        try:
            with suppress(BrokenPipeError, ConnectionResetError):  # a no may be there before anything was asked
                self._sock.sendall(words.framed(said))
        except OSError as error:
            raise self._away(error) from None
        return self.heard()

    @contextmanager
    def hand(self, said: dict[str, Json], files: Sequence[int], patience_s: float) -> Iterator["Line"]:
        """
        Ask and hand over open files; give the conversation on which the answer comes, within that many seconds.

        It is another end of the same socket: this one may be closed, and the next wish has a conversation of its own.
        Outside: it was not asked.
        """
        frame = words.framed(said)
        self._sock.settimeout(self._patience_s)
        try:
            sent = socket.send_fds(self._sock, [frame], files)
            self._sock.sendall(frame[sent:])
            later = self._sock.dup()
        except OSError as error:
            raise self._away(error) from None
        with later:
            yield Line(later, patience_s)

    def heard(self) -> dict[str, object]:
        """Return the answer to what was asked; Refused when it is no, Outside when none came."""
        until = time.monotonic() + self._patience_s
        try:
            told = words.unframed(self._exactly(words.length(self._exactly(words.HEADER, until)), until))
        except OSError as error:
            raise self._away(error) from None
        except ValueError as problem:
            raise Outside(f"the keyholder's answer cannot be read: {problem}") from None
        if "refused" in told:
            raise Refused(f"the keyholder refuses: {told['refused']}", hint=str(told.get("hint", "")))
        return told

    def _away(self, error: OSError) -> Outside:
        if isinstance(error, TimeoutError):
            return Outside(f"the keyholder did not answer within {self._patience_s:g} s", hint=AWAY)
        return Outside(f"the keyholder went away: {error.strerror or error}", hint=AWAY)

    def _exactly(self, size: int, until: float) -> bytes:
        found = bytearray()
        while len(found) < size:
            left = until - time.monotonic()
            if left <= 0:
                raise TimeoutError
            self._sock.settimeout(left)
            part = self._sock.recv(min(size - len(found), 1 << 16))
            if not part:
                raise ConnectionError("it ended the conversation")
            found += part
        return bytes(found)


@contextmanager
def opened(image: Path) -> Iterator[BinaryIO]:
    """Open an image to be handed over; Outside when it cannot be."""
    try:
        file = image.open("rb")
    except OSError as error:
        raise Outside(f"{image.name} cannot be read: {error.strerror}; nothing was sent") from None
    with file:
        yield file
