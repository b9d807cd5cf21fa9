"""A real witness in a process of its own, as `sangate witness` starts it."""

import http.client
import os
import signal
import subprocess
import sys
from pathlib import Path

from gate.ledger.note import COSIGNATURE, VerifierKey, read_vkey

NAME = "witness.example.com/backup-team"


class RunningWitness:
    """Starts at once; `kill` is SIGKILL. What it remembers lies in `folder` and is there again at `start`."""

    def __init__(self, folder: Path, *vkeys: str, name: str = NAME) -> None:
        self.folder = folder
        self.name = name
        folder.mkdir(exist_ok=True)
        self.know(*vkeys)
        self._port = 0
        self.start()

    def know(self, *vkeys: str) -> None:
        """Write the file of logs anew; a running witness reads it again."""
        (self.folder / "logs").write_text("".join(f"log {vkey}\n" for vkey in vkeys))

    def start(self) -> None:
        """Start the process and wait until it answers, on the port that it had before."""
        listen = f"127.0.0.1:{self._port}"
        program = "import sys; from gate.cli.main import main; sys.argv[0] = 'sangate'; main()"
        words = [sys.executable, "-c", program, "witness", "--listen", listen, "--data", str(self.folder)]
        first = ""
        while not first:  # its port may be somebody else's for a moment
            self.process = subprocess.Popen([*words, "--name", self.name], stdout=subprocess.PIPE, text=True)
            assert self.process.stdout is not None
            first = self.process.stdout.readline()
            if not first:
                self._wait()
        assert self.process.stdout is not None
        second = self.process.stdout.readline()
        assert first.startswith("witness listens on http://"), first
        self.url = first.split()[-1]
        self._port = int(self.url.rpartition(":")[2])
        self.vkey: VerifierKey = read_vkey(second.split()[-1], COSIGNATURE)

    def kill(self) -> None:
        """SIGKILL, in whatever it does."""
        self.process.send_signal(signal.SIGKILL)
        self._wait()

    def freeze(self) -> None:
        """Stop answering without closing a connection."""
        os.kill(self.process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Go on."""
        os.kill(self.process.pid, signal.SIGCONT)

    def end(self) -> int:
        """SIGTERM; return the exit code."""
        self.process.send_signal(signal.SIGCONT)
        self.process.terminate()
        return self._wait()

    def _wait(self) -> int:
        code = self.process.wait(60)
        if self.process.stdout is not None:
            self.process.stdout.close()
        return code

    def post(self, body: bytes, path: str = "/add-checkpoint") -> tuple[int, str, str]:
        """Return status, content type and text."""
        return self._ask("POST", path, body)

    def get(self, path: str) -> tuple[int, str, str]:
        """Likewise."""
        return self._ask("GET", path, None)

    def _ask(self, method: str, path: str, body: bytes | None) -> tuple[int, str, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        try:
            connection.request(method, path, body)
            answer = connection.getresponse()
            return answer.status, answer.headers.get("Content-Type", ""), answer.read().decode()
        finally:
            connection.close()
