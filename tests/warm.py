"""
`sangate` in a process of its own for each command, without loading the program anew each time.

One process loads it and forks; what a command does to its memory, its files, its working directory ends with it. A
small program called `sangate` hands over its words, its place, its environment and its three streams, passes a SIGTERM
on, waits, and ends with the same code.
"""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

from tests.repository import ROOT

LOADED = ("gate.assembly", "gate.serving", "gate.api.routes", "gate.cli.reading", "gate.export.recheck")
"""What commands load when they need it."""

CLIENT = """#!{python} -IS
import json, os, signal, socket, sys
with socket.socket(socket.AF_UNIX) as wire:
    wire.connect({path!r})
    words = json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]).encode()
    socket.send_fds(wire, [len(words).to_bytes(4, "big")], [0, 1, 2])
    wire.sendall(words)
    pid = int(wire.recv(8))
    signal.signal(signal.SIGTERM, lambda *_: os.kill(pid, signal.SIGTERM))
    sys.exit(int(wire.recv(8) or b"137"))
"""


@contextmanager
def warm(folder: Path, program_of: str = "gate.cli.main") -> Iterator[Path]:
    """
    Start it; yield the path of the program called `sangate`, which lies in `folder`.

    It runs `main` of that module with the words that it was given.
    """
    address, program = folder / "warm", folder / "sangate"
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(address))
        door.listen()
        program.write_text(CLIENT.format(python=sys.executable, path=str(address)))
        program.chmod(0o755)
        words = [sys.executable, "-m", "tests.warm", str(door.fileno()), program_of]
        server = subprocess.Popen(words, cwd=ROOT, pass_fds=[door.fileno()], stdin=subprocess.PIPE)
        try:
            yield program
        finally:
            server.kill()
            server.wait()
            if server.stdin is not None:
                server.stdin.close()


def _serve(door: socket.socket, main: Callable[..., object]) -> None:
    for name in LOADED:
        import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # so that nobody has to be waited for
    while True:
        wire, _ = door.accept()
        if os.fork():
            wire.close()
            continue
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        door.close()
        head, streams, _, _ = socket.recv_fds(wire, 4, 3)
        with wire.makefile("rb") as words:
            argv, place, environment = json.loads(words.read(int.from_bytes(head, "big")))
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        # Python's own streams remember whether they could seek, as the ones could with which this process was begun.
        sys.stdout, sys.stderr = (os.fdopen(number, "w", 1, closefd=False) for number in (1, 2))
        wire.sendall(b"%8d" % os.getpid())
        os.chdir(place)
        os.environ.clear()
        os.environ.update(environment)
        sys.argv = ["sangate", *argv]
        code = 0
        try:
            main(prog_name="sangate")
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
        except BaseException:  # noqa: BLE001  as the interpreter does at the end of a program
            sys.excepthook(*sys.exc_info())
            code = 1
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            wire.sendall(str(code).encode())
            os._exit(code)


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])), import_module(sys.argv[2]).main)
