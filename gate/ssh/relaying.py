"""
The runner for one array that knows SHA-1 alone: a process of its own, with the legacy set's older Paramiko.

`python -m gate.ssh.relaying`, started by `gate.ssh.relay` and by nobody else. It makes one connection, for which it is
told everything on its standard input, and ends with it. Pinned host key, deadlines, prompts and uploads are those of
the gate, since it is the same code; only the algorithms that it may agree on with the target are more. A bastion in
between is spoken to as by the gate itself.
"""

import json
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_ssh_private_key

from gate.errors import GateError, Outside
from gate.evidence import Reply
from gate.hostkeys import parse
from gate.inventory import Bastion, Ssh
from gate.ssh.client import connect, show_key
from gate.ssh.passing import reply_out
from gate.ssh.prompts import Answer
from gate.ssh.session import Session
from gate.ssh.suite import OLDER
from gate.ssh.wire import Timeouts

LONGEST_LINE = 1024 * 1024


def main() -> None:
    """Serve one connection: a line in, a line out, until the input ends."""
    session: Session | None = None
    for line in iter(lambda: sys.stdin.readline(LONGEST_LINE), ""):
        try:
            asked = json.loads(line)
            if asked["do"] == "greet":
                told: dict[str, Any] = {"key": _greet(asked)}
            elif session is None:
                session = _connected(asked)
                told = {"connected": True}
            else:
                told = reply_out(_done(session, asked))
        except GateError as error:
            told = {"error": type(error).__name__, "message": error.message, "hint": error.hint}
        except ValueError as error:  # Paramiko 5 knows none of the older algorithms
            wrong = Outside(f"the legacy runner cannot speak as old arrays do: {error}", hint="make legacy installs it")
            told = {"error": "Outside", "message": wrong.message, "hint": wrong.hint}
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()
    if session is not None:
        session.close()


def _way(asked: Mapping[str, Any]) -> dict[str, Any]:
    key = load_ssh_private_key(asked["key"].encode(), None)
    if not isinstance(key, Ed25519PrivateKey):
        raise Outside("the gate's own key is of another kind")
    return {
        "key": key,
        "pinned": parse(asked["pinned"], "known_hosts"),
        "via": Bastion.model_validate(asked["via"]) if asked["via"] else None,
        "timeouts": Timeouts(**asked["timeouts"]),
        "suite": OLDER,
    }


def _greet(asked: Mapping[str, Any]) -> str:
    shown = show_key(asked["target"], Ssh.model_validate(asked["endpoint"]), **_way(asked))
    return shown.line("host", 22)


def _connected(asked: Mapping[str, Any]) -> Session:
    return connect(
        asked["target"],
        Ssh.model_validate(asked["endpoint"]),
        user=asked["user"],
        certificate=asked["certificate"],
        password=asked["password"],
        pem=asked["pem"],
        not_after=_moment(asked["not_after"]),
        **_way(asked),
    )


def _done(session: Session, asked: Mapping[str, Any]) -> Reply:
    bounds: dict[str, Any] = {"deadline_s": asked["deadline_s"], "act_before": _moment(asked["act_before"])}
    match asked["do"]:
        case "run":
            answers = asked["answers"]
            heeded = None if answers is None else [Answer(*one) for one in answers]
            return session.run(
                asked["command"], limit_bytes=asked["limit_bytes"], answers=heeded, terminal=asked["terminal"], **bounds
            )
        case "send":
            source = Path(asked["source"])
            return session.send(source, asked["directory"], asked["name"], sha256=asked["sha256"], **bounds)
        case _:
            return session.put(Path(asked["source"]), asked["path"], sha256=asked["sha256"], **bounds)


def _moment(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


if __name__ == "__main__":
    main()
