"""
The one place on a rehearsal host where a protection is rehearsed: taken, marked as ours, given back.

    SCRATCH/PROTECTION/                 mode 0700: it holds a copy of production
    SCRATCH/PROTECTION/sangate-OWNER/   the mark; OWNER stands for this gate and no other
    SCRATCH/PROTECTION/back/            what the tool brings back
    SCRATCH/PROTECTION/work/            what the engine needs beside it

A gate or host that is killed leaves the place, and perhaps a server, behind. Its name is known beforehand, so whoever
comes next finds it without searching, and removes it only when it carries our mark or is empty. The mark goes last:
a removal that is interrupted can be taken up again.
"""

from dataclasses import dataclass

from gate.backups.answers import Asking, Unread, ask, output, shown, text
from gate.backups.examiner import Examiner
from gate.canonical import sha256
from gate.evidence import Reply
from gate.inventory import Protection


@dataclass(frozen=True)
class Spot:
    """Where one rehearsal may write."""

    place: str
    back: str
    work: str
    mark: str


def spot_of(protection: Protection, owner: str) -> Spot:
    """Return the place of a protection. `owner` tells gates apart that share a host: the origin of the ledger."""
    place = f"{protection.rehearsal_scratch}/{protection.id}"
    return Spot(place, f"{place}/back", f"{place}/work", f"{place}/sangate-{sha256(owner.encode())[7:19]}")


def claim(protection: Protection, owner: str, log: list[Reply]) -> Asking[Spot]:
    """Make the place; Unread when it is there already, whoever made it."""
    spot = spot_of(protection, owner)
    for command in (f"mkdir -m 700 {spot.place}", f"mkdir {spot.mark} {spot.back} {spot.work}"):
        output((yield from ask(command, log)), "making the scratch")
    return spot


def clear(examiner: Examiner, protection: Protection, owner: str, log: list[Reply]) -> Asking[bool]:
    """
    Stop and remove what a rehearsal of this protection has left, and say whether there was anything.

    Unread when it is not ours, when something still runs there, or when it could not be removed.
    """
    spot, above = spot_of(protection, owner), protection.rehearsal_scratch
    output((yield from ask(f"mkdir -p {above}", log)), f"making {above}")
    found = yield from ask(f"find {above} -mindepth 1 -maxdepth 1 -name {protection.id}", log)
    there = text(found, f"looking into {above}")
    if not there:
        return False
    if there != f"{spot.place}\n":
        raise Unread(f"looking into {above}: {shown(there)} was answered")
    inside = text((yield from ask(f"find {spot.place} -mindepth 1 -maxdepth 1", log)), f"looking into {spot.place}")
    if inside and spot.mark not in inside.splitlines():
        raise Unread(f"{spot.place} does not carry this gate's mark, so it was left alone")
    if examiner.halt is not None:
        yield from examiner.halt(spot.place, log)
    for command in (f"rm -rf {spot.back} {spot.work}", f"rm -rf {spot.place}"):
        output((yield from ask(command, log)), f"removing {spot.place}")
    return True
