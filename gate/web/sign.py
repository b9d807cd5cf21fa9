"""Signing in and out: a plain page that keeps the deep link."""

from flask import Blueprint, Response, g, make_response, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response as Answer

from gate.errors import NotSignedIn
from gate.web.face import face, field, viewer
from gate.web.guard import local_path


def add(pages: Blueprint) -> None:
    """Add the routes."""
    pages.add_url_rule("/", "home", home)
    pages.add_url_rule("/sign-in", "sign_in", sign_in)
    pages.add_url_rule("/sign-in", "sign_in_now", sign_in_now, methods=["POST"])
    pages.add_url_rule("/sign-out", "sign_out", sign_out, methods=["POST"])


def home() -> Answer:
    """Lead to the list."""
    return redirect(url_for("pages.changes"), 303)


def sign_in() -> Response:
    """Show the form; who is signed in already may become somebody else."""
    return _form(200, request.args.get("next", ""), "", g.get("shut_out", ""), "")


def sign_in_now() -> Answer:
    """Check name and password; what was typed as a name stays."""
    name, onward = field("name", 63), local_path(request.form.get("next", ""))
    try:
        ticket = face().control.sign_in(name, request.form.get("password", "")[:1024], "session")
    except NotSignedIn as error:
        return _form(error.status, onward, name, str(error), error.hint)
    session.clear()
    response = redirect(onward, 303)
    face().session.keep(response, ticket.secret, face().session_seconds)  # type: ignore[arg-type]
    return response


def sign_out() -> Answer:
    """End this sign-in, here and in the gate."""
    secret = request.cookies.get(face().session.name, "")
    if secret:
        face().control.sign_out(secret)
    session.clear()
    response = redirect(url_for("pages.sign_in"), 303)
    face().session.end(response)  # type: ignore[arg-type]
    return response


def _form(status: int, onward: str, name: str, problem: str, hint: str) -> Response:
    page = render_template(
        "sign_in.html", next=local_path(onward), name=name, problem=problem, hint=hint, already=viewer()
    )
    return make_response(page, status)
