"""The whole gate behind its pages on a file system that is really full, at every write."""

import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from gate.errors import GateError
from tests.full_disk import SmallDisk, small_disk
from tests.web.room import Room, take_up

FREE = (0, 1, 2, 3, 4, 6, 8, 11, 15, 20, 30, 40)
"""Blocks of 4 KiB: from nothing at all to what a change needs."""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with small_disk(tmp_path / "disk", 16) as made:
        yield made


@pytest.fixture
def room(made: dict[bool, Path], disk: SmallDisk) -> Iterator[Room]:
    shutil.copytree(made[True], disk.path / "gate")
    room = take_up(disk.path / "gate")
    yield room
    room.ledger.close()


def test_a_full_disk_refuses_in_sentences_loses_nothing_and_the_gate_goes_on_when_there_is_room(
    room: Room, disk: SmallDisk
) -> None:
    first, browser, said = room.opened("Before"), room.client("reader"), set[int]()
    acknowledged, refused = [first], list[str]()
    for blocks in FREE:
        with disk.room(blocks):
            for page in ("/changes", "/ledger", f"/changes/{first}", f"/changes/{first}/record", "/healthz", "/readyz"):
                assert browser.get(page).status_code == 200, (page, blocks)
            asked = browser.post(f"/changes/{first}/do/hold", "/ledger", reason=f"{blocks} blocks")
            said.add(asked.status_code)
            try:
                acknowledged.append(room.opened(f"With {blocks} blocks"))
            except GateError as problem:
                refused.append(str(problem))
            with suppress(GateError):
                room.control.sign_in("lead", "not the password", "session")
    assert len(refused) > 3
    assert not any("\n" in sentence for sentence in refused)
    assert {503, 303} <= said
    for change in acknowledged:
        assert room.control.show(room.person("reader"), change)["id"] == change
    room.ledger.examine()
    later = room.signed("Afterwards")
    rows = [row["id"] for row in room.control.rows(room.person("reader"))]
    assert {*acknowledged, later} <= set(rows)
    room.control.rebuild(room.person("adam"))
    assert [row["id"] for row in room.control.rows(room.person("reader"))] == rows
