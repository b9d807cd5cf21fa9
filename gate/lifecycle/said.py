"""What an entry says, strictly: a value that is not what its kind must carry is an error, never a default."""

from datetime import datetime

from gate.approval import Method
from gate.canonical import Json
from gate.change import Phase
from gate.ledger.entry import Entry
from gate.sshsig import verify


def whole(entry: Entry, key: str) -> int:
    """Return a whole number that is not negative; TypeError for anything else."""
    number = entry.data[key]
    if not isinstance(number, int) or isinstance(number, bool) or number < 0:
        raise TypeError(number)
    return number


def place(entry: Entry) -> tuple[Phase, int]:
    """Return phase and number of the step that an entry is about."""
    return Phase(str(entry.data["phase"])), whole(entry, "number")


def moment(entry: Entry, key: str) -> datetime:
    """Return a time with its offset; ValueError for anything else."""
    moment = datetime.fromisoformat(str(entry.data[key]))
    if moment.tzinfo is None:
        raise ValueError(moment)
    return moment


def said(entry: Entry, key: str) -> str:
    """Return a text that says something: an empty one would read as if nothing had been said."""
    said = entry.data[key]
    if not isinstance(said, str) or not said:
        raise TypeError(said)
    return said


def listed(entry: Entry, key: str) -> list[Json]:
    """Return a list; TypeError for anything else."""
    found = entry.data[key]
    if not isinstance(found, (list, tuple)):
        raise TypeError(found)
    return list(found)


def blob(entry: Entry, name: str) -> str:
    """Return the digest of the blob that the entry names so; empty when it names none."""
    return next((blob.sha256 for blob in entry.blobs if blob.name == name), "")


def signature(entry: Entry, namespace: str) -> tuple[str, Method, str]:
    """Return what was signed, how, and the key that the signature fits; no key when it fits none."""
    text, method = str(entry.data["statement"]), Method(str(entry.data["method"]))
    try:
        return text, method, verify(text.encode(), str(entry.data["signature"]), namespace)
    except ValueError:
        return text, method, ""
