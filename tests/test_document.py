from typing import Annotated, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AwareDatetime, Field

from gate import tree
from gate.change import ChangeRequest
from gate.document import read
from gate.errors import BadInput
from gate.inventory import Frozen, Inventory
from gate.policy import Policy

CHANGE = """\
title: Firmware 9.10
reason: a fix
kind: firmware
family: storage-virtualize
image:
  file: lab.img
  version: 9.10
  sha256: sha256:{digest}
targets: [west-2]
playbook: storage-virtualize/update
window:
  opens: 2026-11-22T22:00:00Z
  closes: 2026-11-23T06:00:00+01:00
""".format(digest="0" * 64)

FLEET = """\
sites: [east]
arrays:
  - id: east-1
    site: east
    family: storage-virtualize
    model: LAB-FS5
    serial: 0000020420E00011
    criticality: low
    ssh:
      host: 127.77.0.11
      port: 2222
"""


class Things(Frozen):
    count: int = 0
    share: float = 0.5
    sure: bool = False
    at: AwareDatetime | None = None
    mode: Literal["fast", "slow"] = "slow"
    few: Annotated[tuple[int, ...], Field(max_length=2)] = ()
    named: Annotated[dict[str, int], Field(default_factory=dict)]


def complaint(text: str | bytes, model: type[Frozen] = ChangeRequest) -> BadInput:
    with pytest.raises(BadInput) as caught:
        read(text if isinstance(text, bytes) else text.encode(), "file.yaml", model)
    return caught.value


def test_a_version_stays_the_text_that_was_written() -> None:
    image = read(CHANGE.encode(), "file.yaml", ChangeRequest).image
    assert image is not None
    assert image.version == "9.10"


def test_words_of_other_yaml_readers_stay_text() -> None:
    text = CHANGE.replace("title: Firmware 9.10", "title: no").replace("reason: a fix", "reason: 22:00")
    request = read(text.encode(), "file.yaml", ChangeRequest)
    assert (request.title, request.reason) == ("no", "22:00")


def test_a_time_keeps_its_moment() -> None:
    request = read(CHANGE.encode(), "file.yaml", ChangeRequest)
    assert (request.window.closes - request.window.opens).total_seconds() == 7 * 3600


def test_types_come_from_the_model() -> None:
    things = read(b"{count: -12, share: 0.25, sure: true, few: [1, 2], named: {a: 7}}", "file.yaml", Things)
    assert (things.count, things.share, things.sure, things.few, things.named) == (-12, 0.25, True, (1, 2), {"a": 7})


def test_a_byte_order_mark_is_no_text() -> None:
    assert read(b"\xef\xbb\xbf" + CHANGE.encode(), "file.yaml", ChangeRequest).title == "Firmware 9.10"


@pytest.mark.parametrize("text", ["yes", "1_0", "'7 '", "12.0", "+5", "007", "0x10", "1e3", "''", "9" * 30])
def test_a_whole_number_has_one_spelling(text: str) -> None:
    assert complaint(f"count: {text}", Things).message.endswith("is not a whole number")


@pytest.mark.parametrize("text", ["yes", "on", "1", "True", "t"])
def test_a_truth_is_true_or_false(text: str) -> None:
    assert complaint(f"sure: {text}", Things).message.endswith("is not true or false")


@pytest.mark.parametrize("text", ["nan", "inf", ".5", "1e9"])
def test_a_number_is_finite_and_plain(text: str) -> None:
    assert complaint(f"share: {text}", Things).message.endswith("is not a number")


@pytest.mark.parametrize("text", ["1700000000", "2026-11-22", "2026-11-22T22:00:00", "2026-11-22 22:00:00Z", "now"])
def test_a_time_says_its_offset(text: str) -> None:
    assert "is not a time with its offset" in complaint(f"at: {text}", Things).message


def test_an_unknown_value_is_told_with_place_and_the_near_one() -> None:
    error = complaint(FLEET.replace("storage-virtualize", "storage-virtualise"), Inventory)
    assert str(error) == 'file.yaml:5:13: arrays.0.family: unknown family "storage-virtualise"'
    assert error.hint == 'did you mean "storage-virtualize"?'


def test_an_unknown_value_far_from_all_is_told_with_the_known_ones() -> None:
    assert complaint("mode: gentle", Things).hint == "one of fast, slow"


def test_an_unknown_key_is_told_before_the_one_that_is_missing() -> None:
    error = complaint(CHANGE.replace("reason:", "raeson:"))
    assert str(error) == 'file.yaml:2:1: raeson: unknown key "raeson"'
    assert error.hint == 'did you mean "reason"? 1 more place is wrong'


def test_an_unknown_key_deep_inside_is_compared_with_its_neighbours() -> None:
    error = complaint(FLEET.replace("port: 2222", "prot: 2222"), Inventory)
    assert (str(error), error.hint) == (
        'file.yaml:11:7: arrays.0.ssh.prot: unknown key "prot"',
        'did you mean "port"?',
    )


def test_a_missing_key_is_told_at_its_mapping() -> None:
    error = complaint(FLEET.replace("      host: 127.77.0.11\n", ""), Inventory)
    assert str(error) == "file.yaml:10:7: arrays.0.ssh.host: this must be set"


def test_a_missing_policy_limit_does_not_load() -> None:
    assert str(complaint("soak: 30m", Policy)).endswith("this must be set")


def test_the_first_in_reading_order_is_told_and_the_others_counted() -> None:
    error = complaint(CHANGE.replace("kind: firmware", "kind: software").replace("[west-2]", "[WEST]"))
    assert error.place == "file.yaml:3:7: kind"
    assert error.hint.endswith("1 more place is wrong")


def test_a_rule_between_keys_is_told_where_its_words_lead() -> None:
    error = complaint(FLEET.replace("site: east", "site: nord"), Inventory)
    assert str(error) == 'file.yaml:4:11: arrays.0.site: "nord" is not in the inventory'


@pytest.mark.parametrize("text", ["30", "1.5h", "-1d", "100000d", "9" * 400 + "d", "٣d"])
def test_a_duration_is_a_short_whole_number_and_a_unit(text: str) -> None:
    message = complaint(f"soak: {text}", Policy).message
    assert message.startswith("a duration is a whole number and one of s, m, h, d")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("few: 3", 'a list must stand here, not "3"'),
        ("few: [1, 2, 3]", "the list has 3 entries, more than 2"),
        ("mode: [a]", "text must stand here, not a list"),
        ("named: x", 'keys with values must stand here, not "x"'),
        ("just words", 'keys with values must stand here, not "just words"'),
        ("- a", "keys with values must stand here, not a list"),
    ],
)
def test_the_wrong_shape_is_told_in_a_sentence(text: str, sentence: str) -> None:
    assert complaint(text, Things).message == sentence


@pytest.mark.parametrize(
    ("text", "place", "sentence"),
    [
        ("", "1:1", "the file is empty"),
        ("# only words to the reader\n", "1:1", "the file is empty"),
        ("count: 1\ncount: 2", "2:1: count", '"count" is there twice'),
        ("named: &n {a: 1}", "1:8: named", "anchors and aliases are not read here"),
        ("named: *n", "1:8: named", "anchors and aliases are not read here"),
        ("*n", "1:1", "anchors and aliases are not read here"),
        ("<<: {a: 1}", "1:1", "merge keys are not read here"),
        ("count: !!int 1", "1:8: count", "tags are not read here"),
        ("!!python/object/apply:os.system [id]", "1:1", "tags are not read here"),
        ("%YAML 1.1\n---\ncount: 1", "1:1", "directives are not read here"),
        ("count: 1\n---\ncount: 2", "2:1", "a second document begins here"),
        ("? [a]\n: 1", "1:3", "a key is one word"),
        ("count:\nsure: true", "1:7: count", "there is no value"),
        ("few: [1, ]\nnamed:\n  a:", "3:5: named.a", "there is no value"),
        ('mode: "\\e[2J"', "1:7: mode", "control character U+001B in the text"),
        ('mode: "\\u202e"', "1:7: mode", "control character U+202E in the text"),
        ('"\\a": 1', "1:1", "control character U+0007 in the text"),
        ('mode: "\\ud800"', "1:7: mode", "control character U+D800 in the text"),
        ('mode: "\\UFFFFFFFF"', "1:1", "not YAML: an escape or a directive has no meaning"),
        ("few: [1", "1:8", "not YAML: expected ',' or ']', but got '<stream end>'"),
    ],
)
def test_yaml_that_could_hide_or_grow_is_refused(text: str, place: str, sentence: str) -> None:
    error = complaint(text, Things)
    assert (error.place, error.message) == (f"file.yaml:{place}", sentence)


@pytest.mark.parametrize(
    ("data", "place", "sentence"),
    [
        (b"count: \xff", "1:8", "this is not UTF-8 text"),
        (b"count: 1\nsh\x00re: 1", "2:3", "character U+0000 cannot stand here"),
        (b"\x7fELF\x02\x01", "1:1", "character U+007F cannot stand here"),
    ],
)
def test_a_binary_file_is_told_as_one(data: bytes, place: str, sentence: str) -> None:
    error = complaint(data, Things)
    assert (error.place, error.message, error.hint) == (f"file.yaml:{place}", sentence, "is it a binary file?")


def test_a_bomb_is_refused_at_its_first_anchor() -> None:
    pairs = zip("abcdefg", "bcdefgh", strict=True)
    bomb = "a: &a [x, x]\n" + "".join(f"{new}: &{new} [*{old}, *{old}]\n" for old, new in pairs)
    assert complaint(bomb, Things).place == "file.yaml:1:4: a"


def test_size_depth_and_count_are_bounded_on_both_sides_of_the_limit() -> None:
    at_limit = "#" * tree.SIZE_MAX
    assert complaint(at_limit, Things).message == "the file is empty"
    assert "bytes, more than" in complaint(at_limit + "#", Things).message
    deep = "[" * tree.DEPTH_MAX
    assert complaint(deep + "x" + "]" * tree.DEPTH_MAX, Things).message.startswith("keys with values")
    assert complaint("[" + deep + "x" + "]" * (tree.DEPTH_MAX + 1), Things).message.startswith("nested deeper")
    many = "x," * (tree.NODES_MAX - 1)
    assert complaint(f"[{many}]", Things).message.startswith("keys with values")
    assert complaint(f"[x,{many}]", Things).message.startswith("the file has more than")


def test_foreign_text_in_a_message_is_short_and_cannot_steer_a_screen() -> None:
    error = complaint("count: " + "x" * 500, Things)
    assert len(error.message) < 150
    assert tree.show("a\x1b[2J\u202eb\nc") == "a\\u001b[2J\\u202eb\\u000ac"


@given(st.binary(max_size=200) | st.text(alphabet="ab:-[]{}&*!|>'\"%#?, \n\\ux0", max_size=60).map(str.encode))
def test_whatever_the_bytes_the_answer_is_a_value_or_one_complaint(data: bytes) -> None:
    place = "file.yaml:"
    try:
        read(data, "file.yaml", Things)
    except BadInput as error:
        place = error.place
    assert place.startswith("file.yaml:")
