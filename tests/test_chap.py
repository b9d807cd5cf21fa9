"""CHAP as values: the answer of RFC 1994, a target that must prove itself, and everything that is none of it."""

import hashlib

import pytest

from gate.chap import OFFER, Account, Chap, ChapError, answer, check, read_challenge

US, THEM = Account("gate", "what-the-gate-knows"), Account("array", "what-the-array-knows")
ASKED = {"CHAP_A": "5", "CHAP_I": "7", "CHAP_C": "0x00ff10"}
RANDOM = bytes(range(33))


def test_the_answer_hashes_number_secret_and_challenge() -> None:
    keys, in_return = answer(read_challenge(ASKED), Chap(US), RANDOM)
    wanted = hashlib.md5(b"\x07what-the-gate-knows\x00\xff\x10").hexdigest()
    assert keys == {"CHAP_N": "gate", "CHAP_R": f"0x{wanted}"}
    assert in_return is None


def test_sha_256_is_answered_with_sha_256() -> None:
    keys, _ = answer(read_challenge({**ASKED, "CHAP_A": "7", "CHAP_C": "0bAP8Q"}), Chap(US), RANDOM)
    assert keys["CHAP_R"] == "0x" + hashlib.sha256(b"\x07what-the-gate-knows\x00\xff\x10").hexdigest()


def test_a_target_proves_itself_with_its_own_secret_and_our_challenge() -> None:
    keys, in_return = answer(read_challenge(ASKED), Chap(US, THEM), RANDOM)
    assert (keys["CHAP_I"], keys["CHAP_C"]) == ("0", "0x" + bytes(range(1, 33)).hex())
    assert in_return is not None
    right = hashlib.md5(b"\x00what-the-array-knows" + bytes(range(1, 33))).hexdigest()
    check({"CHAP_N": "array", "CHAP_R": f"0x{right}"}, in_return, THEM)
    for said in (
        {},
        {"CHAP_N": "array"},
        {"CHAP_N": "other", "CHAP_R": f"0x{right}"},
        {"CHAP_N": "array", "CHAP_R": f"0x{right[:-2]}"},
        {"CHAP_N": "array", "CHAP_R": "0x" + "0" * 32},
    ):
        with pytest.raises(ChapError):
            check(said, in_return, THEM)


@pytest.mark.parametrize(
    "spoilt",
    [
        {"CHAP_A": "6"},
        {"CHAP_A": OFFER},
        {"CHAP_A": ""},
        {"CHAP_I": "256"},
        {"CHAP_I": "-1"},
        {"CHAP_I": "٣"},
        {"CHAP_C": ""},
        {"CHAP_C": "0x"},
        {"CHAP_C": "0xzz"},
        {"CHAP_C": "0b!!"},
        {"CHAP_C": "17"},
        {"CHAP_C": "0x" + "00" * 2000},
    ],
)
def test_a_challenge_that_is_none_is_not_answered(spoilt: dict[str, str]) -> None:
    with pytest.raises(ChapError):
        read_challenge(ASKED | spoilt)


def test_one_secret_for_both_ways_is_refused() -> None:
    with pytest.raises(ChapError, match="must not have the same secret"):
        Chap(US, Account("array", US.secret))


def test_a_target_that_asks_what_it_is_asked_is_refused() -> None:
    asked = read_challenge({**ASKED, "CHAP_C": "0x" + bytes(range(1, 33)).hex()})
    with pytest.raises(ChapError, match="asks what it is asked"):
        answer(asked, Chap(US, THEM), RANDOM)


def test_no_secret_is_ever_shown() -> None:
    shown = repr((Chap(US, THEM), US, read_challenge(ASKED)))
    assert "knows" not in shown
