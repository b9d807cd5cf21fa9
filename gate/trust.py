"""Whose word is taken for a whole ledger: the witnesses in the configuration, and how many of them must have spoken."""

import json
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from gate.duration import Duration
from gate.inventory import Frozen
from gate.ledger import checkpoint, merkle, proof
from gate.ledger.note import COSIGNATURE, VerifierKey, read_vkey
from gate.ledger.policy import Policy, Witness, of


class WitnessDemand(StrEnum):
    """What must be cosigned by witnesses."""

    NONE = "none"
    """Nothing, and nobody is asked."""

    PREFERRED = "preferred"
    """The gate goes on without, and raises an alarm."""

    REQUIRED = "required"
    """No array is touched before the entry that authorises it is cosigned."""


def _is_the_key_of_a_witness(text: str) -> str:
    read_vkey(text, COSIGNATURE)
    return text


class WitnessPeer(Frozen):
    """A witness: where it answers, and the key that it printed when it was started."""

    url: Annotated[str, StringConstraints(pattern=r"^https?://[A-Za-z0-9.:\[\]-]{1,255}(/[A-Za-z0-9._~/-]{0,200})?$")]
    vkey: Annotated[str, AfterValidator(_is_the_key_of_a_witness)]


class TimeAuthority(Frozen):
    """A time stamp authority (RFC 3161): where it answers, who vouches for it, how often it is asked."""

    url: Annotated[str, StringConstraints(pattern=r"^https?://[A-Za-z0-9.:\[\]-]{1,255}(/[A-Za-z0-9._~/-]{0,200})?$")]
    ca_file: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9/][A-Za-z0-9._/-]{0,511}$")]
    every: Duration = Field(default="24h", validate_default=True)


class Witnesses(Frozen):
    """What the section `ledger` says about witnesses."""

    witness: WitnessDemand = WitnessDemand.PREFERRED
    witnesses: tuple[WitnessPeer, ...] = ()
    quorum: Annotated[str, StringConstraints(pattern=r"^(any|all|[1-9][0-9]?)$")] = "any"
    witness_alarm: Duration = Field(default="10m", validate_default=True)
    tsa: TimeAuthority | None = None

    @model_validator(mode="after")
    def _can_be_met(self) -> Self:
        if self.witness is WitnessDemand.REQUIRED and not self.witnesses:
            raise ValueError("witness: required, and no witness is named")
        names = [read_vkey(peer.vkey, COSIGNATURE).name for peer in self.witnesses]
        twice = [name for number, name in enumerate(names) if name in names[:number]]
        if twice:
            raise ValueError(f'witnesses: "{twice[0]}" is there twice')
        if self.quorum.isdigit() and self.witnesses and int(self.quorum) > len(self.witnesses):
            raise ValueError(f"quorum: {self.quorum} of {len(self.witnesses)} witnesses cannot be met")
        return self

    def trust(self, *keys: VerifierKey) -> Policy:
        """Return the policy that an auditor is handed: the ledger's keys, the newest last, and its witnesses."""
        read = [(read_vkey(peer.vkey, COSIGNATURE), peer.url) for peer in self.witnesses]
        asked = self.witness is not WitnessDemand.NONE
        return of(keys[-1], [Witness(key.name, key, url) for key, url in read if asked], self.quorum, older=keys[:-1])


def older_keys(newest: VerifierKey, rotations: Sequence[str]) -> tuple[VerifierKey, ...]:
    """
    Return the log's earlier keys, the oldest first, as far back as each vouches for the next until `newest`.

    `rotations` are the log's proofs, oldest first; one that proves nothing ends the way back.
    """
    found: list[VerifierKey] = []
    for told in reversed(rotations):
        try:
            found.append(_handed_over(proof.read(told), found[-1] if found else newest))
        except (ValueError, TypeError, KeyError):
            break
    return tuple(reversed(found))


def _handed_over(told: proof.Proof, heir: VerifierKey) -> VerifierKey:
    """Return the key that handed the log to `heir`: both signed the tree whose last entry says so. Else ValueError."""
    said = json.loads(told.extra or b"null")
    old = read_vkey(said["data"]["old"])
    checkpoint.verify(told.signed, heir)
    head = checkpoint.verify(told.signed, old)
    if head.size != told.index + 1 or said["kind"] != "key.rotated" or said["data"]["key"] != str(heir):
        raise ValueError("no change of the log's key to this one")
    leaf = merkle.leaf_hash(told.extra or b"")
    if not merkle.included(leaf, told.index, head.size, told.hashes, head.root):
        raise ValueError("the entry is not in the tree")
    return old
