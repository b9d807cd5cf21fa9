"""Where the ledger is kept. `Ledger` is what everybody above knows; each store implements it natively."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Protocol

from gate.ledger.commitment import Disclosure
from gate.ledger.entry import Actor, Draft, Entry
from gate.ledger.note import Signer
from gate.store.kept import Kept


class Ledger(Protocol):
    """
    An append-only log of entries, the blobs they name, and its checkpoints. Safe to use from many threads.

    Everything that writes raises LedgerUnavailable when the record cannot be made durable; then nothing was
    written, and the next append finds a whole log.
    """

    origin: str
    vkey: str
    """The public key in the form an auditor holds: `name+hash+base64`."""

    policy: str
    """The C2SP trust policy that is handed out: that key, and the witnesses once they are known."""

    stopped: str
    """Why `stop_appending` was called; empty when it was not."""

    @property
    def missing(self) -> int:
        """How many entries that were signed here are no longer in the file; above 0 nothing may be appended."""

    def append(self, draft: Draft, *, expect: int | None = None) -> Entry:
        """
        Append durably. With `expect`, only if the change's last seq is still that (0: no entry yet), else Moved.

        A `change.closed` gets its count of entries here. Refused when the change is closed; BadInput for a draft
        outside KINDS; LedgerUnavailable when it cannot be written, the clock is behind, or entries are missing.
        """

    def append_all(
        self, drafts: Sequence[Draft], *, expect: int | None = None, keys_at: int | None = None
    ) -> tuple[Entry, ...]:
        """
        Append all or none, in one transaction; `expect` is about the first draft's change.

        `keys_at` is how many entries there were when it was read whose keys count: Moved when one was revoked since.
        """

    def history(self, change: str) -> tuple[Entry, ...]:
        """Return the change's entries by seq; empty when there is none, CannotTell when they are not whole."""

    def changes(self) -> tuple[str, ...]:
        """Return the ids of all changes, oldest first."""

    def entries(self, start: int = 0, end: int | None = None) -> Iterator[Entry]:
        """Yield entries by index from `start` to before `end`; what is appended meanwhile is not waited for."""

    def of_kind(self, kind: str, start: int = 0, end: int | None = None) -> Sequence[tuple[int, bytes]]:
        """Return index and exact bytes of the entries whose kind begins so, and of the log's very first."""

    def bodies(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Yield the exact bytes of entries likewise, unread."""

    def pieces(self, start: int = 0, end: int | None = None) -> Iterator[list[bytes]]:
        """Yield the same, some hundreds at once: what is written out in bulk need not take them one by one."""

    def lines(self, start: int = 0, end: int | None = None) -> Iterator[tuple[int, bytes]]:
        """Yield the same as they are written out: how many entries, and their bytes, each with a line end."""

    def size(self) -> int:
        """Number of entries."""

    def last_time(self) -> datetime | None:
        """The latest time of any entry."""

    def checkpoint(self, *, keep: bool = False) -> str:
        """
        Sign the tree as it is and return the note; `keep` stores it for good. Never signs a smaller tree.

        One that witnesses have cosigned at this size carries their lines.
        """

    def kept_checkpoint(self) -> str | None:
        """Return the newest stored checkpoint: what a file that is behind can still show."""

    def keep_anchor(self, kind: str, size: int, content: bytes) -> None:
        """
        Store what somebody else said about the checkpoint of `size`, or was told of it, durably and for good.

        The kind `cosigned` is a checkpoint with the lines of its witnesses.
        """

    def anchor(self, kind: str, least: int = 0) -> tuple[int, bytes] | None:
        """Return size and content of the newest anchor of a kind; None when there is none of at least that size."""

    def stop_appending(self, why: str, missing: int = 0) -> None:
        """Refuse every append and signature from now on: a witness knows `missing` entries more, or another history."""

    def sign_note(self, text: str) -> str:
        """Sign a text that is no checkpoint, such as a pack's manifest: its first line is `<origin>#<purpose>`."""

    def inclusion(self, index: int, size: int) -> tuple[bytes, ...]:
        """Prove that entry `index` is in the tree of `size`."""

    def consistency(self, old: int, new: int) -> tuple[bytes, ...]:
        """Prove that the tree of `old` is the beginning of the tree of `new`."""

    def tiles(self, size: int) -> Iterator[tuple[str, bytes]]:
        """Yield path and content of every file of C2SP tlog-tiles for the log of `size`, but for the checkpoint."""

    def examine(self) -> None:
        """Read everything again and compare with the tree; CannotTell names the first thing that is wrong."""

    def read_again(self, size: int) -> bytes:
        """
        Return the root over the first `size` entries, all of them hashed again.

        CannotTell when one is missing or would not be found in its change's history; LedgerUnavailable when a table
        or trigger is not ours.
        """

    def rotate(self, successor: Signer, actor: Actor, reason: str) -> str:
        """
        Hand the log to another key and return the checkpoint that both keys signed.

        The ledger is closed by it, and opens with that key alone.
        """

    def rotations(self) -> tuple[str, ...]:
        """Return, for each change of the log's key, the proof that whoever trusted the old one needs (tlog-proof)."""

    def disclosures(self, indices: Iterable[int]) -> tuple[Disclosure, ...]:
        """Return salt and value of the fields of these entries that are kept outside the log and not redacted."""

    def put_back(self, told: Disclosure) -> None:
        """Keep a value again that an export has told; whoever calls has compared it with its entry."""

    def forget(self, index: int, field: str) -> bool:
        """Delete salt and value of a field; True when they were there. That it was done is for an entry to say."""

    def drop_blob(self, digest: str) -> int:
        """Delete a blob and return how many bytes it had; 0 when it is not here."""

    def put_blob(self, data: bytes) -> str:
        """Store durably; return `sha256:` and the digest."""

    def get_blob(self, digest: str) -> bytes | None:
        """Return the bytes, None when they are not here, CannotTell when they no longer match the digest."""

    def blobs(self) -> Iterator[Kept]:
        """Yield every file among the blobs, whether an entry names it or not."""

    def wait(self, size: int, timeout: float) -> bool:
        """Return True as soon as the log is longer than `size`, False after `timeout` seconds."""

    def close(self) -> None:
        """Release files; the ledger cannot be used afterwards."""
