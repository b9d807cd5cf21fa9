"""What every page needs at hand, and how a page is answered."""

import hashlib
from dataclasses import dataclass

from flask import Response, current_app, g, make_response, render_template, request
from flask_wtf.csrf import generate_csrf  # type: ignore[import-untyped]

from gate.control.door import Control
from gate.web.bell import Bells
from gate.web.guard import Origins
from gate.web.jobs import Jobs
from gate.web.session import Session

EXTENSION = "sangate"


@dataclass(frozen=True)
class Face:
    """The pages of one gate."""

    control: Control
    session: Session
    origins: Origins
    jobs: Jobs
    bells: Bells
    session_seconds: int


def face() -> Face:
    """Return the pages' own things of the running application."""
    found = current_app.extensions[EXTENSION]
    if not isinstance(found, Face):
        raise TypeError("the application was not made by gate.serving")
    return found


def fragment(template: str, **values: object) -> Response:
    """
    Answer with the live part of a page and a tag over its content.

    The form token differs in every answer and is no content; a reader that has this content gets 304 and nothing else.
    """
    body = render_template(template, **values)
    tag = hashlib.sha256(body.replace(generate_csrf(), "").encode()).hexdigest()[:32]
    response = make_response(body)
    response.set_etag(tag)
    response.make_conditional(request)
    return response


def field(name: str, most: int = 500) -> str:
    """Return one field of a form, without the space around it; the control room says what is wrong with it."""
    return request.form.get(name, "")[:most].strip()


def viewer() -> str:
    """Return the name of who is signed in; empty when nobody is."""
    return g.person.id if g.get("person") is not None else ""
