"""A new change: a file or its text; whatever was typed comes back with what is wrong marked in it."""

import re
from dataclasses import dataclass

from flask import Blueprint, Response, make_response, render_template, request, url_for
from flask import redirect as lead
from werkzeug.wrappers import Response as Answer

from gate.errors import BadInput, GateError, Refused
from gate.tree import SIZE_MAX
from gate.web.face import face
from gate.web.session import person

AROUND = 2
"""Lines shown before and after the one that is wrong."""

PASTED = "change.yaml"
PLACE = re.compile(r"^(?P<source>.*?):(?P<line>\d+):(?P<column>\d+)(: (?P<key>.*))?$", re.DOTALL)


@dataclass(frozen=True)
class Spot:
    """What is wrong, and where it stands in what was given."""

    sentence: str
    hint: str
    line: int = 0
    column: int = 0
    key: str = ""
    excerpt: tuple[tuple[int, str], ...] = ()


def add(pages: Blueprint) -> None:
    """Add the routes."""
    pages.add_url_rule("/changes/new", "new", new)
    pages.add_url_rule("/changes/new", "new_now", new_now, methods=["POST"])


def new() -> Response:
    """Show the form."""
    person()
    return _form(200, "", None)


def new_now() -> Answer:
    """Open a change from the uploaded file, or from the text when no file was chosen."""
    given = request.files.get("file")
    data, source = b"", PASTED
    if given is not None and given.filename:
        data, source = given.stream.read(SIZE_MAX + 1), given.filename[-80:]
    if not data:
        data = request.form.get("text", "").replace("\r\n", "\n").encode("utf-8", errors="replace")
        source = PASTED
    text = data.decode("utf-8", errors="replace")
    if not text.strip():
        return _form(422, "", Spot("there is neither a file nor a text", "choose a file or paste its text"))
    actor = person()
    try:
        view = face().control.open(actor, data, source)
    except (BadInput, Refused) as error:
        return _form(error.status, text, _spot(error, text))
    return lead(url_for("pages.change", change=view["id"]), 303)


def _form(status: int, text: str, spot: Spot | None) -> Response:
    return make_response(render_template("changes/new.html", text=text, spot=spot), status)


def _spot(error: GateError, text: str) -> Spot:
    found = PLACE.match(error.place)
    if found is None:
        return Spot(str(error), error.hint)
    line, column = int(found["line"]), int(found["column"])
    lines = text.split("\n")
    first = max(1, line - AROUND)
    excerpt = tuple((number, lines[number - 1][:200]) for number in range(first, min(len(lines), line + AROUND) + 1))
    return Spot(error.message, error.hint, line, column, found["key"] or "", excerpt)
