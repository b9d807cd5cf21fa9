"""
One object service as the gate asks it: botocore signs and reads, `wire` sends, a Reply comes back in every case.

The answer is told as one JSON object: what the service said, its HTTP status, its clock. A refusal is an answer too,
with exit status 1. No request is ever put a second time, so nothing is retried into a pass.
"""

import base64
import hashlib
import json
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, BinaryIO, TypeAlias, cast

from gate.backups.s3_words import Role
from gate.canonical import utc
from gate.evidence import Reply, ReplyState
from gate.inventory import ObjectStore
from gate.objects import credential, wire

Clock = Callable[[], datetime]
Given: TypeAlias = Mapping[str, str]

KEPT = 1024 * 1024
"""Bytes of an object that is read whole into a reply: a manifest."""


@dataclass(frozen=True)
class Verb:
    """What one word of a question becomes."""

    operation: str
    """Operation as botocore's method is called."""

    parameters: Mapping[str, str]
    """Name in the question → name in the request."""

    roles: frozenset[Role] = frozenset({Role.READ, Role.SENTINEL})


PLACE = {"key": "Key", "version": "VersionId"}
WRITES = frozenset({Role.SENTINEL})
TRIES = frozenset({Role.SENTINEL, Role.PRODUCTION})

VERBS: Mapping[str, Verb] = {
    "versioning": Verb("get_bucket_versioning", {}),
    "lock": Verb("get_object_lock_configuration", {}),
    "versions": Verb(
        "list_object_versions",
        {"prefix": "Prefix", "key-marker": "KeyMarker", "version-marker": "VersionIdMarker"},
    ),
    "head": Verb("head_object", PLACE),
    "retention": Verb("get_object_retention", PLACE),
    "get": Verb("get_object", PLACE),
    "hash": Verb("get_object", PLACE),
    "put": Verb(
        "put_object",
        {"key": "Key", "text": "Body", "mode": "ObjectLockMode", "until": "ObjectLockRetainUntilDate"},
        WRITES,
    ),
    "retain": Verb(
        "put_object_retention", {**PLACE, "mode": "Mode", "until": "RetainUntilDate", "bypass": "Bypass"}, WRITES
    ),
    "delete": Verb("delete_object", {**PLACE, "bypass": "Bypass"}, TRIES),
}
"""Every request the gate can make. A word that is not here is refused before anything is sent."""

MUTATES = frozenset({"put", "retain", "delete"})


class Service:
    """One bucket under one credential. Safe to use from many threads: no request shares anything with another."""

    def __init__(
        self,
        target: str,
        store: ObjectStore,
        role: Role,
        key: credential.Credential,
        *,
        connect_s: float,
        deadline_s: float,
        clock: Clock,
    ) -> None:
        self._target = target
        self._store = store
        self._role = role
        self._client = _client(store, key)
        self._connect_s = connect_s
        self._deadline_s = deadline_s
        self._clock = clock

    def ask(self, line: str, verb: str, given: Given, *, deadline_s: float | None = None) -> Reply:
        """Put one question; `line` is how the record spells it. ValueError for what this role may never ask."""
        request = self._request(verb, given)
        started = self._clock()
        try:
            with self._sending(deadline_s or self._deadline_s, streams=verb in ("get", "hash")):
                told, status = self._told(verb, request)
        except wire.Broken as broken:
            return Reply(self._target, line, broken.state, started, self._clock(), problem=f"{broken}")
        error = b"" if status == 0 else _complaint(told)
        out = told if isinstance(told, bytes) else _json(told)
        return Reply(self._target, line, ReplyState.ANSWERED, started, self._clock(), status, out, error)

    @contextmanager
    def reading(self, given: Given, *, deadline_s: float) -> Iterator[BinaryIO]:
        """Open one version of an object for reading by parts; wire.Broken when it is not handed out."""
        request = self._request("get", given)
        with self._sending(deadline_s, streams=True):
            try:
                body = self._client.get_object(**request)["Body"]
            except Exception as error:  # noqa: BLE001  whatever it is, no answer was read
                raise _broken(error) from None
            yield cast("BinaryIO", body)

    def _request(self, verb: str, given: Given) -> dict[str, Any]:
        known = VERBS.get(verb)
        if known is None or self._role not in known.roles or not set(given) <= set(known.parameters):
            raise ValueError(f"{self._role.value} does not ask {verb!r} so")
        sentinels = self._store.sentinels
        below = sentinels.prefix if sentinels else None
        if verb in MUTATES and (below is None or not given.get("key", "").startswith(below)):
            raise ValueError("the gate writes and deletes below the declared prefix of sentinels alone")
        made: dict[str, Any] = {known.parameters[name]: value for name, value in given.items()}
        made["Bucket"] = self._store.bucket
        for name in ("RetainUntilDate", "ObjectLockRetainUntilDate"):
            if name in made:
                made[name] = datetime.fromisoformat(made[name])
        if verb == "put":
            made["Body"] = made.get("Body", "").encode()
            made["ContentMD5"] = base64.b64encode(hashlib.md5(made["Body"], usedforsecurity=False).digest()).decode()
        if verb == "retain":
            made["Retention"] = {"Mode": made.pop("Mode"), "RetainUntilDate": made.pop("RetainUntilDate")}
        if made.pop("Bypass", ""):
            made["BypassGovernanceRetention"] = True
        return made

    @contextmanager
    def _sending(self, deadline_s: float, *, streams: bool) -> Iterator[None]:
        """Have the client's one request of this thread go through a wire of its own."""
        from botocore.awsrequest import AWSResponse  # type: ignore[import-untyped]

        with wire.Wire(self._store.endpoint, connect_s=self._connect_s, deadline_s=deadline_s) as way:

            def send(request: Any) -> Any:
                _SENDERS.send = None  # the library repeats some requests by itself, after a redirect say: not here
                headers = {
                    name: value.decode("ascii") if isinstance(value, bytes) else value
                    for name, value in request.headers.items()
                    if name.lower() != "expect"
                }
                body = request.body if isinstance(request.body, bytes) else (request.body or b"")
                body = body if isinstance(body, bytes) else body.read()
                limit = None if streams else wire.ANSWER_LIMIT
                answer = way.send(request.method, request.url, headers, body, limit)
                if answer.status >= 300:
                    answer.bound(wire.ANSWER_LIMIT)
                return AWSResponse(request.url, answer.status, answer.headers, answer)

            _SENDERS.send = send
            try:
                yield
            finally:
                _SENDERS.send = None

    def _told(self, verb: str, request: dict[str, Any]) -> tuple[dict[str, Any] | bytes, int]:
        from botocore.exceptions import ClientError  # type: ignore[import-untyped]

        try:
            found = getattr(self._client, VERBS[verb].operation)(**request)
        except ClientError as error:
            return _said(error.response), 1
        except Exception as error:  # noqa: BLE001  whatever it is, no answer was read
            raise _broken(error) from None
        if verb == "get":
            body = found["Body"].read(KEPT + 1)
            if len(body) > KEPT:
                raise wire.TooLong(f"the object has more than {KEPT} bytes")
            return bytes(body), 0
        said = _said(found)
        if verb == "hash":
            said |= _hashed(found["Body"])
        return said, 0


class _Senders(threading.local):
    """Which wire this thread's request goes through."""

    send: Callable[[Any], Any] | None = None


_SENDERS = _Senders()


def _send(request: Any, **_: object) -> Any:
    if _SENDERS.send is None:
        raise wire.Broken("it wants the request to be put a second time, and elsewhere")
    return _SENDERS.send(request)


def _client(store: ObjectStore, key: credential.Credential) -> Any:
    """Make botocore's client, deaf to the environment and to files of the home directory."""
    from botocore.config import Config  # type: ignore[import-untyped]
    from botocore.configprovider import BOTOCORE_DEFAUT_SESSION_VARIABLES  # type: ignore[import-untyped]
    from botocore.session import Session  # type: ignore[import-untyped]

    deaf = {name: (None, None, *rest) for name, (_, _, *rest) in BOTOCORE_DEFAUT_SESSION_VARIABLES.items()}
    for name in ("config_file", "credentials_file"):
        deaf[name] = (None, None, os.devnull, None)
    session = Session(session_vars=deaf)
    client = session.create_client(
        "s3",
        region_name=store.region,
        endpoint_url=store.endpoint,
        aws_access_key_id=key.access,
        aws_secret_access_key=key.secret,
        config=Config(
            signature_version="s3v4",
            s3={"addressing_style": "path"},
            retries={"total_max_attempts": 1, "mode": "standard"},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            ignore_configured_endpoint_urls=True,
            parameter_validation=True,
        ),
    )
    client.meta.events.register("before-send.s3", _send)
    return client


def _hashed(body: Any) -> dict[str, Any]:
    digest, size = hashlib.sha256(), 0
    while part := body.read(wire.CHUNK):
        digest.update(part)
        size += len(part)
    return {"sha256": digest.hexdigest(), "bytes": size}


def _said(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answer without its body, with the status and the clock of the service beside it."""
    meta = found.get("ResponseMetadata", {})
    headers = meta.get("HTTPHeaders", {})
    kept = {name: value for name, value in found.items() if name not in ("ResponseMetadata", "Body", "Metadata")}
    return {**kept, "HTTPStatus": meta.get("HTTPStatusCode"), "Date": _date(headers.get("date", ""))}


def _date(header: str) -> str | None:
    try:
        told = parsedate_to_datetime(header)
    except (ValueError, TypeError):
        return None
    return None if told.tzinfo is None else utc(told.astimezone(UTC))


def _json(told: Mapping[str, Any]) -> bytes:
    def plain(value: object) -> str:
        return utc(value.astimezone(UTC)) if isinstance(value, datetime) else str(value)

    return json.dumps(told, default=plain, sort_keys=True).encode() + b"\n"


def _complaint(told: dict[str, Any] | bytes) -> bytes:
    if isinstance(told, bytes):
        return b""
    error = told.get("Error", {})
    return f"{error.get('Code', 'no code')} (status {told['HTTPStatus']}): {error.get('Message', '')}".encode()


def _broken(error: Exception) -> wire.Broken:
    """Say what an exception of the library means; its own words may repeat what a hostile peer has sent."""
    return error if isinstance(error, wire.Broken) else wire.Broken(f"its answer is no answer ({type(error).__name__})")
