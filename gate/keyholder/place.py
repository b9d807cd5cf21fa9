"""Where a keyholder lies: its configuration file, and the directory of its keys and its memory."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from gate.document import read
from gate.errors import BadInput, Outside
from gate.keyholder.carrying import Carriers
from gate.keyholder.holder import Keyholder
from gate.keyholder.memory import Memory
from gate.keyholder.sealing import open_seal
from gate.keyholding.pinned import Pinned
from gate.permits.office import PermitOffice

LARGEST = 4 * 1024 * 1024


def load(path: Path) -> Pinned:
    """Return what is pinned in the file; BadInput names line, column and key of what is wrong first."""
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as error:
        raise BadInput(f"the file cannot be read: {error.strerror}", place=str(path)) from None
    if len(content) > LARGEST:
        raise BadInput(f"the file has more than {LARGEST} bytes", place=str(path))
    return read(content, str(path), Pinned)


def make_private(data: Path) -> None:
    """Make the data directory for its owner alone."""
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        data.chmod(0o700)
    except OSError as error:
        raise Outside(f"the data directory cannot be made: {error.strerror}", place=str(data)) from None


def memory_of(data: Path, *, serving: bool = False) -> Memory:
    """Open the memory; made on first use."""
    make_private(data)
    return Memory(data / "keyholder.db", serving=serving)


def open_keyholder(pinned: Pinned, data: Path, clock: Callable[[], datetime]) -> Keyholder:
    """Open the keyholder in a directory: CA key `ca`, sealing key `seal`, list of revoked permits `revoked.krl`."""
    memory = memory_of(data, serving=True)
    office = PermitOffice.open(data / "ca", pinned.policy.permit_lifetime)
    carriers = Carriers(data / "carried")
    return Keyholder(pinned, memory, office, open_seal(data / "seal"), data / "revoked.krl", carriers, clock)
