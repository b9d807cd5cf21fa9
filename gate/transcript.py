"""
What was sent to an array and what came back, as a recording that a terminal can play (asciicast version 2).

Nothing in it makes a screen obey: control characters are spelled out. What looks like a secret is replaced, and so are
secrets that are known; a transcript is stored under its own digest and says how much of a long answer it leaves out.
"""

import json
import re
from collections.abc import Iterable, Sequence
from datetime import datetime

from gate.evidence import Reply, ReplyState

LARGEST = 256 * 1024
"""Characters of one transcript (our choice); the raw replies are kept beside it."""

MOST_REPLIES = 200
REDACTED = "[redacted]"
SECRETS = (
    re.compile(r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----.*?(-----END [A-Z ]{0,30}PRIVATE KEY-----|\Z)", re.DOTALL),
    re.compile(
        r"(?i)(?P<kept>\b[a-z_-]{0,30}(?:password|passwd|passphrase|secret|token|community|api[_-]?key)"
        r"\"?'?\s{0,3}[=:]\s{0,3}\"?'?)[^\s\"',;]{1,500}"
    ),
    re.compile(r"(?i)(?P<kept>\s--?(?:password|passwd|passphrase|secret|token|community)\s{1,3})\S{1,500}"),
    re.compile(r"(?i)(?P<kept>\bauthorization:\s{0,3}[a-z]{1,20}\s{1,3})\S{1,500}"),
    re.compile(r"(?P<kept>://[^\s:/@]{1,100}:)[^\s/@]{1,200}(?=@)"),
)
"""What looks like a secret wherever it stands; `kept` is what remains before it."""


def redact(text: str, known: Iterable[str] = ()) -> str:
    """Return the text without secrets: those that are known, and whatever looks like one."""
    for secret in sorted({one for one in known if len(one) > 3}, key=len, reverse=True):
        text = text.replace(secret, REDACTED)
    for pattern in SECRETS:
        text = pattern.sub(lambda found: (found.groupdict().get("kept") or "") + REDACTED, text)
    return text


def recording(title: str, replies: Sequence[Reply], known: Iterable[str] = ()) -> bytes:
    """Return one exchange after the other as an asciicast; times count from the first word sent."""
    began = replies[0].started_at
    head = {"version": 2, "width": 120, "height": 40, "timestamp": int(began.timestamp()), "title": title}
    lines = [json.dumps(head, ensure_ascii=True, sort_keys=True)]
    left = LARGEST
    for reply in replies[:MOST_REPLIES]:
        for at, text in _words(reply, tuple(known)):
            shown = text[:left]
            left -= len(shown)
            lines.append(json.dumps([_since(began, at), "o", shown], ensure_ascii=True))
            if len(shown) < len(text):
                lines.append(json.dumps([_since(began, at), "o", "\r\n[the rest is left out]\r\n"], ensure_ascii=True))
                return ("\n".join(lines) + "\n").encode()
    return ("\n".join(lines) + "\n").encode()


def played(cast: bytes) -> list[tuple[float, str]]:
    """Read a recording back as seconds and words; what is not one is empty."""
    found: list[tuple[float, str]] = []
    for line in cast.decode("utf-8", "replace").splitlines()[1:]:
        try:
            at, kind, text = json.loads(line)
        except ValueError:
            return []
        if kind == "o" and isinstance(at, int | float) and isinstance(text, str):
            found.append((float(at), text))
    return found


def joined(title: str, parts: Sequence[tuple[str, bytes]]) -> bytes:
    """Return several recordings as one, each under its heading, in the order given; times count from the first."""
    starts = [_begun(cast) for _, cast in parts]
    first = starts[0] if starts else 0
    head = {"version": 2, "width": 120, "height": 40, "timestamp": first, "title": title}
    lines, now = [json.dumps(head, ensure_ascii=True, sort_keys=True)], 0.0
    for (heading, cast), start in zip(parts, starts, strict=True):
        now = max(now, float(start - first))
        lines.append(json.dumps([round(now, 3), "o", f"--- {_spelled(heading)}\r\n"], ensure_ascii=True))
        for at, text in played(cast):
            now = max(now, start - first + at)
            lines.append(json.dumps([round(now, 3), "o", text], ensure_ascii=True))
    return ("\n".join(lines) + "\n").encode()


def _begun(cast: bytes) -> int:
    try:
        head = json.loads(cast.partition(b"\n")[0])
    except ValueError:
        return 0
    began = head.get("timestamp", 0) if isinstance(head, dict) else 0
    return began if isinstance(began, int) else 0


def _words(reply: Reply, known: tuple[str, ...]) -> Iterable[tuple[datetime, str]]:
    """Yield what was sent, what came as one text each, and how it ended."""
    yield reply.started_at, f"{reply.target}> {_spelled(redact(reply.command, known))}\r\n"
    for raw in (reply.stdout, reply.stderr):
        if raw:
            text = _spelled(redact(raw.decode("utf-8", "replace"), known))
            yield reply.finished_at, text if text.endswith("\n") else text + "\r\n"
    for prompt, typed in reply.typed:
        yield reply.finished_at, f"[typed {_spelled(redact(typed, known))} at: {_spelled(redact(prompt, known))}]\r\n"
    if reply.state is not ReplyState.ANSWERED:
        yield reply.finished_at, f"[{reply.state}: {_spelled(redact(reply.problem, known))}]\r\n"
    elif reply.exit_status is not None:
        yield reply.finished_at, f"[exit status {reply.exit_status}]\r\n"


def _spelled(text: str) -> str:
    """Return text with every character spelled out that a screen would obey; lines end as a terminal wants."""
    lines = re.sub(r"\r*\n", "\n", text)
    shown = "".join(char if char.isprintable() or char in "\n\t" else f"\\u{ord(char):04x}" for char in lines)
    return shown.replace("\n", "\r\n")


def _since(began: datetime, at: datetime) -> float:
    return round(max(0.0, (at - began).total_seconds()), 3)
