"""What is wrong in a file that somebody gave is one sentence with a place, and nothing is lost by it."""

import re
from pathlib import Path

import pytest

from gate.settings import shipped
from tests.api.conftest import CHANGE
from tests.cli.conftest import Typed

BOMB = "a: &a [x, x, x]\nb: &b [*a, *a, *a]\nc: [*b, *b, *b]\n"
FILES: dict[str, tuple[bytes, str]] = {
    "unknown-key": (CHANGE.replace("title:", "titel:").encode(), r':1:1: titel: unknown key "titel"'),
    "duplicate-key": (CHANGE.replace("reason:", "title:").encode(), r":2:1: title: "),
    "wrong-type": (CHANGE.replace("8.7.0.4\n", "[8]\n", 1).encode(), r":\d+:\d+: "),
    "bomb": (BOMB.encode(), r":1:4: .*anchor"),
    "binary": (bytes(range(256)), r"not .*UTF-8|control character|byte"),
    "escape": (CHANGE.replace("A security fix", "A \x1b[31m fix").encode(), r":2:\d+: .*"),
    "two-documents": ((CHANGE + "---\n" + CHANGE).encode(), r":\d+:\d+"),
    "empty": (b"", r"."),
    "huge": (b"#" * (1024 * 1024 + 1), r"more than 1048576 bytes"),
    "deep": (b"[" * 5000, r":1:\d+"),
    "unknown-array": (CHANGE.replace("west-3", "west-9").encode(), r'targets\.1: unknown array "west-9"'),
    "playbook-elsewhere": (CHANGE.replace("storage-virtualize/upgrade", "../../etc/passwd").encode(), r"playbook"),
    "window-backwards": (CHANGE.replace("2036-11-30", "2020-11-30").encode(), r"closes must be after opens"),
}


@pytest.mark.parametrize("kind", FILES)
def test_a_change_file_that_is_wrong_is_refused_with_its_place(engineer: Typed, tmp_path: Path, kind: str) -> None:
    content, words = FILES[kind]
    file = tmp_path / "change.yaml"
    file.write_bytes(content)
    before = engineer("change", "list", "--json").stdout
    result = engineer("change", "open", file)
    assert result.exit_code == 2, result.output
    assert re.search(words, result.stderr), result.stderr
    assert "change.yaml" in result.stderr
    assert result.stdout == ""
    assert "\x1b" not in result.stderr
    assert "Traceback" not in result.stderr
    assert engineer("change", "list", "--json").stdout == before


def test_a_file_that_is_missing_or_a_directory_is_told_so(engineer: Typed, tmp_path: Path) -> None:
    for path, words in ((tmp_path / "none.yaml", "no such file"), (tmp_path, "directory"), ("/dev/zero", "plain file")):
        result = engineer("change", "open", path)
        assert result.exit_code == 2
        assert words in result.stderr


CONFIGS = {
    "unknown-family": ("family: storage-virtualize\n      model", "family: ontapp\n      model", r"unknown family"),
    "unknown-key": ("  parallel: 8", "  paralel: 8", r'unknown key "paralel"'),
    "duplicate-key": ("  parallel: 8", "  parallel: 8\n  parallel: 9", r"parallel"),
    "missing-limit": ("  soak: 30m", "  # soak", r"policy\.soak: this must be set"),
    "wrong-type": ("  parallel: 8", "  parallel: eight", r'"eight" is not a whole number'),
    "anchor": ("  parallel: 8", "  parallel: &a 8", r"anchor"),
    "serial-as-number": ("listen: 127.0.0.1:8420", "listen: 8420", r"server\.listen"),
}


@pytest.mark.parametrize("kind", CONFIGS)
def test_a_configuration_that_is_wrong_is_refused_with_its_place(sangate: Typed, tmp_path: Path, kind: str) -> None:
    old, new, words = CONFIGS[kind]
    text = shipped("config.yaml").read_text()
    assert old in text
    config = tmp_path / "config.yaml"
    config.write_text(text.replace(old, new, 1))
    result = sangate("config", "check", config=config)
    assert result.exit_code == 2, result.output
    assert re.search(rf"config\.yaml:\d+:\d+: .*{words}", result.stderr), result.stderr


def test_the_shipped_configuration_is_right(sangate: Typed) -> None:
    result = sangate("config", "check", config=shipped("config.yaml"))
    assert result.exit_code == 0
    assert "7 arrays, 2 hosts" in result.stdout


def test_no_configuration_is_told(sangate: Typed, tmp_path: Path) -> None:
    result = sangate("config", "check", config=tmp_path / "none.yaml")
    assert result.exit_code == 2
    assert "hint: " in result.stderr


def test_a_playbook_that_is_wrong_is_refused_with_its_place(sangate: Typed, tmp_path: Path) -> None:
    text = (shipped("playbooks") / "storage-virtualize" / "upgrade.yaml").read_text()
    for old, new, words in (
        ("ask: lsupdate -delim !", "ask: applysoftware -complete", "is not on the list of questions"),
        ('format: "1"', "format: 2", r"format"),
        ("id: identify", "id: identify\n    id: again", "id"),
    ):
        file = tmp_path / "playbook.yaml"
        file.write_text(text.replace(old, new, 1))
        result = sangate("playbook", "check", file)
        assert result.exit_code == 2
        assert re.search(rf"playbook\.yaml:\d+:\d+: .*{words}", result.stderr), result.stderr
    assert sangate("playbook", "check", shipped("playbooks") / "storage-virtualize" / "upgrade.yaml").exit_code == 0


def test_a_dry_run_of_what_is_wrong_is_refused_and_of_what_is_silent_is_exit_3(
    engineer: Typed, sangate: Typed, tmp_path: Path
) -> None:
    file = shipped("playbooks") / "storage-virtualize" / "upgrade.yaml"
    words = ("playbook", "dry-run", file, "--firmware", "8.7.0.4", "--target", "west-3")
    silent = engineer(*words, "--from", "8.6.0.3")
    assert silent.exit_code == 3
    assert "west-3: unknown. identify: serial is unknown" in silent.stdout
    assert "not sent  forward apply" not in silent.stdout  # nothing shows that its look could be read
    assert engineer(*words).exit_code == 3  # nor which version it runs
    for wrong, code in ((("--array", "nowhere"), 2), (("--from", "8.6; reboot"), 2), (("--firmware", "9.9"), 2)):
        result = engineer(*words[:3], "--firmware", "8.7.0.4", "--from", "8.6.0.3", "--array", "west-3", *wrong)
        assert result.exit_code == code, result.stderr
        assert "\x1b" not in result.stderr
    bad = tmp_path / "upgrade.yaml"
    bad.write_text(file.read_text().replace("ask: lsupdate -delim !", "ask: rmvdisk 0"))
    refused = sangate("playbook", "dry-run", bad, "--firmware", "8.7.0.4", "--array", "west-3")
    assert re.search(r"upgrade\.yaml:\d+:\d+: .*not on the list", refused.stderr)


def test_a_playbook_is_rendered_to_exact_words(sangate: Typed) -> None:
    file = shipped("playbooks") / "storage-virtualize" / "upgrade.yaml"
    result = sangate("playbook", "render", file, "--array", "west-3", "--firmware", "8.7.0.4", "--from", "8.6.0.3")
    assert result.exit_code == 0
    assert "  do  applysoftware -file lab-8.7.0.4.img" in result.stdout
    assert "{" not in result.stdout
    for wrong in (("--array", "west-9", "--firmware", "8.7.0.4"), ("--array", "west-3", "--firmware", "1;reboot")):
        assert sangate("playbook", "render", file, *wrong).exit_code == 2
