"""What a mounted file system lies on: one block device, several (btrfs, ZFS), or a server's share."""

import re
from dataclasses import dataclass

from gate.evidence import Hop, Share
from gate.families.family import Unreadable
from gate.families.linux_blocks import DEVICE, KERNEL_NAME, PATH
from gate.families.linux_way import Asking, Way, only, word

FINDMNT = "findmnt -J -T {path} -o TARGET,SOURCE,FSTYPE,MAJ:MIN,OPTIONS"
NODE = "readlink -f {device}"
BTRFS = "find /sys/fs/btrfs -mindepth 3 -maxdepth 3"
ZPOOL = "zpool status -P {pool}"
RESOLVE = "getent ahosts {server}"

ON_BLOCK = ("ext2", "ext3", "ext4", "xfs")
"""File systems that lie on exactly the block device that findmnt names."""

ON_SHARE = ("nfs", "nfs4", "cifs", "smb3")
ON_POOL = ("zfs", "fuse.zfs")

SHARE = re.compile(r"(?://(?P<cifs>[^/\s]+)(?P<share>/\S*)|(?P<nfs>\[[0-9A-Fa-f:.%]+\]|[^\s:/\[\]]+):(?P<export>/\S*))")
SERVER = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,252}|[0-9A-Fa-f:.]{2,45}")
ADDRESS = re.compile(r"[0-9A-Fa-f.:]{2,45}(?:%[A-Za-z0-9]{1,15})?")
ADDRESS_OPTION = re.compile(r"(?:^|,)addr=([0-9A-Fa-f.:]{2,45})(?=,|$)")
ADDRESSES_MAX = 64

POOL = re.compile(r"[A-Za-z][A-Za-z0-9_.:-]{0,200}")
VDEV_GROUP = re.compile(r"(mirror|raidz[123]?|draid[0-9a-z:]*|replacing|spare|indirect)-\d{1,5}|logs|special|dedup")
NO_DATA = ("cache", "spares")
"""Sections of a pool whose devices hold nothing that would be missed."""


@dataclass(frozen=True)
class Mounted:
    """What findmnt tells of the file system that holds a path."""

    target: str
    source: str
    kind: str
    number: str
    options: str

    @property
    def on_block(self) -> bool:
        """Whether it lies on one block device whose number findmnt tells."""
        return self.kind in ON_BLOCK


def mounted(way: Way, path: str, mount: str | None) -> Asking[Mounted]:
    """Ask which file system holds a path; where a mount point is expected, another one means not mounted."""
    reply = yield FINDMNT.format(path=path)
    found = only(way.json(reply, "findmnt"), "filesystems", "findmnt")
    told = Mounted(*(word(found, key) for key in ("target", "source", "fstype", "maj:min", "options")))
    way.hops.append(Hop("mount", told.target, f"{told.kind} on {told.source}"))
    if mount is not None and told.target != mount:
        raise Unreadable(f"not mounted: {path} resolves to {told.target} on {told.source}, not to {mount}")
    return told


def below(way: Way, found: Mounted) -> Asking[tuple[list[str], list[str]]]:
    """Return the block devices and the files that a mounted file system lies on; a share is entered in `way`."""
    if found.on_block:
        device = DEVICE.fullmatch(found.source)
        if device is None:
            raise Unreadable(f"{found.target} lies on {found.source}, which is no block device")
        return [device.group(1)], []
    if found.kind == "btrfs":
        names = yield from _btrfs(way, found)
        return names, []
    if found.kind in ON_POOL:
        both = yield from _pool(way, found)
        return both
    if found.kind in ON_SHARE:
        yield from _share(way, found)
        return [], []
    raise Unreadable(f"{found.target} is {found.kind}, which does not tell on which disk its data lie")


def _btrfs(way: Way, found: Mounted) -> Asking[list[str]]:
    """
    Ask the kernel for all devices of a btrfs: findmnt names one of them only.

    `btrfs filesystem show` would say the same, but tells ordinary users "not a valid btrfs filesystem" (measured).
    """
    own = DEVICE.fullmatch(found.source)
    if own is None:
        raise Unreadable(f"{found.target} lies on {found.source}, which is no block device")
    reply = yield NODE.format(device=own.group(1))
    name = way.text(reply).strip().rpartition("/")[2]
    reply = yield BTRFS
    parts = [line.split("/") for line in way.text(reply).splitlines()]
    if reply.exit_status != 0 or any(len(part) != 7 or part[:4] != ["", "sys", "fs", "btrfs"] for part in parts):
        raise Unreadable("the kernel does not list the devices of its btrfs file systems")
    rows = [(part[4], part[5], part[6]) for part in parts]
    ours = {system for system, kind, device in rows if kind == "devices" and device == name}
    if len(ours) != 1 or not KERNEL_NAME.fullmatch(name):
        raise Unreadable(f"the kernel does not name {found.source} among the devices of one btrfs")
    names = sorted({device for system, kind, device in rows if system in ours and kind == "devices"})
    known = {number for system, kind, number in rows if system in ours and kind == "devinfo"}
    if len(names) != len(known) or not all(KERNEL_NAME.fullmatch(device) for device in names):
        raise Unreadable(f"the kernel names {len(names)} of {len(known)} devices of {found.target}")
    return [f"/dev/{device}" for device in names]


def _pool(way: Way, found: Mounted) -> Asking[tuple[list[str], list[str]]]:
    pool = found.source.partition("/")[0]
    if not POOL.fullmatch(pool):
        raise Unreadable(f"{found.target} lies on {found.source}, which is no name of a pool")
    reply = yield ZPOOL.format(pool=pool)
    text = way.text(reply)
    if reply.exit_status != 0:
        raise Unreadable(f"zpool ended with status {reply.exit_status}: the pool {pool} is not there")
    way.hops.append(Hop("zpool", pool))
    names = _vdevs(text.splitlines(), pool)
    return [name for name in names if name.startswith("/dev/")], [n for n in names if not n.startswith("/dev/")]


def _vdevs(lines: list[str], pool: str) -> list[str]:
    """Return paths of all devices and files under `config:`; every row of it must be understood."""
    heads = [number for number, line in enumerate(lines) if line.split() == ["NAME", "STATE", "READ", "WRITE", "CKSUM"]]
    if len(heads) != 1:
        raise Unreadable(f"zpool does not show the devices of {pool}")
    names: list[str] = []
    counts = True
    for line in lines[heads[0] + 1 :]:
        words = line.split()
        if not words:
            break
        if words[0] in NO_DATA:
            counts = False
        elif words[0] == pool or VDEV_GROUP.fullmatch(words[0]):
            counts = True if words[0] in ("logs", "special", "dedup") else counts
        elif not words[0].startswith("/") or not (DEVICE.fullmatch(words[0]) or PATH.fullmatch(words[0])):
            raise Unreadable(f"zpool tells of something in {pool} that is not understood: {words[0][:60]}")
        elif counts and words[1:2] not in (["ONLINE"], ["DEGRADED"]):
            raise Unreadable(f"{words[0]} of the pool {pool} is {words[1] if words[1:] else 'without a state'}")
        elif counts:
            names.append(words[0])
    if not names:
        raise Unreadable(f"zpool does not show the devices of {pool}")
    return list(dict.fromkeys(names))


def _share(way: Way, found: Mounted) -> Asking[None]:
    """Enter a server's share with every address that the host resolves, and the one that the mount itself uses."""
    match = SHARE.fullmatch(found.source)
    server = (match.group("cifs") or match.group("nfs")).strip("[]") if match else ""
    if match is None or not SERVER.fullmatch(server):
        raise Unreadable(f"{found.target} lies on {found.source}, which does not name a server and its share")
    reply = yield RESOLVE.format(server=server)
    text = way.text(reply)
    words = [line.split()[:1] for line in text.splitlines() if line.strip()]
    told = list(dict.fromkeys(first[0] for first in words if first))
    if reply.exit_status != 0 or not told or len(told) > ADDRESSES_MAX:
        raise Unreadable(f"{found.target} lies on the server {server}, whose addresses the host does not tell")
    if any(not ADDRESS.fullmatch(one) for one in told):
        raise Unreadable(f"the host tells no address of {server} but {told[0][:60]}")
    used = ADDRESS_OPTION.findall(found.options)
    export = match.group("share") or match.group("export")
    way.shares.append(Share(found.kind, server, export, tuple(dict.fromkeys((*told, *used)))))
    way.hops.append(Hop("share", f"{server}:{export}", f"{found.kind} from {', '.join(dict.fromkeys((*told, *used)))}"))
