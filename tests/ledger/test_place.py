"""An entry's change and seq are read without the rest of it, and are what the rest would say."""

import pytest

from gate.errors import CannotTell
from gate.ledger import entry
from gate.ledger.entry import GATE, Actor, Blob, Draft
from gate.ledger.place import place_of

ID = "019aab00-0000-7000-8000-000000000000"
HELD = Draft("hold.placed", Actor("person", "storage-engineer"), "chg-0007", {"reason": "smoke – “really”"})
TRIED = Draft("auth.refused", entry.ANONYMOUS, None, {"why": "wrong"}, private={"name": "sha256:" + "5" * 64})


def made(draft: Draft) -> bytes:
    return entry.body(draft, name=ID, time="2026-11-22T12:00:00.000005Z", seq=None if draft.change is None else 3)


@pytest.mark.parametrize(
    "draft",
    [
        HELD,
        TRIED,
        Draft(HELD.kind, HELD.actor, HELD.change, HELD.data, (Blob("transcript", "sha256:" + "0" * 64, 12),)),
        Draft(HELD.kind, Actor("person", 'a "change":"chg-0001"'), HELD.change, HELD.data),
        Draft(HELD.kind, GATE, HELD.change, {"reason": '"seq":9,"time":"","v":1}'}),
    ],
)
def test_its_place_is_read_from_the_bytes_whatever_else_they_say(draft: Draft) -> None:
    read = entry.read(made(draft), 0)
    assert place_of(read.body, 0) == (read.change, read.seq) == (draft.change, None if draft.change is None else 3)


@pytest.mark.parametrize("stored", [b"", b"[]", b"{}", b"\xff", made(HELD)[:-1], b"[" * 16000])
def test_bytes_that_are_no_entry_have_no_place(stored: bytes) -> None:
    with pytest.raises(CannotTell, match="entry 7 is not an entry"):
        place_of(stored, 7)
