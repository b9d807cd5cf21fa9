"""A part of the log as JSON lines: each line the place, the hash and the exact bytes of one entry."""

from collections.abc import Sequence

from gate.canonical import encode
from gate.export.form import Form, Statement
from gate.export.population import Item


def _records(items: Sequence[Item]) -> bytes:
    return b"".join(b'{"index":%d,"sha256":"%s","entry":%s}\n' % (one[0], one[3].encode(), one[1]) for one in items)


def _statement(statement: Statement) -> bytes:
    return encode(statement) + b"\n"


FORM = Form("jsonl", ".part.jsonl", "application/jsonl", _statement, _records, _statement)
