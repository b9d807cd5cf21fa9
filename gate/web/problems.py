"""A page for every error: one sentence, a way out, the right status; and never a secret or a stack."""

import json
import logging

from flask import Flask, Response, make_response, redirect, render_template, request, url_for
from flask_wtf.csrf import CSRFError  # type: ignore[import-untyped]
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as Answer

from gate.errors import GateError, NotSignedIn

TITLES = {
    400: "Not understood",
    401: "Not signed in",
    403: "The gate does not allow this",
    404: "Not there",
    405: "Not possible this way",
    409: "Somebody was quicker",
    413: "Too large",
    421: "Wrong address",
    422: "Cannot be used as it is",
    500: "The gate itself failed",
    502: "Something outside the gate failed",
    503: "Could not be found out",
}
SENTENCES = {
    404: ("There is no page under this address.", "The list of changes shows what there is."),
    405: ("This address answers another kind of request.", "Go back and use the button of the page."),
    413: ("What was sent is larger than the gate reads.", "A change file has a few kilobytes; is it the right file?"),
}
_log = logging.getLogger("gate.web")


def install(app: Flask) -> None:
    """Give every error of the application its page."""
    app.register_error_handler(GateError, _refused)
    app.register_error_handler(CSRFError, _stale_form)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _crashed)


def problem(status: int, sentence: str, hint: str = "") -> Response:
    """Answer with a problem page, or with problem+json below /api."""
    title = TITLES.get(status, "Not possible")
    if request.path.startswith("/api/"):
        told = {"type": "about:blank", "title": title, "status": status, "detail": sentence, "hint": hint}
        return Response(json.dumps(told), status, mimetype="application/problem+json")
    page = render_template("problem.html", status=status, title=title, sentence=sentence, hint=hint)
    return make_response(page, status)


def _refused(error: GateError) -> Answer:
    if (
        isinstance(error, NotSignedIn)
        and request.method == "GET"
        and "event-stream" not in request.headers.get("Accept", "")
    ):
        part = request.headers.get("X-Part")
        if not part and not request.path.startswith("/api/"):
            there = request.full_path.rstrip("?") if request.query_string else request.path
            return redirect(url_for("pages.sign_in", next=there), 303)
    return problem(error.status, str(error), error.hint)


def _stale_form(error: CSRFError) -> Response:  # noqa: ARG001 - every reason means the same to the reader
    sentence = "The form was not made by this sign-in, or it is too old. Nothing was done."
    return problem(400, sentence, "Go back, load the page again, and do it again.")


def _http(error: HTTPException) -> Response:
    status = error.code or 500
    sentence, hint = SENTENCES.get(status, ("The request could not be understood.", ""))
    return problem(status, sentence, hint)


def _crashed(error: Exception) -> Response:
    _log.error("%s %s", request.method, request.path, exc_info=error)
    return problem(500, "Something went wrong inside the gate; nothing more is known here.", "The gate's log has it.")
