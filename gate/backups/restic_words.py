"""The words that restic is asked with, and what its lists say."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from gate.backups.answers import Unread, shown, text
from gate.backups.restic_report import refusal
from gate.backups.told import members, moment, not_missing, parsed, word
from gate.evidence import Reply
from gate.inventory import Protection

KNOWN = range(14, 19)
"""Minor versions of restic 0 whose answers are known here; 0.14 and 0.18 were run."""

VERSION = re.compile(r"restic 0\.([0-9]{1,3})\.[0-9]{1,3}[ -][ -~]{0,200}\n")
ID = re.compile(r"[0-9a-f]{64}")


def command(protection: Protection) -> str:
    """Return the words that every question begins with; Unread without a password file."""
    if protection.password_file is None:
        raise Unread(f"{protection.id} names no password_file, and restic opens nothing without one")
    return f"restic -r {protection.repository} --password-file {protection.password_file} --no-lock --no-cache"


def version(reply: Reply) -> str:
    """Return the version; Unread when its answers are not known here."""
    not_missing(reply, "restic", "the version")
    said = text(reply, "the version")
    found = VERSION.fullmatch(said)
    if found is None or int(found[1]) not in KNOWN:
        raise Unread(f"the version: {shown(said)} is not known here; 0.{KNOWN[0]} to 0.{KNOWN[-1]} are")
    return said.split(" ")[1]


def snapshots(protection: Protection, reply: Reply) -> list[Mapping[str, Any]]:
    """Return every snapshot as restic tells it; each has an id and a time."""
    what = "the list of snapshots"
    refusal(reply, what, str(protection.password_file))
    said = text(reply, what)
    if reply.stderr.strip():
        # A damaged snapshot is left out of the list, with a word on the other stream and exit status 0.
        raise Unread(f"{what}: restic complains, {shown(reply.stderr.decode('utf-8', errors='replace').strip())}")
    told = members(parsed(said, what), what)
    for one in told:
        word(one, "id", ID, what)
        when(one)
    return told


def when(one: Mapping[str, Any]) -> datetime:
    """Return when a snapshot began."""
    return moment(one.get("time"), f"snapshot {str(one.get('id'))[:8]}: time")


def ours(one: Mapping[str, Any], protection: Protection) -> bool:
    """Say whether a snapshot is of this protection: with `name`, it carries that tag."""
    tags = one.get("tags")
    return protection.name is None or (isinstance(tags, list) and protection.name in tags)
