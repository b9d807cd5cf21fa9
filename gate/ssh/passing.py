"""A reply as one line between the gate and its legacy runner, and back; what is no such line is refused."""

from base64 import b64decode, b64encode
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from gate.evidence import Reply, ReplyState


def reply_out(reply: Reply) -> dict[str, Any]:
    """Return a reply as JSON."""
    return {
        "target": reply.target,
        "command": reply.command,
        "state": reply.state.value,
        "started_at": reply.started_at.isoformat(),
        "finished_at": reply.finished_at.isoformat(),
        "exit_status": reply.exit_status,
        "stdout": b64encode(reply.stdout).decode(),
        "stderr": b64encode(reply.stderr).decode(),
        "problem": reply.problem,
        "typed": [list(pair) for pair in reply.typed],
    }


def reply_in(told: Mapping[str, Any]) -> Reply:
    """Read a reply from JSON; KeyError, TypeError or ValueError when it is none."""
    return Reply(
        told["target"],
        told["command"],
        ReplyState(told["state"]),
        datetime.fromisoformat(told["started_at"]),
        datetime.fromisoformat(told["finished_at"]),
        told["exit_status"],
        b64decode(told["stdout"], validate=True),
        b64decode(told["stderr"], validate=True),
        told["problem"],
        tuple((str(prompt), str(typed)) for prompt, typed in told["typed"]),
    )
