"""Run the stand-alone verifier as an auditor would: in a Python that knows nothing of this package."""

import json
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

from gate.errors import Outside
from gate.export.pack import VERIFIER

WAIT_S = 120


@dataclass(frozen=True)
class Told:
    """What the verifier said."""

    code: int
    result: str
    where: str
    """The place that is wrong, the entry where one is named, with what is wrong there; empty when nothing is."""


def verify_alone(pack: Path, policy: Path) -> Told:
    """Verify a pack with the public key at hand; -I -S: no path of ours, no site packages."""
    command = [sys.executable, "-I", "-S", str(VERIFIER), str(pack), "--policy", str(policy), "--json"]
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=WAIT_S)
        told = json.loads(done.stdout)
    except (subprocess.TimeoutExpired, ValueError):
        raise Outside("the verifier did not answer") from None
    wrong = [f"{one['where']}: {one['what']}" for one in told["findings"] if one["finding"] == "WRONG"]
    wrong.sort(key=lambda words: not words.startswith("entry"))
    return Told(done.returncode, str(told["result"]), wrong[0] if wrong else "")


def alter_one_byte(pack: Path) -> tuple[Path, str]:
    """Write a copy of which one byte in the middle of its entries differs; return it and which byte that is."""
    content = bytearray(pack.read_bytes())
    with zipfile.ZipFile(pack) as archive:
        info = archive.getinfo("entries.jsonl")
        start = content.index(archive.read(info), info.header_offset)
    spot = start + info.file_size // 2
    content[spot] ^= 1
    path = pack.with_name(f"{pack.stem}-altered.zip")
    path.write_bytes(content)
    return path, f"byte {spot} changed"
