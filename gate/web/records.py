"""The ledger and the evidence: what was entered, its seal, what is known of every dataset."""

from collections.abc import Callable

from flask import Blueprint, Response, render_template, request, stream_with_context, url_for
from flask import redirect as lead
from werkzeug.wrappers import Response as Answer

from gate.control.desk import Progress
from gate.control.views import View
from gate.errors import NotThere
from gate.person import Person
from gate.web.face import face, fragment
from gate.web.session import person

PAGE = 100
"""Entries on one page."""

REPLY_MOST = 200_000
"""Bytes of a raw reply that a page shows; the pack has the whole."""


def add(pages: Blueprint) -> None:
    """Add the routes."""
    pages.add_url_rule("/ledger", "ledger", ledger)
    pages.add_url_rule("/ledger/export", "export", export, methods=["POST"])
    pages.add_url_rule("/evidence", "evidence", evidence)
    pages.add_url_rule("/evidence/live", "evidence_live", evidence_live)
    pages.add_url_rule("/evidence/<dataset>/reference", "reference", reference, methods=["POST"])
    pages.add_url_rule("/evidence/<dataset>/rehearse", "rehearse", rehearse, methods=["POST"])
    pages.add_url_rule("/replies/<digest>", "reply", reply)


def ledger() -> str:
    """Show one page of entries and the seal over all; without a start the newest."""
    actor, control = person(), face().control
    change = request.args.get("change", "")[:40] or None
    size = control.size()
    given = request.args.get("start", "")
    newest = 0 if change else max(0, size - PAGE)
    start = min(int(given), size) if given.isdigit() and len(given) < 16 else newest
    return render_template(
        "ledger.html",
        seal=control.seal(),
        entries=control.entries(actor, change, start, PAGE),
        change=change or "",
        start=start,
        size=size,
        page=PAGE,
    )


def export() -> Response:
    """Hand out the exact log, line by line; a POST, since it is entered that it was taken."""
    leaving = face().control.export(person())
    response = Response(stream_with_context(leaving.chunks), mimetype=leaving.media_type)
    response.headers["Content-Disposition"] = f"attachment; filename={leaving.name}"
    return response


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
