"""tlog-scales, which shares no code with us, reads what we hand out and finds it true."""

from pathlib import Path

import pytest
from tlog_scales import backend, reader, signing, tlog
from tlog_scales import tiles as independent

from gate.errors import Outside
from gate.export import tiles
from gate.ledger.entry import GATE, Draft
from gate.store import keys
from gate.store.sqlite import SqliteLedger, open_ledger

HELD = Draft("hold.placed", GATE, None, {"reason": "smoke"})


def grow(ledger: SqliteLedger, size: int) -> None:
    missing = size - ledger.size()
    for low in range(0, missing, 5000):
        ledger.append_all([HELD] * min(5000, missing - low))


@pytest.fixture(scope="module")
def handed_out(tmp_path_factory: pytest.TempPathFactory) -> tuple[SqliteLedger, Path, list[int]]:
    folder = tmp_path_factory.mktemp("tiles")
    ledger = open_ledger(folder / "ledger.db", signer=keys.create(folder / "key", "gate.example.com/ledger/1"))
    sizes = [1, 255, 256, 300, 66_000]
    for size in sizes:
        grow(ledger, size)
        assert tiles.write(ledger, folder / "www" / str(size)) == size
    return ledger, folder / "www", sizes


def test_the_independent_reader_finds_the_root_that_was_signed(
    handed_out: tuple[SqliteLedger, Path, list[int]],
) -> None:
    ledger, www, sizes = handed_out
    key = signing.Vkey.from_string(ledger.vkey)
    for size in sizes:
        log = reader.TilesReader(backend.LocalBackend(www / str(size)))
        head = log.get_checkpoint()
        head.verify(key)
        assert head.size == size
        log.set_size(size)
        assert log.calculate_root_hash() == head.root_hash


def test_the_independent_reader_proves_entries_and_growth(handed_out: tuple[SqliteLedger, Path, list[int]]) -> None:
    ledger, www, sizes = handed_out
    log = reader.TilesReader(backend.LocalBackend(www / "66000"))
    head = log.get_checkpoint()
    log.set_size(head.size)
    bodies = list(ledger.bodies())
    for index in (0, 1, 255, 256, 40_000, 65_535, 65_536, 65_999):
        assert log.get_entry(index) == bodies[index]
        log.get_inclusion_proof(index, head.size).check(independent.leaf_hash(bodies[index]), head.root_hash)
    for size in sizes[:-1]:
        smaller = reader.TilesReader(backend.LocalBackend(www / str(size))).get_checkpoint()
        log.get_consistency_proof(size, head.size).check(smaller.root_hash, head.root_hash)


def test_a_changed_entry_is_found_by_the_independent_reader(
    handed_out: tuple[SqliteLedger, Path, list[int]],
) -> None:
    _, www, _ = handed_out
    bundle = www / "300" / "tile" / "entries" / "000"
    bundle.write_bytes(bundle.read_bytes().replace(b"smoke", b"spoke", 1))
    log = reader.TilesReader(backend.LocalBackend(www / "300"))
    head = log.get_checkpoint()
    log.set_size(300)
    with pytest.raises(tlog.InclusionProofInvalid):
        log.get_inclusion_proof(1, 300).check(independent.leaf_hash(log.get_entry(1)), head.root_hash)


def test_a_place_that_cannot_be_written_is_named(
    handed_out: tuple[SqliteLedger, Path, list[int]], tmp_path: Path
) -> None:
    (tmp_path / "tile").write_text("in the way")
    with pytest.raises(Outside, match="cannot write the tiles"):
        tiles.write(handed_out[0], tmp_path)
