import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tlog_scales import tiles as independent

from gate.ledger.tiles import Tile, bundle, read_bundle, read_hashes, tiles


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (Tile(0, 0, 256), "tile/0/000"),
        (Tile(0, 5, 57), "tile/0/005.p/57"),
        (Tile(1, 999, 256), "tile/1/999"),
        (Tile(0, 1000, 256), "tile/0/x001/000"),
        (Tile(0, 1234067, 1), "tile/0/x001/x234/067.p/1"),
    ],
)
def test_a_tile_lies_where_the_specification_has_it(tile: Tile, path: str) -> None:
    assert tile.path == path


@settings(deadline=None)
@given(st.integers(0, 3), st.integers(0, 10**10), st.integers(1, 256))
def test_the_independent_implementation_looks_in_the_same_place(level: int, index: int, width: int) -> None:
    theirs = independent.tile_path(level, index, width % 256)
    assert Tile(level, index, width).path == "/".join(theirs)


@settings(deadline=None)
@given(st.integers(0, 300_000))
def test_the_tiles_of_a_log_are_those_the_independent_implementation_counts(size: int) -> None:
    found: dict[int, list[Tile]] = {}
    for tile in tiles(size):
        found.setdefault(tile.level, []).append(tile)
    for level, mine in found.items():
        full, partial = independent.level_tiles(size, level)
        assert [tile.index for tile in mine] == list(range(full + bool(partial)))
        assert sum(tile.width for tile in mine) == full * 256 + partial
    assert independent.level_tiles(size, len(found)) == (0, 0)


def test_a_hash_of_a_higher_tile_stands_for_a_whole_tile_below() -> None:
    assert list(Tile(1, 2, 2).subtrees) == [(512 * 256, 513 * 256), (513 * 256, 514 * 256)]


@settings(deadline=None)
@given(st.lists(st.binary(max_size=300), max_size=256))
def test_a_bundle_comes_apart_as_it_was_put_together(bodies: list[bytes]) -> None:
    assert read_bundle(bundle(bodies), len(bodies)) == tuple(bodies)


def test_what_the_format_cannot_hold_or_is_cut_is_refused() -> None:
    with pytest.raises(ValueError, match="at most 65535 bytes"):
        bundle([b"x" * 65536])
    for cut in range(1, 9):
        with pytest.raises(ValueError, match="not a bundle of 2 entries"):
            read_bundle(bundle([b"one", b"two"])[:-cut], 2)
    with pytest.raises(ValueError, match="not a tile of 2 hashes"):
        read_hashes(b"x" * 63, 2)
    assert read_hashes(b"a" * 32 + b"b" * 32, 2) == (b"a" * 32, b"b" * 32)
