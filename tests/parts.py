"""
Programs of the machine that some tests judge by, and the Debian package that brings each.

A test calls `need("sshd")` first. Where the program is missing the test is left out and told of at the end of the
run; with SANGATE_ALL_PARTS=1 nothing may be left out, and the test fails instead.
"""

import os
import shutil
from pathlib import Path

import pytest

PARTS = {
    "barman": "barman",
    "borg": "borgbackup",
    "chattr": "e2fsprogs",
    "chromium-headless-shell": "chromium-headless-shell",
    "git": "git",
    "ip": "iproute2",
    "iscsi-inq": "libiscsi-bin",
    "iscsi-ls": "libiscsi-bin",
    "iscsi-readcapacity16": "libiscsi-bin",
    "iscsi-test-cu": "libiscsi-bin",
    "iscsistart": "open-iscsi",
    "libatomic": "libatomic1",
    "libiscsi": "libiscsi-bin",
    "linux.uml": "user-mode-linux",
    "make": "make",
    "mkfs.btrfs": "btrfs-progs",
    "modprobe": "kmod",
    "multipathd": "multipath-tools",
    "openssl": "openssl",
    "pgbackrest": "pgbackrest",
    "postgres-15": "postgresql-15",
    "qemu-img": "qemu-utils",
    "qemu-io": "qemu-utils",
    "qemu-iscsi": "qemu-block-extra",
    "restic": "restic",
    "setpriv": "util-linux",
    "sha256sum": "coreutils",
    "sqlite3": "sqlite3",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
    "sshd": "openssh-server",
    "systemd-analyze": "systemd",
    "tgtadm": "tgt",
    "tgtd": "tgt",
    "udevadm": "udev",
    "vgcreate": "lvm2",
    "zfs-fuse": "zfs-fuse",
}
"""Part → Debian package."""

BEHIND = {"libiscsi": "iscsi-ls", "postgres-15": "/usr/lib/postgresql/15/bin/postgres"}
"""Part → the program that shows that it is there, where the two differ."""

PLUGINS = {"libatomic": "libatomic.so.1", "qemu-iscsi": "qemu/block-iscsi.so"}
"""Part → file below a library directory, for what is loaded and not run."""

SWITCH = "SANGATE_ALL_PARTS"

LEFT_OUT = "{part} is not on this machine; the Debian package {package} brings it"
"""What a test that was left out says; the end of the run counts these sentences, whichever process ran the test."""


def find(part: str) -> str | None:
    """Return the path of a part, also from the directories that only root has in PATH; None when it is not there."""
    if part in PLUGINS:
        roots = (Path("/usr/lib"), Path("/usr/lib64"), *Path("/usr/lib").glob("*-linux-gnu*"))
        return next((str(root / PLUGINS[part]) for root in roots if (root / PLUGINS[part]).exists()), None)
    path = os.pathsep.join((os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin", "/sbin"))
    return shutil.which(BEHIND.get(part, part), path=path)


def need(part: str) -> str:
    """Return the path of a part; without it the test is left out, or fails where nothing may be left out."""
    if part not in PARTS:
        raise KeyError(f"{part} is not in the table of parts; name its package there")
    found = find(part)
    if found is None:
        sentence = LEFT_OUT.format(part=part, package=PARTS[part])
        if os.environ.get(SWITCH) == "1":
            pytest.fail(sentence, pytrace=False)
        pytest.skip(sentence)
    return found
