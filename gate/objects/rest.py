"""
A server of restic's REST protocol, asked for one thing alone: the gate's sentinel in a repository of its own.

Every path begins with that repository's name and stays below it, whatever a question says.
"""

import base64
import json
import posixpath
from collections.abc import Callable, Mapping
from datetime import datetime

from gate.evidence import Reply, ReplyState
from gate.inventory import AppendOnlyServer
from gate.objects import wire
from gate.objects.credential import Credential

VERBS: Mapping[str, tuple[str, frozenset[str]]] = {
    "make": ("POST", frozenset()),
    "put": ("POST", frozenset({"key", "text"})),
    "delete": ("DELETE", frozenset({"key"})),
}
"""Every request the gate can make: its method, and what may be given."""


class RestServer:
    """One server under one login."""

    def __init__(
        self,
        target: str,
        server: AppendOnlyServer,
        login: Credential,
        *,
        connect_s: float,
        deadline_s: float,
        clock: Callable[[], datetime],
    ) -> None:
        self._target = target
        self._endpoint = server.endpoint
        self._root = f"/{posixpath.basename(server.sentinels)}/"
        self._login = base64.b64encode(f"{login.access}:{login.secret}".encode()).decode()
        self._connect_s = connect_s
        self._deadline_s = deadline_s
        self._clock = clock

    def ask(self, line: str, verb: str, given: Mapping[str, str], *, deadline_s: float | None = None) -> Reply:
        """Put one question; the answer is the HTTP status, exit status 0 below 300. ValueError for none of ours."""
        method, path, body = self._request(verb, given)
        started, headers = self._clock(), {"Authorization": f"Basic {self._login}"}
        try:
            with wire.Wire(self._endpoint, connect_s=self._connect_s, deadline_s=deadline_s or self._deadline_s) as way:
                answer = way.send(method, self._endpoint + path, headers, body, wire.ANSWER_LIMIT)
                answer.read()
        except wire.Broken as broken:
            return Reply(self._target, line, broken.state, started, self._clock(), problem=f"{broken}")
        told = json.dumps({"HTTPStatus": answer.status}).encode() + b"\n"
        done = 0 if answer.status < 300 else 1
        return Reply(self._target, line, ReplyState.ANSWERED, started, self._clock(), done, told)

    def _request(self, verb: str, given: Mapping[str, str]) -> tuple[str, str, bytes]:
        method, may = VERBS.get(verb, ("", frozenset()))
        path = self._root + given.get("key", "")
        if not method or not set(given) <= may or not (posixpath.normpath(path) + "/").startswith(self._root):
            raise ValueError(f"the gate does not ask {verb!r} so of an append-only server")
        return method, path + ("?create=true" if verb == "make" else ""), given.get("text", "").encode()
