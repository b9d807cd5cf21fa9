"""
One entry: what may be in it, its exact bytes, and those bytes read back.

The bytes are made once, here, and are the truth from then on: they are hashed, stored and exported as they are.
Nobody encodes an entry a second time.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType

from gate.canonical import Json, encode
from gate.errors import BadInput, CannotTell

LARGEST_BODY = 16 * 1024
"""Bytes. C2SP tlog-tiles allows 65,535; larger things are blobs that the entry names."""

FLAT = frozenset({str, int, bool, type(None)})
"""What JSON gives back as the very same value."""

CHANGE_ID = re.compile(r"^chg-[0-9]{4,9}$")
"""How the gate names a change."""

ACTOR_TYPES = ("person", "gate", "anonymous")

KINDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "log.opened": ("origin", "key", "previous", "missing"),
        "log.recovered": ("reason", "from", "start", "size", "missing"),
        "key.rotated": ("old", "key", "reason"),
        "redaction.made": ("entry", "field", "reason"),
        "blobs.pruned": ("before", "count", "size", "reason"),
        "blobs.held": ("reason",),
        "blobs.freed": ("reason",),
        "change.opened": ("title", "request", "number"),
        "evidence.gathered": ("digest", "purpose"),
        "dry_run.ended": ("array", "plan_digest", "result", "because", "digest"),
        "plan.sealed": ("plan_digest", "canary", "control", "targets"),
        "verdict.given": ("when", "opens", "verdict_digest", "plan_digest", "findings", "missing", "valid_until"),
        "approval.signed": ("seat", "decision", "statement", "method", "signature", "key", "reason"),
        "approval.denied": ("seat", "decision", "statement", "method", "signature", "key", "reason"),
        "waiver.signed": ("check", "seat", "statement", "method", "signature", "key"),
        "attempt.refused": ("what", "why", "who"),
        "stage.started": ("stage", "array", "plan_digest", "verdict_digest"),
        "permit.issued": ("purpose", "stage", "array", "plan_digest", "serial", "expires"),
        "step.intended": ("phase", "step", "number", "array", "command", "act_before", "attempt"),
        "step.ended": ("phase", "step", "number", "array", "outcome", "because", "reply", "attempt", "prompt"),
        "step.looked": ("phase", "step", "number", "array", "result", "because", "reply"),
        "step.told": ("phase", "step", "number", "array", "facts", "reply"),
        "step.confirmed": ("phase", "step", "number", "array", "word", "by", "statement", "method", "signature", "key"),
        "escort.asked": ("phase", "step", "number", "array", "command", "attempt", "ask", "run", "until"),
        "escort.go": ("phase", "step", "number", "array", "statement", "method", "signature", "key"),
        "escort.stopped": ("contractor", "firm", "reason"),
        "hold.placed": ("reason",),
        "hold.lifted": ("reason",),
        "known_answer.written": ("array", "digest", "blocks"),
        "known_answer.read": ("array", "digest", "expected", "matches"),
        "probe.finished": ("array", "role", "name", "outcome", "value", "unit", "round"),
        "judgement.given": ("result", "because", "findings"),
        "person.asked": ("question", "step"),
        "person.answered": ("answer", "step", "reason"),
        "change.withdrawn": ("reason",),
        "change.halted": ("because",),
        "change.backed_out": (),
        "change.closed": ("outcome", "entries"),
        "auth.signed_in": ("method",),
        "auth.refused": ("name", "why"),
        "person.added": ("person", "roles", "seats"),
        "contract.made": ("person", "firm", "name", "sponsor", "not_before", "not_after"),
        "contract.ended": ("person", "firm", "not_after", "reason"),
        "password.changed": ("person",),
        "key.enrolled": ("person", "fingerprint"),
        "key.revoked": ("person", "fingerprint", "reason"),
        "host_key.pinned": ("name", "endpoint", "fingerprint"),
        "reference.recorded": ("dataset", "digest", "of"),
        "backup.verified": ("protection", "backup", "passed", "because", "digest", "of"),
        "rehearsal.begun": ("protection", "backup", "host", "scratch", "of"),
        "rehearsal.cleared": ("protection", "host", "scratch", "because"),
        "backup.rehearsed": ("protection", "backup", "level", "passed", "because", "digest", "of"),
        "immutability.tested": ("protection", "mechanism", "mode", "held", "because", "digest", "of"),
        "report.accepted": ("protection", "backup", "report", "reporter", "level", "because", "digest", "of"),
        "access.tested": ("protection", "actor", "refused", "because", "digest", "of"),
        "storage.seen": ("name", "identity"),
        "export.made": ("what", "size", "digest"),
        "ledger.checked": ("size", "result", "because"),
        "config.loaded": ("policy",),
    }
)
"""Kind → the keys its data may have. Anything else is refused, so that no secret slips in under a new name."""


PRIVATE = frozenset({"auth.refused.name"})
"""What is always kept outside the log (`kind.field`): what a stranger typed, and often a real person's name."""

MAY_BE_PRIVATE = PRIVATE | {
    "approval.denied.reason",
    "approval.signed.reason",
    "attempt.refused.who",
    "change.withdrawn.reason",
    "contract.made.name",
    "hold.lifted.reason",
    "hold.placed.reason",
    "key.revoked.reason",
    "person.answered.reason",
}
"""What policy may have kept so: free text of people. Nothing that decides, binds or names an approver is in it."""

COMMITMENT = re.compile(r"sha256:[0-9a-f]{64}")
TAIL = re.compile(rb'"kind":"([a-z_.]+)",(?:"private":\{[^{}]*\},)?"seq":(?:null|[0-9]+),"time":"([^"]*)","v":1\}$')
TAIL_MAX = 1024
"""Bytes: kind, seq, time and as many commitments as any kind has fields."""


@dataclass(frozen=True)
class Actor:
    """Who did it. `id` is a person's name in the people table, or a part of the gate."""

    type: str
    id: str


GATE = Actor("gate", "gate")
ANONYMOUS = Actor("anonymous", "")


@dataclass(frozen=True)
class Blob:
    """Something large that an entry names: kept beside the ledger under its digest."""

    name: str
    sha256: str
    """`sha256:` and 64 hexadecimal digits."""

    size: int
    """Bytes."""


@dataclass(frozen=True)
class Draft:
    """An entry before the ledger has given it id, time and place."""

    kind: str
    actor: Actor
    change: str | None = None
    data: Mapping[str, Json] = field(default_factory=dict)
    blobs: tuple[Blob, ...] = ()
    private: Mapping[str, str] = field(default_factory=dict)
    """Field → commitment: what is not in `data` because its value is kept outside the log."""


@dataclass(frozen=True)
class Entry:
    """An entry as it lies in the ledger. `body` is what is hashed; the other fields are read from it."""

    index: int
    """Place in the whole log, from 0."""

    body: bytes
    id: str
    time: datetime
    kind: str
    change: str | None
    seq: int | None
    """Place within its change, from 1; None for an entry of no change."""

    actor: Actor
    data: Mapping[str, Json]
    blobs: tuple[Blob, ...]
    private: Mapping[str, str] = field(default_factory=dict)
    """Field → commitment."""


@dataclass(frozen=True)
class Frame:
    """The bytes of an entry but for its id, seq and time, which only whoever appends it knows."""

    kind: str
    before_id: bytes
    before_seq: bytes
    of_change: bool

    def body(self, name: str, time: str, seq: int | None) -> bytes:
        """Return the exact bytes; BadInput when they are more than 16 KiB or the seq is none of a change."""
        if self.of_change == (seq is None):
            raise BadInput(f"{self.kind}: a sequence belongs to a change, and a change to a sequence")
        place = b"null" if seq is None else b"%d" % seq
        made = b'%b"%b"%b%b,"time":"%b","v":1}' % (self.before_id, name.encode(), self.before_seq, place, time.encode())
        if len(made) > LARGEST_BODY:
            raise BadInput(f"{self.kind}: {len(made)} bytes; at most {LARGEST_BODY}", hint="large things are blobs")
        return made


def body(draft: Draft, *, name: str, time: str, seq: int | None) -> bytes:
    """
    Return the exact bytes; `name` becomes the id, `time` is spelled by gate.canonical.utc.

    BadInput for an unknown kind or key, or more than 16 KiB.
    """
    return frame(draft).body(name, time, seq)


def frame(draft: Draft) -> Frame:
    """
    Encode what a draft says, in the canonical order of the keys; BadInput for an unknown kind or key.

    The keys after `kind` are private, seq, time and v, and an id is a UUID: so the rest can be put in without encoding
    anything again, while somebody else holds the turn to write.
    """
    _examine(draft)
    said: dict[str, Json] = {
        "actor": {"type": draft.actor.type, "id": draft.actor.id},
        "blobs": [{"name": blob.name, "sha256": blob.sha256, "size": blob.size} for blob in draft.blobs],
        "change": draft.change,
        "data": dict(draft.data),
    }
    try:
        made = encode(said)
    except ValueError as problem:
        raise BadInput(f"{draft.kind}: {problem}") from None
    private = b'"private":' + encode(dict(draft.private)) + b"," if draft.private else b""
    before_seq = b',"kind":"%b",%b"seq":' % (draft.kind.encode(), private)
    return Frame(draft.kind, made[:-1] + b',"id":', before_seq, draft.change is not None)


def _examine(draft: Draft) -> None:
    if draft.kind not in KINDS:
        raise BadInput(f'no entry kind "{draft.kind}"')
    unknown = [key for key in draft.data if key not in KINDS[draft.kind]]
    if unknown:
        raise BadInput(f'{draft.kind}: unknown key "{min(unknown)}"', hint="gate/ledger/entry.py lists the keys")
    if draft.actor.type not in ACTOR_TYPES:
        raise BadInput(f'{draft.kind}: unknown actor type "{draft.actor.type}"')
    for key, commitment in draft.private.items():
        if f"{draft.kind}.{key}" not in MAY_BE_PRIVATE or key in draft.data:
            raise BadInput(f"{draft.kind}: {key} is not a field that is kept outside the log")
        if not COMMITMENT.fullmatch(commitment):
            raise BadInput(f"{draft.kind}: {key} has no commitment")


def read(stored: bytes, index: int) -> Entry:
    """Read stored bytes; CannotTell when they are not an entry. What is read is never encoded again."""
    try:
        found = json.loads(stored)
        if found["v"] != 1:
            raise CannotTell(f"entry {index} has version {found['v']}; this program reads version 1")
        return Entry(
            index=index,
            body=stored,
            id=found["id"],
            time=datetime.fromisoformat(found["time"]),
            kind=found["kind"],
            change=found["change"],
            seq=found["seq"],
            actor=Actor(found["actor"]["type"], found["actor"]["id"]),
            data=found["data"],
            blobs=tuple(Blob(blob["name"], blob["sha256"], blob["size"]) for blob in found["blobs"]),
            private=dict(found.get("private") or {}),
        )
    except (ValueError, KeyError, TypeError, RecursionError):
        raise CannotTell(f"entry {index} is not an entry: its bytes were changed outside the gate") from None


def placed(draft: Draft, made: bytes, index: int, *, name: str, time: datetime, seq: int | None) -> Entry:
    """
    Return the entry whose bytes were `made` from `draft` a moment ago: what `read` finds in them.

    Data without anything nested is the same before and after; reading it back would cost as much as making it.
    """
    if not FLAT.issuperset(map(type, draft.data.values())):
        return read(made, index)
    data, private = dict(sorted(draft.data.items())), dict(sorted(draft.private.items())) if draft.private else {}
    blobs, moment = tuple(draft.blobs), time if time.tzinfo is UTC else time.astimezone(UTC)
    return Entry(index, made, name, moment, draft.kind, draft.change, seq, draft.actor, data, blobs, private)


def kind_of(stored: bytes) -> str:
    """Read the kind alone, from the end, where the order of the keys puts it; empty when it is not there."""
    found = TAIL.search(stored, max(0, len(stored) - TAIL_MAX))
    return found.group(1).decode() if found else ""


def time_of(stored: bytes) -> str:
    """Read the time alone likewise, as it is spelled."""
    found = TAIL.search(stored, max(0, len(stored) - TAIL_MAX))
    return found.group(2).decode() if found else ""


def uuid7(milliseconds: int, random: bytes) -> str:
    """Spell a version 7 UUID (RFC 9562 section 5.7) from Unix milliseconds and 10 random bytes."""
    number = (milliseconds & (1 << 48) - 1) << 80 | int.from_bytes(random[:10], "big")
    number = number & ~(0xF << 76) | 0x7 << 76
    number = number & ~(0x3 << 62) | 0x2 << 62
    spelled = f"{number:032x}"
    return f"{spelled[:8]}-{spelled[8:12]}-{spelled[12:16]}-{spelled[16:20]}-{spelled[20:]}"
