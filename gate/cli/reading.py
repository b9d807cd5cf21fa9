"""What only reads: from the server, or, with --local, from the data directory itself."""

from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Protocol
from urllib.parse import quote, urlencode

from gate.cli.place import Place
from gate.errors import BadInput, Outside

PIECE = 1 << 20

if TYPE_CHECKING:
    from gate.assembly import Installation
    from gate.cli.client import Client
    from gate.cli.counting import Told
    from gate.export.selection import Selection
    from gate.person import Person


class Reader(Protocol):
    """The reads that both can answer."""

    def rows(self) -> Any:
        """Every change's row."""

    def change(self, change: str) -> Any:
        """One change."""

    def entries(self, change: str | None, start: int, limit: int) -> Any:
        """Entries of the ledger."""

    def seal(self) -> Any:
        """The signed head."""

    def controls(self, since: str, until: str) -> Any:
        """Each control with its evidence in a period."""

    def sinks(self) -> Any:
        """Where the ledger is sent on, and how far behind each is."""

    def pack(self, change: str, *, disclose: bool) -> bytes:
        """The evidence pack of one change."""

    def export(self, path: Path, *, zipped: bool, blobs: bool, told: "Told") -> int:
        """Write the whole ledger to `path`, one entry a line, and its companions; return the number of entries."""

    def tiles(self, folder: Path) -> int:
        """Write the whole ledger as tiles below `folder`; return the number of entries."""

    def mapped(self, path: Path, name: str, taken: "Selection", told: "Told", *, disclose: bool) -> None:
        """Write the ledger, or what is taken of it, in a format."""


class _Remote:
    def __init__(self, client: "Client") -> None:
        self._client = client

    def rows(self) -> Any:
        return self._client.get("/changes")

    def change(self, change: str) -> Any:
        return self._client.get(f"/changes/{_word(change)}")

    def entries(self, change: str | None, start: int, limit: int) -> Any:
        return self._client.get("/entries", change=change, start=start, limit=limit)

    def seal(self) -> Any:
        return self._client.get("/seal")

    def controls(self, since: str, until: str) -> Any:
        return self._client.get("/controls", **{"from": since or None, "to": until or None})

    def sinks(self) -> Any:
        return self._client.get("/sinks")

    def pack(self, change: str, *, disclose: bool) -> bytes:
        return self._whole(f"/changes/{_word(change)}/pack?disclose={'true' if disclose else 'false'}")

    def export(self, path: Path, *, zipped: bool, blobs: bool, told: "Told") -> int:
        from gate.export.jsonl import keep, policy, write_rotations, write_stamp

        if blobs:
            hint = "--format complete brings everything in one archive"
            raise BadInput("--blobs needs --local: what entries name is read from the data directory", hint=hint)
        seal = self.seal()
        trusted, stamp = str(seal["policy"]), seal["timestamp"]
        with self._client.stream("/export") as answer:
            head = b64decode(answer.headers.get("Sangate-Checkpoint", "")).decode()
            size = keep(path, _lines(answer, told), head, policy(trusted), zipped=zipped)
        write_rotations(path, seal["rotations"])
        if stamp and stamp["reply"] and int(stamp["size"]) <= size:
            write_stamp(path, str(stamp["checkpoint"]), b64decode(stamp["reply"]))
        return size

    def tiles(self, folder: Path) -> int:
        raise BadInput("--format tiles needs --local: the tree is read from the data directory", place=str(folder))

    def mapped(self, path: Path, name: str, taken: "Selection", told: "Told", *, disclose: bool) -> None:
        words = [*_words(taken), ("disclose", "true" if disclose else "")]
        asked = [("format", name), *((key, value) for key, value in words if value)]
        with self._client.stream("/export?" + urlencode(asked)) as answer:
            _written(path, _pieces(answer, told))

    def _whole(self, path: str) -> bytes:
        from io import BytesIO

        made = BytesIO()
        self._client.download(path, made)
        return made.getvalue()


class _Local:
    def __init__(self, installation: "Installation", actor: "Person") -> None:
        self._control = installation.control
        self._actor = actor

    def rows(self) -> Any:
        return self._control.rows(self._actor)

    def change(self, change: str) -> Any:
        return self._control.show(self._actor, change)

    def entries(self, change: str | None, start: int, limit: int) -> Any:
        return self._control.entries(self._actor, change=change, start=start, limit=limit)

    def seal(self) -> Any:
        return self._control.seal()

    def controls(self, since: str, until: str) -> Any:
        return self._control.controls(self._actor, since, until)

    def sinks(self) -> Any:
        return self._control.sinks(self._actor)

    def pack(self, change: str, *, disclose: bool) -> bytes:
        return self._control.pack(self._actor, change, disclose=disclose)

    def export(self, path: Path, *, zipped: bool, blobs: bool, told: "Told") -> int:
        return self._control.export_log(self._actor, path, zipped=zipped, blobs=blobs, told=told)

    def tiles(self, folder: Path) -> int:
        return self._control.export_tiles(self._actor, folder)

    def mapped(self, path: Path, name: str, taken: "Selection", told: "Told", *, disclose: bool) -> None:
        _written(path, self._control.export(self._actor, name, taken, told, disclose=disclose).chunks)


@contextmanager
def reader(place: Place, *, local: bool) -> Iterator[Reader]:
    """Give the reader that was asked for; a local one needs a data directory that is there."""
    if not local:
        yield _Remote(place.client())
        return
    from gate.person import Person, Role

    settings = place.settings()
    if not settings.ledger_db.exists():
        raise BadInput("there is no ledger here", place=str(settings.data), hint="--data names the data directory")
    with place.compared() as installation:
        # Whoever has the data directory has the whole record in it.
        yield _Local(installation, Person("local-shell", frozenset({Role.AUDITOR})))


def _word(text: str) -> str:
    return quote(text, safe="")


def _words(taken: "Selection") -> list[tuple[str, str]]:
    """Spell a selection as the query of the API."""
    kinds = [("kind", kind) for kind in taken.kinds]
    return [("from", taken.since), ("to", taken.until), ("change", taken.change), ("actor", taken.actor), *kinds]


def _pieces(answer: "IO[bytes]", told: "Told") -> Iterator[bytes]:
    count = 0
    while piece := answer.read(PIECE):
        count += piece.count(b"\n")
        told(count)
        yield piece


def _lines(answer: "IO[bytes]", told: "Told") -> Iterator[bytes]:
    """Yield pieces that end where a line ends; what has no line end at the close is no entry, and Outside."""
    rest = b""
    for piece in _pieces(answer, told):
        whole, end, tail = piece.rpartition(b"\n")
        if end:
            yield rest + whole + end
            rest = tail
        else:
            rest += tail
    if rest:
        raise Outside("the export ended in the middle of an entry", hint="ask again")


def _written(path: Path, chunks: Iterator[bytes]) -> None:
    """Write beside it and rename at the end: a file of that name is always a whole one."""
    begun = path.with_name(path.name + ".part")
    try:
        with begun.open("wb") as file:
            for chunk in chunks:
                file.write(chunk)
        begun.replace(path)
    except OSError as problem:
        begun.unlink(missing_ok=True)
        raise Outside(f"cannot write {path}: {problem.strerror}") from None
    except BaseException:
        begun.unlink(missing_ok=True)
        raise
