"""The API as a Flask blueprint: one way in for every route of the table, so that each is guarded the same."""

import json
import logging
import re
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, request
from pydantic import BaseModel, ValidationError
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from gate.api.call import JSON, Answer, Call, Route
from gate.api.openapi import document
from gate.api.problem import problem
from gate.api.replay import Replay, Stored
from gate.api.table import ROUTES
from gate.control.door import Control
from gate.errors import BadInput, CannotTell, GateError, Moved, NotSignedIn, NotThere
from gate.person import Person
from gate.settings import Settings
from gate.tree import SIZE_MAX, show

PREFIX = "/api/v1"
BODY_MAX = 64 * 1024
"""Bytes of a JSON body; the largest, a signed statement, needs 8 KiB. A change file may have SIZE_MAX."""

LONG = ("check-change", "start-change", "dry-run-change", "dry-run-playbook", "rehearse", "record-reference", "gather")
"""Routes that ask the fleet."""

DEPTH_MAX = 32
NOBODY = Person("nobody")
YAML = ("application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml")
KEY = re.compile(r"[\x21-\x7e]{1,200}")
TAG = re.compile(r'"([0-9]{1,9})"')

_log = logging.getLogger("gate.api")


def blueprint(control: Control, settings: Settings) -> Blueprint:
    """Return the API over `control`. It reads no cookie, so nothing that a browser sends by itself acts here."""
    made = Blueprint("api", __name__, url_prefix=PREFIX)
    face = _Face(control, settings)
    for route in ROUTES:
        rule = route.path.replace("{id}", "<id>")
        options: dict[str, Any] = {"methods": [route.method], "provide_automatic_options": False}
        made.add_url_rule(rule, route.name, face.view(route), **options)
    described = json.dumps(document(ROUTES), ensure_ascii=False)
    made.add_url_rule("/openapi.json", "openapi", lambda: Response(described, mimetype=JSON))
    every = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
    made.add_url_rule("/", "root", _nowhere, defaults={"rest": ""}, methods=every, provide_automatic_options=False)
    made.add_url_rule("/<path:rest>", "nowhere", _nowhere, methods=every, provide_automatic_options=False)
    made.register_error_handler(GateError, problem)
    made.register_error_handler(HTTPException, _http)
    made.register_error_handler(Exception, _unexpected)
    return made


class _Face:
    """Guards, reads, calls, answers."""

    def __init__(self, control: Control, settings: Settings) -> None:
        self._control = control
        self._settings = settings
        self._replay = Replay(lambda: datetime.now(UTC))
        quarter = max(1, settings.config.server.threads // 4)
        working = threading.BoundedSemaphore(quarter)
        # What takes long shares a part of the threads, so that a hold always finds one (promise 11).
        self._few = dict.fromkeys(LONG, working)
        self._few["wait"] = threading.BoundedSemaphore(quarter)

    def view(self, route: Route) -> Callable[..., Response]:
        """Return the Flask view of one route."""

        def answer(**path: str) -> Response:
            request.max_content_length = SIZE_MAX if route.document else BODY_MAX
            secret = "" if route.open else _bearer()
            actor = NOBODY if route.open else self._control.who(secret, "token")
            raw = request.get_data(cache=False) if route.method == "POST" else b""
            return self._once(route, secret, actor, path, raw)

        return answer

    def _once(self, route: Route, secret: str, actor: Person, path: dict[str, str], raw: bytes) -> Response:
        key = request.headers.get("Idempotency-Key")
        if key is None or route.method != "POST" or route.open:
            return self._respond(route, self._call(route, secret, actor, path, raw))
        if not KEY.fullmatch(key):
            raise BadInput("an Idempotency-Key is 1 to 200 printable characters", place="Idempotency-Key")
        asked = f"{route.method} {request.full_path}\n{request.headers.get('If-Match', '')}\n".encode() + raw
        try:
            stored = self._replay.begin(secret, key, asked)
        except BadInput as error:
            return problem(error, 409)
        if stored is not None:
            response = Response(stored.content, stored.status, stored.headers)
            response.headers["Idempotency-Replayed"] = "true"
            return response
        kept: Stored | None = None
        try:
            try:
                response = self._respond(route, self._call(route, secret, actor, path, raw))
            except GateError as error:
                response = problem(error)
            kept = Stored(response.status_code, tuple(response.headers.items()), response.get_data())
            return response
        finally:
            self._replay.end(secret, key, kept)

    def _call(self, route: Route, secret: str, actor: Person, path: dict[str, str], raw: bytes) -> Answer:
        query = _query(route)
        media_type = request.mimetype
        body: Any = None
        if route.document:
            raw = _document(raw, media_type)
        elif route.body is not None:
            body = _model(route.body, _json(raw, media_type) if raw else {}, "body")
        call = Call(self._control, self._settings, actor, secret, path, query, body, raw, media_type)
        if route.decides and (seen := request.headers.get("If-Match")) not in (None, "*"):
            self._unmoved(actor, path["id"], seen or "")
        few = self._few.get(route.name)
        if few is None:
            return route.handler(call)
        if not few.acquire(blocking=False):
            raise CannotTell("too many are at this already", hint="ask again in a few seconds")
        try:
            return route.handler(call)
        finally:
            few.release()

    def _unmoved(self, actor: Person, change: str, seen: str) -> None:
        tag = TAG.fullmatch(seen.strip())
        if tag is None:
            raise BadInput("If-Match is one ETag of this change", place="If-Match")
        now = self._control.show(actor, change)["seq"]
        if int(tag.group(1)) != now:
            raise _Stale(f"the change has moved: it is at {now}, you read it at {tag.group(1)}", hint="read it again")

    def _respond(self, route: Route, answer: Answer) -> Response:
        content: Any = answer.content
        if route.media_type == JSON:
            content = json.dumps(answer.value, ensure_ascii=False) + "\n"
        response = Response(content, route.status, mimetype=route.media_type)
        response.headers["Cache-Control"] = "no-store"
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers.update(answer.headers)
        return response


class _Stale(Moved):
    """The change is no longer at the ETag that was read."""

    status = 412


def _bearer() -> str:
    kind, _, secret = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "bearer" or not re.fullmatch(r"[A-Za-z0-9_-]{20,200}", secret.strip()):
        raise NotSignedIn("a token is needed", hint="sangate login makes one; send it as Authorization: Bearer …")
    return secret.strip()


def _json(raw: bytes, media_type: str) -> Any:
    if media_type and media_type != JSON:
        raise _Unsupported(f'the body is "{show(media_type)}", not {JSON}', place="Content-Type")
    try:
        return json.loads(raw.decode(), object_pairs_hook=_once_each, parse_constant=_constant)
    except RecursionError:
        raise BadInput("the body is nested too deeply", place="body") from None
    except ValueError as error:
        raise _Malformed(f"the body is not JSON: {show(error)}", place="body") from None


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is there twice")
    return found


def _constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _document(raw: bytes, media_type: str) -> bytes:
    """Return a change file's bytes; JSON is read as the YAML it is, with its tabs made spaces."""
    if media_type == JSON:
        value = _json(raw, media_type)
        return json.dumps(value, ensure_ascii=False).encode() if b"\\u" in raw else raw.replace(b"\t", b" ")
    if media_type not in YAML:
        raise _Unsupported(f'a change file is {YAML[0]} or {JSON}, not "{show(media_type)}"', place="Content-Type")
    return raw


class _Malformed(BadInput):
    status = 400


class _Unsupported(BadInput):
    status = 415


def _query(route: Route) -> Any:
    given = {key: values[0] if len(values) == 1 else values for key, values in request.args.lists()}
    if route.query is None:
        if given:
            raise BadInput(f'unknown parameter "{show(next(iter(given)))}"', place="query")
        return None
    return _model(route.query, given, "query")


def _model(model: type[BaseModel], value: object, place: str) -> BaseModel:
    """Return the model; BadInput names the first key that is wrong as a JSON pointer, and never repeats its value."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        pointer = "".join(f"/{show(part)}" for part in first["loc"])
        message = first["msg"].removeprefix("Value error, ")
        if first["type"] == "string_pattern_mismatch":
            message = f"it does not have the form {first['ctx']['pattern']}"
        words = {"extra_forbidden": "unknown key", "missing": "this must be set"}.get(first["type"], message)
        raise BadInput(words, place=f"{place}{pointer}") from None


def _nowhere(rest: str) -> Response:
    """Answer what no route takes: 405 where the path has another method, else 404."""
    methods = sorted({route.method for route in ROUTES if _fits(route.path, "/" + rest)})
    if not methods:
        raise NotThere("there is nothing at this address", hint=f"GET {PREFIX}/openapi.json lists what there is")
    response = problem(BadInput(f"{request.method} is not possible here", hint="use " + " or ".join(methods)), 405)
    response.headers["Allow"] = ", ".join(methods)
    return response


def _fits(pattern: str, path: str) -> bool:
    return re.fullmatch(pattern.replace("{id}", "[^/]+"), path) is not None


def _http(error: HTTPException) -> Response:
    if isinstance(error, RequestEntityTooLarge):
        return problem(BadInput(f"the body has more than {request.max_content_length} bytes"), 413)
    return problem(BadInput(error.description or error.name), error.code or 400)


def _unexpected(error: Exception) -> Response:
    _log.error("%s %s failed", request.method, request.path, exc_info=error)
    return problem(GateError("the gate itself failed; its log says more"), 500)
