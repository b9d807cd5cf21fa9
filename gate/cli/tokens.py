"""Personal tokens of the command line: one file for each server, readable by its owner alone."""

import hashlib
import os
import re
from pathlib import Path

from gate.errors import Outside


def keep(address: str, token: str) -> None:
    """Keep a token; Outside when it cannot be written."""
    path = _path(address)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "w") as file:
            file.write(token + "\n")
    except OSError as error:
        raise Outside(f"the token cannot be kept: {error.strerror}", place=str(path)) from None


def kept(address: str) -> str:
    """Return the token of a server; empty when there is none. Outside when other users could have read it."""
    path = _path(address)
    try:
        with path.open(encoding="ascii") as file:
            if os.fstat(file.fileno()).st_mode & 0o077:
                raise Outside("other users may read this token", place=str(path), hint="sign in again: sangate login")
            return file.read(400).strip()
    except FileNotFoundError:
        return ""
    except (OSError, ValueError):
        raise Outside("the token cannot be read", place=str(path), hint="sign in again: sangate login") from None


def forget(address: str) -> None:
    """Delete the token of a server."""
    _path(address).unlink(missing_ok=True)


def _path(address: str) -> Path:
    base = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    name = re.sub(r"[^A-Za-z0-9.-]+", "_", address)[:60]
    mark = hashlib.sha256(address.encode()).hexdigest()[:12]
    return Path(base) / "sangate" / f"{name}-{mark}.token"
