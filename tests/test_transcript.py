"""Transcripts: without secrets, without anything that a screen obeys, playable, bounded."""

import json
from datetime import UTC, datetime, timedelta
from re import _parser  # type: ignore[attr-defined]  # the tree of a pattern
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.evidence import Reply, ReplyState
from gate.transcript import LARGEST, REDACTED, SECRETS, joined, played, recording, redact, scrubbed

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def reply(out: bytes = b"", command: str = "lsupdate", **fields: object) -> Reply:
    given = {"state": ReplyState.ANSWERED, "started_at": NOON, "finished_at": NOON + timedelta(seconds=2)} | fields
    return Reply("west-3", command, stdout=out, **given)  # type: ignore[arg-type]


def text(cast: bytes) -> str:
    return "".join(said for _, said in played(cast))


@pytest.mark.parametrize(
    ("said", "kept", "gone"),
    [
        ("set password=hunter22 now", "now", "hunter22"),
        ("Password: hunter22", "Password", "hunter22"),
        ('{"api_key": "abc-def", "x": 1}', '"x": 1', "abc-def"),
        ("create user -password hunter22 -role admin", "-role admin", "hunter22"),
        ("snmp-server community = public1", "snmp-server", "public1"),
        ("Authorization: Bearer eyJhbGciOi.x", "Authorization", "eyJhbGciOi"),
        ("get http://user:hunter22@host/image", "@host/image", "hunter22"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n-----END OPENSSH PRIVATE KEY-----\nok", "ok", "abc"),
        ("-----BEGIN RSA PRIVATE KEY-----\nabc", "", "abc"),
        ('{"password": "correct horse battery", "x": 1}', '"x": 1', "horse"),
        ("password='correct horse' next", "next", "horse"),
        (r'password="half \" hunter22" next', "next", "hunter22"),
        ('password="never closed hunter22\nnext', "next", "hunter22"),
        ("token=" + "a" * 2000 + "hunter22", "token", "hunter22"),
        ("password: abc,hunter22;hunter22", "password", "hunter22"),
        ("pwd=hunter22 now", "now", "hunter22"),
        ("pass: hunter22", "pass", "hunter22"),
        ("chap_secret\thunter22hunter22", "chap_secret", "hunter22"),
        ("CHAP-Secret   hunter22hunter22 on", "on", "hunter22"),
        ('it asks "password hunter22 expires, change it? (y/n)"', "change it", "hunter22"),
        ("https://user:" + "p" * 300 + "hunter22@host/", "@host/", "hunter22"),
    ],
)
def test_what_looks_like_a_secret_is_not_kept(said: str, kept: str, gone: str) -> None:
    clean = redact(said)
    assert kept in clean
    assert gone not in clean
    assert REDACTED in clean


@pytest.mark.parametrize(
    "said", ["Your password expires in 3 days.", "tokens left 4", "system_updating 48", "bypass: enabled"]
)
def test_what_only_speaks_of_secrets_stays(said: str) -> None:
    assert redact(said) == said


def test_no_pattern_can_walk_over_the_same_characters_again_and_again() -> None:
    """
    The work, not the time: each begins with something fixed, and no repetition without an end lies inside another.

    Of the first pattern of before, which began with letters, a megabyte of "a-a-a-" cost seven seconds.
    """
    for pattern in SECRETS:
        tree = _parser.parse(pattern.pattern, pattern.flags)
        assert not repeats(list(tree)[:1], inside=False), pattern.pattern
        assert not nested(list(tree)), pattern.pattern


def repeats(tree: Any, *, inside: bool) -> list[Any]:
    """Every repetition without an end in what a pattern is made of; `inside` looks into what follows as well."""
    found: list[Any] = []
    for op, value in tree if isinstance(tree, list) else list(tree):
        if str(op) in ("MAX_REPEAT", "MIN_REPEAT"):
            found += [value[2]] if value[1] == _parser.MAXREPEAT else []
            found += repeats(value[2], inside=inside)
        elif str(op) == "SUBPATTERN":
            found += repeats(value[3] if inside else list(value[3])[:1], inside=inside)
        elif str(op) == "BRANCH":
            for one in value[1]:
                found += repeats(one if inside else list(one)[:1], inside=inside)
    return found


def nested(tree: Any) -> list[Any]:
    """Repetitions without an end that hold another one."""
    return [one for one in repeats(tree, inside=True) if repeats(list(one), inside=True)]


def test_what_opened_an_array_is_gone_from_its_reply_before_anything_is_read_from_it() -> None:
    heard = reply(b"login with hunter22 refused", stderr=b"hunter22", problem="hunter22", typed=(("hunter22?", "y"),))
    clean = scrubbed(heard, ("hunter22", "", "y"))
    assert "hunter22" not in repr(clean)
    assert clean.typed == ((f"{REDACTED}?", "y"),)


def test_a_known_secret_goes_wherever_it_stands() -> None:
    told = reply(b"a xyzzy-42 b", command="do xyzzy-42", state=ReplyState.LOST, problem="xyzzy-42")
    cast = recording("t", [told], ["xyzzy-42", "xyz", ""])
    assert "xyzzy" not in cast.decode()
    assert text(cast).count(REDACTED) == 3


def test_nothing_in_a_recording_makes_a_screen_obey() -> None:
    cast = recording("t", [reply(b"\x1b[2J\x1b]0;owned\x07ok\xff\xe2\x80\xae\n", stderr=b"\x9b31m")])
    for said in (line for _, line in played(cast)):
        assert all(char.isprintable() or char in "\r\n\t" for char in said)
    assert "\\u001b" in text(cast)


def test_a_recording_is_an_asciicast_that_says_what_was_sent_typed_and_how_it_ended() -> None:
    typed = (("Continue (y/n)?", "y"),)
    lost = reply(state=ReplyState.LOST, problem="the connection ended", exit_status=None)
    cast = recording("chg-0001 apply on west-3", [reply(b"done\n", exit_status=0, typed=typed), lost])
    head, *lines = [json.loads(line) for line in cast.decode().splitlines()]
    assert (head["version"], head["timestamp"], head["title"]) == (2, int(NOON.timestamp()), "chg-0001 apply on west-3")
    assert all(kind == "o" and isinstance(at, float) for at, kind, _ in lines)
    assert text(cast).replace("\r\n", "\n").splitlines() == [
        "west-3> lsupdate",
        "done",
        "[typed y at: Continue (y/n)?]",
        "[exit status 0]",
        "west-3> lsupdate",
        "[lost: the connection ended]",
    ]


def test_a_long_answer_is_cut_and_says_so() -> None:
    cast = recording("t", [reply(b"x" * (LARGEST + 5)), reply(b"never")])
    assert "the rest is left out" in text(cast)
    assert "never" not in text(cast)
    assert len(cast) < LARGEST * 2


def test_recordings_join_in_order_and_time_never_runs_backwards() -> None:
    first, second = recording("a", [reply(b"one\n")]), recording("b", [reply(b"two\n", started_at=NOON)])
    whole = played(joined("all", [("step a", first), ("step b", second), ("gone", b"rubbish")]))
    headings = [said for _, said in whole if said.startswith("---")]
    assert headings == ["--- step a\r\n", "--- step b\r\n", "--- gone\r\n"]
    times = [at for at, _ in whole]
    assert times == sorted(times)


@given(st.binary(max_size=400))
def test_no_bytes_break_a_recording(noise: bytes) -> None:
    assert played(recording("t", [reply(noise, stderr=noise)]))
    played(noise)
    joined("t", [("x", noise)])
