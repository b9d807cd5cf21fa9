"""What only reads: from the server, or, with --local, from the data directory itself."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from gate.cli.place import Place
from gate.errors import BadInput

if TYPE_CHECKING:
    from gate.assembly import Installation
    from gate.cli.client import Client
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

    def pack(self, change: str) -> bytes:
        """The evidence pack of one change."""

    def export(self, path: Path) -> int:
        """Write the whole ledger to `path`, one entry a line, and its companions; return the number of entries."""


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

    def pack(self, change: str) -> bytes:
        return self._whole(f"/changes/{_word(change)}/pack")

    def export(self, path: Path) -> int:
        from gate.export.jsonl import policy

        seal = self.seal()
        lines = self._whole("/export").split(b"\n")[: int(seal["size"])]
        leaves = b"".join(hashlib.sha256(b"\x00" + line).digest() for line in lines)
        path.write_bytes(b"".join(line + b"\n" for line in lines))
        path.with_suffix(".leaves").write_bytes(leaves)
        path.with_suffix(".checkpoint").write_text(seal["checkpoint"], encoding="utf-8")
        path.with_suffix(".policy").write_text(policy(seal["vkey"]), encoding="utf-8")
        return len(lines)

    def _whole(self, path: str) -> bytes:
        from io import BytesIO

        made = BytesIO()
        self._client.download(path, made)
        return made.getvalue()


class _Local:
    def __init__(self, installation: "Installation", actor: "Person") -> None:
        self._control = installation.control
        self._ledger = installation.ledger
        self._actor = actor

    def rows(self) -> Any:
        return self._control.rows(self._actor)

    def change(self, change: str) -> Any:
        return self._control.show(self._actor, change)

    def entries(self, change: str | None, start: int, limit: int) -> Any:
        return self._control.entries(self._actor, change=change, start=start, limit=limit)

    def seal(self) -> Any:
        return self._control.seal()

    def pack(self, change: str) -> bytes:
        return self._control.pack(self._actor, change)

    def export(self, path: Path) -> int:
        """A ledger that is behind takes no entry, so there the export is not entered; it goes out all the same."""
        from gate.export.jsonl import export_log

        if not self._ledger.missing:
            self._control.export(self._actor)
        return export_log(self._ledger, path)


@contextmanager
def reader(place: Place, *, local: bool) -> Iterator[Reader]:
    """Give the reader that was asked for; a local one needs a data directory that is there."""
    if not local:
        yield _Remote(place.client())
        return
    from gate.person import Person

    settings = place.settings()
    if not settings.ledger_db.exists():
        raise BadInput("there is no ledger here", place=str(settings.data), hint="--data names the data directory")
    with place.installation() as installation:
        yield _Local(installation, Person("local-shell"))


def _word(text: str) -> str:
    from urllib.parse import quote

    return quote(text, safe="")
