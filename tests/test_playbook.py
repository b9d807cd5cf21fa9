"""Playbooks: what is refused and where, what is rendered, and when a condition holds."""

import re
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.canonical import digest
from gate.change import Phase
from gate.errors import BadInput
from gate.families import FAMILIES
from gate.playbook import Condition, Playbook, Rendered, any_holds, holds, kickstart_beside, parse, render, why_not
from gate.step import Answer, Step

FILE = Path(__file__).parents[1] / "playbooks" / "storage-virtualize" / "upgrade.yaml"
TEXT = FILE.read_text()
SLOTS = {
    "array": "west-2",
    "image": "lab-8.7.0.4.img",
    "version": "8.7.0.4",
    "from_version": "8.6.0.3",
    "serial": "0000020420E00022",
}


def shipped() -> Playbook:
    return parse(TEXT.encode(), "upgrade.yaml", FAMILIES)


def rendered() -> Rendered:
    return render(shipped(), SLOTS, FAMILIES)


def changed(old: str, new: str) -> bytes:
    assert old in TEXT
    return TEXT.replace(old, new, 1).encode()


def test_the_shipped_playbook_reads_and_renders_to_exact_words() -> None:
    steps = {step.id: step for step in (*rendered().forward, *rendered().commit, *rendered().back_out)}
    assert steps["precheck"].command == "svcupgradetest -v 8.7.0.4"
    assert steps["stage"].command == "scp -t /upgrade < lab-8.7.0.4.img"
    assert steps["stage"].send == "/upgrade"
    assert steps["apply"].command == "applysoftware -file lab-8.7.0.4.img"
    assert steps["identify"].expect == (("serial", ("0000020420E00022",)), ("version", ("8.6.0.3",)))
    assert steps["verify"].expect == (("serial", ("0000020420E00022",)), ("version", ("8.7.0.4",)))
    assert steps["staged"].expect == (("files", ("*/lab-8.7.0.4.img/*",)),)
    assert [name for name, step in steps.items() if step.point_of_no_return] == ["complete"]
    assert not any("{" in str(step) for step in steps.values())


def test_the_apply_step_is_never_repeated_without_a_person() -> None:
    (apply,) = [step for step in rendered().forward if step.id == "apply"]
    assert (apply.again, apply.disconnects, apply.finish_first) == ("ask", True, True)
    assert holds(apply.look_not_begun, {"status": "system_prepared"})
    for begun in ("system_initializing", "system_updating", "system_stalled_non_redundant"):
        assert holds(apply.look_done, {"status": begun})
    for unclear in ({"status": "success"}, {"status": "system_restoring"}, {}):
        assert not holds(apply.look_done, unclear)
        assert not holds(apply.look_not_begun, unclear)


def test_a_half_copied_image_never_counts_as_staged() -> None:
    (stage,) = [step for step in rendered().forward if step.id == "stage"]
    listing = {"listed": "yes", "files": "/lab-8.7.0.4.img/", "count": "1"}
    assert not holds(stage.look_done, listing)
    assert holds(stage.look_not_begun, listing)
    assert not holds(stage.look_not_begun, {"unreadable": "no answer (lost)"})


def test_waiting_needs_no_permit_and_comes_after_what_starts_a_job() -> None:
    for step in (*rendered().forward, *rendered().commit, *rendered().back_out):
        assert not (step.mutates and step.until)
        assert bool(step.look_command) == step.mutates


def test_every_step_can_go_into_a_plan() -> None:
    assert digest([asdict(step) for step in rendered().forward]).startswith("sha256:")


@pytest.mark.parametrize(
    ("old", "new", "place", "words"),
    [
        ("lssystem -delim !", "rmvdisk 0", "steps.0.ask", "not on the list of questions"),
        ("do: applysoftware -complete", "do: applysoftware -complete -force", "commit.0.do", "-force"),
        ("do: applysoftware -complete", "do: stopsystem", "commit.0.do", "list of firmware commands"),
        ("do: applysoftware -complete", "do: lsupdate -delim !", "commit.0.do", "only asks"),
        ("id: nothing-running", "id: identify", "steps.1.id", "twice"),
        ("id: complete", "id: identify", "commit.0.id", "twice"),
        ("read: test", "read: tset", "steps.2.read", "unknown reader"),
        ('errors: "0"', 'erors: "0"', "steps.2.expect.erors", "gives no fact"),
        ('errors: "0"', 'errors: "*0*0"', "steps.2.expect.errors", "only at the beginning"),
        ('errors: "0"', 'errors: "*"', "steps.2.expect.errors", "only at the beginning"),
        ('errors: "0"', 'errors: "{limit}"', "steps.2.expect.errors", "not declared"),
        ('errors: "0"', 'errors: "{"', "steps.2.expect.errors", "brace"),
        ('serial: "[A-Za-z0-9-]{4,64}"', 'serial: "x{99999999999}"', "slots.serial", "not a pattern"),
        ('serial: "[A-Za-z0-9-]{4,64}"', 'serial: "[A-Z"', "slots.serial", "not a pattern"),
        ('  serial: "[A-Za-z0-9-]{4,64}"', '  hostname: "x"', "slots", "hostname"),
        ("    again: safe\n", "", "steps.3", "says again"),
        ("    to: /upgrade\n", "", "steps.3", "belong together"),
        ("    do: applysoftware -complete", "    do: x\n    ask: lsupdate -delim !", "commit.0", "one of ask"),
        ("    within: 15m\n", "", "steps.6", "belong together"),
        ("    within: 10m\n", "    every: 2s\n", "steps.2", "belong together"),
        ('    within: 10m\n    expect:\n      errors: "0"\n', "", "steps.2", "what counts as success"),
        ("within: 15m", "within: 15", "steps.6.within", "a duration"),
        ("again: ask", "again: always", "steps.7.again", "unknown again"),
        ("disconnects: expected", "disconnects: fine", "steps.7.disconnects", "unknown disconnects"),
        ("title:", "titel:", "titel", "unknown key"),
        ("family: storage-virtualize", "family: ontapp", "family", "unknown family"),
        ("svcupgradetest -v {version}", "svcupgradetest -v {version};reboot", "steps.2.ask", "form"),
    ],
)  # fmt: skip
def test_a_mistake_is_refused_with_its_place(old: str, new: str, place: str, words: str) -> None:
    with pytest.raises(BadInput) as refused:
        parse(changed(old, new), "upgrade.yaml", FAMILIES)
    assert re.match(r"upgrade\.yaml:\d+:\d+: ", refused.value.place), refused.value.place
    assert place in refused.value.place
    assert words in refused.value.message


def test_the_line_and_column_are_those_of_the_mistake() -> None:
    with pytest.raises(BadInput) as refused:
        parse(changed("read: test", "read: tset"), "upgrade.yaml", FAMILIES)
    line = TEXT.splitlines().index("    read: test") + 1
    assert refused.value.place == f"upgrade.yaml:{line}:11: steps.2.read"


@pytest.mark.parametrize("name", sorted(SLOTS))
@pytest.mark.parametrize(
    "value", ["", " ", "x y", "$(id)", "`id`", "a;b", "../x", "-force", "x\n", "*", "{array}", "x" * 300]
)
def test_a_value_outside_its_pattern_is_refused_never_escaped(name: str, value: str) -> None:
    with pytest.raises(BadInput):
        render(shipped(), SLOTS | {name: value}, FAMILIES)


def test_a_wide_pattern_does_not_let_a_shell_character_through() -> None:
    wide = parse(changed('image: "[A-Za-z0-9][A-Za-z0-9._-]{0,99}"', 'image: ".*"'), "upgrade.yaml", FAMILIES)
    with pytest.raises(BadInput):
        render(wide, SLOTS | {"image": "x; reboot"}, FAMILIES)


ANSWERED = """    do: applysoftware -complete
    terminal: true
    answers:
      - {prompt: "Would you like to proceed with update ? {y|n}:", answer: y}
      - {prompt: "*Continue (y/n)?", answer: "yes", times: "2"}
"""


def test_answers_go_into_the_step_as_they_are_written() -> None:
    read = parse(changed("    do: applysoftware -complete\n", ANSWERED), "upgrade.yaml", FAMILIES)
    step = render(read, SLOTS, FAMILIES).commit[0]
    assert step.terminal
    assert step.answers == (
        Answer("Would you like to proceed with update ? {y|n}:", "y", 1),
        Answer("*Continue (y/n)?", "yes", 2),
    )


@pytest.mark.parametrize(
    ("old", "new", "place", "words"),
    [
        ("answer: y}", 'answer: "y;reboot"}', "commit.0.answers.0.answer", "form"),
        ("answer: y}", 'answer: ""}', "commit.0.answers.0.answer", "form"),
        ('prompt: "*Continue (y/n)?"', 'prompt: "*?"', "commit.0.answers.1.prompt", "form"),
        ('prompt: "*Continue (y/n)?"', 'prompt: "Go * on (y/n)?"', "commit.0.answers.1.prompt", "form"),
        ('prompt: "*Continue (y/n)?"', 'prompt: "Would you like to proceed with update ? {y|n}:"', "commit.0", "twice"),
        ('times: "2"', 'times: "0"', "commit.0.answers.1.times", ""),
        ('times: "2"', 'times: "many"', "commit.0.answers.1.times", "whole number"),
        ("    do: applysoftware -complete\n", '    send: "{image}"\n    to: /upgrade\n', "commit.0", "belong to do"),
    ],
)  # fmt: skip
def test_a_mistake_among_answers_is_refused_with_its_place(old: str, new: str, place: str, words: str) -> None:
    assert old in ANSWERED
    text = changed("    do: applysoftware -complete\n", ANSWERED.replace(old, new, 1))
    with pytest.raises(BadInput) as refused:
        parse(text, "upgrade.yaml", FAMILIES)
    assert re.match(r"upgrade\.yaml:\d+:\d+: ", refused.value.place), refused.value.place
    assert place in refused.value.place
    assert words in refused.value.message


def test_a_missing_and_an_unknown_slot_are_refused() -> None:
    with pytest.raises(BadInput, match="has no value"):
        render(shipped(), {name: value for name, value in SLOTS.items() if name != "serial"}, FAMILIES)
    with pytest.raises(BadInput, match="has no slot"):
        render(shipped(), SLOTS | {"colour": "red"}, FAMILIES)


@pytest.mark.parametrize(
    ("condition", "facts", "expected"),
    [
        ((), {}, False),
        ((), {"status": "success"}, False),
        ((("status", ("success",)),), {}, False),
        ((("status", ("success",)),), {"unreadable": "success"}, False),
        ((("status", ("success",)),), {"status": "success"}, True),
        ((("status", ("a", "success")),), {"status": "success"}, True),
        ((("status", ("success",)), ("progress", ("100",))), {"status": "success"}, False),
        ((("status", ("*stalled*",)),), {"status": "system_stalled_non_redundant"}, True),
        ((("status", ("system_*",)),), {"status": "subsystem_x"}, False),
        ((("status", ("*failed",)),), {"status": "system_prepare_failed"}, True),
        ((("status", ("*",)),), {"status": "anything"}, False),
        ((("status", ("",)),), {"status": ""}, True),
        ((("status", ("",)),), {"status": "x"}, False),
        ((("status", ("s.ccess",)),), {"status": "success"}, False),
    ],
)
def test_when_a_condition_holds(condition: Condition, facts: dict[str, str], expected: bool) -> None:
    assert holds(condition, facts) is expected
    assert (why_not(condition, facts) == "") is expected


def test_any_one_reason_to_refuse_is_enough_and_none_is_none() -> None:
    refuse: Condition = (("status", ("*failed*",)), ("action", ("stop",)))
    assert any_holds(refuse, {"status": "system_prepare_failed"})
    assert any_holds(refuse, {"status": "fine", "action": "stop"})
    assert not any_holds(refuse, {"status": "fine"})
    assert not any_holds((), {"status": "x"})


def test_the_reason_names_what_was_told_and_why_nothing_was() -> None:
    wanted: Condition = (("version", ("8.7.0.4",)),)
    assert why_not(wanted, {"version": "8.6.0.3"}) == 'version is "8.6.0.3", not "8.7.0.4"'
    assert why_not(wanted, {"unreadable": "no answer (lost)"}) == 'version is unknown (no answer (lost)), not "8.7.0.4"'


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_make_the_parser_fail_otherwise(noise: bytes) -> None:
    with pytest.raises(BadInput):
        parse(noise, "x.yaml", FAMILIES)


@settings(deadline=None, max_examples=40)  # each reads the whole file
@given(st.integers(0, len(TEXT)), st.text(max_size=8))
def test_a_damaged_playbook_is_read_or_refused(place: int, noise: str) -> None:
    damaged = (TEXT[:place] + noise + TEXT[place + len(noise) :]).encode("utf-8", "surrogatepass")
    with suppress(BadInput):
        render(parse(damaged, "x.yaml", FAMILIES), SLOTS, FAMILIES)


def test_phases_come_in_their_order() -> None:
    assert [phase for _, phase, _ in shipped().phases()] == [Phase.FORWARD, Phase.COMMIT, Phase.BACK_OUT]
    assert all(isinstance(step, Step) for step in rendered().back_out)


def test_words_that_were_on_the_list_with_an_example_are_held_to_it_with_their_values() -> None:
    loose = changed('version: "[0-9]{1,4}([.][0-9]{1,4}){1,4}"', 'version: ".+"')
    with pytest.raises(BadInput, match="is not on the list of questions"):
        render(parse(loose, "upgrade.yaml", FAMILIES), {**SLOTS, "version": "8.7-4"}, FAMILIES)
    loose = changed('image: "[A-Za-z0-9][A-Za-z0-9._-]{0,99}"', 'image: ".+"')
    with pytest.raises(BadInput, match="may not be done"):
        render(parse(loose, "upgrade.yaml", FAMILIES), {**SLOTS, "image": "a:b"}, FAMILIES)


@pytest.mark.parametrize(
    ("system", "kickstart"),
    [
        ("m9700-sf4ek9-mz.8.4.1.bin", "m9700-sf4ek9-kickstart-mz.8.4.1.bin"),
        ("m9700-sf3ek9-mz-npe.8.4.1.bin", "m9700-sf3ek9-kickstart-mz-npe.8.4.1.bin"),
        ("-mz.8.4.1.bin", ""),
        ("m9700-sf4ek9-mz.", ""),
        ("m9700-sf4ek9-kickstart-mz.8.4.1.bin", ""),
        ("lab.img", ""),
    ],
)
def test_the_kickstart_image_is_named_after_the_system_image_or_not_at_all(system: str, kickstart: str) -> None:
    assert kickstart_beside(system) == kickstart
