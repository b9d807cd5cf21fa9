"""What may be called a version, what a change must name for its kind, and what a plan's digest covers."""

from dataclasses import fields, replace
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from gate.change import Image, Kind, Plan, Replacement, Swap, Version
from gate.playbook.rendering import SAFE
from tests.cases import DIGEST, plan, replacement, request

VERSION: TypeAdapter[str] = TypeAdapter(Version)


@pytest.mark.parametrize(
    "version",
    ["8.7.0.4", "9.10", "9.13.1P4", "GT280R010-01", "GL105P001", "6.4.10", "v9.1.1b", "3.3.1.410-MU2", "9.4-1a"],
)
def test_what_real_families_print_is_a_version_and_fits_every_slot(version: str) -> None:
    assert VERSION.validate_python(version) == version
    assert SAFE.fullmatch(version)


@pytest.mark.parametrize(
    "text",
    [
        *("", "-force", "9.1 -force", "9.4(1a)", "9.1*", "9.1?", "[9].1", "9.1;reboot", "$(9)", "`9`", "9.1\n", "../9"),
        *("9..1", "9.1.", ".9", "latest", "~9", "9/1", "9.1|x", "9.1&", "9.1>f", "{version}", "9.\u0661", "1" * 41),
    ],
)
def test_what_a_shell_or_a_glob_reads_is_no_version(text: str) -> None:
    with pytest.raises(ValidationError):
        VERSION.validate_python(text)


WORDS = [field.name for field in fields(Swap) if field.name not in ("failed", "ports")]
SWAP = Swap(**{name: f"{name}-1" for name in WORDS})  # type: ignore[arg-type]  # both others have a default
BROKEN = replace(SWAP, failed=True, ports=("iqn.2026-11.x:b",))
IMAGE = Image(file="a.img", version="9.10", sha256=DIGEST)


@pytest.mark.parametrize("name", WORDS)
def test_every_word_about_a_part_is_under_the_digest_that_people_sign(name: str) -> None:
    sealed = plan(part=SWAP)
    assert sealed.digest != plan(part=replace(SWAP, **{name: "other"})).digest  # type: ignore[arg-type]
    assert sealed.digest != plan().digest


def test_a_plan_for_firmware_has_the_digest_that_it_had_before_there_were_parts() -> None:
    assert "part" not in plan().material()


def test_that_a_part_has_failed_and_by_which_ports_it_is_known_is_under_it_too() -> None:
    digests = [plan(part=part).digest for part in (SWAP, BROKEN, replace(BROKEN, ports=()))]
    assert len(set(digests)) == 3


def test_a_plan_for_a_part_that_serves_has_the_digest_that_it_had_before_parts_could_fail() -> None:
    sealed = plan(part=SWAP).material()["part"]
    assert isinstance(sealed, dict)
    assert set(sealed) == set(WORDS)


@pytest.mark.parametrize("part", [SWAP, BROKEN])
def test_a_plan_with_a_part_is_read_back_as_it_was_sealed(part: Swap) -> None:
    sealed = plan(part=part)
    assert TypeAdapter(Plan).validate_python(sealed.material()).digest == sealed.digest


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"kind": Kind.HARDWARE, "image": None}, "part: a change of hardware has one"),
        ({"kind": Kind.HARDWARE, "part": replacement()}, "image: a change of hardware has none"),
        ({"part": replacement()}, "part: a change of firmware has none"),
        ({"image": None}, "image: a change of firmware has one"),
        (
            {"kind": Kind.HARDWARE, "image": None, "part": replacement(), "targets": ("east-1", "east-2")},
            "one part goes into one array",
        ),
    ],
)
def test_a_change_names_what_its_kind_has_and_nothing_else(changed: dict[str, Any], why: str) -> None:
    given = {"targets": ("east-1",), "image": IMAGE, **changed}
    with pytest.raises(ValidationError, match=why):
        request(**given)


@pytest.mark.parametrize("word", ["shelf", "Shelf", "enclosure", " expansion-enclosure "])
def test_a_whole_shelf_is_never_a_part_and_the_reason_is_said(word: str) -> None:
    with pytest.raises(ValidationError, match="a whole shelf is not replaced: nothing shows that data can spare it"):
        Replacement.model_validate(replacement().model_dump() | {"what": word})
    with pytest.raises(ValidationError, match="Input should be 'controller' or 'shelf-module'"):
        Replacement.model_validate(replacement().model_dump() | {"what": "drive"})


def test_a_part_is_not_replaced_by_itself_and_a_label_holds_nothing_that_a_shell_reads() -> None:
    with pytest.raises(ValidationError, match="the part that goes in is the one that is taken out"):
        replacement(serial="11SOLD")
    for label in ("-force", "a b", "a;b", "$(a)", "", "x" * 65):
        with pytest.raises(ValidationError):
            replacement(serial=label)
