"""The arrays: what lies on each, how it is protected, and what was proven of that in thirty days."""

from flask import Blueprint, Response, render_template, url_for
from flask import redirect as lead
from werkzeug.wrappers import Response as Answer

from gate.control.views import View
from gate.drawing import isolation
from gate.web.face import face, fragment
from gate.web.session import person

SUBJECT = "survey"
"""One survey at a time, whichever array it is asked for: it asks all of them."""


def add(pages: Blueprint) -> None:
    """Add the routes."""
    pages.add_url_rule("/arrays", "arrays", arrays)
    pages.add_url_rule("/arrays/live", "arrays_live", arrays_live)
    pages.add_url_rule("/arrays/gather", "gather_all", gather, methods=["POST"], defaults={"array": ""})
    pages.add_url_rule("/arrays/<array>", "array", array)
    pages.add_url_rule("/arrays/<array>/live", "array_live", array_live)
    pages.add_url_rule("/arrays/<array>/gather", "gather", gather, methods=["POST"])


def arrays() -> str:
    """Show every array with the worst that is known of the data on it."""
    return render_template("arrays/list.html", **_all())


def arrays_live() -> Response:
    """Show the part of the list that moves."""
    return fragment("arrays/_list.html", **_all())


def array(array: str) -> str:
    """Show one array's safety page."""
    return render_template("arrays/show.html", **_one(array))


def array_live(array: str) -> Response:
    """Show the part of the page that moves."""
    return fragment("arrays/_show.html", **_one(array))


def gather(array: str) -> Answer:
    """Begin to gather everything about one array, or all."""
    actor, control = person(), face().control
    names = [control.safety(actor, array)["id"]] if array else []
    what = f"gather evidence about {array or 'every array'}"
    face().jobs.start(SUBJECT, what, actor.id, lambda told: control.survey(actor, names, told))
    return lead(url_for("pages.array", array=array) if array else url_for("pages.arrays"), 303)


def _all() -> dict[str, object]:
    return {"arrays": face().control.arrays(person()), "job": face().jobs.of(SUBJECT)}


def _one(name: str) -> dict[str, object]:
    found: View = face().control.safety(person(), name)
    drawn: list[tuple[View, isolation.Picture, isolation.Picture]] = []
    for dataset in found["datasets"]:
        for protection in dataset["protections"]:
            number = len(drawn)
            item = protection["isolation"]
            drawn.append((item, isolation.landscape(item, number), isolation.portrait(item, number)))
    return {"array": found, "pictures": drawn, "job": face().jobs.of(SUBJECT)}
