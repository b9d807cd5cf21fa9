import base64
import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tlog_scales import signing as independent_keys
from tlog_scales import tlog as independent

from gate.errors import BadInput, Outside
from gate.ledger import cosignature, note
from gate.ledger.note import Note
from gate.witness.cosigner import Cosigner, WitnessKey
from gate.witness.memory import MOST_CONTRADICTIONS, Memory
from gate.witness.request import Answer
from tests.ledger.test_note import SeedKey
from tests.witness.logs import KEY, ORIGIN, Log

NAME = "witness.example.com/w1"
OTHER = "other.example.com/ledger/4"


class Clock:
    """POSIX seconds, moved by hand."""

    now = 1_795_000_000

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Memory]:
    made = Memory(tmp_path / "witness.db", str(WitnessKey(SeedKey(NAME, b"\x05" * 32)).vkey))
    yield made
    made.close()


@pytest.fixture
def witness(memory: Memory, clock: Clock) -> Cosigner:
    key = WitnessKey(SeedKey(NAME, b"\x05" * 32))
    known = {ORIGIN: (KEY.vkey,), OTHER: (SeedKey(OTHER).vkey,)}
    return Cosigner(key, memory, lambda: known, clock)


def refused(witness: Cosigner, body: bytes) -> tuple[int, str]:
    with pytest.raises(Answer) as said:
        witness.add_checkpoint(body)
    return said.value.status, said.value.text


def test_a_log_is_cosigned_as_it_grows_and_an_independent_program_agrees(witness: Cosigner, clock: Clock) -> None:
    log, old = Log(), 0
    for size in (1, 1, 2, 7, 64, 65, 300):
        line = witness.add_checkpoint(log.request(old, size))
        theirs = independent.Checkpoint.from_text(log.signed(size) + line)
        theirs.verify(independent_keys.Vkey.from_string(str(witness.key.vkey)))
        old, clock.now = size, clock.now + 1


def test_an_empty_log_may_be_cosigned_first(witness: Cosigner) -> None:
    witness.add_checkpoint(Log().request(0, 0))
    witness.add_checkpoint(Log().request(0, 5))
    assert refused(witness, Log().request(0, 0))[0] == 409


def test_another_old_size_is_answered_with_the_one_that_is_known(witness: Cosigner) -> None:
    log = Log()
    assert refused(witness, log.request(3, 5)) == (409, "0\n")
    witness.add_checkpoint(log.request(0, 5))
    with pytest.raises(Answer) as said:
        witness.add_checkpoint(log.request(0, 9))
    assert (said.value.status, said.value.text, said.value.kind) == (409, "5\n", "text/x.tlog.size")
    witness.add_checkpoint(log.request(5, 9))


def test_a_smaller_tree_is_never_cosigned(witness: Cosigner) -> None:
    log = Log()
    witness.add_checkpoint(log.request(0, 9))
    for old in range(6):
        assert refused(witness, log.request(old, 5)) == (409, "9\n")
    assert refused(witness, log.request(0, 5).replace(b"old 0", b"old 9"))[0] == 400


@pytest.mark.parametrize("forked", [0, 1, 8])
def test_another_history_signed_with_the_real_key_is_refused_and_kept(
    witness: Cosigner, memory: Memory, forked: int
) -> None:
    witness.add_checkpoint(Log().request(0, 9))
    forger = Log(forked)
    status, text = refused(witness, forger.request(9, 20))
    assert (status, text) == (
        422,
        "the proof does not show that this tree begins with the 9 entries that were cosigned\n",
    )
    assert refused(witness, forger.request(9, 9))[0] == 422
    kept = [note.read(one).text for one in memory.contradictions(ORIGIN)]
    assert kept == [forger.head(20).text, forger.head(9).text]
    witness.add_checkpoint(Log().request(9, 20))


def test_a_history_forked_after_what_was_seen_is_as_good_as_the_real_one_until_it_is_seen(witness: Cosigner) -> None:
    witness.add_checkpoint(Log().request(0, 9))
    witness.add_checkpoint(Log(9).request(9, 12))
    assert refused(witness, Log().request(12, 15))[0] == 422


def test_a_proof_that_is_too_long_short_or_wrong_is_refused(witness: Cosigner) -> None:
    log = Log()
    witness.add_checkpoint(log.request(0, 5))
    good = log.request(5, 9).decode()
    lines = good.split("\n")
    extra = base64.b64encode(bytes(32)).decode()
    for wrong in (
        [lines[0], *lines[2:]],
        [lines[0], extra, *lines[1:]],
        [lines[0], extra, *lines[2:]],
        [*lines[: lines.index("")], extra, *lines[lines.index("") :]],
    ):
        assert refused(witness, "\n".join(wrong).encode())[0] == 422
    witness.add_checkpoint(good.encode())


def test_from_nothing_there_is_nothing_to_prove(witness: Cosigner) -> None:
    extra = base64.b64encode(bytes(32))
    assert refused(witness, Log().request(0, 5).replace(b"old 0\n", b"old 0\n" + extra + b"\n"))[0] == 422


def test_no_entries_have_one_root(witness: Cosigner) -> None:
    log = Log()
    log.subtree = lambda start, end: bytes(32)  # type: ignore[method-assign]
    assert refused(witness, log.request(0, 0))[0] == 422


def test_a_log_that_is_not_known_is_not_there(witness: Cosigner) -> None:
    stranger = Log(key=SeedKey("stranger.example.com/1"))
    assert refused(witness, stranger.request(0, 5)) == (404, "this witness does not know that log\n")


def test_a_known_origin_under_another_key_is_forbidden(witness: Cosigner) -> None:
    thief = Log(key=SeedKey(ORIGIN, b"\x66" * 32))
    assert refused(witness, thief.request(0, 5)) == (403, f"no signature of {ORIGIN}\n")
    changed = note.read(Log().signed(5))
    line = replace(changed.signatures[0], payload=bytes(64))
    assert refused(witness, f"old 0\n\n{Note(changed.text, (line,))}".encode())[0] == 403


def test_a_known_key_signs_no_other_log(witness: Cosigner) -> None:
    log = Log()
    text = log.head(5).text.replace(ORIGIN, OTHER)
    assert refused(witness, f"old 0\n\n{note.sign(text, KEY)}".encode())[0] == 403


def test_an_old_size_larger_than_the_checkpoint_is_no_request(witness: Cosigner) -> None:
    assert refused(witness, Log().request(5, 5).replace(b"old 5", b"old 6"))[0] == 400


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\n",
        b"old 0\n",
        b"old 0\n\n",
        b"old\n\n",
        b"\xff",
        b"old 0\n\nx\n\n\xe2\x80\x94 a AAAAAAAA\n",
        Log().request(0, 5).replace(b"old 0", b"old 00"),
        Log().request(0, 5).replace(b"old 0", b"old -0"),
        Log().request(0, 5).replace(b"old 0", b"old " + b"9" * 30),
        Log().request(0, 5).replace(b"old 0", "old \u0661".encode()),
        Log().request(0, 5).replace(b"old 0", b"new 0"),
        Log().request(0, 5).replace(b"\n5\n", b"\n05\n"),
        Log().request(0, 5).replace(b"\n", b"\r\n"),
        Log().request(0, 5).replace(b"old 0\n", b"old 0\nAAAA\n"),
        Log().request(0, 5).replace(b"old 0\n", b"old 0\n" + (b"A" * 43 + b"=\n") * 64),
    ],
)
def test_what_is_no_request_is_answered_with_400(witness: Cosigner, body: bytes) -> None:
    assert refused(witness, body)[0] == 400


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_any_bytes_at_all_get_an_answer(witness: Cosigner, data: st.DataObject) -> None:
    body = data.draw(st.one_of(st.binary(max_size=300), st.just(Log().request(3, 7))))
    for _ in range(data.draw(st.integers(0, 3))):
        place = data.draw(st.integers(0, len(body)))
        body = body[:place] + data.draw(st.binary(max_size=3)) + body[place + data.draw(st.integers(0, 4)) :]
    with pytest.raises(Answer):
        witness.add_checkpoint(body)


def test_what_strangers_wrote_below_the_checkpoint_is_not_handed_out(witness: Cosigner) -> None:
    junk = "\u2014 spam.example.com AAAAAAAA\n"
    witness.add_checkpoint(Log().request(0, 5) + junk.encode())
    handed = witness.newest(sha256(ORIGIN.encode()).hexdigest())
    assert "spam" not in handed
    assert [line.name for line in note.read(handed).signatures] == [ORIGIN, NAME]
    assert cosignature.cosigned(note.read(handed), [witness.key.vkey])


def test_there_is_no_checkpoint_of_a_log_never_cosigned(witness: Cosigner) -> None:
    for name in (sha256(OTHER.encode()).hexdigest(), "0" * 64, "", "../key"):
        with pytest.raises(Answer, match="no checkpoint") as said:
            witness.newest(name)
        assert said.value.status == 404


def test_the_time_of_a_cosignature_never_goes_back(witness: Cosigner, clock: Clock) -> None:
    log = Log()
    first = note.read_signature(witness.add_checkpoint(log.request(0, 5))[:-1])
    clock.now -= 3600
    second = note.read_signature(witness.add_checkpoint(log.request(5, 6))[:-1])
    assert cosignature.check(log.head(6).text, second, witness.key.vkey).at == 1_795_000_000
    assert first.payload[:8] == second.payload[:8]


def test_two_keys_of_a_rotation_are_both_the_log(memory: Memory, clock: Clock) -> None:
    new = SeedKey(ORIGIN, b"\x77" * 32)
    witness = Cosigner(WitnessKey(SeedKey(NAME)), memory, lambda: {ORIGIN: (KEY.vkey, new.vkey)}, clock)
    witness.add_checkpoint(Log().request(0, 5))
    witness.add_checkpoint(Log(key=new).request(5, 8))


def test_of_many_requests_at_once_one_is_cosigned_and_the_others_hear_of_it(witness: Cosigner) -> None:
    bodies = [Log(forked).request(0, 9 + forked) for forked in range(12)]
    came: list[int] = []
    ready = threading.Barrier(len(bodies))

    def ask(body: bytes) -> None:
        ready.wait()
        try:
            witness.add_checkpoint(body)
            came.append(200)
        except Answer as said:
            came.append(said.status)

    threads = [threading.Thread(target=ask, args=(body,)) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(came) == [200] + [409] * 11


def test_the_memory_refuses_to_forget_even_when_it_is_told_to(memory: Memory, witness: Cosigner) -> None:
    witness.add_checkpoint(Log().request(0, 9))
    seen = memory.newest(ORIGIN)
    assert seen is not None
    for worse in (replace(seen, size=8), replace(seen, root=bytes(32)), replace(seen, at=seen.at - 1)):
        with pytest.raises(Outside, match="a witness never forgets"), memory.turn(ORIGIN) as (_, write):
            write(worse)
    assert memory.newest(ORIGIN) == seen


def test_contradictions_are_kept_up_to_a_number(memory: Memory) -> None:
    for number in range(MOST_CONTRADICTIONS + 20):
        memory.keep_contradiction(ORIGIN, f"note {number}", number)
        memory.keep_contradiction(ORIGIN, "note 0", number)
    assert memory.contradictions(ORIGIN) == [f"note {number}" for number in range(MOST_CONTRADICTIONS)]


def test_a_memory_belongs_to_one_witness_and_one_process(memory: Memory, tmp_path: Path) -> None:
    with pytest.raises(Outside, match="another witness runs"):
        Memory(tmp_path / "witness.db", "x")
    memory.close()
    memory.close()
    with pytest.raises(BadInput, match="this memory belongs to the witness"):
        Memory(tmp_path / "witness.db", "x")
    Memory(tmp_path / "witness.db", str(WitnessKey(SeedKey(NAME, b"\x05" * 32)).vkey)).close()


@pytest.mark.parametrize("statement", ["DROP TRIGGER seen_grows", "PRAGMA user_version = 9", "DROP TABLE seen"])
def test_a_memory_altered_by_hand_is_refused(memory: Memory, tmp_path: Path, statement: str) -> None:
    memory.close()
    connection = sqlite3.connect(tmp_path / "witness.db", isolation_level=None)
    connection.execute(statement)
    connection.close()
    with pytest.raises(Outside, match="altered by hand"):
        Memory(tmp_path / "witness.db", str(WitnessKey(SeedKey(NAME, b"\x05" * 32)).vkey))


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "witness.db").write_bytes(b"nothing of the kind" * 100)
    with pytest.raises(Outside, match="cannot be used"):
        Memory(tmp_path / "witness.db", "x")
