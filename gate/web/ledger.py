"""The ledger's pages: seal and check, entries with filters, exports, the time line of a change, the controls."""

from pathlib import Path

from flask import Blueprint, Response, render_template, request, send_file, url_for
from flask import redirect as lead
from werkzeug.wrappers import Response as Answer

from gate.control.views import View
from gate.errors import BadInput, GateError, NotThere
from gate.export.gist import LONGEST, bad, gist, outcome, plain
from gate.export.selection import KIND_NAMES, Selection, selection
from gate.export.stream import NAMES
from gate.web.face import face, field, fragment
from gate.web.jobs import Progress
from gate.web.session import person
from gate.web.shown import moment
from gate.web.words import ENTRIES, Look

PAGE = 100
"""Entries on one page."""

QUIET = ("probe.finished", "known_answer.read")
"""Kinds that come by the hundred while a canary is watched."""

CHECK = "the ledger"
SAID = {
    "verified": Look("Verified", "yes", "good"),
    "changed": Look("Changed", "no", "bad"),
    "cannot tell": Look("Cannot tell", "ask", "warn"),
}
FORMATS = {
    "complete": "Complete: one archive to check and to restore from",
    "disclosed": "The same, with the personal values kept outside the log",
    "jsonl": "JSON lines: the exact bytes, the evidence itself",
    "csv": "CSV, for a spreadsheet",
    "sqlite": "SQLite, with an auditor's first questions",
    "ocsf": "OCSF 1.8, for a SIEM",
    "rfc5424": "Syslog, RFC 5424",
    "cef": "CEF, for an older SIEM",
}
ICONS = {
    "change": "file", "evidence": "eye", "plan": "file", "verdict": "shield", "approval": "person", "attempt": "no",
    "stage": "run", "permit": "lock", "step": "array", "hold": "hold", "probe": "eye", "judgement": "shield",
    "known_answer": "mount", "person": "ask", "backup": "mount", "auth": "person", "export": "file", "ledger": "shield",
}  # fmt: skip


def add(pages: Blueprint) -> None:
    """Add the routes."""
    pages.add_url_rule("/ledger", "ledger", ledger)
    pages.add_url_rule("/ledger/live", "ledger_live", ledger_live)
    pages.add_url_rule("/ledger/check", "ledger_check", check, methods=["POST"])
    pages.add_url_rule("/ledger/export", "export", export, methods=["POST"])
    pages.add_url_rule("/ledger/export/<job>", "exported", exported)
    pages.add_url_rule("/ledger/controls", "controls", controls)
    pages.add_url_rule("/changes/<change>/record", "record", record)


def ledger() -> str:
    """Show the seal, the newest check and one page of entries; without a start or a filter the newest."""
    taken, problem = _asked()
    size = face().control.size()
    given = request.args.get("start", "")
    words = {key: value for key, value in request.args.items() if key != "start" and value}
    newest = max(0, size - PAGE) if taken.everything else 0
    start = min(int(given), size) if given.isdigit() and len(given) < 16 else newest
    found = face().control.browse(person(), taken, start, PAGE)
    rows = [one if "broken" in one else {**one, **_told(one)} for one in found["entries"]]
    newest_first = not words and not given
    found = {**found, "entries": rows[::-1] if newest_first else rows}
    shown = {"found": found, "start": start, "page": PAGE, "asked": words, "taken": taken, "problem": problem}
    shown["newest_first"] = newest_first
    shown["barred"] = face().control.barred(person(), taken)
    whole = {"complete"} | ({"disclosed"} if not face().control.barred(person(), taken, disclose=True) else set())
    shown["offered"] = set(NAMES) | whole if not words or problem else set(NAMES) - whole
    return render_template("ledger/list.html", **shown, **_head(), kinds=KIND_NAMES)


def ledger_live() -> Response:
    """Show the part of the page that moves: seal, check, exports."""
    return fragment("ledger/_head.html", **_head())


def check() -> Answer:
    """Begin to export everything and to let the stand-alone verifier judge it."""
    actor, control = person(), face().control
    face().jobs.start(CHECK, "check the ledger", actor.id, lambda told: control.check_ledger(actor, told))
    return lead(url_for("pages.ledger", _anchor="seal"), 303)


def export() -> Answer:
    """Begin an export; a POST, since it is entered that it was taken."""
    actor, control = person(), face().control
    name, disclose = field("format", 20) or "jsonl", False
    if name == "disclosed":
        name, disclose = "complete", True
    if name not in NAMES:
        raise BadInput(f'there is no format "{name}"', hint=", ".join(NAMES))
    kinds = [kind for kind in request.form.getlist("kind") if kind]
    taken = selection(field("from", 40), field("to", 40), field("change", 40), kinds, field("actor", 200))
    control.allow_export(actor, name, taken, disclose=disclose)
    work = f"export {name}" + (" with personal values" if disclose else "") + (f": {taken}" if str(taken) else "")

    def made(told: Progress) -> object:
        return control.export_file(actor, name, taken, told, disclose=disclose)

    face().jobs.start(_exports(actor.id), work, actor.id, made)
    return lead(url_for("pages.ledger", _anchor="export"), 303)


def exported(job: str) -> Answer:
    """Hand out what an export has made, to whoever asked for it."""
    found = face().jobs.of(_exports(person().id))
    made = found.made if found is not None and found.id == job else None
    if not isinstance(made, dict) or not Path(made["path"]).is_file():
        raise NotThere("this export is not there any more", hint="ask for it again")
    return send_file(made["path"], made["media_type"], as_attachment=True, download_name=made["name"])


def controls() -> str:
    """Show each control with its evidence in a period."""
    asked = {key: request.args.get(key, "")[:40] for key in ("from", "to")}
    try:
        view, problem = face().control.controls(person(), asked["from"], asked["to"]), ""
    except BadInput as wrong:
        view, problem = face().control.controls(person()), str(wrong)
    return render_template("ledger/controls.html", view=view, asked=asked, problem=problem)


def record(change: str) -> str:
    """Show one change as a time line of its entries."""
    actor, control = person(), face().control
    rows = control.entries(actor, change, 0, 1000)
    days: dict[str, list[View]] = {}
    for row in rows:
        days.setdefault(moment(row["time"]).partition(",")[0], []).append({**row, **_told(row)})
    lines = {day: _folded(told) for day, told in days.items()}
    view = control.show(actor, change)
    return render_template("ledger/line.html", change=change, days=lines, view=view, size=control.size(), **_head())


def _told(row: View) -> View:
    kind, data = row["kind"], row["data"]
    noun = kind.partition(".")[0]
    said, wrong = outcome(kind, data), bad(kind, data)
    good = said in ("held", "opens", "passed", "approve", "same")
    tone = "warn" if said == "unknown" else "bad" if wrong else "good" if good else "quiet"
    return {
        "word": ENTRIES.get(kind, kind),
        "icon": "ask" if said == "unknown" else "no" if wrong else ICONS.get(noun, "file"),
        "tone": tone,
        "gist": _gist(data),
        "outcome": said,
    }


def _gist(data: View) -> str:
    """What the data say beside their outcome, which stands in front: of what it is told first."""
    about = [str(data[key]) for key in ("array", "name", "step") if isinstance(data.get(key), str)]
    if data.get("round"):
        about.append(f"round {data['round']}")
    rest = gist({key: value for key, value in data.items() if key not in ("outcome", "result", "step")})
    value = data.get("value")
    return plain(" · ".join(one for one in (*about, rest, value if isinstance(value, str) else "") if one))[:LONGEST]


def _folded(rows: list[View]) -> list[View]:
    """Put probes that passed one after the other into one row that opens; whatever else happened stands alone."""
    found: list[View] = []
    for row in rows:
        well = row["kind"] in QUIET and row["tone"] == "good"
        if well and found and "rows" in found[-1]:
            found[-1]["rows"].append(row)
        else:
            found.append({"rows": [row]} if well else row)
    return [part["rows"][0] if len(part.get("rows", ())) == 1 else part for part in found]


def _asked() -> tuple[Selection, str]:
    """Return the filter of the address, or none and why it is no filter."""
    since, until, change, actor = (request.args.get(key, "").strip() for key in ("from", "to", "change", "actor"))
    kinds = [kind for kind in request.args.getlist("kind") if kind]
    try:
        return selection(since, until, change, kinds, actor), ""
    except BadInput as wrong:
        return Selection(), f"{wrong}: {wrong.hint}" if wrong.hint else str(wrong)


def _head() -> dict[str, object]:
    control, who = face().control, person()
    seal, trouble = None, ""
    try:
        seal = control.seal()
    except GateError as error:
        trouble = str(error)
    return {
        "seal": seal,
        "trouble": trouble,
        "last": control.last_check(),
        "said": SAID,
        "checking": face().jobs.of(CHECK),
        "exporting": face().jobs.of(_exports(who.id)),
        "sinks": control.sinks(who),
        "formats": FORMATS,
    }


def _exports(who: str) -> str:
    return f"exports of {who}"
