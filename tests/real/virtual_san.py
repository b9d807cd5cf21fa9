"""
The virtual SAN: user-mode Linux as an ordinary user over a read-only view of this machine, asked over a pipe.

Inside are two arrays by LIO with target ports of their own, multipath, LVM, ext4, btrfs, an iSCSI session and a loop
file (virtual_san_guest.sh). Nothing on this machine changes: no root rights, no network, no kernel module.
"""

import os
import select
import shutil
import subprocess
import tempfile
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from gate.evidence import Reply, ReplyState

GUEST = Path(__file__).with_name("virtual_san_guest.sh")
NOBODY = 65534
BOOT_S = 120.0
"""Fifteen seconds on an idle machine; several times that on a busy one."""

ANSWER_S = 30.0
END_S = 15.0


class VirtualSan:
    """One running guest: `with VirtualSan(program) as san: san.ask("findmnt …")`."""

    def __init__(self, program: str) -> None:
        self._program = program
        self._known: dict[str, Reply] = {}
        self._rest = b""

    def __enter__(self) -> Self:
        self._home = Path(tempfile.mkdtemp(prefix="sangate-san-"))
        try:
            self._start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def _start(self) -> None:
        os.chmod(self._home, 0o755)  # noqa: PTH101  the guest's user reads its script here
        script, state = self._home / "guest", self._home / "state"
        shutil.copy(GUEST, script)
        script.chmod(0o755)
        state.mkdir()
        as_nobody = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
        if as_nobody:
            os.chown(state, NOBODY, NOBODY)
        questions, self._to = os.pipe()
        self._from, answers = os.pipe()
        self.console = self._home / "console"
        with self.console.open("wb") as console:
            self._guest = subprocess.Popen(
                [
                    self._program, "mem=384M", "rootfstype=hostfs", "hostfs=/", "root=/dev/root", "ro", "quiet",
                    f"init={script}", "con=null", "con0=null,fd:1", f"ssl0=fd:{questions},fd:{answers}",
                    f"uml_dir={state}", "umid=san",
                ],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
                env={"TMPDIR": "/dev/shm", "PATH": "/usr/bin:/bin", "HOME": str(state)},
                pass_fds=(questions, answers),
                **as_nobody,  # type: ignore[call-overload]
            )  # fmt: skip
        os.close(questions)
        os.close(answers)
        if self._line(BOOT_S) != b"ready":
            raise AssertionError(f"the virtual SAN did not start:\n{self.told()}")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        guest = getattr(self, "_guest", None)
        if guest is not None:
            with suppress(OSError):
                os.write(self._to, b"end it\n")
            try:
                guest.wait(END_S)
            except subprocess.TimeoutExpired:
                guest.kill()
                guest.wait()
            os.close(self._to)
            os.close(self._from)
        shutil.rmtree(self._home, ignore_errors=True)

    def told(self) -> str:
        """Return what the guest said on its console."""
        return self.console.read_text(encoding="utf-8", errors="replace")[-4000:]

    def ask(self, command: str) -> Reply:
        """Run a command as an ordinary user, once; the same question gets the same answer."""
        if command not in self._known:
            self._known[command] = self._run(command, "nobody")
        return self._known[command]

    def change(self, command: str) -> None:
        """Run a command as root of the guest; what was answered before is asked anew."""
        self._known.clear()
        reply = self._run(command, "root")
        assert reply.exit_status == 0, reply.stderr

    def _run(self, command: str, user: str) -> Reply:
        started = datetime.now(UTC)
        os.write(self._to, f"{user} {command.encode().hex()}\n".encode())
        status, out, err = self._line(ANSWER_S).split(b" ")
        told, complained = (bytes.fromhex(words[1:].decode()) for words in (out, err))
        ended = datetime.now(UTC)
        return Reply("guest", command, ReplyState.ANSWERED, started, ended, int(status), told, complained)

    def _line(self, within_s: float) -> bytes:
        until = time.monotonic() + within_s
        while b"\n" not in self._rest:
            ready, _, _ = select.select([self._from], [], [], max(0.0, until - time.monotonic()))
            more = os.read(self._from, 1 << 16) if ready else b""
            if not more:
                raise AssertionError(f"no answer within {within_s:.0f} s:\n{self.told()}")
            self._rest += more
        line, _, self._rest = self._rest.partition(b"\n")
        return line
