"""
What a lab host answers to the command words the gate uses, in the shapes of util-linux 2.38, coreutils 9, sqlite3 3.40.

There is no shell behind it: words are split, known, and checked against the user's rights, or refused.
"""

import base64
import fnmatch
import hashlib
import json
import posixpath
import shlex
import time
from collections.abc import Callable

from gate.lab.host import LOCAL, LOCAL_DISK, Device, Host
from gate.lab.hostpaths import disks, sessions
from gate.lab.hostself import OF_ITSELF, cat
from gate.lab.identity import VENDOR
from gate.lab.said import Said
from gate.lab.sqlshell import SqlFailed, run_sql
from gate.lab.sysfs import SYSFS, attribute, expanded

FINDMNT_COLUMNS = ("TARGET", "SOURCE", "FSTYPE", "MAJ:MIN", "OPTIONS")
WRITERS = ("cp", "rm", "mkdir")


class Failed(Exception):
    """A command ends with words on standard error and a status."""

    def __init__(self, words: str, status: int = 1, out: bytes = b"") -> None:
        super().__init__(words)
        self.status = status
        self.out = out


def answer(host: Host, user: str, line: str) -> Said:
    """Answer one command line of one user."""
    try:
        words = shlex.split(line)
    except ValueError:
        return Said(err=b"bash: syntax error\n", status=2)
    if not words or (any(char in line for char in ";|&<>`$\n") and words[0] != "sqlite3"):
        return Said(err=b"lab: only single commands are answered here\n", status=126)
    command = _COMMANDS.get(words[0])
    if command is None:
        return Said(err=f"bash: line 1: {words[0]}: command not found\n".encode(), status=127)
    if words[0] in WRITERS and user != "rehearse":
        return Said(err=f"lab: {user} may not run {words[0]}\n".encode(), status=126)
    try:
        return Said(command(host, words[1:]), mutates=words[0] in WRITERS)
    except Failed as failure:
        return Said(failure.out, err=f"{failure}\n".encode(), status=failure.status)
    except OSError as error:
        path = next((word for word in words[1:] if word.startswith("/")), "")
        return Said(err=f"{words[0]}: {path}: {error.strerror}\n".encode(), status=1)


def _date(host: Host, words: list[str]) -> bytes:
    if words != ["-u", "+%s"]:
        raise Failed("date: invalid date format")
    return f"{int(time.time() + float(host.faults.get('clock-skew', '0')))}\n".encode()


def _findmnt(host: Host, words: list[str]) -> bytes:
    if len(words) != 5 or words[:2] != ["-J", "-T"] or words[3] != "-o":
        raise Failed("findmnt: bad usage")
    columns = words[4].upper().split(",")
    if any(column not in FINDMNT_COLUMNS for column in columns):
        raise Failed(f"findmnt: unknown column: {words[4]}")
    if not host.exists(words[2]):
        raise Failed("", 1)
    mount = host.mount_of(words[2])
    values = (mount.target, mount.source, mount.fstype, mount.device.numbers, "rw,relatime")
    row = dict(zip(FINDMNT_COLUMNS, values, strict=True))
    return _json({"filesystems": [{column.lower(): row[column] for column in columns}]})


def _iscsiadm(host: Host, words: list[str]) -> bytes:
    if words != ["-m", "session", "-P", "1"] or not (told := sessions(host)):
        raise Failed("iscsiadm: No active sessions.", 21)
    return told


def _lsblk(host: Host, words: list[str]) -> bytes:
    if len(words) == 5 and words[:4] == ["-J", "-b", "-d", "-o"]:
        return disks(host, words[4].upper().split(","))
    if len(words) != 5 or words[:3] != ["-s", "-J", "-o"]:
        raise Failed("lsblk: bad usage")
    columns = words[3].upper().split(",")
    name = posixpath.basename(words[4])
    known = {**host.devices, LOCAL_DISK.name: LOCAL_DISK, LOCAL.device.name: LOCAL.device}
    if name not in known or words[4] not in (f"/dev/{name}", f"/dev/mapper/{name}"):
        raise Failed(f"lsblk: {words[4]}: not a block device", 32)
    return _json({"blockdevices": [_block(known[name], columns)]})


def _block(device: Device, columns: list[str]) -> dict[str, object]:
    scsi = bool(device.hctl)
    values: dict[str, object] = {
        "NAME": device.name,
        "KNAME": device.kname,
        "TYPE": device.kind,
        "WWN": None,  # no udev here, so no WWN and no serial: only page 0x83 tells
        "SERIAL": None,
        "VENDOR": VENDOR.ljust(8) if scsi else "0x1af4" if device.kname == "vda" else None,
        "MODEL": device.model if scsi else None,
        "HCTL": device.hctl if scsi else None,
        "TRAN": "iscsi" if scsi else "virtio" if device.kname == "vda" else None,
        "MAJ:MIN": device.numbers,
    }
    if any(column not in values for column in columns):
        raise Failed(f"lsblk: unknown column: {','.join(columns)}")
    row = {column.lower(): values[column] for column in columns}
    if device.below is not None:
        row["children"] = [_block(device.below, columns)]
    return row


def _base64(host: Host, words: list[str]) -> bytes:
    if len(words) != 2 or words[0] != "-w0":
        raise Failed("base64: bad usage")
    path = words[1]
    if not path.startswith(SYSFS):
        return base64.b64encode(host.read(path))
    volume = host.disks.get(path.removeprefix(SYSFS).removesuffix("/device/vpd_pg83"))
    if volume is None or not path.endswith("/device/vpd_pg83"):
        raise Failed(f"base64: {path}: No such file or directory")
    return base64.b64encode(volume.disk.identification())


def _lsattr(host: Host, words: list[str]) -> bytes:
    if len(words) != 2 or words[0] != "-d":
        raise Failed("lsattr: bad usage")
    if not host.exists(words[1]):
        raise Failed(f"lsattr: No such file or directory while trying to stat {words[1]}")
    return f"--------------e------- {words[1]}\n".encode()


def _grep(host: Host, words: list[str]) -> bytes:
    if len(words) < 4 or words[:2] != ["-s", "."] or any(not word.startswith(SYSFS) for word in words[2:]):
        raise Failed("grep: bad usage", 2)
    paths = [path for word in words[2:] for path in (expanded(host, word) if "*" in word else (word,))]
    lines = [f"{path}:{value}\n" for path in paths if (value := attribute(host, path)) is not None]
    if len(lines) < len(paths):
        raise Failed("", 2, "".join(lines).encode())
    return "".join(lines).encode()


def _sha256sum(host: Host, words: list[str]) -> bytes:
    return "".join(
        f"{hashlib.sha256(host.read(path)).hexdigest()}  {path}\n" for path in _paths("sha256sum", words)
    ).encode()


def _stat(host: Host, words: list[str]) -> bytes:
    if len(words) < 3 or words[0] != "-c" or words[1] not in ("%s", "%n", "%s %n"):
        raise Failed("stat: bad usage")
    lines = []
    for path in _paths("stat", words[2:]):
        if not host.exists(path):
            raise Failed(f"stat: cannot statx '{path}': No such file or directory")
        lines.append(words[1].replace("%s", str(host.size(path))).replace("%n", path) + "\n")
    return "".join(lines).encode()


def _find(host: Host, words: list[str]) -> bytes:
    if not words or len(words) % 2 == 0:
        raise Failed("find: bad usage")
    tests = dict(zip(words[1::2], words[2::2], strict=True))
    if not set(tests) <= {"-mindepth", "-maxdepth", "-name", "-type"}:
        raise Failed(f"find: unknown predicate '{' '.join(words[1::2])}'")
    top = posixpath.normpath(words[0])
    if not host.exists(top):
        raise Failed(f"find: '{top}': No such file or directory")
    files = host.files_below(top)
    found: dict[str, str] = dict.fromkeys([top, *host.directories_below(top)], "d")
    for path in files:
        inner = path.removeprefix(top).strip("/").split("/")
        for depth in range(1, len(inner)):
            found[posixpath.join(top, *inner[:depth])] = "d"
        found[path] = "f"
    least, most = int(tests.get("-mindepth", "0")), int(tests.get("-maxdepth", "99"))
    kept = []
    for path, kind in sorted(found.items()):
        depth = 0 if path == top else path.removeprefix(top).strip("/").count("/") + 1
        named = fnmatch.fnmatchcase(posixpath.basename(path), tests.get("-name", "*"))
        if least <= depth <= most and named and tests.get("-type", kind) == kind:
            kept.append(path + "\n")
    return "".join(kept).encode()


def _sqlite3(host: Host, words: list[str]) -> bytes:
    if len(words) != 4 or words[:2] != ["-readonly", "-list"]:
        raise Failed("sqlite3: Error: only -readonly -list FILE SQL is answered here")
    try:
        content = host.read(words[2])
    except OSError:
        raise Failed(f'Error: unable to open database "{words[2]}": unable to open database file') from None
    try:
        return run_sql(content, words[3])
    except SqlFailed as failure:
        raise Failed(str(failure), failure.status) from None


def _mkdir(host: Host, words: list[str]) -> bytes:
    parents = words[:1] == ["-p"]
    paths = _paths("mkdir", words[1:] if parents else words[2:] if words[:2] == ["-m", "700"] else words)
    for path in paths:
        _writable(host, "mkdir", path)
        if host.exists(path) and not parents:
            raise Failed(f"mkdir: cannot create directory '{path}': File exists")
        host.make_directory(path)
    return b""


def _cp(host: Host, words: list[str]) -> bytes:
    if len(words) != 2:
        raise Failed("cp: bad usage")
    source, target = words
    _writable(host, "cp", target)
    if host.is_dir(target):
        target = posixpath.join(target, posixpath.basename(source))
    if not host.exists(source):
        raise Failed(f"cp: cannot stat '{source}': No such file or directory")
    if "scratch-full" in host.faults:
        raise Failed(f"cp: error writing '{target}': No space left on device")
    host.write(target, host.read(source))
    return b""


def receive_file(host: Host, directory: str, name: str, content: bytes) -> str:
    """Take an SCP upload below the scratch directory; '' or why not."""
    try:
        _writable(host, "scp", posixpath.join(directory, name))
    except Failed as failure:
        return str(failure)
    if "scratch-full" in host.faults:
        return f"{name}: No space left on device"
    if not host.is_dir(directory):
        return f"{directory}: No such file or directory"
    host.write(posixpath.join(directory, name), content)
    return ""


def _sudo(host: Host, words: list[str]) -> bytes:
    """Answer `sudo -n -u ACCOUNT ssh … true` as a host whose account no other host lets in."""
    if len(words) < 5 or words[:2] != ["-n", "-u"] or words[3] != "ssh" or words[-1] != "true":
        raise Failed("sudo: a password is required")
    if "lets-production-in" in host.faults:
        return b""
    raise Failed(f"{words[-2]}: Permission denied (publickey).", 255)


def _rm(host: Host, words: list[str]) -> bytes:
    if words[:1] != ["-rf"]:
        raise Failed("rm: bad usage")
    for path in _paths("rm", words[1:]):
        _writable(host, "rm", path)
        host.remove(path)
    return b""


def _writable(host: Host, command: str, path: str) -> None:
    clean = posixpath.normpath(path)
    below = bool(host.scratch) and (clean == host.scratch or clean.startswith(host.scratch + "/"))
    if not below or host.mount_of(clean).volume is not None:
        raise Failed(f"{command}: '{path}': Permission denied")


def _paths(command: str, words: list[str]) -> list[str]:
    if not words or any(not word.startswith("/") for word in words):
        raise Failed(f"{command}: bad usage")
    return words


def _json(value: object) -> bytes:
    return (json.dumps(value, indent=3) + "\n").encode()


_COMMANDS: dict[str, Callable[[Host, list[str]], bytes]] = {
    **OF_ITSELF,
    "base64": _base64,
    "cat": lambda host, words: cat(host, _paths("cat", words)),
    "cp": _cp,
    "date": _date,
    "find": _find,
    "findmnt": _findmnt,
    "grep": _grep,
    "iscsiadm": _iscsiadm,
    "lsattr": _lsattr,
    "lsblk": _lsblk,
    "mkdir": _mkdir,
    "rm": _rm,
    "sha256sum": _sha256sum,
    "sqlite3": _sqlite3,
    "stat": _stat,
    "sudo": _sudo,
}
