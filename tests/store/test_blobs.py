from pathlib import Path

import pytest

from gate.canonical import sha256
from gate.errors import CannotTell, LedgerUnavailable
from gate.store.blobs import Blobs


def path_of(tmp_path: Path, digest: str) -> Path:
    name = digest.removeprefix("sha256:")
    return tmp_path / "blobs" / name[:2] / name[2:]


def test_a_blob_is_a_file_named_by_its_digest_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    digest = Blobs(tmp_path / "blobs").put(b"reply")
    assert path_of(tmp_path, digest).read_bytes() == b"reply"
    assert len([path for path in (tmp_path / "blobs").rglob("*") if path.is_file()]) == 1


def test_a_blob_that_changed_on_disk_is_not_given_out(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path / "blobs")
    digest = blobs.put(b"reply")
    path_of(tmp_path, digest).write_bytes(b"rEply")
    with pytest.raises(CannotTell, match="has other bytes than when it was written"):
        blobs.get(digest)


def test_a_damaged_blob_is_mended_by_putting_it_again(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path / "blobs")
    digest = blobs.put(b"reply")
    path_of(tmp_path, digest).write_bytes(b"rEply")
    assert blobs.put(b"reply") == digest == sha256(b"reply")
    assert blobs.get(digest) == b"reply"


def test_a_blob_that_cannot_be_written_stops_what_would_name_it(tmp_path: Path) -> None:
    (tmp_path / "blobs").write_text("a file where the folder should be")
    with pytest.raises(LedgerUnavailable, match="cannot keep a blob"):
        Blobs(tmp_path / "blobs").put(b"reply")
