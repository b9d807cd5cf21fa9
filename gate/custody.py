"""Who holds the ledger's key, and which fields are kept outside the log: settings, and nothing that opens anything."""

from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from gate.inventory import Frozen
from gate.ledger.entry import MAY_BE_PRIVATE, PRIVATE
from gate.ledger.note import read_vkey

KeyHolder = Annotated[
    str, StringConstraints(pattern=r"^([A-Za-z0-9][A-Za-z0-9._-]{0,99}|agent:SHA256:[A-Za-z0-9+/]{43})$")
]
"""A file in the data directory's keys/, or the fingerprint of a key in an ssh-agent."""

Word = Annotated[str, StringConstraints(min_length=1, max_length=1000)]
AGENT = "agent:"


class Custody(Frozen):
    """The part of the ledger's settings that is about its key and about personal fields."""

    key: KeyHolder = "ledger"
    command: Annotated[tuple[Word, ...], Field(max_length=50)] = ()
    vkey: str = ""
    private: tuple[str, ...] = ()

    @property
    def fingerprint(self) -> str:
        """The fingerprint of a key in an ssh-agent; empty when the key lies in a file."""
        return self.key.removeprefix(AGENT) if self.key.startswith(AGENT) else ""

    @property
    def file(self) -> str:
        """The name of the key's file; of a key that lies in none, the name beside which its memory lies."""
        return "ledger" if self.fingerprint or self.command else self.key

    @property
    def outside(self) -> frozenset[str]:
        """Fields kept outside the log, those included that always are."""
        return PRIVATE | frozenset(self.private)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        strange = sorted(set(self.private) - MAY_BE_PRIVATE)
        if strange:
            raise ValueError(
                f'private: "{strange[0]}" cannot be kept outside the log; {", ".join(sorted(MAY_BE_PRIVATE))} can'
            )
        if self.command and (not self.command[0].startswith("/") or not self.vkey):
            raise ValueError("command: the whole path of a program, with the vkey of the key by which it signs")
        if self.vkey and not self.command:
            raise ValueError("vkey: only with a command; a file and an ssh-agent say themselves which key it is")
        if self.vkey:
            try:
                read_vkey(self.vkey)
            except ValueError as problem:
                raise ValueError(f"vkey: {problem}") from None
        return self
