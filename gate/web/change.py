"""The page that matters: one change, what is known about it, and what the viewer may do."""

from collections.abc import Callable
from io import BytesIO

from flask import Blueprint, Response, render_template, request, send_file, url_for
from flask import redirect as lead
from werkzeug.wrappers import Response as Answer

from gate.control.desk import Progress, quiet
from gate.control.views import View
from gate.drawing import chart, isolation
from gate.errors import BadInput, Moved
from gate.person import Person
from gate.web import stages
from gate.web.face import face, field, fragment
from gate.web.session import person
from gate.web.words import look_of

STOPPED = "stopped on the escort's page"
"""The reason of whoever stops without typing one: a stop must not wait for words."""

DONE = {"hold", "resume", "back_out", "withdraw"}


def add(pages: Blueprint) -> None:
    """Add the routes."""
    pages.add_url_rule("/changes/<change>", "change", show)
    pages.add_url_rule("/changes/<change>/escort", "change_escort", escort)
    pages.add_url_rule("/changes/<change>/escort/live", "change_escort_live", escort_live)
    pages.add_url_rule("/changes/<change>/transcript", "change_transcript", transcript)
    pages.add_url_rule("/changes/<change>/live", "change_live", live)
    pages.add_url_rule("/changes/<change>/bell", "change_bell", bell)
    for name, view in (
        ("check", check),
        ("dry_run", dry_run),
        ("start", start),
        ("approve", approve),
        ("deny", deny),
        ("waive", waive),
        ("confirm", confirm),
        ("go", go),
        ("stop", stop),
        ("pack", pack),
    ):
        pages.add_url_rule(f"/changes/<change>/{name}", f"change_{name}", view, methods=["POST"])
    pages.add_url_rule("/changes/<change>/do/<action>", "change_do", act, methods=["POST"])


def show(change: str) -> str:
    """Show one change."""
    size = face().control.size()
    return render_template("changes/show.html", size=size, **_values(person(), change))


def live(change: str) -> Response:
    """Show the part of the page that moves."""
    return fragment("changes/_show.html", **_values(person(), change))


def escort(change: str) -> str:
    """Show a contractor's work to the escort: what is said, what waits for a go, and the stop."""
    size = face().control.size()
    return render_template("changes/escort.html", size=size, **_escorted(change))


def escort_live(change: str) -> Response:
    """Show the part of the escort's page that moves."""
    return fragment("changes/_escort.html", **_escorted(change))


def transcript(change: str) -> str:
    """Show what was said with the canary, step by step."""
    return render_template("changes/transcript.html", told=face().control.transcript(person(), change))


def bell(change: str) -> Response:  # noqa: ARG001 - one ledger, one bell
    """Ring when the ledger has grown."""
    person()
    known = request.headers.get("Last-Event-ID") or request.args.get("size", "")
    session = request.cookies.get(face().session.name, "")
    gone = request.environ.get("waitress.client_disconnected", bool)
    return face().bells.stream(session, int(known) if known.isdigit() and len(known) < 16 else None, gone)


def check(change: str) -> Answer:
    """Begin to gather evidence and to decide."""
    control = face().control
    return _begin(change, "check", lambda actor, told: control.check(actor, change, told))


def dry_run(change: str) -> Answer:
    """Begin to put the plan's questions to the canary; nothing is changed."""
    control = face().control
    _same_plan(change)
    return _begin(change, "dry_run", lambda actor, told: control.dry_run(actor, change, told))


def start(change: str) -> Answer:
    """Begin to ask everything once more and, if all holds, start the canary."""
    control = face().control
    _same_plan(change)
    return _begin(change, "start", lambda actor, told: control.start(actor, change, told))


def approve(change: str) -> Answer:
    """Fill a seat by this session, for the plan and the verdict that the page showed."""
    seen = (field("plan", 80), field("verdict", 80))
    face().control.approve(person(), change, seat=field("seat", 40), reason=field("reason"), seen=seen)
    return _back(change, "seats")


def waive(change: str) -> Answer:
    """Sign one half of a waiver by this session, for the finding that the page showed."""
    face().control.waive(
        person(),
        change,
        check=field("check", 60),
        seat=field("seat", 40),
        reason=field("reason"),
        expires=field("expires", 40),
        seen=field("finding", 80),
    )
    return _back(change, f"check-{field('check', 60)}")


def confirm(change: str) -> Answer:
    """Give one word about the step that is done by hand, by this session, for the step that the page showed."""
    word, by, seen = field("word", 10), field("by", 200), field("step", 40)
    face().control.confirm(person(), change, word=word, by=by, seen=seen)
    return _back(change, "by-hand")


def go(change: str) -> Answer:
    """Say go by this session, for the very asking that the page showed."""
    face().control.go(person(), change, seen=field("ask", 40))
    return lead(url_for("pages.change_escort", change=change), 303)


def stop(change: str) -> Answer:
    """Stop the contractor at once."""
    face().control.stop(person(), change, field("reason") or STOPPED)
    return lead(url_for("pages.change_escort", change=change), 303)


def deny(change: str) -> Answer:
    """Say no from a seat."""
    face().control.deny(person(), change, seat=field("seat", 40), reason=field("reason"))
    return _back(change)


def act(change: str, action: str) -> Answer:
    """Hold, resume, back out or withdraw, with a reason."""
    if action not in DONE:
        raise BadInput(f'there is no action "{action[:20]}"')
    if action == "resume":
        seen = (request.form.get("hold", ""), request.form.get("question", ""))
        face().control.resume(person(), change, field("reason"), seen)
        return _back(change)
    if action == "back_out":
        face().control.back_out(person(), change, field("reason"), request.form.get("question", ""))
        return _back(change)
    verb: Callable[[Person, str, str], View] = getattr(face().control, action)
    verb(person(), change, field("reason"))
    return _back(change)


def pack(change: str) -> Answer:
    """Hand out the evidence pack; a POST, since it is entered in the ledger that it was taken."""
    made = face().control.pack(person(), change)
    return send_file(BytesIO(made), "application/zip", as_attachment=True, download_name=f"{change}.zip")


def _begin(change: str, what: str, work: Callable[[Person, Progress], object]) -> Answer:
    actor = person()
    if face().control.show(actor, change)["may"][what]:
        # The control room refuses at once then, enters the attempt and says why.
        work(actor, quiet)
        return _back(change)
    face().jobs.start(change, what.replace("_", " "), actor.id, lambda told: work(actor, told))
    return _back(change, "now")


def _same_plan(change: str) -> None:
    """Refuse to start or try what is not what the page showed; `start` itself decides again."""
    view = face().control.show(person(), change)
    digest = (view["plan"] or {}).get("digest", "")
    verdict = (view["verdict"] or {}).get("digest", "")
    if (field("plan", 80), field("verdict", 80)) != (digest, verdict):
        because = "the plan or the verdict has changed since you opened the page; nothing was done"
        raise Moved(because, hint="read the change again")


def _back(change: str, place: str = "") -> Answer:
    return lead(url_for("pages.change", change=change, _anchor=place or None), 303)


def _values(actor: Person, change: str) -> dict[str, object]:
    view = face().control.show(actor, change)
    run, plan = view["run"], view["plan"]
    return {
        "view": view,
        "look": look_of(view["state"], view["hold"], view["question"]),
        "job": face().jobs.of(change),
        "beads": stages.beads(view),
        "red": _red(view),
        "trouble": stages.trouble(view),
        "signed_for": lambda item: stages.signed_for(view, item["check"]),
        "green": _green(view),
        "pictures": [
            (item, isolation.landscape(item, number), isolation.portrait(item, number))
            for number, item in enumerate(view["isolation"])
        ],
        "probed": stages.probed(run) if run else [],
        "hosts": stages.hosts_before(run) if run else [],
        "broken": stages.not_passed(run) if run else [],
        "current": stages.current_step(view),
        "charts": chart.charts(run, plan["thresholds"]) if run and plan else [],
        "yours": stages.yours(view, actor.id),
        "sessions": face().control.session_approvals,
        "waiver_seats": face().control.waiver_seats,
    }


def _escorted(change: str) -> dict[str, object]:
    control, actor = face().control, person()
    view = control.show(actor, change)
    return {
        "view": view,
        "look": look_of(view["state"], view["hold"], view["question"]),
        "current": stages.current_step(view),
        "sessions": control.session_approvals,
        "told": control.transcript(actor, change) if view["run"] else None,
    }


def _red(view: View) -> list[list[View]]:
    """What did not pass, failed before unknown; answers with one and the same reason stand together."""
    together: dict[tuple[str, str], list[View]] = {}
    for item in (view["verdict"] or {"findings": ()})["findings"]:
        if item["outcome"] != "passed":
            together.setdefault((item["outcome"], item["because"]), []).append(item)
    order = {"failed": 0, "unknown": 1}
    return sorted(together.values(), key=lambda items: order[items[0]["outcome"]])


def _green(view: View) -> list[View]:
    return [item for item in (view["verdict"] or {"findings": ()})["findings"] if item["outcome"] == "passed"]
