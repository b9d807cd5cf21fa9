"""The evidence: what is known of every dataset, and what a device answered."""

from collections.abc import Callable

from flask import Blueprint, Response, render_template, url_for
from flask import redirect as lead
from werkzeug.wrappers import Response as Answer

from gate.control.desk import Progress
from gate.control.views import View
from gate.errors import NotThere
from gate.person import Person
from gate.web.face import face, fragment
from gate.web.session import person

REPLY_MOST = 200_000
"""Bytes of a raw reply that a page shows; the pack has the whole."""


def add(pages: Blueprint) -> None:
    """Add the routes."""
    pages.add_url_rule("/evidence", "evidence", evidence)
    pages.add_url_rule("/evidence/live", "evidence_live", evidence_live)
    pages.add_url_rule("/evidence/<dataset>/reference", "reference", reference, methods=["POST"])
    pages.add_url_rule("/evidence/<dataset>/rehearse", "rehearse", rehearse, methods=["POST"])
    pages.add_url_rule("/replies/<digest>", "reply", reply)


def evidence() -> str:
    """Show what is known of every dataset and its backups."""
    return render_template("evidence.html", **_known())


def evidence_live() -> Response:
    """Show the part of the page that moves."""
    return fragment("_evidence.html", **_known())


def rehearse(dataset: str) -> Answer:
    """Begin a restore for proof."""
    return _begin(dataset, "rehearse a restore", face().control.rehearse)


def reference(dataset: str) -> Answer:
    """Begin to read production, so that later restores can be compared with it."""
    return _begin(dataset, "record a reference", face().control.reference)


def _begin(dataset: str, what: str, verb: Callable[[Person, str, Progress], View]) -> Answer:
    actor = person()
    if dataset in {item["id"] for item in face().control.datasets(actor)}:
        face().jobs.start(_subject(dataset), what, actor.id, lambda told: verb(actor, dataset, told))
        return lead(url_for("pages.evidence", _anchor=dataset), 303)
    raise NotThere(f'there is no dataset "{dataset[:40]}"')


def _known() -> dict[str, object]:
    datasets: list[View] = face().control.datasets(person())
    return {"datasets": datasets, "jobs": {item["id"]: face().jobs.of(_subject(item["id"])) for item in datasets}}


def reply(digest: str) -> str:
    """Show a device's raw reply; it is hostile text, so every sign that a screen would obey is spelled out."""
    raw = face().control.reply(person(), digest)
    text = raw[:REPLY_MOST].decode("utf-8", errors="backslashreplace")
    return render_template("reply.html", digest=digest, text=text, size=len(raw), cut=len(raw) > REPLY_MOST)


def _subject(dataset: str) -> str:
    return f"dataset {dataset}"
