"""What one mutating step sends over a session that was opened for it: a command, or the approved image."""

from datetime import datetime
from pathlib import Path

from gate.evidence import Reply
from gate.ssh.prompts import Answer
from gate.ssh.relay import Relayed
from gate.ssh.session import Session
from gate.step import Step


def deadline_s(step: Step, act_before: datetime, now: datetime) -> float:
    """Return the seconds after which a step is given up: an upload has at least until its bytes must have left."""
    return max(1.0, (act_before - now).total_seconds(), step.within_s) if step.send else float(step.within_s)


def send_step(
    session: Session | Relayed, step: Step, image: Path, sha256: str, act_before: datetime, now: datetime
) -> Reply:
    """Send one step; `image` is the file whose name and digest were approved."""
    seconds = deadline_s(step, act_before, now)
    if step.by:
        return session.put(image, step.send, deadline_s=seconds, sha256=sha256, act_before=act_before)
    if step.send:
        return session.send(image, step.send, image.name, deadline_s=seconds, sha256=sha256, act_before=act_before)
    return session.run(
        step.command,
        deadline_s=seconds,
        act_before=act_before,
        answers=[Answer(one.prompt, one.answer, one.times) for one in step.answers],
        terminal=step.terminal,
    )
