"""
Known data on the scratch object of an array: written before the change, and read back after it.

The declared range has two parts. The first holds known records from before the change to its end. The last eighth, 1
MiB at most, is written anew, flushed and read back in every round: an array may keep old data well and lose new data.

The pattern of a seed is SHA-256 over the seed's digest and a counter, piece by piece: no two blocks are alike, so
that blocks which were lost, swapped or answered from elsewhere show. Only `Array.scratch` is ever written, and only
after the LUN has told 512-byte blocks, enough of them, the designator and a target port declared (promise 3).
"""

import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gate.chap import SECRET, Account, Chap, ChapError
from gate.errors import BadInput, NotThere, Outside, Refused
from gate.inventory import Array, Inventory, Scratch
from gate.iscsi import Lun, Silent
from gate.keys import secret_line

BLOCK = 512
STEP = 2048
"""Blocks that are made, written or read at once: 1 MiB."""

TIMED = 8
"""Blocks of one timed read: 4 KiB, the page of most databases and file systems."""

TRIED_PART, TRIED_MAX = 8, 2048
"""The last eighth of the range is written in every round, and no more than so many blocks (our choice)."""

SLOWEST = 1024 * 1024
"""Bytes a second below which reading or writing counts as not answered (our choice)."""

POINTS_MAX = 10_000


@dataclass(frozen=True)
class KnownAnswer:
    """What was written, and was there when it was read back at once."""

    array: str
    digest: str
    """Over all bytes: `sha256:` and 64 hexadecimal digits."""

    blocks: int


@dataclass(frozen=True)
class ReadBack:
    """What is there now."""

    array: str
    digest: str
    matches: bool
    first_bad_block: int | None
    """The first of 512 bytes that differs; None when none does."""


@dataclass(frozen=True)
class Timed:
    """Single reads of 4 KiB, one after the other."""

    points: tuple[int, ...]
    """Whole microseconds, at least 1, of those that were answered in time."""

    late: int
    """Reads that were not answered within the deadline; the first ends the timing, since its session is lost."""


@dataclass(frozen=True)
class Identity:
    """Who the scratch LUN says it is, as the initiator sees it."""

    array: str
    vendor: str
    product: str
    revision: str
    serial: str
    naa: str | None
    target_ports: tuple[str, ...]
    blocks: int


def pattern(seed: str, first: int, blocks: int) -> bytes:
    """Return the bytes of `blocks` blocks from block `first` of the pattern that belongs to the seed."""
    root = hashlib.sha256(seed.encode()).digest()
    numbers = range(first, first + blocks)
    return b"".join(hashlib.shake_128(root + number.to_bytes(8, "big")).digest(BLOCK) for number in numbers)


class KnownAnswers:
    """Opens one short session per call; every wait is bounded. Errors: NotThere, Refused, Outside (also IscsiError)."""

    def __init__(
        self, inventory: Inventory, *, initiator: str, keys: Path | None = None, timeout_s: float = 10.0
    ) -> None:
        """`keys` is the directory in which the secrets of CHAP lie."""
        self._inventory = inventory
        self._keys = keys
        self._initiator = initiator
        self._timeout_s = timeout_s

    def write(self, array: str, seed: str) -> KnownAnswer:
        """Write the seed's pattern over the range of known records and read it back over a session of its own."""
        scratch = self._scratch(array)
        self._put(array, scratch, seed, 0, kept(scratch))
        found = self.read(array, seed)
        if not found.matches:
            raise Outside(
                f"{array} does not hold what was written: block {found.first_bad_block} of its scratch object differs",
                hint="is the scratch object used by somebody else? If not, this array loses data now",
            )
        return KnownAnswer(array, found.digest, kept(scratch))

    def read(self, array: str, seed: str) -> ReadBack:
        """Read the range of known records and compare it with the seed's pattern."""
        scratch = self._scratch(array)
        return self._compare(array, scratch, seed, 0, kept(scratch))

    def write_and_read(self, array: str, seed: str) -> ReadBack:
        """Write the seed's pattern over the end of the range, and read it back over a session of its own."""
        scratch = self._scratch(array)
        self._put(array, scratch, seed, kept(scratch), scratch.blocks)
        return self._compare(array, scratch, seed, kept(scratch), scratch.blocks)

    def latencies(self, array: str, points: int, deadline_s: float = 10.0) -> Timed:
        """
        Time single reads of 8 blocks, one after the other, spread over the range.

        One that is not answered within `deadline_s` ends the timing as late; so does a login without an answer.
        """
        if not 0 < points <= POINTS_MAX:
            raise ValueError(f"{points} reads cannot be timed")
        scratch = self._scratch(array)
        found: list[int] = []
        try:
            with self._open(array, scratch) as lun:
                self._assert_ours(array, scratch, lun)
                lun.answer_within(deadline_s)
                for number in range(points):
                    took = _timed_read(lun, number, scratch.blocks // TIMED)
                    if took > deadline_s * 1_000_000:
                        return Timed(tuple(found), 1)
                    found.append(took)
        except Silent:
            return Timed(tuple(found), 1)
        return Timed(tuple(found), 0)

    def _put(self, array: str, scratch: Scratch, seed: str, start: int, end: int) -> None:
        with self._open(array, scratch) as lun:
            self._assert_ours(array, scratch, lun)
            for first, blocks in _steps(start, end):
                lun.write(first, pattern(seed, first, blocks))
            lun.flush()

    def _compare(self, array: str, scratch: Scratch, seed: str, start: int, end: int) -> ReadBack:
        hashed, bad = hashlib.sha256(), None
        with self._open(array, scratch) as lun:
            self._assert_ours(array, scratch, lun)
            for first, blocks in _steps(start, end):
                data, wanted = lun.read(first, blocks), pattern(seed, first, blocks)
                hashed.update(data)
                if bad is None and data != wanted:
                    bad = first + _first_difference(data, wanted)
        return ReadBack(array, f"sha256:{hashed.hexdigest()}", bad is None, bad)

    def identity(self, array: str) -> Identity:
        """Ask the scratch LUN who it is; nothing is read from or written to its blocks."""
        with self._open(array, self._scratch(array)) as lun:
            inquiry, said = lun.inquiry(), lun.identification()
            return Identity(
                array=array,
                vendor=inquiry.vendor,
                product=inquiry.product,
                revision=inquiry.revision,
                serial=lun.serial(),
                naa=said.naa,
                target_ports=said.target_ports,
                blocks=lun.capacity().blocks,
            )

    def _scratch(self, array: str) -> Scratch:
        known: dict[str, Array] = {each.id: each for each in self._inventory.arrays}
        if array not in known:
            raise NotThere(f'there is no array "{array}"')
        scratch = known[array].scratch
        if scratch is None:
            raise Refused(
                f"{array} has no scratch object in the inventory", hint="declare one: the gate writes nowhere else"
            )
        return scratch

    def _chap(self, array: str, scratch: Scratch) -> Chap | None:
        told = scratch.chap
        if told is None:
            return None
        if self._keys is None:
            raise Refused(f"{array} wants CHAP, and nobody said where its secret lies")
        ours = Account(told.user, secret_line(self._keys / f"chap-{array}", SECRET))
        if told.target_user is None:
            return Chap(ours)
        theirs = Account(told.target_user, secret_line(self._keys / f"chap-{array}-target", SECRET))
        try:
            return Chap(ours, theirs)
        except ChapError as error:
            raise BadInput(str(error), place=str(self._keys / f"chap-{array}-target")) from None

    def _open(self, array: str, scratch: Scratch) -> Lun:
        return Lun(
            scratch.portal,
            scratch.port,
            scratch.target,
            scratch.lun,
            initiator=self._initiator,
            chap=self._chap(array, scratch),
            timeout_s=self._timeout_s,
            within_s=6 * self._timeout_s + scratch.blocks * BLOCK / SLOWEST,
        )

    def _assert_ours(self, array: str, scratch: Scratch, lun: Lun) -> None:
        """Raise Refused unless this is the object that the inventory declares, as far as it can tell itself."""
        lun.inquiry()  # a LUN that is not masked to us says so here
        lun.ready()
        capacity = lun.capacity()
        if capacity.block_bytes != BLOCK:
            raise Refused(f"the scratch object of {array} has blocks of {capacity.block_bytes} bytes, not {BLOCK}")
        if capacity.blocks < scratch.blocks:
            raise Refused(
                f"the scratch object of {array} has {capacity.blocks} blocks, the inventory declares {scratch.blocks}"
            )
        said = lun.identification()
        if scratch.uid is not None and said.naa != scratch.uid:
            raise Refused(
                f"LUN {scratch.lun} of {array} is {said.naa or 'not named'}, the inventory declares {scratch.uid}",
                hint="nothing was written: a LUN number may have come to mean another volume",
            )
        ports = said.target_ports
        if ports and not any(port.partition(",t,")[0] == scratch.target for port in ports):
            raise Refused(f"LUN {scratch.lun} of {array} is reached through {ports[0]}, not {scratch.target}")


def _timed_read(lun: Lun, number: int, places: int) -> int:
    """Read at one of `places`, the same places every time, spread evenly by multiples of the golden ratio."""
    place = number * 2_654_435_761 % 2**32 % places * TIMED
    began = time.perf_counter_ns()
    lun.read(place, TIMED)
    return max(1, (time.perf_counter_ns() - began) // 1000)


def kept(scratch: Scratch) -> int:
    """Return the number of blocks, from block 0, that hold known records; those behind them are written every round."""
    return scratch.blocks - min(TRIED_MAX, max(1, scratch.blocks // TRIED_PART))


def _steps(start: int, end: int) -> Iterator[tuple[int, int]]:
    """Cut a part of the declared range into pieces; nothing beyond it is ever named."""
    for first in range(start, end, STEP):
        yield first, min(STEP, end - first)


def _first_difference(data: bytes, wanted: bytes) -> int:
    return next(
        number
        for number in range(len(wanted) // BLOCK)
        if data[number * BLOCK : (number + 1) * BLOCK] != wanted[number * BLOCK : (number + 1) * BLOCK]
    )
