"""
One entry as rows of the tables that an auditor asks: nothing but a reading of its bytes, so it can be made again.

`TABLES` describes every table and column; the SQLite file, its description and Datasette's metadata are made from it.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from gate.export.gist import gist, outcome
from gate.export.population import Item

Row = dict[str, Any]

TABLES: Mapping[str, tuple[str, Mapping[str, tuple[type, str]]]] = MappingProxyType(
    {
        "actor": (
            "Everybody and everything that made an entry.",
            {"id": (str, "name as it was entered"), "type": (str, "person, gate or anonymous")},
        ),
        "change": (
            "Every change that was asked for: the population. Times are the gate's own.",
            {
                "id": (str, "name of the change"),
                "number": (int, "1, 2, 3 … without gaps"),
                "title": (str, "what was asked for"),
                "requester": (str, "who asked"),
                "opened": (str, "when it was asked for"),
                "performer": (str, "who started it; empty when it never began"),
                "started": (str, "when its first stage began"),
                "closed": (str, "when it ended; empty while it is open"),
                "outcome": (str, "how it ended"),
                "closing_count": (int, "how many entries its closing entry says there are"),
            },
        ),
        "entry": (
            "Every entry, with its exact bytes.",
            {
                "idx": (int, "place in the log, from 0"),
                "id": (str, "UUID version 7"),
                "time": (str, "RFC 3339 in UTC"),
                "kind": (str, "what it is"),
                "change": (str, "the change it belongs to"),
                "seq": (int, "1, 2, 3 … within the change, without gaps"),
                "actor": (str, "who"),
                "array": (str, "the array it is about"),
                "outcome": (str, "how it went, where it says"),
                "said": (str, "its data in a few words, for reading"),
                "sha256": (str, "of the exact bytes"),
                "body": (bytes, "the exact bytes, JSON; everything else is a reading of them"),
            },
        ),
        "approval": (
            "Every decision from a seat, signed or refused.",
            {
                "entry": (int, "the entry"),
                "change": (str, "which change"),
                "seat": (str, "which seat"),
                "approver": (str, "who decided"),
                "decision": (str, "approve or deny"),
                "method": (str, "ssh or passkey: the person's own signature; session: the gate's word"),
                "time": (str, "when"),
                "reason": (str, "the person's remark"),
                "statement": (str, "the exact text that was signed"),
                "signature": (str, "the signature, as it came"),
                "key": (str, "the public key it was made with"),
            },
        ),
        "refusal": (
            "Every attempt that the gate refused.",
            {
                "entry": (int, "the entry"),
                "change": (str, "which change; empty when none"),
                "who": (str, "who tried"),
                "what": (str, "what they tried"),
                "why": (str, "why it was refused"),
                "time": (str, "when"),
            },
        ),
        "verdict": (
            "Every verdict the gate gave.",
            {
                "entry": (int, "the entry"),
                "change": (str, "which change"),
                "moment": (str, "approve or start"),
                "opens": (int, "1: every check passed; 0: refused"),
                "time": (str, "when"),
                "plan_digest": (str, "of the plan it is about"),
                "verdict_digest": (str, "of what approvals bind to"),
            },
        ),
        "step": (
            "Every step on an array: the intent before, the outcome after.",
            {
                "entry": (int, "the entry"),
                "change": (str, "which change"),
                "what": (str, "intended, ended or looked"),
                "phase": (str, "forward, commit or back_out"),
                "step": (str, "its name in the playbook"),
                "number": (int, "its place there"),
                "array": (str, "which array"),
                "outcome": (str, "how it went"),
                "command": (str, "the exact words, on the intent"),
                "because": (str, "why, where it says"),
                "time": (str, "when"),
            },
        ),
        "proof": (
            "Every backup that was read or restored for proof.",
            {
                "entry": (int, "the entry"),
                "what": (str, "verified or rehearsed"),
                "protection": (str, "which arrangement"),
                "backup": (str, "which backup"),
                "level": (str, "V0 to V7, on a rehearsal"),
                "passed": (int, "1 or 0"),
                "because": (str, "what was found"),
                "time": (str, "when"),
            },
        ),
        "blob": (
            "What entries name beside themselves: plans, replies, transcripts.",
            {
                "entry": (int, "the entry"),
                "name": (str, "what it is to that entry"),
                "sha256": (str, "of its bytes"),
                "size": (int, "in bytes"),
            },
        ),
    }
)
"""Table → what it holds, and column → type and meaning."""

STEPS = {"step.intended": "intended", "step.ended": "ended", "step.looked": "looked"}
PROOFS = {"backup.verified": "verified", "backup.rehearsed": "rehearsed"}


def rows(item: Item) -> Iterator[tuple[str, Row]]:
    """Yield (table, row) for one entry; the tables `actor` and `change` hold one row for many entries."""
    said, data = item.said, item.said["data"]
    kind, change, who, time = said["kind"], said["change"], said["actor"]["id"], said["time"]
    yield "actor", {"id": who, "type": _text(said["actor"].get("type"))}
    yield (
        "entry",
        {
            "idx": item.at,
            "id": said["id"],
            "time": time,
            "kind": kind,
            "change": change,
            "seq": said["seq"],
            "actor": who,
            "array": _text(data.get("array")),
            "outcome": outcome(kind, data),
            "said": gist(data),
            "sha256": item.sha256,
            "body": item.body,
        },
    )
    about = {"entry": item.at, "change": change, "time": time}
    if kind in ("approval.signed", "approval.denied"):
        yield (
            "approval",
            {**about, "approver": who, **_texts(data, "seat decision method reason statement signature key")},
        )
    elif kind == "attempt.refused":
        yield "refusal", {**about, **_texts(data, "who what why")}
    elif kind == "verdict.given":
        told = {"moment": _text(data.get("when")), "opens": int(data.get("opens") is True)}
        yield "verdict", {**about, **told, **_texts(data, "plan_digest verdict_digest")}
    elif kind in STEPS:
        told = {"what": STEPS[kind], "number": data.get("number"), "outcome": outcome(kind, data)}
        yield "step", {**about, **told, **_texts(data, "phase step array command because")}
    elif kind in PROOFS:
        told = {"entry": item.at, "time": time, "what": PROOFS[kind], "passed": int(data.get("passed") is True)}
        yield "proof", {**told, **_texts(data, "protection backup level because")}
    for blob in said["blobs"]:
        yield "blob", {"entry": item.at, **_texts(blob, "name sha256"), "size": blob.get("size")}


def told_of_change(item: Item) -> Row:
    """Return what one entry adds to the row of its change; empty when nothing."""
    said, data = item.said, item.said["data"]
    who, time = said["actor"]["id"], said["time"]
    if said["kind"] == "change.opened":
        return {"number": data.get("number"), "title": _text(data.get("title")), "requester": who, "opened": time}
    if said["kind"] == "stage.started":
        return {"performer": who, "started": time}
    if said["kind"] == "change.closed":
        return {"closed": time, "outcome": _text(data.get("outcome")), "closing_count": data.get("entries")}
    return {}


def _texts(data: Mapping[str, Any], names: str) -> Row:
    return {name: _text(data.get(name)) for name in names.split()}


def _text(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return "; ".join(map(str, value))
    return "" if value is None else str(value)
