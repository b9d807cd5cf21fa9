"""
The key files of object services: one for each protection and role, below the data directory's `keys/`.

The form is the one that every S3 tool reads, so that an administrator can try a file before the gate does:

    [default]
    aws_access_key_id = …
    aws_secret_access_key = …
"""

import os
import re
import secrets
import stat
from configparser import ConfigParser
from configparser import Error as NotSections
from dataclasses import dataclass, field
from pathlib import Path

from gate.backups.s3_words import Role
from gate.errors import BadInput
from gate.inventory import Inventory

LARGEST = 4096
ACCESS, SECRET = re.compile(r"[A-Za-z0-9._/+=@-]{3,128}"), re.compile(r"[!-~]{8,256}")
NAMES = {"aws_access_key_id", "aws_secret_access_key"}
LOGIN = re.compile(rb"(?P<name>[A-Za-z0-9._@-]{1,64}):(?P<password>[!-~]{1,256})\n?")


@dataclass(frozen=True)
class Credential:
    """Which key signs; the secret is never shown."""

    access: str
    secret: str = field(repr=False)


def file_name(protection: str, role: str) -> str:
    """Return the name of a key file: `s3-sidekick-offsite-read`."""
    return f"s3-{protection}-{role}"


def read(path: Path) -> Credential:
    """Return the credential; BadInput when there is none, others may read it, or it is not in the form."""
    raw = _kept(path)
    parser = ConfigParser(interpolation=None)
    try:
        parser.read_string(raw.decode("ascii") if len(raw) <= LARGEST else "")
        kept = dict(parser["default"])
    except (NotSections, KeyError, ValueError):
        kept = {}
    access, secret = kept.get("aws_access_key_id", ""), kept.get("aws_secret_access_key", "")
    if set(kept) != NAMES or not ACCESS.fullmatch(access) or not SECRET.fullmatch(secret):
        hint = "a section [default] with aws_access_key_id and aws_secret_access_key, and nothing else"
        raise BadInput("this is not a key of an object service", place=str(path), hint=hint)
    return Credential(access, secret)


def login(path: Path) -> Credential:
    """Likewise of a file that holds one line, `NAME:PASSWORD`, for a server of restic's REST protocol."""
    found = LOGIN.fullmatch(_kept(path))
    if found is None:
        raise BadInput("this is no login", place=str(path), hint="one line, NAME:PASSWORD, and nothing else")
    return Credential(found["name"].decode(), found["password"].decode())


def login_name(protection: str) -> str:
    """Return the name of the file with the login that may write sentinels: `rest-sidekick-nightly-sentinel`."""
    return f"rest-{protection}-sentinel"


def _kept(path: Path) -> bytes:
    place = str(path)
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise BadInput("a key of an object service is a plain file", place=place)
            if stat.S_IMODE(found.st_mode) & 0o077:
                raise BadInput("other users may read this key", place=place, hint=f"chmod 600 {path}")
            return file.read(LARGEST + 1)
    except OSError as error:
        raise BadInput(f"the key of an object service cannot be read: {error.strerror}", place=place) from None


def write(path: Path, key: Credential) -> None:
    """Make a key file with mode 0600; FileExistsError where there is one."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(f"[default]\naws_access_key_id = {key.access}\naws_secret_access_key = {key.secret}\n")


def pretend_keys(keys: Path, inventory: Inventory) -> dict[str, dict[str, tuple[str, str]]]:
    """
    Return access key and secret of every role at the lab's object services, made where there are none.

    Only a pretended service takes a key that was made here: a real one knows those that it made itself.
    """
    made: dict[str, dict[str, tuple[str, str]]] = {}
    for protection in inventory.protections:
        for role in Role if protection.object_store else ():
            path = keys / file_name(protection.id, role.value)
            if not path.exists():
                write(path, Credential(secrets.token_hex(10), secrets.token_hex(20)))
            key = read(path)
            made.setdefault(protection.id, {})[role.value] = (key.access, key.secret)
    return made
