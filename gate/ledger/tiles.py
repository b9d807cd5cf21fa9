"""
The layout of C2SP tlog-tiles: which files a web server hands out for a log, and what is in them.

A tile holds up to 256 hashes of one level, levels being eight high: `tile/0/x001/234` the leaves from 1234 × 256 on,
`tile/1/000` the roots of the first 256 such tiles. Entry bundles lie beside level 0, each entry after its length.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

WIDTH = 256
HEIGHT = 8
LONGEST_ENTRY = 0xFFFF
"""Bytes: the length has two."""

HASH = 32


@dataclass(frozen=True)
class Tile:
    """One file: `width` hashes of subtrees of 256**level leaves each, from the `index` × 256th on."""

    level: int
    index: int
    width: int

    @property
    def path(self) -> str:
        """Where it lies."""
        return f"tile/{self.level}/{_spelled(self.index, self.width)}"

    @property
    def entries_path(self) -> str:
        """Where the bundle of its entries lies, for a tile of level 0."""
        return f"tile/entries/{_spelled(self.index, self.width)}"

    @property
    def subtrees(self) -> Iterator[tuple[int, int]]:
        """The leaves that each of its hashes stands for: from start to before end."""
        leaves = 1 << self.level * HEIGHT
        first = self.index * WIDTH
        return ((place * leaves, (place + 1) * leaves) for place in range(first, first + self.width))


def tiles(size: int) -> Iterator[Tile]:
    """Yield the tiles of a log of `size` entries, level by level; the last one of a level may be partial."""
    level, hashes = 0, size
    while hashes:
        for index in range(hashes // WIDTH):
            yield Tile(level, index, WIDTH)
        if hashes % WIDTH:
            yield Tile(level, hashes // WIDTH, hashes % WIDTH)
        level, hashes = level + 1, hashes // WIDTH


def bundle(bodies: Sequence[bytes]) -> bytes:
    """Put entries one behind the other; ValueError for one that is too long for the format."""
    if any(len(body) > LONGEST_ENTRY for body in bodies):
        raise ValueError(f"an entry of a bundle has at most {LONGEST_ENTRY} bytes")
    return b"".join(part for body in bodies for part in (len(body).to_bytes(2, "big"), body))


def read_bundle(data: bytes, width: int = WIDTH) -> tuple[bytes, ...]:
    """Take a bundle of `width` entries apart; ValueError when it is none."""
    found, place = [], 0
    while place < len(data):
        length, place = int.from_bytes(data[place : place + 2], "big"), place + 2
        found.append(data[place : place + length])
        place += length
    if place != len(data) or len(found) != width:
        raise ValueError(f"not a bundle of {width} entries")
    return tuple(found)


def read_hashes(data: bytes, width: int = WIDTH) -> tuple[bytes, ...]:
    """Take a tile of `width` hashes apart; ValueError when it is none."""
    if len(data) != width * HASH:
        raise ValueError(f"not a tile of {width} hashes")
    return tuple(data[place : place + HASH] for place in range(0, len(data), HASH))


def _spelled(index: int, width: int) -> str:
    digits = f"{index:03d}"
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[place : place + 3] for place in range(0, len(digits), 3)]
    name = "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])
    return name if width == WIDTH else f"{name}.p/{width}"
