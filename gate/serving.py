"""
The serving process: pages and API in one Flask application, waitress under it, a clean end.

waitress has no way to end without losing a running request. `run` therefore turns its loop by hand: when it is to stop
it closes the door, answers what has come in, and only then returns. It uses inner parts of waitress 3.0.2 (the socket
map, the dispatcher's counters); the version is pinned and tests/web/test_serving.py would notice a change.
"""

import logging
import os
import secrets
import signal
import threading
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from flask import Flask, Response, jsonify
from flask_wtf import CSRFProtect  # type: ignore[import-untyped]
from jinja2 import StrictUndefined
from waitress import wasyncore

from gate.control.door import Control
from gate.errors import GateError, Outside
from gate.listening import listen, turn
from gate.settings import Settings, shipped
from gate.web.bell import Bells
from gate.web.face import EXTENSION, Face
from gate.web.guard import HEALTH, Origins, add_headers
from gate.web.jobs import Jobs
from gate.web.pages import blueprint
from gate.web.problems import install
from gate.web.session import Session
from gate.web.shown import visible

LARGEST_BODY = 4 * 1024 * 1024
"""Bytes of a request: a change file of 1 MiB, as a form spells it."""

WHOLE = 60.0
"""Seconds in which a request must be there as a whole: a form of 1 MiB over a slow line (our choice)."""

DRAIN = 20.0
"""Seconds in which what runs may end after the order to stop; service managers commonly wait 30 to 90."""

_log = logging.getLogger("gate.serving")


def create_app(control: Control, settings: Settings) -> Flask:
    """Return the application: the pages, and the API below /api where it is there."""
    server = settings.config.server
    app = Flask("gate", static_folder=str(shipped("static")), template_folder=str(shipped("templates")))
    app.jinja_options = {
        "finalize": visible,
        "undefined": StrictUndefined,
        "trim_blocks": True,
        "lstrip_blocks": True,
    }
    origins = Origins(server)
    app.config.update(
        SECRET_KEY=_form_key(settings.keys / "pages"),
        MAX_CONTENT_LENGTH=LARGEST_BODY,
        MAX_FORM_MEMORY_SIZE=LARGEST_BODY,
        SESSION_COOKIE_NAME="__Host-sangate-form" if origins.secure else "sangate-form",
        SESSION_COOKIE_SECURE=origins.secure,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        WTF_CSRF_TIME_LIMIT=None,
        WTF_CSRF_SSL_STRICT=False,
    )
    session = Session(control, secure=origins.secure)
    bells = Bells(server.threads // 2, control.size, control.wait)
    seconds = int(server.session_lifetime.total_seconds())
    app.extensions[EXTENSION] = Face(control, session, origins, Jobs(), bells, seconds)
    app.before_request(session.begin)
    app.before_request(origins.check_host)
    app.before_request(session.read)
    app.after_request(add_headers)
    csrf = CSRFProtect(app)
    pages = blueprint()
    pages.before_request(origins.check_form)
    app.register_blueprint(pages)
    install(app)
    _health(app, control)
    if find_spec("gate.api") is not None:
        from gate.api.routes import blueprint as api

        # Bearer tokens only: no cookie is read below /api, so no form of another site can speak there.
        routes = api(control, settings)
        csrf.exempt(routes)
        app.register_blueprint(routes)
    return app


def _health(app: Flask, control: Control) -> None:
    def healthz() -> Response:
        """Say that the process answers."""
        return jsonify({"status": "ok"})

    def readyz() -> tuple[Response, int]:
        """Say whether the ledger can be read, so that changes can be decided here."""
        try:
            return jsonify({"status": "ready", "entries": control.size()}), 200
        except GateError as error:
            return jsonify({"status": "not ready", "because": error.message}), 503

    app.add_url_rule(HEALTH[0], "healthz", healthz)
    app.add_url_rule(HEALTH[1], "readyz", readyz)


def _form_key(path: Path) -> bytes:
    """Read or make the key that binds a form to its browser; kept in a file, so that a restart voids no open form."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        key = path.read_bytes()
        if len(key) != 32:
            hint = "remove it; forms that are open now are void then"
            raise Outside(f"{path} is not a key of 32 bytes", hint=hint) from None
        return key
    key = secrets.token_bytes(32)
    with os.fdopen(handle, "wb") as file:
        file.write(key)
    return key


def run(
    app: Flask, settings: Settings, stop: threading.Event, started: Callable[[str, int], None] | None = None
) -> None:
    """
    Serve until `stop` is set or SIGTERM or SIGINT comes, then answer what runs and return.

    `started` is told host and port as soon as requests are taken; port 0 in the settings lets the system choose one.
    """
    config = settings.config.server
    server = listen(
        app,
        config.host,
        config.port,
        threads=config.threads,
        connection_limit=config.connection_limit,
        channel_timeout=60,
        channel_request_lookahead=1,
        max_request_body_size=LARGEST_BODY,
        max_request_header_size=64 * 1024,
    )
    host, port = str(server.effective_host), int(server.effective_port)
    face: Face = app.extensions[EXTENSION]
    face.origins.add(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
    restore = _on_signals(stop)
    try:
        if started is not None:
            started(host, port)
        while not stop.is_set():
            turn(server, WHOLE)
        _drain(server, face)
    finally:
        restore()
        server.task_dispatcher.shutdown(timeout=2)
        wasyncore.close_all(server._map)


def _drain(server: Any, face: Face) -> None:
    """Take no more connections, end the live streams, answer what has come in, end the work that runs."""
    until = time.monotonic() + DRAIN
    face.bells.stopping.set()
    server.accepting = False
    server.del_channel()
    server.socket.close()
    while time.monotonic() < until and _at_work(server):
        turn(server, WHOLE, 0.05)
    if not face.jobs.drain(max(0.0, until - time.monotonic())):
        _log.warning("stopped while a check was still gathering evidence; it has entered nothing")


def _at_work(server: Any) -> bool:
    dispatcher = server.task_dispatcher
    with dispatcher.lock:
        if dispatcher.queue or dispatcher.active_count > 0:
            return True
    return any(channel.requests or channel.total_outbufs_len for channel in server.active_channels.values())


def _on_signals(stop: threading.Event) -> Callable[[], None]:
    """Let SIGTERM and SIGINT set `stop`; return what puts the old handlers back. Only the main thread can."""
    if threading.current_thread() is not threading.main_thread():
        return lambda: None
    numbers = (signal.SIGTERM, signal.SIGINT)
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in numbers}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    return restore
