"""What an auditor reads: entries, notes, checkpoints, policies, packs and logs. Nothing but the original verifies."""

import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

from gate.errors import CannotTell
from gate.export import verify
from gate.ledger import checkpoint, entry, note, policy
from tests.export.mutations import Target as Made
from tests.export.mutations import judge, same_words, targets
from tests.fuzz.target import Target, take
from tests.repository import ROOT

LEDGER = ROOT / "tests/vectors/ledger"
KEPT = tempfile.TemporaryDirectory(prefix="sangate-fuzz-")


@cache
def handed_out() -> tuple[tuple[Made, bytes], ...]:
    """Everything that is handed out, made once in a place of its own, with its content."""
    return tuple((made, made.file.read_bytes()) for made in targets(Path(KEPT.name)) if made.name != "sqlite")


def formats(data: bytes) -> None:
    """An entry, a note, a checkpoint or a policy: a value, or the error that its reader declares."""
    which, data = take(data, 5)
    text = data.decode("utf-8", "replace")
    readers: tuple[tuple[Callable[[], object], type[Exception]], ...] = (
        (lambda: entry.read(data, 1), CannotTell),
        (lambda: note.read(text), ValueError),
        (lambda: checkpoint.read(text), ValueError),
        (lambda: policy.read(text), ValueError),
        (lambda: verify.read_entry(data), verify.Bad),
    )
    reader, declared = readers[which]
    try:
        reader()
    except declared:
        return


def handed(data: bytes) -> None:
    """Anything in the place of what was handed out: the verifier ends with a word, and says "verified" to no change."""
    number, data = take(data, len(handed_out()))
    made, whole = handed_out()[number]
    changed = data[: made.end] + whole[made.end :]
    made.file.write_bytes(changed)
    try:
        code, said = judge(made.words)
    finally:
        made.file.write_bytes(whole)
    assert "cannot make sense" not in said, said
    assert code != verify.VERIFIED or changed == whole or same_words(made, changed, whole), f"{made.name}: verified"


def spelled() -> Iterator[bytes]:
    for number, name in enumerate(("entry.json", "note.txt", "checkpoint.txt")):
        yield bytes([number]) + (LEDGER / name).read_bytes()
    yield b"\x03log gate.example.com/ledger/1+4bbc6a5e+ASlX\nquorum none\n"
    yield b"\x04" + (LEDGER / "entry.json").read_bytes()
    for made, content in handed_out():
        if made.name == "log":
            yield from (b"\x04" + line for line in content.splitlines()[:12])


def whole() -> Iterator[bytes]:
    for number, (made, content) in enumerate(handed_out()):
        yield bytes([number]) + content[: made.end]


TARGETS = (
    Target("formats", spelled, formats),
    Target("handed-out", whole, handed, largest=65_536),
)
