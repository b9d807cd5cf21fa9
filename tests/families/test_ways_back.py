"""Every family has a way back in its playbook, or says whose it is; docs/families.md says the same."""

import re
from pathlib import Path

import pytest

from gate.families import FAMILIES
from gate.inventory import ArrayFamily
from gate.playbook import Playbook, parse
from gate.settings import shipped

BOOKS = shipped("playbooks")
TABLE = (Path(__file__).parents[2] / "docs" / "families.md").read_text(encoding="utf-8")
ROWS = {row[0]: row[1:] for row in re.findall(r"^\| `([a-z0-9-]+)` \| (.+?) \| (.+?) \|$", TABLE, re.MULTILINE)}
HOW = 'a row of the table "Prechecks and ways back, family by family" in docs/families.md'
WHO = {"vendor": "the vendor alone", "performer": "the performer by hand", "": "the gate"}
LOOKS = "only looks"
"""What the table says of a way back that changes nothing."""


def upgrade(family: ArrayFamily) -> Playbook | None:
    file = BOOKS / family / "upgrade.yaml"
    return parse(file.read_bytes(), str(file), FAMILIES) if file.exists() else None


@pytest.mark.parametrize("family", FAMILIES)
def test_the_way_back_of_a_family_is_whose_the_table_says(family: ArrayFamily) -> None:
    assert family in ROWS, f"{family} lacks {HOW}"
    playbook, (_, way) = upgrade(family), ROWS[family]
    if playbook is None:
        assert way == "no playbook, so no change can be asked for"
        return
    changing = [step for step in playbook.back_out if step.mutates]
    assert playbook.back_out, f"playbooks/{family}/upgrade.yaml has no back_out"
    assert not playbook.back_out[-1].mutates, "the last step of a way back looks whether it is one"
    doing = {step.who or "" for step in changing}
    assert len(doing) <= 1, f"the back_out of {family} is by {sorted(doing)}: one alone takes an array back"
    who = next(iter(doing), None)
    said = LOOKS if who is None else WHO[who]
    assert way.startswith(said), f'{HOW} says of {family} "{way}", and by its back_out it begins with "{said}"'
    if who:
        assert re.search("cannot do it itself|support can bring", playbook.back_out_class)


def test_the_table_has_every_family_and_says_whether_it_has_a_precheck() -> None:
    assert set(ROWS) == {family.value for family in FAMILIES}, f"each family has {HOW}, and nothing else has"
    assert {name for name, (asks, _) in ROWS.items() if asks != "none"} == {
        family.value for family in FAMILIES if FAMILIES[family].prechecked
    }
