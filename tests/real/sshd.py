"""Debian's OpenSSH server on loopback, started and ended by whoever needs one."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from gate.hostkeys import HostKeys, parse
from gate.inventory import Ssh
from gate.ssh.client import connect
from gate.ssh.session import Session
from gate.ssh.wire import Timeouts
from tests.parts import need
from tests.places import free_port

USER = "root" if os.geteuid() == 0 else os.environ.get("USER", "")
QUICK = Timeouts(connect_s=20, banner_s=30, login_s=30, channel_s=30)


@dataclass
class Server:
    """One sshd with its own host key, trusting one plain key and one CA for the principal `west-2`."""

    port: int
    key: Ed25519PrivateKey
    host_line: str
    log: Path
    home: Path
    words: tuple[str, ...] = ()
    """What starts it."""

    def start(self) -> "subprocess.Popen[bytes]":
        """Start it, the first time or again, and return once it listens."""
        process = subprocess.Popen(self.words)
        until = time.monotonic() + 30
        while not (self.home / "pid").exists() and time.monotonic() < until:  # it is written once the server listens
            time.sleep(0.02)
        return process

    @property
    def pinned(self) -> HostKeys:
        return parse(f"[127.0.0.1]:{self.port} {self.host_line}\n", "known_hosts")

    def connect(self, **given: object) -> Session:
        wanted = {"user": USER, "key": self.key, "pinned": self.pinned, "timeouts": QUICK} | given
        return connect("west-2", Ssh(host="127.0.0.1", port=self.port), **wanted)  # type: ignore[arg-type]


def public(key: Ed25519PrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def private(path: Path, key: Ed25519PrivateKey) -> Path:
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    path.chmod(0o600)
    return path


@contextmanager
def servers(
    below: Path, inside: str = "", address: str = "127.0.0.1", launch: tuple[str, ...] = ()
) -> Iterator[Callable[..., Server]]:
    """
    Give a function that starts servers in that directory; each is stopped by its own id.

    `inside` is the network namespace they run in, where it is not this machine's own; `launch` are words before theirs.
    """
    program = need("sshd")
    running: list[subprocess.Popen[bytes]] = []
    within = [*launch, *(("ip", "netns", "exec", inside) if inside else ())]

    def begin(
        *, ca: str = "", more: str = "", principals: str = "west-2\n", options: str = "", forwarding: bool = False
    ) -> Server:
        """`options` stand before the plain key; `forwarding` makes it a bastion: ways through it, and no commands."""
        home = below / f"sshd{len(running)}"
        home.mkdir()
        host_key, key, port = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate(), free_port()
        (home / "authorized").write_text(f"{options} {public(key)}\n".lstrip())
        (home / "principals").write_text(principals)
        (home / "ca.pub").write_text(ca or public(Ed25519PrivateKey.generate()))
        config = home / "sshd_config"
        config.write_text(
            f"ListenAddress {address}:{port}\nHostKey {private(home / 'hk', host_key)}\nPidFile {home}/pid\n"
            f"UsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nStrictModes no\n"
            f"PermitRootLogin prohibit-password\nAuthorizedKeysFile {home}/authorized\n"
            f"TrustedUserCAKeys {home}/ca.pub\nAuthorizedPrincipalsFile {home}/principals\n"
            f"AllowUsers {USER}\nDisableForwarding {'no' if forwarding else 'yes'}\nPermitTTY no\n"
            f"LogLevel VERBOSE\n{more}"
        )
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        log = home / "log"
        words = (*within, program, "-D", "-E", str(log), "-f", str(config))
        made = Server(port, key, public(host_key), log, home, words)
        running.append(made.start())
        return made

    yield begin
    for process in running:
        process.terminate()
        process.wait(60)
