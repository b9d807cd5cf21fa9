"""
Linux SCSI target framework in user space: a tgtd of our own per array, with its own control socket.

tgtd keeps its configuration in memory alone and ignores SIGTERM while it has targets (both measured on 1.0.85): it is
set up anew after every start, and ended by SIGKILL.
"""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.parts import need

UP_S = 60


@dataclass(frozen=True)
class Lun:
    """One logical unit; tgt takes four characters of revision and cuts the rest in silence."""

    number: int
    file: Path
    vendor: str = "SANGATE"
    product: str = "FULL-LAB"
    revision: str = "8603"
    serial: str = "SN0001"


@dataclass
class Tgtd:
    """One process with one target. `inside` are words before every command: `ip netns exec NAME`."""

    home: Path
    portals: tuple[str, ...]
    target: str
    control: int
    luns: tuple[Lun, ...]
    inside: tuple[str, ...] = ()
    accounts: tuple[tuple[str, str, bool], ...] = ()
    """(user, secret, whether the target itself proves itself with it)."""

    launch: Callable[..., "subprocess.Popen[bytes]"] = subprocess.Popen
    process: "subprocess.Popen[bytes] | None" = field(default=None, repr=False)

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def start(self) -> None:
        """Run tgtd and tell it all that it is to be."""
        self.home.mkdir(parents=True, exist_ok=True)
        program, portals = need("tgtd"), ",".join(f"portal={one}" for one in self.portals)
        words = [*self.inside, program, "-f", "-t", "1", "-C", str(self.control), "--iscsi", portals]
        with (self.home / "tgtd.log").open("ab") as log:
            self.process = self.launch(words, stdout=log, stderr=log, env=self._environment())
        until = time.monotonic() + UP_S
        while self._adm("--op", "show", "--mode", "target") is None:
            assert time.monotonic() < until, (self.home / "tgtd.log").read_text()
            time.sleep(0.02)
        self.do("--op", "new", "--mode", "target", "--tid", "1", "-T", self.target)
        for lun in self.luns:
            self._offer(lun)
        for user, secret, outgoing in self.accounts:
            self.do("--op", "new", "--mode", "account", "--user", user, "--password", secret)
            way = ("--outgoing",) if outgoing else ()
            self.do("--op", "bind", "--mode", "account", "--tid", "1", "--user", user, *way)
        self.do("--op", "bind", "--mode", "target", "--tid", "1", "-I", "ALL")

    def stop(self) -> None:
        """End it at once, as a controller that loses power."""
        if self.process is not None:
            self.resume()
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()
            self.process.wait(60)
            self.process = None

    def revise(self, revision: str) -> None:
        self.update(1, f"product_rev={revision}")

    def update(self, lun: int, *params: str) -> None:
        """One parameter a call: tgt applies those before a bad one and then fails."""
        for each in params:
            self.do("--op", "update", "--mode", "logicalunit", "--tid", "1", "--lun", str(lun), f"--params={each}")

    def freeze(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        if self.process is not None and self.process.poll() is None:
            os.kill(self.pid, signal.SIGCONT)

    def do(self, *words: str) -> str:
        said = self._adm(*words)
        assert said is not None, (words, self.refused)
        return said

    refused: str = ""

    def _adm(self, *words: str) -> str | None:
        command = [*self.inside, need("tgtadm"), "-C", str(self.control), "--lld", "iscsi", *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=self._environment())
        self.refused = done.stderr
        return done.stdout if done.returncode == 0 else None

    def _offer(self, lun: Lun) -> None:
        number = str(lun.number)
        at = ("--mode", "logicalunit", "--tid", "1", "--lun", number)
        self.do("--op", "new", *at, "-b", str(lun.file))
        told = (f"vendor_id={lun.vendor}", f"product_id={lun.product}", f"product_rev={lun.revision}")
        for each in (*told, f"scsi_sn={lun.serial}"):
            self.do("--op", "update", *at, f"--params={each}")

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "TGT_IPC_SOCKET": str(self.home / "ipc")}


def blank(path: Path, mib: int) -> Path:
    """Make a file of zeroes to back a LUN."""
    with path.open("wb") as file:
        file.truncate(mib << 20)
    return path


def inquired(url: str, *words: str, user: Sequence[str] = ()) -> "subprocess.CompletedProcess[str]":
    """Ask libiscsi's tool, the independent judge."""
    command = [*user, need("iscsi-inq"), *words, url]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
