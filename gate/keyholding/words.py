"""What is said over the keyholder's socket: one JSON object in each frame. Read strictly, on both sides."""

import json
import struct
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from gate.canonical import Json, encode
from gate.change import Phase
from gate.inventory import Frozen, Name

LARGEST = 8 * 1024 * 1024
"""Bytes of one frame: a plan of 200 arrays has some 100 KiB."""

CHUNK = 1024 * 1024
"""Bytes of entries in one frame, about."""

HEADER = 4
HANDED = 2
"""Open files that may come with a frame: a connection, and an image."""

Text = Annotated[str, StringConstraints(max_length=4 * 1024 * 1024)]


class Where(Frozen):
    """How far was the ledger followed, and which CA signs here?"""

    ask: Literal["where"]


class Follow(Frozen):
    """Entries from `start` on, each as its exact text."""

    ask: Literal["follow"]
    start: Annotated[int, Field(ge=0)]
    bodies: tuple[Text, ...]


class Head(Frozen):
    """The signed checkpoint after all that was told on this connection."""

    ask: Literal["head"]
    checkpoint: Annotated[str, StringConstraints(max_length=65536)]


class PermitWish(Frozen):
    """One permit for one step. All of it is verified, nothing in it is believed."""

    ask: Literal["permit"]
    change: Annotated[str, StringConstraints(pattern=r"^chg-[0-9]{4,9}$")]
    array: Name
    phase: Phase
    number: Annotated[int, Field(ge=0, le=9999)]
    plan: Text
    """The plan's material, as JSON."""

    verdict: Text
    """The verdict in force, as it was stored."""

    public_key: Annotated[str, StringConstraints(pattern=r"^ssh-ed25519 [A-Za-z0-9+/]{68}$")]
    """To be certified; the private half stays where it was made."""


class Over(Frozen):
    """A permit is not needed any more: let it be revoked."""

    ask: Literal["over"]
    serial: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,20}$")]


class Carry(Frozen):
    """
    Send what a permit was made for, over the connection that is handed over with this frame, once.

    For an upload the image is handed over too, as an open file: its bytes are read here before one of them is sent.
    """

    ask: Literal["carry"]
    serial: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,20}$")]


Asked = Where | Follow | Head | PermitWish | Over | Carry
ASKS: dict[str, type[Asked]] = {
    "where": Where, "follow": Follow, "head": Head, "permit": PermitWish, "over": Over, "carry": Carry,
}  # fmt: skip


class Standing(Frozen):
    """The answer to `where`, `follow` and `head`."""

    size: Annotated[int, Field(ge=0)]
    ca: Annotated[str, StringConstraints(max_length=200)] = ""


class Given(Frozen):
    """The answer to `permit`."""

    serial: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,20}$")]
    expires: Annotated[str, StringConstraints(max_length=40)]
    certificate: Annotated[str, StringConstraints(max_length=8192)]
    carried: bool = False
    """The permit stays with the keyholder; a certificate then opens the bastion alone."""

    user: Annotated[str, StringConstraints(max_length=64)] = ""
    password: Annotated[str, StringConstraints(max_length=1024)] = ""
    pem: Annotated[str, StringConstraints(max_length=16384)] = ""


class Carried(Frozen):
    """The answer to `carry`: what came of the step, in the shape of `gate.ssh.passing`."""

    reply: dict[str, Any]


def framed(said: Json) -> bytes:
    """Return a frame: four bytes of length, then canonical JSON."""
    content = encode(said)
    return struct.pack(">I", len(content)) + content


def length(header: bytes) -> int:
    """Return how many bytes follow a header; ValueError when they are too many."""
    (size,) = struct.unpack(">I", header)
    if size > LARGEST:
        raise ValueError(f"a frame of {size} bytes; at most {LARGEST}")
    return int(size)


def unframed(content: bytes) -> dict[str, Any]:
    """Read what a frame holds; ValueError when it is no JSON object."""
    try:
        said = json.loads(content)
    except RecursionError:
        raise ValueError("nested too deep") from None
    if not isinstance(said, dict):
        raise ValueError("not an object")
    return said


def asked(content: bytes) -> Asked:
    """Read what is asked; ValueError when it is nothing that can be asked."""
    said = unframed(content)
    model = ASKS.get(str(said.get("ask")))
    if model is None:
        raise ValueError("nothing that can be asked here")
    return model.model_validate(said)
