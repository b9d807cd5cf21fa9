"""
One simulated Linux host: virtual mounts over LUN-backed volumes, everything else in a directory of its own.

Device numbers and names are those a small virtual machine would have: vda is local, sdb and on are LUNs.
"""

import errno
import posixpath
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from gate.lab.disk import Volume


@dataclass(frozen=True)
class Device:
    """One block device and what it lies on (`below`)."""

    name: str
    kname: str
    kind: str
    numbers: str
    below: "Device | None" = None
    model: str = ""
    hctl: str = ""


@dataclass(frozen=True)
class Mount:
    """One mounted file system; without a volume it is the local disk."""

    target: str
    device: Device
    fstype: str = "ext4"
    volume: Volume | None = None

    @property
    def source(self) -> str:
        """Device path as findmnt shows it."""
        return f"/dev/mapper/{self.device.name}" if self.device.kind == "lvm" else f"/dev/{self.device.name}"


LOCAL_DISK = Device("vda", "vda", "disk", "254:0")
LOCAL = Mount("/", Device("vda1", "vda1", "part", "254:1", LOCAL_DISK))


def lun_disk(letter: str, lun: int, model: str) -> Device:
    """A LUN as the kernel names it: sdb is 8:16, sdc 8:32."""
    return Device(f"sd{letter}", f"sd{letter}", "disk", f"8:{16 * (ord(letter) - 97)}", None, model, f"3:0:0:{lun}")


@dataclass
class Host:
    """State of one host. Every path is absolute; OSError speaks as the kernel does."""

    name: str
    root: Path
    mounts: dict[str, Mount] = field(default_factory=dict)
    disks: dict[str, Volume] = field(default_factory=dict)
    """Kernel name of every LUN the host sees → its volume, mounted or not."""

    devices: dict[str, Device] = field(default_factory=dict)
    scratch: str = ""
    """Where the `rehearse` user may write."""

    faults: dict[str, str] = field(default_factory=dict)

    def attach(self, device: Device, volume: Volume) -> None:
        """See a LUN."""
        bottom = device
        while bottom.below is not None:
            self.devices[bottom.name] = bottom
            bottom = bottom.below
        self.devices[bottom.name] = bottom
        self.disks[bottom.kname] = volume

    def mount(self, target: str, device: Device) -> None:
        """Mount what lies on a device; the mount point is made in the root disk."""
        bottom = device
        while bottom.below is not None:
            bottom = bottom.below
        self.local(target).mkdir(parents=True, exist_ok=True)
        self.mounts[target] = Mount(target, device, volume=self.disks[bottom.kname])

    def unmount(self, target: str) -> None:
        """Forget a mount; nothing when it is not mounted."""
        self.mounts.pop(target, None)

    def mount_of(self, path: str) -> Mount:
        """The mount a path lies on, the longest one that holds it."""
        clean = posixpath.normpath(path)
        fitting = [target for target in self.mounts if clean == target or clean.startswith(target + "/")]
        return self.mounts[max(fitting, key=len)] if fitting else LOCAL

    def local(self, path: str) -> Path:
        """Where a path of the root disk lies on this machine."""
        return self.root / posixpath.normpath(path).lstrip("/")

    def is_dir(self, path: str) -> bool:
        """Whether a path is a directory."""
        mount, inner = self._inner(path)
        if mount.volume is None:
            return self.local(path).is_dir()
        return not inner or any(name.startswith(inner + "/") for name in mount.volume.names())

    def exists(self, path: str) -> bool:
        """Whether there is anything at a path."""
        mount, inner = self._inner(path)
        if mount.volume is None:
            return self.local(path).exists()
        return self.is_dir(path) or inner in mount.volume.names()

    def files_below(self, directory: str) -> list[str]:
        """Paths of all files below a directory, sorted."""
        mount, inner = self._inner(directory)
        clean = posixpath.normpath(directory)
        if mount.volume is None:
            top = self.local(directory)
            found = [path for path in top.rglob("*") if path.is_file() and not path.is_symlink()]
            return sorted(posixpath.join(clean, path.relative_to(top).as_posix()) for path in found)
        prefix = inner + "/" if inner else ""
        return sorted(posixpath.join(mount.target, name) for name in mount.volume.names() if name.startswith(prefix))

    def directories_below(self, directory: str) -> list[str]:
        """Paths of all directories below one of the root disk, empty ones too; none for a volume, which keeps none."""
        mount, _ = self._inner(directory)
        top = self.local(directory)
        if mount.volume is not None:
            return []
        clean = posixpath.normpath(directory)
        return [posixpath.join(clean, path.relative_to(top).as_posix()) for path in top.rglob("*") if path.is_dir()]

    def size(self, path: str) -> int:
        """Size in bytes; 4096 for a directory."""
        if self.is_dir(path):
            return 4096
        mount, inner = self._inner(path)
        if mount.volume is None:
            return self.local(path).stat().st_size
        sizes = mount.volume.names()
        if inner not in sizes:
            raise OSError(errno.ENOENT, "No such file or directory")
        return sizes[inner]

    def read(self, path: str) -> bytes:
        """Content of one file."""
        if self.is_dir(path):
            raise OSError(errno.EISDIR, "Is a directory")
        mount, inner = self._inner(path)
        return self.local(path).read_bytes() if mount.volume is None else mount.volume.read(inner)

    def write(self, path: str, content: bytes) -> None:
        """Write one file; its directory must exist on the root disk."""
        mount, inner = self._inner(path)
        if mount.volume is None:
            self.local(path).write_bytes(content)
            return
        mount.volume.replace({**mount.volume.everything(), inner: content})

    def make_directory(self, path: str) -> None:
        """`mkdir -p` on the root disk."""
        self.local(path).mkdir(parents=True, exist_ok=True)

    def remove(self, path: str) -> None:
        """`rm -rf` on the root disk."""
        place = self.local(path)
        if place.is_dir():
            shutil.rmtree(place)
        else:
            place.unlink(missing_ok=True)

    def _inner(self, path: str) -> tuple[Mount, str]:
        mount = self.mount_of(path)
        clean = posixpath.normpath(path)
        return mount, "" if clean == mount.target else clean.removeprefix(mount.target).lstrip("/")
