"""What may be called a version."""

import pytest
from pydantic import TypeAdapter, ValidationError

from gate.change import Version
from gate.playbook.rendering import SAFE

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
