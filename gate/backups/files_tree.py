"""
A tree of files read in full: every file hashed where it lies, and the digest over all of them in order of their names.

Both answers hold the names of people's files, so they are hashed and then forgotten (`holds_names` tells them apart).
Names are bytes; `sha256sum` escapes a line end or backslash in one and says so with a backslash before the line.
What is no file counts as well: directories, and links with where they point. Sockets hold nothing and are left out.
"""

import re
from collections.abc import Mapping

from gate.backups.answers import Asking, Unread, ask, output, shown
from gate.canonical import sha256
from gate.evidence import Reply, TableDigest

PRIVATE = "env LC_ALL=C "
"""How a command begins whose answer holds the names of people's files."""

LINE = re.compile(rb"(?P<escaped>\\?)(?P<sha256>[0-9a-f]{64}) [ *](?P<name>[^\n]+)")
ESCAPES = re.compile(rb"\\(.)")
MEANT = {b"n": b"\n", b"r": b"\r", b"\\": b"\\"}

FILES, OTHERS = "files", "directories-and-links"


def holds_names(command: str) -> bool:
    """Say whether the answer to this command names people's files, so that only its digest may be kept."""
    return command.startswith(PRIVATE)


def hashing(path: str) -> str:
    """Return the command that hashes every file below a path."""
    return f"{PRIVATE}find {path} -type f -exec sha256sum {{}} +"


def digests(path: str, log: list[Reply]) -> Asking[tuple[TableDigest, ...]]:
    """Read the tree; Unread when any of it could not be read, or when it holds no file: a mount may be missing."""
    what = f"the files below {path}"
    files = hashed(output((yield from ask(hashing(path), log)), what), path, what)
    if not files:
        raise Unread(f"{what}: there is none")
    question = f"{PRIVATE}find {path} -mindepth 1 ! -type f ! -type s -printf '%y %P\\0%l\\0'"
    others = output((yield from ask(question, log)), what).split(b"\0")
    if others.pop() or len(others) % 2:
        raise Unread(f"{what}: the list of directories is not complete")
    pairs = sorted(zip(others[::2], others[1::2], strict=True))
    if len(set(others[::2])) < len(pairs):
        raise Unread(f"{what}: a directory or link is there twice")
    lines = b"".join(name + b"\0" + digest + b"\n" for name, digest in sorted(files.items()))
    return (
        TableDigest(FILES, len(files), sha256(lines)),
        TableDigest(OTHERS, len(pairs), sha256(b"".join(entry + b"\0" + link + b"\n" for entry, link in pairs))),
    )


def hashed(listed: bytes, root: str, what: str) -> Mapping[bytes, bytes]:
    """
    Read lines of `sha256sum`: names relative to `root`, and their digests in hexadecimal.

    An empty `root` stands for a list of relative names. Unread for a line that is none, a name outside, or one twice.
    """
    found: dict[bytes, bytes] = {}
    lines = listed.split(b"\n")
    if lines.pop():
        raise Unread(f"{what}: the last line is not complete")
    for line in lines:
        match = LINE.fullmatch(line)
        if match is None:
            raise Unread(f"{what}: {shown(line.decode('utf-8', errors='replace'))} is no line of sha256sum")
        name = match["name"]
        if match["escaped"]:
            name = ESCAPES.sub(lambda escape: MEANT.get(escape[1], escape[0]), name)
        name = _below(name, root.encode(), what)
        if name in found:
            raise Unread(f"{what}: a name is there twice")
        found[name] = match["sha256"]
    return found


def _below(name: bytes, root: bytes, what: str) -> bytes:
    if not root:
        name = name.removeprefix(b"./")
        if name.startswith(b"/") or b".." in name.split(b"/"):
            raise Unread(f"{what}: a name leads out of it")
        return name
    if name == root:
        return b"."  # the dataset is one file
    if not name.startswith(root + b"/"):
        raise Unread(f"{what}: a name lies outside")
    return name[len(root) + 1 :]
