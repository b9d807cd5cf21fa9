"""The witness over HTTP: waitress, and the few lines of WSGI that the protocol needs."""

import signal
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from waitress import wasyncore

from gate.errors import BadInput, GateError, Outside
from gate.listening import listen, turn
from gate.store import keys
from gate.witness.cosigner import Cosigner, WitnessKey
from gate.witness.logs import LogsFile
from gate.witness.memory import Memory
from gate.witness.request import LARGEST, Answer

Started = Callable[[str, int, str], None]
"""Told host, port and the witness's verifier key as soon as requests are taken."""

PLAIN = "text/plain; charset=utf-8"

WHOLE = 10.0
"""Seconds in which a request must be there as a whole (our choice); the gate's own takes milliseconds."""


def open_witness(data: Path, config: Path | None = None, name: str = "") -> tuple[Cosigner, Memory]:
    """Open the witness in a folder, made with its key on first use; the name is `name` or the file's."""
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as problem:
        raise Outside(f"the folder cannot be made: {problem.strerror}", place=str(data)) from None
    file = LogsFile(config or data / "logs")
    known = file.load().name
    if name and known and name != known:
        raise BadInput(f"this witness is called {known} in its file, and {name} on the command line")
    if not (name or known):
        hint = "sangate witness --name witness.example.com/backup-team, or a line `name …` in its file"
        raise BadInput("a witness needs a name", hint=hint)
    path = data / "key"
    made = keys.load(path, name or known) if path.exists() else keys.create(path, name or known)
    key = WitnessKey(made)
    memory = Memory(data / "witness.db", str(key.vkey))
    return Cosigner(key, memory, lambda: file.now().logs, lambda: int(time.time())), memory


def application(cosigner: Cosigner) -> Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]:
    """Return the WSGI application of a witness."""

    def answer(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        try:
            status, kind, text = _route(cosigner, environ)
        except Answer as said:
            status, kind, text = said.status, said.kind, said.text
        except GateError as error:
            status, kind, text = 503, PLAIN, f"{error.message}\n"
        content = text.encode()
        headers = [("Content-Type", kind), ("Content-Length", str(len(content))), ("Cache-Control", "no-store")]
        start(f"{status} {REASONS.get(status, 'Error')}", headers)
        return [content]

    return answer


REASONS = {
    200: "OK",
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    413: "Content Too Large",
    422: "Unprocessable Entity",
    503: "Service Unavailable",
}


def _route(cosigner: Cosigner, environ: dict[str, Any]) -> tuple[int, str, str]:
    path, method = str(environ.get("PATH_INFO", "")), environ.get("REQUEST_METHOD")
    if path == "/add-checkpoint":
        if method != "POST":
            raise Answer(405, "POST a checkpoint here\n")
        return 200, PLAIN, cosigner.add_checkpoint(_body(environ))
    if method != "GET":
        raise Answer(405, "there is nothing to change here\n")
    if path in ("", "/"):
        return 200, PLAIN, f"{cosigner.key.vkey}\n"
    words = path.strip("/").split("/")
    if len(words) == 2 and words[1] == "checkpoint":
        return 200, PLAIN, cosigner.newest(words[0])
    raise Answer(404, "no such place\n")


def _body(environ: dict[str, Any]) -> bytes:
    body: bytes = environ["wsgi.input"].read(LARGEST + 1)
    if len(body) > LARGEST:
        raise Answer(413, f"a request has at most {LARGEST} bytes\n")
    return body


def serve(
    cosigner: Cosigner,
    host: str,
    port: int,
    stop: threading.Event,
    started: Started | None = None,
    patience: float = WHOLE,
) -> None:
    """Answer until `stop` is set or SIGTERM or SIGINT comes. What was answered is durable, so it may end any time."""
    server = listen(
        application(cosigner),
        host,
        port,
        threads=8,
        connection_limit=200,
        channel_timeout=20,
        max_request_body_size=2 * LARGEST,
        max_request_header_size=16 * 1024,
    )
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
    if started is not None:
        started(str(server.effective_host), int(server.effective_port), str(cosigner.key.vkey))
    try:
        while not stop.is_set():
            turn(server, patience)
    finally:
        server.task_dispatcher.shutdown(timeout=2)
        wasyncore.close_all(server._map)
