"""Known data on real LUNs over real iSCSI: what is written comes back, and every damage is told apart."""

import hashlib
from pathlib import Path

import pytest

from gate.errors import BadInput, GateError, NotThere, Outside, Refused
from gate.gather.known_answer import KnownAnswers, kept, pattern
from gate.inventory import Inventory, Scratch
from gate.iscsi import LoginRefused
from tests.gather.conftest import Site

KEPT = 4096 - 512
"""Of 4096 blocks the last eighth is written in every round."""

INITIATOR = "iqn.2026-11.example.sangate:gate"


@pytest.fixture
def answers(site: Site) -> KnownAnswers:
    return KnownAnswers(site.settings.config.inventory, initiator=INITIATOR, timeout_s=30.0)


def changed(site: Site, array: str, **scratch: object) -> Inventory:
    """Return the inventory with other values in one array's scratch object."""
    told = site.settings.config.inventory.model_dump()
    for each in told["arrays"]:
        if each["id"] == array:
            each["scratch"] = each["scratch"] | scratch if scratch else None
    return Inventory.model_validate(told)


def test_no_two_blocks_of_a_pattern_are_alike_and_every_seed_has_its_own() -> None:
    blocks = [pattern("chg-0001 west-2", number, 1) for number in range(64)]
    assert len(set(blocks)) == 64
    assert {len(block) for block in blocks} == {512}
    assert b"".join(blocks) == pattern("chg-0001 west-2", 0, 64)
    assert pattern("chg-0002 west-2", 0, 1) != blocks[0]


def test_what_is_written_is_read_back_as_it_was(answers: KnownAnswers) -> None:
    written = answers.write("west-2", "chg-0001 west-2")
    assert written.blocks == KEPT
    assert written.digest == "sha256:" + hashlib.sha256(pattern("chg-0001 west-2", 0, KEPT)).hexdigest()
    found = answers.read("west-2", "chg-0001 west-2")
    assert (found.matches, found.digest, found.first_bad_block) == (True, written.digest, None)


def test_another_seed_does_not_match_from_the_first_block_on(answers: KnownAnswers) -> None:
    answers.write("west-2", "chg-0001 west-2")
    found = answers.read("west-2", "chg-0002 west-2")
    assert (found.matches, found.first_bad_block) == (False, 0)


def test_bits_that_flip_after_the_writing_are_found(site: Site, answers: KnownAnswers) -> None:
    written = answers.write("west-2", "chg-0001 west-2")
    site.lab.fault("west-2", "flip-bits")
    found = answers.read("west-2", "chg-0001 west-2")
    assert not found.matches
    assert found.digest != written.digest
    assert found.first_bad_block is not None


def test_writes_that_an_array_forgets_are_found_while_writing(site: Site, answers: KnownAnswers) -> None:
    site.lab.fault("west-3", "lost-writes")
    with pytest.raises(Outside, match="does not hold what was written"):
        answers.write("west-3", "chg-0003 west-3")


@pytest.mark.parametrize("fault", ["eio", "luns-offline", "offline"])
def test_an_array_that_cannot_read_is_an_error_and_no_mismatch(site: Site, answers: KnownAnswers, fault: str) -> None:
    site.lab.fault("west-3", fault)
    with pytest.raises(Outside):
        answers.read("west-3", "chg-0001 west-3")


def test_a_write_protected_scratch_is_an_error(site: Site, answers: KnownAnswers) -> None:
    site.lab.fault("west-3", "read-only")
    with pytest.raises(Outside):
        answers.write("west-3", "chg-0001 west-3")


def test_reads_are_timed_one_by_one(site: Site, answers: KnownAnswers) -> None:
    timed = answers.latencies("west-2", 25)
    assert (len(timed.points), timed.late) == (25, 0)
    assert all(point > 0 for point in timed.points)
    site.lab.fault("west-2", "slow-io", "0.02")
    assert min(answers.latencies("west-2", 5).points) >= 20_000


def test_a_read_that_takes_longer_than_its_deadline_is_late_and_ends_the_timing(
    site: Site, answers: KnownAnswers
) -> None:
    site.lab.fault("west-3", "slow-io", "0.5")
    timed = answers.latencies("west-3", 5, deadline_s=0.2)
    assert (timed.points, timed.late) == ((), 1)


def test_the_end_of_the_range_is_written_anew_and_the_known_records_stay(answers: KnownAnswers) -> None:
    written = answers.write("east-2", "chg-0001 east-2")
    for number in range(2):
        found = answers.write_and_read("east-2", f"chg-0001 east-2 {number}")
        assert (found.matches, found.first_bad_block) == (True, None)
        wanted = hashlib.sha256(pattern(f"chg-0001 east-2 {number}", KEPT, 512)).hexdigest()
        assert found.digest == f"sha256:{wanted}"
    assert answers.read("east-2", "chg-0001 east-2").digest == written.digest


def test_new_data_that_an_array_forgets_are_found_though_the_old_are_whole(site: Site, answers: KnownAnswers) -> None:
    answers.write("east-3", "chg-0001 east-3")
    answers.write_and_read("east-3", "chg-0001 east-3 0")
    site.lab.fault("east-3", "lost-writes")
    found = answers.write_and_read("east-3", "chg-0001 east-3 1")
    assert (found.matches, found.first_bad_block) == (False, KEPT)
    assert answers.read("east-3", "chg-0001 east-3").matches


@pytest.mark.parametrize(("blocks", "known"), [(8, 7), (15, 14), (16, 14), (4096, KEPT), (1 << 20, (1 << 20) - 2048)])
def test_the_range_of_known_records_leaves_an_eighth_and_no_more_than_a_mebibyte(blocks: int, known: int) -> None:
    assert kept(Scratch(portal="127.0.0.1", target="iqn.2026-11.example:x", lun=1, blocks=blocks)) == known


@pytest.mark.parametrize("points", [0, -1, 10_001])
def test_a_number_of_reads_outside_its_bounds_is_not_begun(answers: KnownAnswers, points: int) -> None:
    with pytest.raises(ValueError, match="cannot be timed"):
        answers.latencies("west-2", points)


def test_an_array_without_scratch_is_never_written(site: Site) -> None:
    answers = KnownAnswers(changed(site, "west-2"), initiator=INITIATOR)
    with pytest.raises(Refused, match="no scratch object"):
        answers.write("west-2", "seed")


def test_an_array_outside_the_inventory_is_not_there(answers: KnownAnswers) -> None:
    with pytest.raises(NotThere):
        answers.read("elsewhere", "seed")


def test_a_range_beyond_the_lun_is_refused_before_anything_is_written(site: Site, answers: KnownAnswers) -> None:
    before = answers.read("west-2", "seed").digest
    with pytest.raises(Refused, match="has 4096 blocks, the inventory declares 4097"):
        KnownAnswers(changed(site, "west-2", blocks=4097), initiator=INITIATOR).write("west-2", "seed")
    assert answers.read("west-2", "seed").digest == before


def test_a_lun_of_another_designator_is_refused_before_anything_is_written(site: Site, answers: KnownAnswers) -> None:
    before = answers.write("west-2", "seed").digest
    other = "600507680000020420e00022000000aa"
    with pytest.raises(Refused, match=f"LUN 9 of west-2 is [0-9a-f]{{32}}, the inventory declares {other}"):
        KnownAnswers(changed(site, "west-2", uid=other), initiator=INITIATOR).write("west-2", "other seed")
    assert answers.read("west-2", "seed").digest == before


def test_only_the_declared_range_is_written(site: Site, answers: KnownAnswers) -> None:
    whole = answers.write("west-2", "all of it").digest
    beginning = KnownAnswers(changed(site, "west-2", blocks=2400), initiator=INITIATOR)
    assert beginning.write("west-2", "the beginning").blocks == 2100
    found = answers.read("west-2", "all of it")
    assert (found.digest != whole, found.first_bad_block) == (True, 0)
    assert answers.read("west-2", "the beginning").first_bad_block == 2100
    mixed = pattern("the beginning", 0, 2100) + pattern("all of it", 2100, KEPT - 2100)
    assert found.digest == "sha256:" + hashlib.sha256(mixed).hexdigest()


def test_a_lun_that_is_not_masked_to_the_gate_is_an_error(site: Site) -> None:
    answers = KnownAnswers(changed(site, "east-1", lun=1), initiator=INITIATOR)
    with pytest.raises(GateError):
        answers.write("east-1", "seed")


def test_an_array_tells_the_initiator_who_it_is(site: Site, answers: KnownAnswers) -> None:
    found = answers.identity("vault-1")
    array = site.settings.config.inventory.array("vault-1")
    assert array.scratch is not None
    assert found.target_ports[0].startswith(array.scratch.target)
    assert (found.blocks, len(found.revision)) == (4096, 4)
    assert found.serial
    assert found.naa is not None


SECRET = "a-secret-of-the-gate"


def guarded(site: Site, keys: Path, **names: str) -> KnownAnswers:
    return KnownAnswers(changed(site, "west-2", chap={"user": "gate", **names}), initiator=INITIATOR, keys=keys)


def secret(path: Path, text: str, mode: int = 0o600) -> None:
    path.write_text(text)
    path.chmod(mode)


@pytest.mark.parametrize(
    ("text", "mode", "words"),
    [
        (None, 0, "cannot be read"),
        (SECRET, 0o640, "other users may read this secret"),
        ("too-short", 0o600, "this is not such a secret"),
        (SECRET + "\nand more", 0o600, "this is not such a secret"),
        ("x" * 2000, 0o600, "this is not such a secret"),
    ],
)
def test_a_secret_that_is_not_to_be_relied_on_is_not_used_and_not_told(
    site: Site, tmp_path: Path, text: str | None, mode: int, words: str
) -> None:
    if text is not None:
        secret(tmp_path / "chap-west-2", text, mode)
    with pytest.raises(BadInput, match=words) as told:
        guarded(site, tmp_path).identity("west-2")
    assert str(tmp_path / "chap-west-2") in str(told.value)
    assert SECRET not in f"{told.value} {told.value.hint}"


def test_one_secret_for_both_ways_is_bad_input(site: Site, tmp_path: Path) -> None:
    for name in ("chap-west-2", "chap-west-2-target"):
        secret(tmp_path / name, SECRET + "\n")
    with pytest.raises(BadInput, match="must not have the same secret"):
        guarded(site, tmp_path, target_user="west-2").identity("west-2")


def test_an_array_that_lets_everybody_in_is_not_the_one_that_demands_chap(site: Site, tmp_path: Path) -> None:
    secret(tmp_path / "chap-west-2", SECRET)
    with pytest.raises(LoginRefused, match="does not ask for CHAP"):
        guarded(site, tmp_path).identity("west-2")
