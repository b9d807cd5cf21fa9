"""The pinned host keys, read from their file."""

from pathlib import Path

from gate.errors import BadInput
from gate.hostkeys import HostKeys, parse
from gate.ssh.wire import reason


def read_host_keys(path: Path) -> HostKeys:
    """Return the keys pinned in a known_hosts file; BadInput when it cannot be read."""
    try:
        return parse(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"the pinned host keys cannot be read: {reason(error)}", place=str(path)) from None
