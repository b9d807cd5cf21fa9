"""What the witness does with a request: C2SP tlog-witness, section add-checkpoint, in the order of its text."""

from collections.abc import Callable, Mapping
from hashlib import sha256

from gate.ledger import checkpoint, cosignature, merkle, note
from gate.ledger.checkpoint import Checkpoint
from gate.ledger.note import COSIGNATURE, Note, Signer, VerifierKey
from gate.witness.memory import Memory, Seen
from gate.witness.request import Answer, Request, read

SIZE_TYPE = "text/x.tlog.size"


class WitnessKey:
    """A plain Ed25519 key under the name and kind of a witness."""

    def __init__(self, key: Signer) -> None:
        self._key = key
        self.vkey = VerifierKey(key.vkey.name, key.vkey.public, COSIGNATURE)

    def sign(self, message: bytes) -> bytes:
        """Return the signature."""
        return self._key.sign(message)


class Cosigner:
    """One witness: its key, its memory, and the logs it knows at this moment."""

    def __init__(
        self,
        key: WitnessKey,
        memory: Memory,
        logs: Callable[[], Mapping[str, tuple[VerifierKey, ...]]],
        clock: Callable[[], int],
    ) -> None:
        """`clock` returns POSIX seconds."""
        self.key = key
        self._memory = memory
        self._logs = logs
        self._clock = clock

    def add_checkpoint(self, body: bytes) -> str:
        """Return the signature line, with its newline; raise the Answer that says why there is none."""
        request = read(body)
        ours = self._signed_by_its_log(request)
        head = request.head
        if request.old > head.size:
            raise Answer(400, f"the old size {request.old} is larger than the checkpoint's {head.size}\n")
        with self._memory.turn(head.origin) as (seen, replace):
            known = seen.size if seen else 0
            if request.old != known:
                raise Answer(409, f"{known}\n", SIZE_TYPE)
            why = _contradicts(request, seen)
            at = max(self._clock(), seen.at if seen else 1)
            line = None if why else cosignature.sign(ours.text, self.key, at)
            if line is not None:
                replace(Seen(head.size, head.root, str(Note(ours.text, (*ours.signatures, line))), at))
        if line is None:
            self._memory.keep_contradiction(head.origin, str(ours), at)
            raise Answer(422, f"{why}\n")
        return f"{line}\n"

    def newest(self, origin_hash: str) -> str:
        """Return the newest cosigned checkpoint of the log whose origin has this SHA-256, or raise Answer 404."""
        for origin in self._logs():
            if sha256(origin.encode()).hexdigest() == origin_hash:
                seen = self._memory.newest(origin)
                if seen is not None:
                    return seen.note
        raise Answer(404, "no checkpoint of such a log was cosigned here\n")

    def _signed_by_its_log(self, request: Request) -> Note:
        """Return the note with the lines of the log's own keys alone, so that nobody adds to what is handed out."""
        keys = self._logs().get(request.head.origin)
        if keys is None:
            raise Answer(404, "this witness does not know that log\n")
        try:
            checkpoint.verify(request.signed, *keys)
        except ValueError as problem:
            raise Answer(403, f"{problem}\n") from None
        found = note.read(request.signed)
        return Note(found.text, tuple(line for key in keys if (line := found.of(key))))


def _contradicts(request: Request, seen: Seen | None) -> str:
    """Say why the checkpoint does not grow out of the one seen last; empty when it does."""
    head: Checkpoint = request.head
    if head.size == 0 and head.root != merkle.EMPTY_ROOT:
        return "the tree of no entries has another root"
    if seen is None or seen.size == 0:
        return "there is nothing to prove from size 0" if request.proof else ""
    if not merkle.consistent(seen.size, head.size, seen.root, head.root, request.proof):
        return f"the proof does not show that this tree begins with the {seen.size} entries that were cosigned"
    return ""
