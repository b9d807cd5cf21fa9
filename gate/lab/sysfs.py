"""What the kernel of a lab host tells of a disk in sysfs, beside the page itself."""

from collections.abc import Iterator
from fnmatch import fnmatchcase

from gate.lab.host import LOCAL_DISK, Host
from gate.lab.hostself import OWN_DISKS
from gate.lab.identity import VENDOR

SYSFS = "/sys/block/"


def attribute(host: Host, path: str) -> str | None:
    """Return the content of `/sys/block/DISK/device/NAME` without its line end; None when there is no such file."""
    disk, _, name = path.removeprefix(SYSFS).partition("/device/")
    if disk == LOCAL_DISK.kname:
        return "0x1af4" if name == "vendor" else None  # virtio's own number; it has no other name
    if disk in OWN_DISKS:
        return {"transport": "pcie", "address": f"0000:0{OWN_DISKS.index(disk) + 1}:00.0"}.get(name)
    volume = host.disks.get(disk)
    if volume is None:
        return None
    identity = volume.disk.array.controller.identity
    told = {
        "wwid": f"naa.{identity.naa(volume.disk.lun).hex()}",
        "vendor": VENDOR.ljust(8),
        "model": identity.product.ljust(16)[:16],
        "rev": identity.revision,
    }
    return told.get(name)


def expanded(host: Host, word: str) -> Iterator[str]:
    """Do what a shell does with a word that names disks by a pattern; one that fits none stays as it is."""
    start, _, rest = word.removeprefix(SYSFS).partition("/")
    found = [disk for disk in sorted((*OWN_DISKS, *host.disks)) if fnmatchcase(disk, start)]
    paths = [f"{SYSFS}{disk}/{rest}" for disk in found if attribute(host, f"{SYSFS}{disk}/{rest}") is not None]
    yield from paths or [word]
