import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from gate.canonical import Json, encode, utc
from gate.errors import BadInput, CannotTell
from gate.ledger import entry
from gate.ledger.entry import GATE, Actor, Blob, Draft

VECTORS = Path(__file__).parents[1] / "vectors" / "ledger"
NOON = datetime(2026, 11, 22, 12, 0, 0, 5, tzinfo=UTC)
ID = "019aab00-0000-7000-8000-000000000000"
HELD = Draft("hold.placed", Actor("person", "storage-engineer"), "chg-0007", {"reason": "smoke – “really”"})


def made(draft: Draft) -> bytes:
    return entry.body(draft, name=ID, time=utc(NOON), seq=None if draft.change is None else 3)


def test_the_bytes_of_an_entry_are_the_ones_on_file() -> None:
    blob = Blob("transcript", "sha256:" + "0" * 64, 12)
    draft = Draft(HELD.kind, HELD.actor, HELD.change, HELD.data, (blob,))
    assert made(draft) == (VECTORS / "entry.json").read_bytes()


def test_an_entry_reads_back_as_it_was_made() -> None:
    found = entry.read(made(HELD), 41)
    assert (found.index, found.id, found.time, found.kind, found.change, found.seq) == (
        41,
        ID,
        NOON,
        "hold.placed",
        "chg-0007",
        3,
    )
    assert (found.actor, found.data, found.blobs) == (HELD.actor, HELD.data, ())
    assert found.body == made(HELD)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(st.sampled_from("abc"), inner),
    max_leaves=4,
)


@settings(deadline=None)
@given(
    st.dictionaries(st.sampled_from(["step", "outcome", "because", "attempt"]), JSON),
    st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30))])),
    st.sampled_from([None, 1, 12]),
)
def test_what_is_handed_back_after_an_append_is_what_is_read_later(
    data: dict[str, Json], moment: datetime, seq: int | None
) -> None:
    assume(2 < moment.year < 9998)
    draft = Draft("step.ended", GATE, "chg-0001" if seq else None, data, (Blob("reply", "sha256:" + "0" * 64, 3),))
    body = entry.body(draft, name=ID, time=utc(moment), seq=seq)
    handed, later = entry.placed(draft, body, 7, name=ID, time=moment, seq=seq), entry.read(body, 7)
    assert handed == later
    assert list(handed.data) == list(later.data)
    assert [type(value) for value in handed.data.values()] == [type(value) for value in later.data.values()]
    assert handed.time.tzinfo is later.time.tzinfo


@pytest.mark.parametrize(
    ("draft", "sentence"),
    [
        (Draft("hold.taken", GATE), 'no entry kind "hold.taken"'),
        (Draft("hold.placed", GATE, data={"password": "x"}), 'hold.placed: unknown key "password"'),
        (Draft("hold.placed", Actor("robot", "x")), 'hold.placed: unknown actor type "robot"'),
        (Draft("hold.placed", GATE, data={"reason": "x" * 17000}), "at most 16384"),
        (Draft("hold.placed", GATE, data={"reason": "\ud800"}), "lone surrogate"),
        (Draft("hold.placed", GATE, data={"reason": 2**53}), "integer beyond"),
    ],
)
def test_what_may_not_be_in_an_entry_is_refused(draft: Draft, sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        made(draft)


def test_a_change_and_its_sequence_come_together() -> None:
    with pytest.raises(BadInput, match="a sequence belongs to a change"):
        entry.body(HELD, name=ID, time=utc(NOON), seq=None)


@pytest.mark.parametrize(
    "stored",
    [b"", b"{}", b"[]", b"null", b"\xff", b'{"v":1}', b"[" * 60000, made(HELD).replace(b'"actor"', b'"akteur"')],
)
def test_bytes_that_are_no_entry_are_named_by_their_index(stored: bytes) -> None:
    with pytest.raises(CannotTell, match="entry 9 is not an entry"):
        entry.read(stored, 9)


def test_an_entry_of_a_later_version_is_not_guessed_at() -> None:
    with pytest.raises(CannotTell, match="version 2; this program reads version 1"):
        entry.read(made(HELD).replace(b'"v":1', b'"v":2'), 0)


VALUES: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", max_size=3), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None)
@given(VALUES)
def test_any_value_survives_and_the_line_holds_no_line_end(value: Json) -> None:
    body = made(Draft("judgement.given", GATE, "chg-0007", {"findings": value}))
    assert b"\n" not in body
    assert entry.read(body, 0).data["findings"] == json.loads(json.dumps(value))


@settings(deadline=None)
@given(st.integers(0, 2**48 - 1), st.binary(min_size=10, max_size=10))
def test_ids_are_uuids_of_version_7_in_the_order_of_their_time(milliseconds: int, random: bytes) -> None:
    spelled = entry.uuid7(milliseconds, random)
    assert spelled[14] == "7"
    assert spelled[19] in "89ab"
    assert int(spelled.replace("-", "")[:12], 16) == milliseconds


COMMITMENT = "sha256:" + "5" * 64
TRIED = Draft("auth.refused", entry.ANONYMOUS, None, {"why": "wrong"}, private={"name": COMMITMENT})


def test_a_field_outside_the_log_stands_between_kind_and_seq() -> None:
    body = made(TRIED)
    assert b'"kind":"auth.refused","private":{"name":"' + COMMITMENT.encode() + b'"},"seq":null,' in body
    assert entry.read(body, 0).private == {"name": COMMITMENT}
    assert entry.placed(TRIED, body, 0, name=ID, time=NOON, seq=None) == entry.read(body, 0)
    assert entry.kind_of(body) == "auth.refused"


def test_an_entry_without_such_a_field_has_no_key_for_it() -> None:
    assert b"private" not in made(HELD)
    assert entry.read(made(HELD), 0).private == {}


@pytest.mark.parametrize(
    ("draft", "sentence"),
    [
        (Draft("auth.refused", GATE, None, {"name": "x"}, private={"name": COMMITMENT}), "not a field that is kept"),
        (Draft("auth.refused", GATE, None, private={"why": COMMITMENT}), "why is not a field that is kept"),
        (Draft("change.closed", GATE, None, private={"outcome": COMMITMENT}), "not a field that is kept"),
        (Draft("auth.refused", GATE, None, private={"name": "storage-lead"}), "name has no commitment"),
    ],
)
def test_what_decides_is_never_kept_outside(draft: Draft, sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        made(draft)


@settings(deadline=None)
@given(
    st.dictionaries(st.sampled_from(["step", "outcome", "because", "attempt"]), JSON),
    st.sampled_from([None, 1, 12]),
    st.booleans(),
)
def test_an_entry_put_together_is_what_encoding_it_whole_gives(
    data: dict[str, Json], seq: int | None, private: bool
) -> None:
    kind = "hold.placed" if private else "step.ended"
    draft = Draft(
        kind,
        Actor("person", "storage-engineer"),
        "chg-0001" if seq else None,
        {} if private else data,
        (Blob("reply", "sha256:" + "0" * 64, 3),),
        {"reason": COMMITMENT} if private else {},
    )
    whole: dict[str, Json] = {
        "v": 1,
        "id": ID,
        "time": utc(NOON),
        "kind": kind,
        "change": draft.change,
        "seq": seq,
        "actor": {"type": "person", "id": "storage-engineer"},
        "data": dict(draft.data),
        "blobs": [{"name": "reply", "sha256": "sha256:" + "0" * 64, "size": 3}],
    }
    if private:
        whole["private"] = draft.private
    assert entry.body(draft, name=ID, time=utc(NOON), seq=seq) == encode(whole)
