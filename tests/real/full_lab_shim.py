"""
What sshd runs for every command on an array of the full lab: hands the words over, and gives back what comes.

Arguments: the lab's socket, the array, and the right with which the login came (`admin` or `monitor`). Classic SCP is
received here, so that only whole files are handed over. Standard library only; it is started for each command.
"""

import json
import os
import re
import socket
import sys
from typing import Any, TextIO


def ask(**said: str) -> tuple[bytes, bytes, int]:
    """
    Put one question to the lab; without an answer the connection ends as that of an array that restarts.

    Where the lab asks back, what it says is given at once, and the line that is typed then goes to it.
    """
    with socket.socket(socket.AF_UNIX) as line:
        try:
            line.connect(sys.argv[1])
            with line.makefile("rw", encoding="ascii") as talk:
                told = put(talk, {"array": sys.argv[2], "right": sys.argv[3], **said})
                while told["asks"]:
                    give(told["out"].encode("latin-1"))
                    typed = sys.stdin.buffer.readline(1000)
                    if not typed.endswith(b"\n"):
                        sys.exit(255)
                    told = put(talk, {"typed": typed.decode("latin-1").rstrip("\r\n")})
        except (OSError, ValueError):
            sys.exit(255)
    return told["out"].encode("latin-1"), told["err"].encode("latin-1"), told["status"]


def put(talk: TextIO, words: dict[str, str]) -> dict[str, Any]:
    """Send one line to the lab and return the one that comes back; ValueError where none does."""
    talk.write(json.dumps(words) + "\n")
    talk.flush()
    told: dict[str, Any] = json.loads(talk.readline())
    return told


def give(data: bytes) -> None:
    """Write at once, since the other side waits for it."""
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def sink(directory: str) -> int:
    """Receive one file: `C0644 size name`, the bytes, a zero byte; each is answered by a zero."""
    give(b"\0")
    header = re.fullmatch(rb"C[0-7]{4} ([0-9]{1,9}) ([A-Za-z0-9._-]{1,100})\n", sys.stdin.buffer.readline(200))
    if header is None:
        give(b"\1scp: protocol error\n")
        return 1
    give(b"\0")
    content = sys.stdin.buffer.read(int(header[1]))
    if len(content) != int(header[1]) or sys.stdin.buffer.read(1) != b"\0":
        return 1
    _, problem, _ = ask(directory=directory, name=header[2].decode(), content=content.decode("latin-1"))
    if problem:
        give(b"\1scp: " + problem + b"\n")
        return 1
    give(b"\0")
    return 0


def main() -> int:
    """Answer the one command of this login."""
    line = os.environ.get("SSH_ORIGINAL_COMMAND", "")
    if line.startswith("scp -t "):
        return sink(line.removeprefix("scp -t "))
    out, err, status = ask(line=line)
    give(out)
    sys.stderr.buffer.write(err)
    return status


if __name__ == "__main__":
    sys.exit(main())
