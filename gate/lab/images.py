"""
The lab's firmware images. Their bytes are made from name and manifest, so their digests never change.

An image is one line `SANGATE-LAB-IMAGE {manifest}` and a payload; the manifest tells what the code will do once
it runs, and the payload's digest, so that an array can refuse a damaged image.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

MAGIC = b"SANGATE-LAB-IMAGE "
PAYLOAD = 256 * 1024
LONGEST_MANIFEST = 4096


class Behaviour(StrEnum):
    """What the code does to the array once it runs."""

    GOOD = "good"
    FLIPS_BITS = "flips-bits"
    LOST_WRITES = "lost-writes"
    SLOW = "slow"
    EIO = "eio"
    NEVER_RETURNS = "never-returns"
    STALLS = "stalls"
    WRONG_VERSION = "wrong-version"


@dataclass(frozen=True)
class LabImage:
    """One image; `runs` is the version the array shows afterwards, which differs for `wrong-version` only."""

    file: str
    version: str
    behaviour: Behaviour
    runs: str


def lab_image(version: str, behaviour: Behaviour, runs: str = "", end: str = "img") -> LabImage:
    """Name an image by the version it says it brings."""
    return LabImage(f"lab-{version}.{end}", version, behaviour, runs or version)


IMAGES = (
    lab_image("8.6.0.3", Behaviour.GOOD),
    lab_image("8.7.0.3", Behaviour.FLIPS_BITS),
    lab_image("8.7.0.4", Behaviour.GOOD),
    lab_image("8.7.0.5", Behaviour.LOST_WRITES),
    lab_image("8.7.0.6", Behaviour.SLOW),
    lab_image("8.7.0.7", Behaviour.EIO),
    lab_image("8.7.0.8", Behaviour.NEVER_RETURNS),
    lab_image("8.7.0.9", Behaviour.STALLS),
    lab_image("8.7.1.0", Behaviour.WRONG_VERSION, runs="8.7.0.2"),
)


def image_bytes(image: LabImage) -> bytes:
    """Return the image's bytes, the same on every machine."""
    payload = hashlib.shake_256(f"{image.file} {image.behaviour}".encode()).digest(PAYLOAD)
    manifest = {
        "behaviour": image.behaviour.value,
        "payload_sha256": hashlib.sha256(payload).hexdigest(),
        "runs": image.runs,
        "version": image.version,
    }
    return MAGIC + json.dumps(manifest, sort_keys=True).encode() + b"\n" + payload


def listing(images: Iterable[LabImage] = IMAGES) -> tuple[tuple[str, str, str], ...]:
    """Return (file, version, `sha256:` digest) of every image."""
    return tuple(
        (image.file, image.version, "sha256:" + hashlib.sha256(image_bytes(image)).hexdigest()) for image in images
    )


def write_images(directory: Path, images: Iterable[LabImage] = IMAGES) -> tuple[Path, ...]:
    """Write images into `directory`, which is made if need be; return the paths."""
    directory.mkdir(parents=True, exist_ok=True)
    paths = []
    for image in images:
        path = directory / image.file
        path.write_bytes(image_bytes(image))
        paths.append(path)
    return tuple(paths)


def recognise(name: str, data: bytes) -> LabImage:
    """Return what an uploaded image is; ValueError when it is none or was damaged on the way."""
    line, _, payload = data[:LONGEST_MANIFEST].partition(b"\n")
    if not line.startswith(MAGIC):
        raise ValueError("not a lab image")
    payload = data[len(line) + 1 :]
    try:
        manifest = json.loads(line[len(MAGIC) :])
        image = LabImage(name, str(manifest["version"]), Behaviour(manifest["behaviour"]), str(manifest["runs"]))
        expected = manifest["payload_sha256"]
    except (ValueError, KeyError, TypeError):
        raise ValueError("not a lab image") from None
    if hashlib.sha256(payload).hexdigest() != expected:
        raise ValueError("the image is damaged")
    return image
