"""
What was sent to an array and what came back, as a recording that a terminal can play (asciicast version 2).

Nothing in it makes a screen obey: control characters are spelled out. What looks like a secret is replaced, and so are
secrets that are known; a transcript is stored under its own digest and says how much of a long answer it leaves out.
"""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from gate.evidence import Reply, ReplyState

LARGEST = 256 * 1024
"""Characters of one transcript (our choice); the raw replies are kept beside it."""

MOST_REPLIES = 200
REDACTED = "[redacted]"
KEY = (
    r"""(?:passw(?:or)?d|passphrase|(?<![a-z])(?:pwd|pass)|secret|token|community|api[_-]?key)(?:[_-]\w{1,20})?["']?"""
)
QUOTED = r""""(?:\\.|[^"\\\r\n])*"?|'(?:\\.|[^'\\\r\n])*'?"""
PROSE = r"(?:is|was|has|must|may|not|for|of|and|or|policy|expires|expired|authentication|file|required|will)\b"
SECRETS = (
    re.compile(r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----.*?(-----END [A-Z ]{0,30}PRIVATE KEY-----|\Z)", re.DOTALL),
    re.compile(rf"(?i)(?P<kept>{KEY}[ \t]*[=:]\s{{0,3}})(?:{QUOTED}|[^\s\"']\S*)"),
    re.compile(rf"(?i)(?P<kept>{KEY}[ \t]+)(?!{PROSE})(?:{QUOTED}|[^\s\"'=:]\S{{3,}})"),
    re.compile(r"(?i)(?P<kept>authorization[\"']?[ \t]*[=:][ \t]*)[^\s][^\r\n]*"),
    re.compile(r"(?P<kept>://[^\s:/@]*:)[^\s/@]+(?=@)"),
)
"""
What looks like a secret wherever it stands; `kept` is what remains before it.

Each begins with fixed words, and nothing without an end stands inside something repeated or where those words could
begin again: a hostile reply of a megabyte costs one walk over it. A value in quotes goes to its closing quote, or to
the end of its line. Rather too much is taken than too little: a word after "password" may be prose.
"""


def redact(text: str, known: Iterable[str] = ()) -> str:
    """Return the text without secrets: those that are known, and whatever looks like one."""
    for secret in sorted({one for one in known if len(one) > 3}, key=len, reverse=True):
        text = text.replace(secret, REDACTED)
    for pattern in SECRETS:
        text = pattern.sub(lambda found: (found.groupdict().get("kept") or "") + REDACTED, text)
    return text


def scrubbed(reply: Reply, known: Iterable[str]) -> Reply:
    """Return a reply as if the array had never echoed what opened it: nothing that is read from it can tell it."""
    secrets = [one for one in known if len(one) > 3]

    def clean(text: str) -> str:
        for secret in secrets:
            text = text.replace(secret, REDACTED)
        return text

    out, err = reply.stdout, reply.stderr
    for secret in secrets:
        out, err = (data.replace(secret.encode(), REDACTED.encode()) for data in (out, err))
    typed = tuple((clean(prompt), clean(words)) for prompt, words in reply.typed)
    return replace(reply, stdout=out, stderr=err, problem=clean(reply.problem), typed=typed)


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
