"""Every pair of colours that text is written in, by day and by night: enough contrast to be read (WCAG 2.2, 1.4.3)."""

import re
from pathlib import Path

import pytest

CSS = (Path(__file__).parents[2] / "static" / "gate.css").read_text(encoding="utf-8")
ENOUGH = 4.5
GROUNDS = ("paper", "card", "sunk")
TONES = ("good", "bad", "warn", "live")
PAIRS = [
    *((ink, ground) for ink in ("ink", "soft", "brand", *TONES) for ground in GROUNDS),
    *((tone, f"{tone}-bg") for tone in TONES),
    *(("ink", f"{tone}-bg") for tone in TONES),
    *(("soft", f"{tone}-bg") for tone in TONES),
    ("soft", "quiet-bg"),
    ("on-brand", "brand"),
]


def palette(night: bool) -> dict[str, str]:
    pairs = re.findall(r"--([a-z-]+): light-dark\((#[0-9a-f]+), (#[0-9a-f]+)\);", CSS)
    return {name: dark if night else light for name, light, dark in pairs}


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2.2 defines it."""
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("night", [False, True], ids=["day", "night"])
def test_every_text_stands_out_from_its_ground(night: bool) -> None:
    colours = {name: luminance(colour) for name, colour in palette(night).items()}
    faint = {}
    for text, ground in PAIRS:
        dark, light = sorted((colours[text], colours[ground]))
        if (contrast := (light + 0.05) / (dark + 0.05)) < ENOUGH:
            faint[text, ground] = round(contrast, 2)
    assert faint == {}


def test_contrast_is_reckoned_as_the_standard_says() -> None:
    assert luminance("#fff") == pytest.approx(1)
    assert luminance("#000000") == 0
    assert luminance("#767676") == pytest.approx(1.05 / 4.54 - 0.05, abs=1e-3)  # the known grey of 4.54 on white
