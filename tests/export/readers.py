"""Readers of the mapped formats, written from docs/ledger-format.md alone: no code of the exporter is used."""

import csv
import io
import json
import re
from typing import Any, NamedTuple


class Held(NamedTuple):
    """What a file holds: (index, sha256, exact bytes) of each record, and its two statements."""

    records: list[tuple[int, str, bytes]]
    opening: Any
    closing: Any


def part(data: bytes) -> Held:
    lines = data.decode().split("\n")[:-1]
    wanted = re.compile(r'\{"index":([0-9]+),"sha256":"([0-9a-f]{64})","entry":(.*)\}')
    found = [wanted.fullmatch(line) for line in lines[1:-1]]
    records = [(int(one[1]), one[2], one[3].encode()) for one in found if one]
    assert len(records) == len(lines) - 2
    return Held(records, json.loads(lines[0]), json.loads(lines[-1]))


def spreadsheet(data: bytes) -> Held:
    rows = list(csv.DictReader(io.StringIO(data.decode(), newline="")))
    assert (rows[0]["index"], rows[0]["kind"]) == ("#", "export.begins")
    assert (rows[-1]["index"], rows[-1]["kind"]) == ("#", "export.ends")
    records = [(int(row["index"]), row["sha256"], row["entry"].encode()) for row in rows[1:-1]]
    return Held(records, json.loads(rows[0]["entry"]), json.loads(rows[-1]["entry"]))


def ocsf(data: bytes) -> Held:
    events = [json.loads(line) for line in data.decode().split("\n")[:-1]]
    records = [
        (one["metadata"]["sequence"], one["raw_data_hash"]["value"], one["raw_data"].encode()) for one in events[1:-1]
    ]
    return Held(records, events[0]["unmapped"]["sangate_export"], events[-1]["unmapped"]["sangate_export"])


def rfc5424(data: bytes) -> Held:
    lines = data.decode().split("\n")[:-1]
    value = r'(?:[^"\\\]]|\\["\\\]])*'
    words = rf'(?:[a-zA-Z0-9]+="{value}" ?)+'
    head = r"<1[01][0-9]>1 (\S+) (\S{1,255}) sangate - ([a-z._]{1,32})"
    form = re.compile(rf"{head} \[sangate@32473 ({words})\] \ufeff(.*)")
    found = [form.fullmatch(line) for line in lines]
    assert all(found)
    told = [(one[3], dict(re.findall(r'([a-zA-Z0-9]+)="((?:[^"\\\]]|\\.)*)"', one[4])), one[5]) for one in found if one]
    assert (told[0][0], told[-1][0]) == ("export.begins", "export.ends")
    records = [(int(words["index"]), words["sha256"], text.encode()) for _, words, text in told[1:-1]]
    return Held(records, json.loads(told[0][2]), json.loads(told[-1][2]))


def cef(data: bytes) -> Held:
    lines = data.decode().split("\n")[:-1]
    records = []
    for line in lines[1:-1]:
        extension = cef_parts(line)[7]
        found = re.search(r"cn1=([0-9]+) cs6Label=sha256 cs6=([0-9a-f]{64}) ", extension)
        assert found
        records.append((int(found[1]), found[2], cef_raw(extension).encode()))
    return Held(records, json.loads(cef_raw(cef_parts(lines[0])[7])), json.loads(cef_raw(cef_parts(lines[-1])[7])))


def cef_parts(line: str) -> list[str]:
    """Split a head at its bars; a bar behind a backslash is none."""
    parts = re.split(r"(?<!\\)\|", line, maxsplit=7)
    assert parts[0] == "CEF:0"
    return parts


def cef_raw(extension: str) -> str:
    raw = extension.partition("rawEvent=")[2]
    return re.sub(r"\\(.)", lambda found: {"n": "\n", "r": "\r"}.get(found[1], found[1]), raw)


READERS = {"jsonl": part, "csv": spreadsheet, "ocsf": ocsf, "rfc5424": rfc5424, "cef": cef}
