"""
The ways to object services beside those to hosts: a question that begins with `s3` is signed here and never sent to
a shell.

`bring` is the one that needs both: an object is read from its service and passed on to a host, hashed on the way and
kept nowhere. So no credential and no link that works like one ever comes to that host.
"""

import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path, PurePosixPath

from gate.backups.s3_words import BEGINNING, REST, Request, Role, read
from gate.canonical import sha256
from gate.endpoint import host
from gate.errors import GateError, Outside
from gate.evidence import Reply, ReplyState
from gate.gather.lines import Lines
from gate.gather.naming import Names
from gate.inventory import Inventory, Protection
from gate.objects import credential
from gate.objects.rest import RestServer
from gate.objects.service import Service
from gate.objects.wire import Broken
from gate.ssh.relay import Relayed
from gate.ssh.wire import utc_now

Clock = Callable[[], datetime]


class Objects:
    """Every object service of the inventory, each under the key files of its protection. Safe for many threads."""

    def __init__(
        self, inventory: Inventory, keys: Path, *, connect_s: float, deadline_s: float, clock: Clock = utc_now
    ) -> None:
        self._protections: dict[str, Protection] = {one.id: one for one in inventory.protections if one.object_store}
        self._servers = {one.id: one.append_only_server for one in inventory.protections if one.append_only_server}
        self._names = Names(inventory)
        self._keys = keys
        self._connect_s = connect_s
        self._deadline_s = deadline_s
        self._clock = clock
        self._made: dict[tuple[str, Role, credential.Credential], Service] = {}
        self._lock = threading.Lock()

    def key_mark(self, protection: str, role: Role) -> str:
        """Return a word that tells this role's key from another and gives nothing away; empty without a key file."""
        path = self._keys / credential.file_name(protection, role.value)
        if not path.exists():
            return ""
        try:
            return sha256(credential.read(path).access.encode())[:19]
        except GateError:
            return "that cannot be read"

    def service(self, request: Request) -> Service:
        """Return the service under the key file as it is now; GateError when there is no such key or protection."""
        protection = self._protections.get(request.protection)
        if protection is None or protection.object_store is None:
            raise ValueError(f"{request.protection} lies in no object store")
        key = credential.read(self._keys / credential.file_name(protection.id, request.role.value))
        spot = (protection.id, request.role, key)
        with self._lock:
            if spot not in self._made:
                self._made[spot] = Service(
                    protection.object_store.endpoint,
                    protection.object_store,
                    request.role,
                    key,
                    connect_s=self._connect_s,
                    deadline_s=self._deadline_s,
                    clock=self._clock,
                )
            return self._made[spot]

    def ask(self, line: str, *, deadline_s: float | None = None) -> Reply:
        """Put one question; a key that cannot be used is `unreachable` with the sentence."""
        request, started = read(line), self._clock()
        if request.verb == "where":
            return self._where(line, request, started)
        try:
            service = self._server(request) if line.startswith(REST) else self.service(request)
        except GateError as error:
            now = self._clock()
            return Reply(request.protection, line, ReplyState.UNREACHABLE, started, now, problem=error.message)
        return service.ask(line, request.verb, request.given, deadline_s=deadline_s)

    def _where(self, line: str, request: Request, started: datetime) -> Reply:
        """Tell where a service is; the resolver is asked, the service is not."""
        store = self._protections[request.protection].object_store
        told = self._names.told(host(store.endpoint)) if store else b""
        answered = ReplyState.ANSWERED
        return Reply(request.protection, line, answered, started, self._clock(), 0 if told else 1, told)

    def _server(self, request: Request) -> RestServer:
        server = self._servers.get(request.protection)
        if server is None or request.role is not Role.SENTINEL:
            raise ValueError(f"{request.protection} has no append-only server that would be asked so")
        return RestServer(
            server.endpoint,
            server,
            credential.login(self._keys / credential.login_name(request.protection)),
            connect_s=self._connect_s,
            deadline_s=self._deadline_s,
            clock=self._clock,
        )


class WideLines(Lines):
    """The ways to hosts, and those to object services beside them."""

    objects: Objects

    def ask(
        self, target: str, command: str, *, deadline_s: float | None = None, limit_bytes: int | None = None
    ) -> Reply:
        """As Lines.ask; a line of `s3` goes to its service."""
        if not command.startswith((BEGINNING, REST)):
            return super().ask(target, command, deadline_s=deadline_s, limit_bytes=limit_bytes)
        request = read(command)
        if request.verb == "bring":
            return self._bring(target, command, request, deadline_s or self.deadline_s)
        return self.objects.ask(command, deadline_s=deadline_s)

    def _bring(self, target: str, line: str, request: Request, deadline_s: float) -> Reply:
        started, given = self._clock(), request.given
        to = PurePosixPath(given["to"])
        try:
            service = self.objects.service(request)
            place = {"key": given["key"], "version": given["version"]}
            with self._connect(target) as session, service.reading(place, deadline_s=deadline_s) as stream:
                if isinstance(session, Relayed):
                    raise Outside(f"{target} is marked legacy, and nothing is brought there")
                reply = session.pass_on(
                    stream, int(given["bytes"]), given["sha256"], str(to.parent), to.name, deadline_s=deadline_s
                )
        except (Broken, GateError) as error:
            problem = str(error) if isinstance(error, Broken) else error.message
            return Reply(target, line, ReplyState.LOST, started, self._clock(), problem=problem)
        # What the receiving scp objects to comes on standard output, behind its zero bytes.
        said = reply.stdout.lstrip(b"\0\1\2") or reply.stderr
        ended = self._clock()
        return Reply(target, line, reply.state, started, ended, reply.exit_status, b"", said, reply.problem)
