from itertools import chain, combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.ledger import policy
from gate.ledger.policy import Group, Log, Policy, Witness
from tests.ledger.test_cosignature import WitnessSeed
from tests.ledger.test_note import ORIGIN, SeedKey

LOG = SeedKey(ORIGIN).vkey
KEYS = {name: WitnessSeed(f"w.example/{name}", name.encode() * 32).vkey for name in "abcd"}
WITNESSES = "".join(f"witness {name} {key} http://127.0.0.1:1\n" for name, key in KEYS.items())


def made(lines: str) -> Policy:
    return policy.read(f"log {LOG}\n{WITNESSES}{lines}")


def names(text: str) -> list[str]:
    """All sets of witnesses, spelled in letters, that meet the policy."""
    found = made(text)
    sets = chain.from_iterable(combinations("abcd", count) for count in range(5))
    return ["".join(one) for one in sets if found.met([KEYS[name] for name in one])]


def test_quorum_none_asks_for_nobody() -> None:
    assert len(names("quorum none\n")) == 16


def test_a_single_witness_may_be_the_quorum() -> None:
    assert names("quorum b\n") == ["b", "ab", "bc", "bd", "abc", "abd", "bcd", "abcd"]


def test_any_all_and_a_number_count_members() -> None:
    assert len(names("group g any a b\nquorum g\n")) == 12
    assert names("group g all a b c\nquorum g\n") == ["abc", "abcd"]
    assert names("group g 3 a b c d\nquorum g\n") == ["abc", "abd", "acd", "bcd", "abcd"]


def test_groups_of_groups_count_each_group_once() -> None:
    text = "group x any a b\ngroup y any c d\ngroup both all x y\nquorum both\n"
    assert names(text) == ["ac", "ad", "bc", "bd", "abc", "abd", "acd", "bcd", "abcd"]


def test_a_stranger_is_not_counted() -> None:
    found = made("group g any a b c d\nquorum g\n")
    assert not found.met([WitnessSeed("w.example/e", b"e" * 32).vkey])
    assert not found.met([LOG])


def test_comments_tabs_and_empty_lines_do_not_matter() -> None:
    text = f"# mine\n\n \t# too\n\tlog\t{LOG} https://gate.example.com  \n quorum   none\n"
    assert policy.read(text) == Policy((Log(LOG, "https://gate.example.com"),))


WRONG = {
    "nothing": "",
    "no quorum": f"log {LOG}\n",
    "no log": "quorum none\n",
    "two quorums": f"log {LOG}\nquorum none\nquorum none\n",
    "the same log twice": f"log {LOG}\nlog {LOG}\nquorum none\n",
    "the same witness key under two names": f"log {LOG}\nwitness a {KEYS['a']}\nwitness b {KEYS['a']}\nquorum a\n",
    "the same name twice": f"log {LOG}\nwitness a {KEYS['a']}\nwitness a {KEYS['b']}\nquorum a\n",
    "a witness called none": f"log {LOG}\nwitness none {KEYS['a']}\nquorum none\n",
    "a log's key as witness": f"log {LOG}\nwitness a {SeedKey('w', b'w' * 32).vkey}\nquorum a\n",
    "a witness's key as log": f"log {KEYS['a']}\nquorum none\n",
    "a quorum that is not defined": f"log {LOG}\nquorum a\n",
    "a quorum above its definition": f"log {LOG}\nquorum a\nwitness a {KEYS['a']}\n",
    "a group with a member from below": f"log {LOG}\ngroup g any a\nwitness a {KEYS['a']}\nquorum g\n",
    "a group with a member twice": f"log {LOG}\n{WITNESSES}group g 2 a a\nquorum g\n",
    "a member of two groups": f"log {LOG}\n{WITNESSES}group g any a\ngroup h any a\nquorum g\n",
    "a group within itself": f"log {LOG}\n{WITNESSES}group g any g\nquorum g\n",
    "an empty group": f"log {LOG}\n{WITNESSES}group g any\nquorum g\n",
    "more than all": f"log {LOG}\n{WITNESSES}group g 3 a b\nquorum g\n",
    "none of them": f"log {LOG}\n{WITNESSES}group g 0 a b\nquorum g\n",
    "a number in other letters": f"log {LOG}\n{WITNESSES}group g \u0661 a b\nquorum g\n",
    "a number with a zero before it": f"log {LOG}\n{WITNESSES}group g 01 a b\nquorum g\n",
    "a carriage return": f"log {LOG}\r\nquorum none\r\n",
    "another word": f"log {LOG}\nmirror x\nquorum none\n",
    "a changed key": f"log {str(LOG)[:-3]}AA=\nquorum none\n",
    "a no-break space": f"log\u00a0{LOG}\nquorum none\n",
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_no_policy_is_refused(case: str) -> None:
    with pytest.raises(ValueError, match="policy"):
        policy.read(WRONG[case])


def test_the_line_that_is_wrong_is_named() -> None:
    with pytest.raises(ValueError, match=r"^line 3 of the policy: "):
        policy.read(f"log {LOG}\n\nmirror\nquorum none\n")


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = policy.read(text)
    except ValueError:
        return
    assert found.logs


@pytest.mark.parametrize("need", ["any", "all", "2"])
def test_what_is_written_is_read_again(need: str) -> None:
    witnesses = [Witness(name, key, "http://127.0.0.1:1") for name, key in KEYS.items()]
    old = SeedKey(ORIGIN, b"o" * 32).vkey
    written = policy.of(LOG, witnesses, need, older=(old,))
    assert policy.read(policy.write(written)) == written
    assert written.keys == (old, LOG)
    assert written.groups[0].need == {"any": 1, "all": 4, "2": 2}[need]
    assert written.wanted == f"{written.groups[0].need} of a, b, c, d"


def test_a_log_without_witnesses_asks_for_none() -> None:
    assert policy.write(policy.of(LOG)) == f"log {LOG}\nquorum none\n"


def test_a_group_refers_to_names_not_to_keys() -> None:
    assert made("group g any a b\nquorum g\n").groups == (Group("g", 1, ("a", "b")),)
