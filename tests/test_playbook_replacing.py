"""A playbook that replaces a part and does not ask what it carries is no playbook."""

import re

import pytest

from gate.errors import BadInput
from gate.families import FAMILIES
from gate.playbook import parse, render
from gate.settings import shipped

TEXT = shipped("playbooks/storage-virtualize/replace-canister.yaml").read_text()
NAMES = (
    "storage-virtualize/replace-canister",
    "storage-virtualize/replace-expansion-canister",
    "dothill/replace-controller",
)


def complaint(text: str) -> str:
    with pytest.raises(BadInput) as caught:
        parse(text.encode(), "file.yaml", FAMILIES)
    return str(caught.value)


def without(step: str) -> str:
    """Leave one step out of the shipped playbook."""
    text = re.sub(rf"  - id: {step}\n.*?(?=\n  - id: |\n\w|\Z)", "", TEXT, count=1, flags=re.DOTALL)
    assert text != TEXT
    return text


@pytest.mark.parametrize("name", NAMES)
def test_what_is_shipped_may_be_used(name: str) -> None:
    read = parse(shipped(f"playbooks/{name}.yaml").read_bytes(), name, FAMILIES)
    assert read.kind.value == "hardware"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (without("carries"), "do not ask for {new_firmware} before anything else is done"),
        (without("new-in-place"), "do not ask for {new_part} before anything else is done"),
        (without("old-in-place"), "nothing before the first change expects {old_serial}"),
        (without("partner-in-place"), "nothing before the first change expects {partner_serial}"),
        (without("partner-carries"), "nothing before the first change expects {new_firmware}"),
        (without("swap"), "no step by hand puts the new part in"),
        (without("swap-back"), "no step by hand puts the old part back"),
        (
            TEXT.replace('serial: "{new_serial}"\n      not_begun', "status: online\n      not_begun", 1),
            "no step by hand",
        ),
        (TEXT.replace('code: "{new_firmware}"', 'code: ["{new_firmware}", "8.5.0.2"]'), "{new_firmware}"),
        (TEXT.replace("slots:\n", 'slots:\n  image: "x"\n'), "a change of hardware does not fill this slot"),
        (TEXT.replace("kind: hardware", "kind: firmware"), "a change of firmware does not fill this slot"),
        (
            TEXT.replace("kind: hardware", "kind: firmware\nreplaces: controller"),
            "a change of firmware replaces no part",
        ),
        (TEXT.replace("kind: hardware", "kind: hardware\nreplaces: shelf"), 'unknown replaces "shelf"'),
    ],
)
def test_a_playbook_that_leaves_a_question_out_is_refused(text: str, why: str) -> None:
    assert text != TEXT
    assert why in complaint(text)


def test_the_question_about_the_firmware_stands_before_the_cables_are_plugged_in() -> None:
    start, end = TEXT.index("  - id: carries\n"), TEXT.index("  - id: let-in\n")
    after = TEXT.index("  - id: joined\n")
    moved = TEXT[:start] + TEXT[end:after] + TEXT[start:end] + TEXT[after:]
    assert "do not ask for {new_firmware} before anything else is done" in complaint(moved)


def test_no_image_goes_with_a_part() -> None:
    send = '  - id: stage\n    say: Copy.\n    send: "{image}"\n    to: /upgrade\n    read: copied\n'
    send += (
        '    expect:\n      copied: "yes"\n    again: safe\n    look:\n      ask: lsdumps -prefix /upgrade -delim !\n'
    )
    send += '      read: dumps\n      not_begun:\n        listed: "yes"\n\n'
    assert "no image goes with a part" in complaint(TEXT.replace("  - id: swap\n", send + "  - id: swap\n", 1))


def test_slots_of_a_part_are_filled_from_a_change_alone() -> None:
    read = parse(TEXT.encode(), "file.yaml", FAMILIES)
    known: dict[str, str] = dict.fromkeys(read.slots, "")
    with pytest.raises(BadInput, match="is filled from a change and what its array lists"):
        render(read, known | {"array": "a-1", "serial": "S123", "from_version": "1.2"}, FAMILIES)
