"""What the kernel of a lab host tells of a disk in sysfs, beside the page itself."""

from gate.lab.host import LOCAL_DISK, Host
from gate.lab.identity import VENDOR

SYSFS = "/sys/block/"


def attribute(host: Host, path: str) -> str | None:
    """Return the content of `/sys/block/DISK/device/NAME` without its line end; None when there is no such file."""
    disk, _, name = path.removeprefix(SYSFS).partition("/device/")
    if disk == LOCAL_DISK.kname:
        return "0x1af4" if name == "vendor" else None  # virtio's own number; it has no other name
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
