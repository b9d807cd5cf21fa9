"""The pack's page: one change told for people, in one file without scripts or links to anywhere."""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from gate.canonical import utc
from gate.export.gist import LOUD, outcome
from gate.export.story import Blobs, contractor, escorted, story
from gate.ledger.checkpoint import Checkpoint
from gate.ledger.entry import Entry

SAID = {
    "change.opened": "Change opened",
    "evidence.gathered": "Evidence gathered",
    "plan.sealed": "Plan sealed",
    "verdict.given": "Verdict given",
    "approval.signed": "Approved",
    "approval.denied": "Denied",
    "attempt.refused": "Attempt refused",
    "stage.started": "Stage started",
    "permit.issued": "Permit issued",
    "step.intended": "About to act",
    "step.ended": "Step ended",
    "step.confirmed": "Confirmed by hand",
    "dry_run.ended": "Dry run",
    "step.told": "The array told how it goes on",
    "step.looked": "Looked at the array",
    "escort.asked": "An escort was asked for a go",
    "escort.go": "An escort said go",
    "escort.stopped": "Contractor stopped",
    "hold.placed": "Held",
    "hold.lifted": "Hold lifted",
    "known_answer.written": "Known data written",
    "known_answer.read": "Known data read back",
    "probe.finished": "Probe finished",
    "judgement.given": "Judgement",
    "person.asked": "A person was asked",
    "person.answered": "A person answered",
    "change.withdrawn": "Withdrawn",
    "change.halted": "Halted",
    "change.backed_out": "Backed out",
    "change.closed": "Closed",
}

LONGEST = 800
"""Characters of a list or a table of values that the page shows."""


def nothing(_: str) -> bytes | None:
    """No blob is at hand."""
    return None


def render(
    change: str,
    entries: Sequence[Entry],
    head: Checkpoint,
    vkey: str,
    blobs: Blobs = nothing,
    witnesses: Sequence[str] = (),
) -> str:
    """Return the page; everything that came from outside is escaped."""
    opened = next((entry.data for entry in entries if entry.kind == "change.opened"), {})
    closed = next((entry.data for entry in entries if entry.kind == "change.closed"), {})
    return _page("pack/index.html").render(
        change=change,
        title=opened.get("title", ""),
        outcome=closed.get("outcome", "not closed"),
        entries=[(entry, utc(entry.time), SAID.get(entry.kind, entry.kind), entry.kind in LOUD) for entry in entries],
        approvals=[entry for entry in entries if entry.kind in ("approval.signed", "approval.denied")],
        attempts=[entry for entry in entries if entry.kind == "attempt.refused"],
        story=story(entries, blobs),
        contractor=contractor(entries, blobs),
        escorted=escorted(entries),
        outcome_of=outcome,
        style=_style(),
        witnesses=witnesses,
        head=head,
        root=head.root.hex(),
        vkey=vkey,
    )


def _templates() -> list[Path]:
    """An installed package carries the templates inside; a clone has them beside it."""
    inside = Path(__file__).parent.parent
    return [inside / "templates", inside.parent / "templates"]


def controls(view: Mapping[str, Any]) -> str:
    """Return the controls report as a page of its own."""
    return _page("pack/controls.html").render(view=view, style=_style())


@cache
def _page(name: str) -> Template:
    environment = Environment(
        loader=FileSystemLoader(_templates()),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["shown"] = _shown
    environment.filters["brief"] = _brief
    return environment.get_template(name)


@cache
def _style() -> str:
    """The stylesheet of the gate's own pages, so that a picture looks in a pack as it did on the screen."""
    found = (folder.parent / "static" / "gate.css" for folder in _templates())
    return next(path for path in found if path.exists()).read_text(encoding="utf-8")


def _shown(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)


def _brief(value: object) -> str:
    """Words stay whole; of a long list its beginning, since whoever reads on paper skips the rest of it."""
    text = _shown(value)
    if isinstance(value, str) or len(text) <= LONGEST:
        return text
    return f"{text[:LONGEST]} … ({len(text)} characters in all: entries.jsonl holds them)"
