"""
What the pack's page tells beyond the entries: the pictures, the checks, the steps with what the array answered.

Everything is read from the change's entries and the blobs they name. What cannot be read is left out: the page is for
people, and the entries stand below it whole.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from gate.drawing.chart import Chart, charts
from gate.drawing.isolation import Picture, landscape, portrait, told
from gate.ledger.entry import Entry

Blobs = Callable[[str], bytes | None]
EXCERPT = 1500
"""Characters of a reply that the page shows; the whole is in the pack under its digest."""


@dataclass(frozen=True)
class Reply:
    """What a device answered."""

    digest: str
    text: str
    size: int
    """Bytes of the whole."""


@dataclass(frozen=True)
class Step:
    """One step or look: the exact words, and what came of them."""

    entry: Entry
    command: str
    replies: tuple[Reply, ...]


@dataclass(frozen=True)
class Story:
    """What is drawn and told."""

    pictures: tuple[tuple[str, str, Picture, Picture], ...]
    """Name, words for those who hear it, wide and tall."""

    findings: tuple[Mapping[str, Any], ...]
    charts: tuple[Chart, ...]
    steps: tuple[Step, ...]
    parts: tuple[tuple[str, ...], ...] = ()
    """What is replaced: what it is, slot, part, serial, firmware; one row each for old, new and partner."""


def story(entries: Sequence[Entry], blobs: Blobs) -> Story:
    """Read the story of one change; `blobs` returns the bytes of a digest, or None."""
    verdict = _json(_named(entries, "verdict"), blobs)
    plan = _json(_named(entries, "plan"), blobs)
    pictures: list[tuple[str, str, Picture, Picture]] = []
    drawn: list[Chart] = []
    with suppress(KeyError, TypeError, ValueError, AttributeError):
        for number, item in enumerate(verdict.get("isolation", [])):
            name = f"{item['dataset']} and {item['protection'] or 'no backup'}"
            pictures.append((name, told(item), landscape(item, number), portrait(item, number)))
    with suppress(KeyError, TypeError, ValueError, AttributeError):
        drawn = charts(_run(entries), plan["thresholds"])
    findings = tuple(one for one in verdict.get("findings", []) if isinstance(one, dict) and "check" in one)
    return Story(tuple(pictures), findings, tuple(drawn), tuple(_steps(entries, blobs)), _parts(plan.get("part")))


def _parts(part: object) -> tuple[tuple[str, ...], ...]:
    if not isinstance(part, dict):
        return ()
    told = {key: str(value) for key, value in part.items()}
    with suppress(KeyError):
        old = (told["slot"], told["old_part"], told["old_serial"], "")
        new = (told["slot"], told["part"], told["serial"], f"{told['firmware']}, as told by {told['paper']}")
        partner = (told["partner_slot"], told["partner_part"], told["partner_serial"])
        return (
            (f"{told['what']} taken out", *old),
            (f"{told['what']} put in", *new),
            ("its partner", *partner, f"{told['partner_firmware']}, as told by the array"),
        )
    return ()


def contractor(entries: Sequence[Entry], blobs: Blobs) -> Mapping[str, Any]:
    """Return whom the plan names as its contractor; empty where people of the house performed."""
    named = _json(_named(entries, "plan"), blobs).get("contractor")
    return named if isinstance(named, dict) else {}


def escorted(entries: Sequence[Entry]) -> list[tuple[str, str, str, str]]:
    """Return when who said go to which words and how, and who stopped it."""
    found = []
    for entry in entries:
        when, who, data = f"{entry.time:%Y-%m-%d %H:%M:%S} UTC", entry.actor.id, entry.data
        if entry.kind == "escort.go":
            words = ""
            with suppress(KeyError, TypeError, ValueError, RecursionError):
                words = str(json.loads(str(data["statement"]))["words"])
            how = "signed go" if data.get("method") == "ssh" else "go in a session (the gate's word)"
            found.append((when, who, f"{how} to {data.get('step', '')}", words))
        elif entry.kind == "escort.stopped":
            found.append((when, who, "stopped the contractor", str(data.get("reason", ""))))
    return found


def _named(entries: Sequence[Entry], name: str) -> str:
    """The digest of the newest blob of that name."""
    return next((blob.sha256 for entry in reversed(entries) for blob in entry.blobs if blob.name == name), "")


def _json(digest: str, blobs: Blobs) -> dict[str, Any]:
    stored = blobs(digest) if digest else None
    with suppress(ValueError, RecursionError):
        found = json.loads(stored or b"{}")
        return found if isinstance(found, dict) else {}
    return {}


def _run(entries: Sequence[Entry]) -> dict[str, Any]:
    """Reads of canary and control before the change (round 0) and after, as the chart takes them."""
    sealed = next((entry.data for entry in reversed(entries) if entry.kind == "plan.sealed"), {})
    points: dict[str, dict[str, Any]] = {}
    for entry in entries:
        if entry.kind == "probe.finished" and entry.data.get("name") == "latency":
            array = str(entry.data["array"])
            known = points.setdefault(array, {"array": array, "before": [], "after": []})
            values = entry.data.get("value")
            numbers = [value for value in values if isinstance(value, int)] if isinstance(values, list) else []
            known["after" if entry.data.get("round") else "before"] += numbers
    return {"canary": sealed["canary"], "control": sealed["control"], "latencies": list(points.values())}


def _steps(entries: Sequence[Entry], blobs: Blobs) -> list[Step]:
    found, commands = [], dict[tuple[object, ...], str]()
    for entry in entries:
        at = tuple(entry.data.get(key) for key in ("phase", "number", "attempt"))
        if entry.kind == "step.intended":
            commands[at] = str(entry.data.get("command", ""))
        elif entry.kind in ("step.ended", "step.looked"):
            replies = tuple(reply for blob in entry.blobs if (reply := _reply(blob.sha256, blobs)))
            found.append(Step(entry, commands.get(at, ""), replies))
    return found


def _reply(digest: str, blobs: Blobs) -> Reply | None:
    stored = blobs(digest)
    if stored is None:
        return None
    text = stored[: 4 * EXCERPT].decode("utf-8", errors="backslashreplace")[:EXCERPT]
    plain = "".join(char if char.isprintable() or char in "\n\t" else f"\\u{ord(char):04x}" for char in text)
    return Reply(digest, plain.replace("\t", "    "), len(stored))
