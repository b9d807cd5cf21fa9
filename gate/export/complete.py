"""
The whole ledger in one archive: the exact bytes, all that checks them, and every blob that an entry names.

    ledger.jsonl, .checkpoint, .policy …    as gate/export/jsonl.py writes them
    ledger.blobs/ab/cdef…                   what the entries name, and what their evidence names in turn
    ledger.private.jsonl                    only when it is asked for
    ledger.manifest                         what the ledger's key signs of the files beside the log

`verify.py` checks it as it is, and `sangate ledger recover` makes a ledger of it. A zip, stored and sorted, in which
every header says the length and the CRC-32 of what follows, so that it is read from front to back: the log is read
twice for that, and its hashes wait in a file without a name. Nothing else is held but one blob at a time.
"""

from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from hashlib import file_digest, sha256
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO
from zlib import crc32

from gate.errors import BadInput, GateError, Outside
from gate.export import jsonl
from gate.export.blobs import named
from gate.export.jsonl import lines, policy, stamp_of, whole
from gate.export.stream import Leaving
from gate.export.verify import Archive, Bad, Whole, pieces, zip_ending, zip_heading
from gate.ledger.merkle import leaf_hash
from gate.store import Ledger

PIECE = 1 << 20
Told = Callable[[int], None]


@dataclass
class _Member:
    name: str
    chunks: Iterator[bytes]
    crc: int = 0
    size: int = 0

    def measured(self, chunks: Iterator[bytes]) -> None:
        for chunk in chunks:
            self.crc, self.size = crc32(chunk, self.crc), self.size + len(chunk)


def leaving(ledger: Ledger, told: Told = lambda _: None, *, disclose: bool = False) -> Leaving:
    """Return the archive on its way out; CannotTell, while it is read, for entries or blobs that were damaged."""
    taken = whole(ledger)
    chunks = _archive(_members(ledger, taken, told, disclose=disclose))
    return Leaving("ledger.zip", "application/zip", taken.size, taken.head or "", chunks)


def unpack(archive: Path, folder: Path) -> Path:
    """Write the files of an archive to `folder` and return the log among them; BadInput when it is not one of ours."""
    try:
        read = Archive(str(archive))
        found = Whole(str(archive), read)
    except (Bad, KeyError) as problem:
        raise BadInput(f"this is no complete archive: {problem}", place=str(archive)) from None
    if read.odd is not None or found.strange:
        said = f"byte {read.odd}" if read.odd is not None else min(found.strange)
        raise BadInput(f"this archive is not as it was made: {said}", place=str(archive), hint="ask for it again")
    try:
        for name, place in read.places.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            with (folder / name).open("xb") as file:
                file.writelines(pieces(place))
    except OSError as problem:
        raise Outside(f"cannot unpack {archive}: {problem.strerror}", place=str(folder)) from None
    return folder / found.name("jsonl")


def _archive(members: Iterator[_Member]) -> Iterator[bytes]:
    directory, start = [], 0
    for member in members:
        name = member.name.encode()
        heading = zip_heading(name, member.crc, member.size)
        yield heading
        yield from member.chunks
        directory.append(zip_heading(name, member.crc, member.size, start))
        start += len(heading) + member.size
    listed = b"".join(directory)
    yield listed + zip_ending(start, len(listed), len(directory))


def _members(ledger: Ledger, taken: jsonl.Whole, told: Told, *, disclose: bool) -> Iterator[_Member]:
    """Yield them in the order of their names."""
    for digest in sorted({one.digest for one in named(ledger, taken.size)}):
        content = ledger.get_blob(digest)
        if content is not None:
            yield _small(f"blobs/{digest[7:9]}/{digest[9:]}", content)
    beside = _beside(ledger, taken, disclose=disclose)
    if taken.head:
        yield _small("checkpoint", beside["checkpoint"])
    with TemporaryFile() as hashes:
        log = _Member("ledger.jsonl", lines(ledger, taken.size))
        leaves = _Member("ledger.leaves", _from(hashes))
        log.measured(_hashed(lines(ledger, taken.size, told), hashes))
        yield log
        leaves.measured(_from(hashes))
        yield leaves
        hashes.seek(0)
        digests = {"leaves": file_digest(hashes, "sha256").digest()}
    digests |= {ending: sha256(content).digest() for ending, content in beside.items()}
    listed = "".join(f"{ending} {b64encode(digest).decode()}\n" for ending, digest in sorted(digests.items()))
    with suppress(GateError):  # an archive that nobody could sign is handed out as such: verify.py then says so
        yield _small("manifest", ledger.sign_note(f"{ledger.origin}#archive\n{listed}").encode())
    for ending, content in beside.items():
        if ending != "checkpoint":
            yield _small(ending, content)


def _beside(ledger: Ledger, taken: jsonl.Whole, *, disclose: bool) -> dict[str, bytes]:
    """Return what lies beside log, leaves and blobs: ending → content, in the order of their names."""
    found = {"checkpoint": taken.head.encode()} if taken.head else {}
    found["policy"] = policy(ledger.policy).encode()
    if disclose:
        found["private.jsonl"] = b"".join(one.line + b"\n" for one in ledger.disclosures(range(taken.size)))
    if rotations := ledger.rotations():
        found["rotations"] = "".join(rotations).encode()
    if stamp := stamp_of(ledger, taken):
        found |= {"stamped": stamp.signed.encode(), "tsr": stamp.reply}
    return found


def _small(ending: str, content: bytes) -> _Member:
    return _Member(f"ledger.{ending}", iter([content]), crc32(content), len(content))


def _hashed(chunks: Iterator[bytes], hashes: IO[bytes]) -> Iterator[bytes]:
    """Yield the same, and write down each entry's leaf hash on the way."""
    for chunk in chunks:
        hashes.write(b"".join(map(leaf_hash, chunk.split(b"\n")[:-1])))
        yield chunk


def _from(file: IO[bytes]) -> Iterator[bytes]:
    file.seek(0)
    while piece := file.read(PIECE):
        yield piece
