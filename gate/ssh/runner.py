"""One legacy runner as a process: a line to it, a line back, and an end whatever it does."""

import json
import os
import selectors
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from gate.errors import BadInput, GateError, HostKeyRefused, Outside, Refused
from gate.ssh.wire import Timeouts

ROOT = Path(__file__).parents[2]
STARTING_S = 20.0
"""Seconds that the runner may take to start, besides those of connecting (our choice)."""

LARGEST = 100 * 1024 * 1024
ERRORS: dict[str, type[GateError]] = {one.__name__: one for one in (HostKeyRefused, Refused, Outside, BadInput)}


class Silent(Exception):
    """The runner did not answer; never leaves gate/ssh."""


class Runner:
    """One runner process: a line to it, a line back."""

    def __init__(self, process: "subprocess.Popen[bytes]", into: IO[bytes], out: IO[bytes]) -> None:
        self._process = process
        self._into = into
        self._out = out

    @property
    def alive(self) -> bool:
        """False once it has ended."""
        return self._process.poll() is None

    def asked(self, request: dict[str, Any], timeouts: Timeouts) -> dict[str, Any]:
        """Ask for the connection; the error that it tells of is raised, Outside where it tells nothing."""
        seconds = STARTING_S + 2 * (timeouts.connect_s + timeouts.banner_s + timeouts.login_s)
        try:
            told = self.ask(request, seconds)
        except Silent as silent:
            raise Outside(f"the legacy runner did not connect to {request['target']}: {silent}") from None
        if "error" in told:
            kind = ERRORS.get(str(told["error"]), Outside)
            raise kind(str(told.get("message", ""))[:2000], hint=str(told.get("hint", ""))[:2000])
        return told

    def ask(self, request: dict[str, Any], seconds: float) -> dict[str, Any]:
        """Return what it says; Refused as it tells of it, Silent for anything that is no answer."""
        until = time.monotonic() + seconds
        try:
            self._into.write(json.dumps(request).encode() + b"\n")
            self._into.flush()
            told = json.loads(self._line(until))
        except (OSError, ValueError) as error:
            raise Silent(str(error) or type(error).__name__) from None
        if not isinstance(told, dict):
            raise Silent("it says something else")
        if told.get("error") == "Refused" and request["do"] not in ("connect", "greet"):
            raise Refused(str(told.get("message", ""))[:2000], hint=str(told.get("hint", ""))[:2000])
        return told

    def _line(self, until: float) -> bytes:
        found, out = bytearray(), self._out.fileno()
        with selectors.DefaultSelector() as waiting:
            waiting.register(out, selectors.EVENT_READ)
            while not found.endswith(b"\n"):
                if not waiting.select(max(0.0, until - time.monotonic())):
                    raise Silent("its time is over")
                part = os.read(out, 1 << 16)
                found += part
                if not part or len(found) > LARGEST:
                    raise Silent("it ended" if not part else "it says too much")
        return bytes(found)

    def cut(self) -> None:
        """Kill it; whoever waits for its answer hears that it ended."""
        self._process.kill()

    def close(self) -> None:
        """End it; what it has sent stays sent."""
        self._process.kill()
        for pipe in (self._into, self._out):
            with suppress(OSError):
                pipe.close()
        self._process.wait()


def start(python: Path | None, target: str) -> Runner:
    """Start one under that Python; Outside, with the way to get one, where it is not installed."""
    if python is None or not python.is_file():
        hint = "make legacy installs it; then name its Python as ssh.legacy_python"
        raise Outside(f"{target} is marked legacy, and no legacy runner is installed", hint=hint)
    words = [str(python), "-s", "-m", "gate.ssh.relaying"]
    try:
        process = subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
            start_new_session=True,
        )
    except OSError as error:
        raise Outside(f"the legacy runner for {target} cannot be started: {error.strerror}") from None
    if process.stdin is None or process.stdout is None:
        raise Outside(f"the legacy runner for {target} has no pipes")
    return Runner(process, process.stdin, process.stdout)
