"""Problem details (RFC 9457): what went wrong, where, and the way out."""

import json

from flask import Response

from gate.errors import (
    BadInput,
    CannotTell,
    GateError,
    HostKeyRefused,
    LedgerUnavailable,
    Moved,
    NotSignedIn,
    NotThere,
    Outside,
    Refused,
)

MEDIA_TYPE = "application/problem+json"

KINDS: dict[type[GateError], str] = {
    Refused: "refused",
    Moved: "moved",
    NotSignedIn: "not-signed-in",
    BadInput: "bad-input",
    NotThere: "not-there",
    CannotTell: "cannot-tell",
    Outside: "outside",
    HostKeyRefused: "host-key-refused",
    LedgerUnavailable: "ledger-unavailable",
}
"""Error → the last word of a problem's `type`."""

PREFIX = "urn:problem:sangate:"
TITLES = {
    "refused": "The gate does not allow this",
    "moved": "Somebody else moved the change first",
    "not-signed-in": "Nobody is signed in",
    "bad-input": "The request cannot be used as it is",
    "not-there": "It does not exist",
    "cannot-tell": "The question could not be answered",
    "outside": "Something outside the gate failed",
    "host-key-refused": "A host key is unknown or has changed",
    "ledger-unavailable": "The ledger cannot be written",
    "internal": "The gate itself failed",
}


def kind_of(error: GateError) -> str:
    """Return the word for the nearest class in the table."""
    return next((KINDS[each] for each in type(error).__mro__ if each in KINDS), "internal")


def problem(error: GateError, status: int = 0) -> Response:
    """Return the error as a response; `status` overrides the one of its class."""
    kind, number = kind_of(error), status or error.status
    body = {"type": PREFIX + kind, "title": TITLES[kind], "status": number, "detail": error.message}
    body |= {key: value for key, value in (("place", error.place), ("hint", error.hint)) if value}
    response = Response(json.dumps(body, ensure_ascii=False) + "\n", number, mimetype=MEDIA_TYPE)
    response.headers["Cache-Control"] = "no-store"
    if number == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="sangate"'
    return response
