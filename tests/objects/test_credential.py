from pathlib import Path

import pytest

from gate.errors import BadInput
from gate.objects.credential import Credential, file_name, read, write

FORM = "[default]\naws_access_key_id = reader\naws_secret_access_key = a-long-secret\n"


def test_a_key_file_is_read_as_every_s3_tool_reads_it(tmp_path: Path) -> None:
    write(tmp_path / "key", Credential("reader", "a-long-secret"))
    assert (tmp_path / "key").read_text() == FORM
    assert read(tmp_path / "key") == Credential("reader", "a-long-secret")


def test_the_secret_is_never_shown() -> None:
    assert "a-long-secret" not in repr(Credential("reader", "a-long-secret"))


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_key_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "key"
    path.write_text(FORM)
    path.chmod(mode)
    with pytest.raises(BadInput, match="other users may read"):
        read(path)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "reader\na-long-secret\n",
        FORM.replace("default", "other"),
        FORM + "region = x\n",
        FORM.replace("a-long-secret", "short"),
        FORM.replace("reader", "re ader"),
        FORM + "x" * 5000,
        FORM.replace("reader", "r\udcff"),
    ],
)
def test_what_is_no_key_file_is_refused_without_repeating_it(tmp_path: Path, text: str) -> None:
    path = tmp_path / "key"
    path.touch(mode=0o600)
    path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(BadInput) as caught:
        read(path)
    assert "a-long-secret" not in str(caught.value)


def test_a_link_or_nothing_is_no_key_file(tmp_path: Path) -> None:
    write(tmp_path / "key", Credential("reader", "a-long-secret"))
    (tmp_path / "link").symlink_to(tmp_path / "key")
    for name in ("link", "missing"):
        with pytest.raises(BadInput, match="cannot be read"):
            read(tmp_path / name)


def test_each_protection_and_role_has_a_file_of_its_own() -> None:
    assert file_name("sidekick-offsite", "sentinel") == "s3-sidekick-offsite-sentinel"
