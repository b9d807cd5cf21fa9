"""
Fields kept outside the log: the entry holds a salted commitment, the value lies elsewhere and can be forgotten.

The commitment is SHA-256(salt ‖ canonical [field, value]). Without the 16 random bytes of the salt a name cannot be
found by trying names, which an unsalted hash or one static key would allow; with them the value is proven.
"""

import hmac
import json
import re
from dataclasses import dataclass

from gate.canonical import Json, encode, sha256

SALT = 16
"""Bytes."""

LARGEST_LINE = 256 * 1024
"""Bytes of a disclosure's line: an entry's 16 KiB, each byte as six, and room."""

HEX_SALT = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Disclosure:
    """What opens one commitment."""

    index: int
    """The entry that holds the commitment."""

    field: str
    salt: bytes
    value: Json

    @property
    def line(self) -> bytes:
        """The canonical JSON of a pack or an export, without the end of the line."""
        return encode({"index": self.index, "field": self.field, "salt": self.salt.hex(), "value": self.value})

    @property
    def commitment(self) -> str:
        """What the entry must hold."""
        return commit(self.salt, self.field, self.value)


def commit(salt: bytes, field: str, value: Json) -> str:
    """Return `sha256:` and the digest; ValueError for a salt of another length or a value without canonical form."""
    if len(salt) != SALT:
        raise ValueError(f"a salt has {SALT} bytes")
    return sha256(salt + encode([field, value]))


def opens(disclosure: Disclosure, commitment: str) -> bool:
    """Say whether the disclosure is what was committed to."""
    return hmac.compare_digest(disclosure.commitment, commitment)


def read(line: bytes) -> Disclosure:
    """Read one line of disclosures; ValueError when it is none."""
    if len(line) > LARGEST_LINE:
        raise ValueError("a disclosure longer than any entry")
    try:
        found = json.loads(line)
        index, field, salt, value = (found.pop(key) for key in ("index", "field", "salt", "value"))
    except (KeyError, TypeError, AttributeError, RecursionError):
        raise ValueError("not a disclosure") from None
    right = type(index) is int and index >= 0 and isinstance(field, str) and isinstance(salt, str) and not found
    if not right or not HEX_SALT.fullmatch(salt):
        raise ValueError("not a disclosure")
    made = Disclosure(index, field, bytes.fromhex(salt), value)
    if made.line != line:
        raise ValueError("a disclosure that is spelled in another way")
    return made
