"""What every store must do, whatever it is made of. Each store is opened by one function in STORES."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gate.canonical import sha256
from gate.errors import BadInput, LedgerUnavailable, Moved, Refused
from gate.ledger import checkpoint, merkle, note
from gate.ledger.entry import ANONYMOUS, GATE, Actor, Draft
from gate.store import Ledger, keys
from gate.store.sqlite import open_ledger

ORIGIN = "gate.example.com/ledger/1"
ERIN = Actor("person", "engineer")
Clock = Callable[[], datetime]


def open_sqlite(folder: Path, clock: Clock) -> Ledger:
    return open_ledger(folder / "ledger.db", signer=keys.create(folder / "ledger.key", ORIGIN), clock=clock)


STORES = {"sqlite": open_sqlite}


class Hands:
    """A clock with hands to move."""

    now = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture(params=STORES)
def ledger(request: pytest.FixtureRequest, tmp_path: Path, hands: Hands) -> Iterator[Ledger]:
    store: Ledger = STORES[request.param](tmp_path, lambda: hands.now)
    yield store
    store.close()


REVOKED = Draft("key.revoked", GATE, None, {"person": "lead", "fingerprint": "SHA256:x", "reason": "stolen"})


def held(change: str | None = "chg-0001", reason: str = "smoke") -> Draft:
    return Draft("hold.placed", ERIN, change, {"reason": reason})


def head_of(ledger: Ledger) -> checkpoint.Checkpoint:
    return checkpoint.verify(ledger.checkpoint(), note.read_vkey(ledger.vkey))


def test_the_first_entry_opens_the_log_and_names_its_key(ledger: Ledger) -> None:
    (first,) = ledger.entries()
    assert (first.kind, first.actor) == ("log.opened", GATE)
    assert first.data == {"origin": ORIGIN, "key": ledger.vkey}


def test_an_append_is_in_the_history_of_its_change_and_counted(ledger: Ledger) -> None:
    made = [ledger.append(held(reason=str(number))) for number in range(3)]
    assert ledger.history("chg-0001") == tuple(made)
    assert [entry.seq for entry in made] == [1, 2, 3]
    assert [entry.index for entry in made] == [1, 2, 3]
    assert ledger.size() == 4


def test_changes_are_counted_apart_and_listed_in_the_order_they_began(ledger: Ledger) -> None:
    for change in ("chg-0009", "chg-0001", "chg-0009", None):
        ledger.append(held(change))
    assert ledger.changes() == ("chg-0009", "chg-0001")
    assert [entry.seq for entry in ledger.history("chg-0009")] == [1, 2]
    assert ledger.history("chg-0404") == ()


@pytest.mark.parametrize(("start", "end"), [(0, None), (0, 250), (3, 251), (249, 9999), (600, None), (7, 7)])
def test_pieces_are_the_bodies_some_hundreds_at_once(ledger: Ledger, start: int, end: int | None) -> None:
    ledger.append_all([held(None, reason=str(number)) for number in range(600)])
    assert [body for piece in ledger.pieces(start, end) for body in piece] == list(ledger.bodies(start, end))
    assert all(piece for piece in ledger.pieces(start, end))
    lines = list(ledger.lines(start, end))
    assert b"".join(piece for _, piece in lines) == b"".join(body + b"\n" for body in ledger.bodies(start, end))
    assert all(count == piece.count(b"\n") > 0 for count, piece in lines)


def test_an_entry_of_no_change_has_no_sequence(ledger: Ledger) -> None:
    made = ledger.append(Draft("auth.refused", ANONYMOUS, data={"name": "intruder", "why": "no such person"}))
    assert (made.change, made.seq) == (None, None)


def test_an_append_that_expects_what_is_there_goes_through(ledger: Ledger) -> None:
    assert ledger.append(held(), expect=0).seq == 1
    assert ledger.append(held(), expect=1).seq == 2


@pytest.mark.parametrize("expect", [0, 2, 9])
def test_an_append_that_expects_anything_else_writes_nothing(ledger: Ledger, expect: int) -> None:
    ledger.append(held())
    with pytest.raises(Moved, match="chg-0001 has moved"):
        ledger.append(held(), expect=expect)
    assert ledger.size() == 2


def test_what_rests_on_keys_is_not_appended_once_one_was_revoked(ledger: Ledger) -> None:
    ledger.append(held(reason='"kind":"key.revoked"'))
    assert ledger.append_all([held()], keys_at=0)[0].seq == 2
    read = ledger.size()
    ledger.append(REVOKED)
    with pytest.raises(Moved, match="key was revoked meanwhile"):
        ledger.append_all([held()], expect=2, keys_at=read)
    assert ledger.size() == read + 1
    assert ledger.append_all([held()], expect=2, keys_at=read + 1)[0].seq == 3
    told = ledger.of_kind("key.")
    assert [index for index, _ in told] == [0, read]
    assert ledger.of_kind("key.", read + 1) == []


def test_of_a_revocation_and_what_rests_on_keys_handed_in_at_once_the_later_never_counts_the_key(
    ledger: Ledger,
) -> None:
    ready, read, moved = threading.Barrier(16), ledger.size(), []

    def contend(number: int) -> None:
        ready.wait()
        try:
            ledger.append_all([REVOKED if number == 7 else held(f"chg-{number:04}")], keys_at=read)
        except Moved:
            moved.append(number)

    threads = [threading.Thread(target=contend, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    kinds = [entry.kind for entry in ledger.entries(read)]
    assert (kinds[-1], len(kinds) + len(moved)) == ("key.revoked", 16)


def test_of_many_that_expect_the_same_exactly_one_wins(ledger: Ledger) -> None:
    ready, won, moved = threading.Barrier(8), [], []

    def contend(number: int) -> None:
        ready.wait()
        try:
            won.append(ledger.append(held(reason=str(number)), expect=0))
        except Moved:
            moved.append(number)

    threads = [threading.Thread(target=contend, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(won), len(moved)) == (1, 7)
    assert ledger.history("chg-0001") == tuple(won)


def test_many_threads_append_and_the_tree_is_that_of_the_entries(ledger: Ledger) -> None:
    def write(number: int) -> None:
        for _ in range(25):
            ledger.append(held(f"chg-000{number}"))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ledger.size() == 101
    assert head_of(ledger).root == merkle.root_of(merkle.leaf_hash(body) for body in ledger.bodies())
    ledger.examine()


def test_several_entries_go_in_together_or_not_at_all(ledger: Ledger) -> None:
    made = ledger.append_all((held(), held(None), held()), expect=0)
    assert [entry.seq for entry in made] == [1, None, 2]
    with pytest.raises(BadInput):
        ledger.append_all((held(), Draft("hold.taken", ERIN, "chg-0001")))
    assert ledger.size() == 4
    assert ledger.append(held()).seq == 3


def test_a_closed_change_carries_its_count_and_takes_nothing_more(ledger: Ledger) -> None:
    ledger.append(held())
    closed = ledger.append(Draft("change.closed", GATE, "chg-0001", {"outcome": "held"}))
    assert closed.data == {"outcome": "held", "entries": 2}
    with pytest.raises(Refused, match="chg-0001 is closed"):
        ledger.append(held())
    assert ledger.append(held(None)).index == 3


def test_a_count_that_is_not_true_is_refused(ledger: Ledger) -> None:
    with pytest.raises(BadInput, match="says 5 entries; there are 1"):
        ledger.append(Draft("change.closed", GATE, "chg-0001", {"outcome": "held", "entries": 5}))


def test_a_checkpoint_is_signed_over_all_entries(ledger: Ledger) -> None:
    for _ in range(5):
        ledger.append(held())
    head = head_of(ledger)
    assert (head.origin, head.size) == (ORIGIN, 6)
    assert head.root == merkle.root_of(merkle.leaf_hash(body) for body in ledger.bodies())
    assert ledger.checkpoint() == ledger.checkpoint(keep=True)


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 300, 520, 600])
def test_proofs_hold_at_every_size(ledger: Ledger, size: int) -> None:
    ledger.append_all([held(None, str(number)) for number in range(size - 1)])
    head = head_of(ledger)
    bodies = list(ledger.bodies())
    for index in {0, size // 3, size // 2, size - 1, min(255, size - 1), min(256, size - 1)}:
        assert merkle.included(merkle.leaf_hash(bodies[index]), index, size, ledger.inclusion(index, size), head.root)
    for old in {1, size // 2 or 1, size - 1 or 1, min(256, size)}:
        old_root = merkle.root_of(merkle.leaf_hash(body) for body in bodies[:old])
        assert merkle.consistent(old, size, old_root, head.root, ledger.consistency(old, size))


def test_entries_are_read_from_anywhere_to_anywhere(ledger: Ledger) -> None:
    ledger.append_all([held(None, str(number)) for number in range(1200)])
    assert [entry.index for entry in ledger.entries(499, 1001)] == list(range(499, 1001))
    assert list(ledger.bodies(1199, 5000)) == [entry.body for entry in ledger.entries(1199)]
    assert list(ledger.entries(1201)) == []


def test_an_entry_bears_the_time_of_the_clock_even_a_little_back(ledger: Ledger, hands: Hands) -> None:
    ledger.append(held())
    hands.now -= timedelta(seconds=59)
    assert ledger.append(held()).time == hands.now
    assert ledger.last_time() == hands.now + timedelta(seconds=59)


def test_a_clock_set_back_refuses_until_it_is_right(ledger: Ledger, hands: Hands) -> None:
    hands.now -= timedelta(seconds=61)
    with pytest.raises(LedgerUnavailable, match="the clock is 61 s behind the last entry"):
        ledger.append(held())
    hands.now += timedelta(seconds=61)
    assert ledger.append(held()).seq == 1


def test_a_clock_cannot_be_walked_back_in_small_steps(ledger: Ledger, hands: Hands) -> None:
    hands.now -= timedelta(seconds=40)
    ledger.append(held())
    hands.now -= timedelta(seconds=40)
    with pytest.raises(LedgerUnavailable):
        ledger.append(held())


def test_a_blob_comes_back_by_its_digest(ledger: Ledger) -> None:
    digest = ledger.put_blob(b"transcript")
    assert digest == sha256(b"transcript") == ledger.put_blob(b"transcript")
    assert ledger.get_blob(digest) == b"transcript"
    assert ledger.get_blob(sha256(b"other")) is None


@pytest.mark.parametrize(
    "digest", ["", "sha256:", "sha256:../../../etc/passwd", "md5:" + "0" * 64, "sha256:" + "A" * 64]
)
def test_a_blob_is_asked_for_by_digest_only(ledger: Ledger, digest: str) -> None:
    with pytest.raises(BadInput):
        ledger.get_blob(digest)


def test_waiting_ends_when_the_log_has_grown(ledger: Ledger) -> None:
    size = ledger.size()
    assert not ledger.wait(size, 0)
    found: list[bool] = []
    waiting = threading.Thread(target=lambda: found.append(ledger.wait(size, 30)))
    waiting.start()
    ledger.append(held())
    waiting.join()
    assert found == [True]
    assert ledger.wait(size, 0)


def test_a_draft_outside_the_table_is_refused_and_nothing_is_lost(ledger: Ledger) -> None:
    with pytest.raises(BadInput, match="unknown key"):
        ledger.append(Draft("hold.placed", ERIN, "chg-0001", {"password": "hunter2"}))
    assert ledger.append(held()).index == 1


def test_a_note_that_could_pass_for_a_checkpoint_is_not_signed(ledger: Ledger) -> None:
    with pytest.raises(ValueError, match="only a checkpoint begins with the bare origin"):
        ledger.sign_note(f"{ORIGIN}\n5\nAAAA\n")


def test_the_whole_log_examines_clean(ledger: Ledger) -> None:
    ledger.append_all([held() for _ in range(300)])
    ledger.examine()


def test_the_newest_anchor_of_a_kind_is_found_from_a_size_on(ledger: Ledger) -> None:
    assert ledger.anchor("cosigned") is None
    ledger.keep_anchor("cosigned", 3, b"three")
    ledger.keep_anchor("cosigned", 7, b"seven")
    ledger.keep_anchor("cosigned", 7, b"seven, and one witness more")
    ledger.keep_anchor("mail", 9, b"")
    assert ledger.anchor("cosigned") == (7, b"seven, and one witness more")
    assert ledger.anchor("cosigned", 7) == (7, b"seven, and one witness more")
    assert ledger.anchor("cosigned", 8) is None
    assert ledger.anchor("mail") == (9, b"")


def test_the_checkpoint_of_a_size_that_was_cosigned_carries_the_cosignatures(ledger: Ledger) -> None:
    signed = ledger.checkpoint()
    cosigned = signed + "\u2014 witness.example.com AAAAAAAA\n"
    ledger.keep_anchor("cosigned", 1, cosigned.encode())
    assert ledger.checkpoint() == cosigned
    ledger.append(held())
    assert ledger.checkpoint().count("\u2014") == 1


def test_a_ledger_that_was_told_to_stop_takes_and_signs_nothing_and_can_still_be_read(ledger: Ledger) -> None:
    ledger.append(held())
    ledger.stop_appending("a witness knows 40 entries; 38 are missing", 38)
    assert ledger.missing == 38
    with pytest.raises(LedgerUnavailable, match="38 are missing"):
        ledger.append(held())
    with pytest.raises(LedgerUnavailable, match="38 are missing"):
        ledger.checkpoint()
    assert ledger.size() == len(list(ledger.entries())) == 2
