"""The gate's own keys: made once, for the owner alone, and nothing else is taken for one."""

import stat
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gate.errors import BadInput, Outside
from gate.keys import own, public_line, read
from tests.parts import need


def test_a_key_is_made_for_its_owner_alone_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "monitor"
    line = public_line(own(path), "monitor")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert public_line(own(path), "monitor") == line == public_line(read(path), "monitor")
    assert [file.name for file in path.parent.iterdir()] == ["monitor"]


def test_makers_at_the_same_moment_agree_on_one_whole_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        lines = set(pool.map(lambda _: public_line(own(tmp_path / "key"), ""), range(24)))
    assert len(lines) == 1
    assert [file.name for file in tmp_path.iterdir()] == ["key"]


@pytest.mark.parametrize("mode", [0o601, 0o602, 0o604, 0o610, 0o620, 0o640, 0o666])
def test_a_key_that_anybody_else_may_touch_is_not_used(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "key"
    own(path)
    path.chmod(mode)
    for use in (own, read):
        with pytest.raises(BadInput, match="other users may read") as refused:
            use(path)
        assert refused.value.hint == f"chmod 600 {path}"


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o700])
def test_a_key_of_its_owner_alone_is_used(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "key"
    own(path)
    path.chmod(mode)
    assert public_line(read(path), "")


def test_what_cannot_be_made_or_read_is_said_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(Outside, match="cannot be made"):
        own(tmp_path / "file" / "key")
    with pytest.raises(BadInput, match="cannot be read"):
        read(tmp_path / "nowhere")
    with pytest.raises(BadInput, match="cannot be read"):
        read(tmp_path)


@pytest.mark.parametrize(("words", "why"), [(["-t", "ecdsa"], "not an Ed25519"), (["-t", "ed25519"], "unencrypted")])
def test_another_kind_of_key_and_one_with_a_passphrase_are_refused(tmp_path: Path, words: list[str], why: str) -> None:
    path = tmp_path / "key"
    phrase = "" if "ecdsa" in words else "a passphrase"
    subprocess.run([need("ssh-keygen"), "-q", *words, "-N", phrase, "-f", str(path)], check=True)
    with pytest.raises(BadInput, match=why):
        read(path)


def test_ssh_keygen_reads_the_key_and_the_line_as_we_do(tmp_path: Path) -> None:
    path = tmp_path / "key"
    line = public_line(own(path), "comment")
    told = subprocess.run([need("ssh-keygen"), "-y", "-f", str(path)], check=True, capture_output=True, text=True)
    assert told.stdout.split()[:2] == line.split()[:2]
