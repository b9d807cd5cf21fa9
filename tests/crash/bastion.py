"""OpenSSH's sshd as the one way to the arrays, which is killed, frozen and started again."""

import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from gate.hostkeys import HostKeys
from gate.inventory import Bastion, Ssh
from tests.parts import need
from tests.real.sshd import USER, Server, servers

NAME = "jump-east"


@dataclass
class Jump:
    """A bastion that opens ways to the arrays for whoever may log in there, and runs nothing."""

    server: Server
    again: "list[subprocess.Popen[bytes]]" = field(default_factory=list)

    @property
    def declared(self) -> Bastion:
        """As the inventory has it."""
        return Bastion(id=NAME, user=USER, ssh=Ssh(host="127.0.0.1", port=self.server.port))

    @property
    def pins(self) -> HostKeys:
        """Its host key."""
        return self.server.pinned

    def kill(self) -> None:
        """SIGKILL to all of it: the listening process first, so that nothing new begins."""
        for pid in _family(self._master()):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        (self.server.home / "pid").unlink(missing_ok=True)

    def cut(self) -> None:
        """SIGKILL to what serves open connections: they end without a goodbye, and new ones are taken."""
        for pid in _family(self._master())[1:]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def freeze(self) -> None:
        """SIGSTOP to all of it."""
        for pid in _family(self._master()):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT to all of it."""
        for pid in _family(self._master()):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    def start(self) -> None:
        """Start it again on its port, under its host key."""
        self.again.append(self.server.start())

    def _master(self) -> int:
        return int((self.server.home / "pid").read_text())


def _family(pid: int) -> list[int]:
    """Return a process and everything below it, itself first."""
    found = [pid]
    for one in found:
        with suppress(OSError):
            found += [int(word) for word in Path(f"/proc/{one}/task/{one}/children").read_text().split()]
    return found


@contextmanager
def bastion(home: Path, ca: str, monitor: str, ways: Sequence[tuple[str, str, int]]) -> Iterator[Jump]:
    """Start one with a way for each (array, address, port); `monitor` is the public line that may go all of them."""
    need("sshd")
    home.mkdir()
    opens = {name: f'permitopen="{host}:{port}"' for name, host, port in ways}
    principals = "".join(f"restrict,port-forwarding,{way} {name}\n" for name, way in opens.items())
    with servers(home, launch=(need("setpriv"), "--pdeathsig", "KILL")) as begin:  # it ends with us, however we end
        server = begin(ca=ca, principals=principals, forwarding=True, more="ForceCommand /bin/false\n")
        (server.home / "authorized").write_text(f"restrict,port-forwarding,{','.join(opens.values())} {monitor}\n")
        made = Jump(server)
        try:
            yield made
        finally:
            for process in made.again:
                process.kill()
                process.wait(60)
