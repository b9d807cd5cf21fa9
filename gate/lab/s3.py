"""
A small object service for the lab: the part of S3 that the gate speaks, over real HTTP, with signatures verified.

It simulates: one process keeps the bytes in memory, and nothing holds them fast but its own code.
"""

import base64
import hashlib
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from gate.lab.bucket import Bucket, Denied, Stored, access_denied
from gate.lab.signature import signer

LARGEST = 64 << 20
PAGE = 1000
NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"


@dataclass(frozen=True)
class User:
    """Who may sign, and what they may do."""

    secret: str
    reads: bool = False
    writes_below: str = ""
    """Prefix below which writing, deleting, retaining are allowed; empty: nowhere."""


class ObjectService:
    """One endpoint with one bucket."""

    def __init__(self, bucket: Bucket, host: str, port: int, users: Mapping[str, User]) -> None:
        self.bucket = bucket
        self._spot = (host, port)
        self._users = users
        self._server: ThreadingHTTPServer | None = None

    def open(self) -> None:
        """Listen; nothing when it listens already."""
        if self._server is not None:
            return
        self._server = _Server(self._spot, type("Handler", (_Handler,), {"bucket": self.bucket, "users": self._users}))
        threading.Thread(target=self._server.serve_forever, args=(0.1,), name="object service", daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        server, self._server = self._server, None
        if server is not None:
            server.shutdown()
            server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64


@dataclass
class _Call:
    """One request, taken apart and signed by somebody."""

    method: str
    key: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    user: User
    production: bool

    @property
    def version(self) -> str:
        return self.query.get("versionId", "")

    @property
    def bypass(self) -> bool:
        return self.headers.get("x-amz-bypass-governance-retention", "").lower() == "true"


class _Handler(BaseHTTPRequestHandler):
    """One connection, one request: the gate opens a new one for each."""

    bucket: Bucket
    users: Mapping[str, User]
    protocol_version = "HTTP/1.1"
    server_version = "sangate-lab-simulation"
    timeout = 30

    def do_GET(self) -> None:
        self._serve()

    do_HEAD = do_PUT = do_DELETE = do_POST = do_GET  # noqa: N815 - likewise

    def log_message(self, *_: Any) -> None:
        return

    def date_time_string(self, timestamp: float | None = None) -> str:  # noqa: ARG002 - its own clock
        return formatdate(self.bucket.now(), usegmt=True)

    def _serve(self) -> None:
        if delay := self.bucket.faults.get("slow"):
            time.sleep(float(delay))
        try:
            status, headers, body = answer(self.bucket, self._call())
        except Denied as denied:
            words = f"<Code>{denied.code}</Code><Message>{escape(denied.words)}</Message>"
            status, headers, body = denied.status, {}, f"<Error>{words}</Error>".encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if "Content-Length" not in headers:
            self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD" and status != 204:
            self.wfile.write(body)
        self.close_connection = True

    def _call(self) -> _Call:
        size = int(self.headers.get("Content-Length") or 0)
        if not 0 <= size <= LARGEST:
            raise Denied(400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size")
        body = self.rfile.read(size)
        spot = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        secrets = {access: user.secret for access, user in self.users.items()}
        access, wrong = signer(self.command, spot.path, spot.query, headers, body, secrets)
        if wrong:
            raise Denied(403, wrong, "The request was not signed by anybody known here.")
        name, _, key = unquote(spot.path).lstrip("/").partition("/")
        if name != self.bucket.name or not self.bucket.made:
            raise Denied(404, "NoSuchBucket", "The specified bucket does not exist")
        query = dict(parse_qsl(spot.query, keep_blank_values=True))
        user = self.users[access]
        return _Call(self.command, key, query, headers, body, user, not user.reads)


def answer(bucket: Bucket, call: _Call) -> tuple[int, dict[str, str], bytes]:
    """Answer one request as S3 does; Denied for what it refuses."""
    reads = call.method in ("GET", "HEAD")
    trusted = call.production and "trusts-production" in bucket.faults and call.method == "DELETE"
    below = call.user.writes_below
    if not (call.user.reads if reads else trusted or (below and call.key.startswith(below))):
        raise access_denied()
    if not call.key:
        return _of_bucket(bucket, call)
    if "retention" in call.query:
        return _retention(bucket, call)
    if call.method == "DELETE":
        gone = bucket.delete(call.key, call.version, bypass=call.bypass)
        named = {"x-amz-version-id": gone.id} if gone else {}
        marker = {"x-amz-delete-marker": "true"} if gone and gone.content is None else {}
        return 204, {**named, **marker}, b""
    if call.method == "PUT":
        return _put(bucket, call)
    return _read(bucket.get(call.key, call.version))


def _of_bucket(bucket: Bucket, call: _Call) -> tuple[int, dict[str, str], bytes]:
    if "versioning" in call.query:
        return _xml("VersioningConfiguration", "<Status>Enabled</Status>")
    if "object-lock" in call.query:
        return _xml("ObjectLockConfiguration", "<ObjectLockEnabled>Enabled</ObjectLockEnabled>")
    if "versions" not in call.query or call.method != "GET":
        raise Denied(501, "NotImplemented", "This simulation does not know that.")
    found = bucket.list(call.query.get("prefix", ""))
    after = (call.query.get("key-marker", ""), call.query.get("version-id-marker", ""))
    names = [(one.key, one.id) for one, _ in found]
    start = names.index(after) + 1 if after in names else 0
    page, more = found[start : start + PAGE], len(found) > start + PAGE
    parts = [f"<IsTruncated>{str(more).lower()}</IsTruncated><EncodingType>url</EncodingType>"]
    if more:
        key, name = page[-1][0].key, page[-1][0].id
        parts.append(f"<NextKeyMarker>{quote(key)}</NextKeyMarker><NextVersionIdMarker>{name}</NextVersionIdMarker>")
    for one, newest in page:
        kind = "DeleteMarker" if one.content is None else "Version"
        size = "" if one.content is None else f"<Size>{len(one.content)}</Size>"
        parts.append(
            f"<{kind}><Key>{quote(one.key)}</Key><VersionId>{one.id}</VersionId>"
            f"<IsLatest>{str(newest).lower()}</IsLatest><LastModified>{_iso(one.modified)}</LastModified>{size}</{kind}>"
        )
    return _xml("ListVersionsResult", "".join(parts))


def _retention(bucket: Bucket, call: _Call) -> tuple[int, dict[str, str], bytes]:
    if call.method == "PUT":
        told = {element.tag.rpartition("}")[2]: element.text or "" for element in _tree(call.body).iter()}
        until = datetime.fromisoformat(told["RetainUntilDate"]).timestamp()
        bucket.retain(call.key, call.version, told["Mode"], until, bypass=call.bypass)
        return 200, {}, b""
    one = bucket.get(call.key, call.version)
    if not one.mode:
        words = "The specified object does not have a ObjectLock configuration"
        raise Denied(404, "NoSuchObjectLockConfiguration", words)
    return _xml("Retention", f"<Mode>{one.mode}</Mode><RetainUntilDate>{_iso(one.until)}</RetainUntilDate>")


def _put(bucket: Bucket, call: _Call) -> tuple[int, dict[str, str], bytes]:
    mode, until = call.headers.get("x-amz-object-lock-mode", ""), 0.0
    if mode:
        if "content-md5" not in call.headers:
            raise Denied(400, "InvalidRequest", "Content-MD5 OR x-amz-checksum- HTTP header is required")
        until = datetime.fromisoformat(call.headers["x-amz-object-lock-retain-until-date"]).timestamp()
    digest = base64.b64encode(hashlib.md5(call.body, usedforsecurity=False).digest()).decode()
    if call.headers.get("content-md5", digest) != digest:
        raise Denied(400, "BadDigest", "The Content-MD5 you specified did not match what we received.")
    one = bucket.put(call.key, call.body, mode, until)
    return 200, {"x-amz-version-id": one.id, "ETag": _etag(call.body)}, b""


def _read(one: Stored) -> tuple[int, dict[str, str], bytes]:
    content = one.content or b""
    headers = {"x-amz-version-id": one.id, "ETag": _etag(content), "Content-Length": str(len(content))}
    headers["Last-Modified"] = formatdate(one.modified, usegmt=True)
    if one.mode:
        headers["x-amz-object-lock-mode"] = one.mode
        headers["x-amz-object-lock-retain-until-date"] = _iso(one.until)
    return 200, headers, content


def _tree(body: bytes) -> ET.Element:
    try:
        return ET.fromstring(body)  # noqa: S314 - a simulation on loopback, asked by whoever has its keys
    except ET.ParseError:
        raise Denied(400, "MalformedXML", "The XML you provided was not well-formed") from None


def _xml(name: str, inner: str) -> tuple[int, dict[str, str], bytes]:
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<{name} xmlns="{NAMESPACE}">{inner}</{name}>'
    return 200, {"Content-Type": "application/xml"}, text.encode()


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def _etag(content: bytes) -> str:
    return f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'
