"""Whether data and copy are one thing in a dimension; without a word, since whole fleets are decided by it."""

from collections.abc import Callable, Mapping
from functools import partial

from gate.fate.pair import PLANES, Pair, said
from gate.isolation import DIFFERENT, SAME, UNKNOWN, Relation, copied


def _array(pair: Pair) -> Relation:
    return pair.isolation.relation


def _change_set(pair: Pair) -> Relation:
    if pair.there.arrays & pair.change.targets:
        return SAME
    return DIFFERENT if pair.there.known else UNKNOWN


def _wave(pair: Pair) -> Relation:
    """Compare the stages in which each is touched; sharing one is what must never be."""
    ours, theirs = pair.change.stages_of(pair.here), pair.change.stages_of(pair.there)
    if not ours.isdisjoint(theirs):
        return SAME
    known = pair.there.known and (pair.here.known or not theirs)
    return DIFFERENT if known and pair.change.waves else UNKNOWN


def _copy(pair: Pair) -> Relation:
    """A snapshot shares blocks with its source, a mirror copies damage: neither is a backup (IS-03)."""
    data, kept = pair.luns
    around = pair.around
    if copied(data, kept, around.where):
        return SAME
    backup = around.evidence.repositories.get(pair.protection.id)
    known = bool(data) and bool(kept or (backup and not backup.problem))
    return DIFFERENT if known and all(map(around.where.volume_owners, (*data, *kept))) else UNKNOWN


def _partner(pair: Pair) -> Relation:
    ours, theirs = pair.under_data.partnered, pair.under_copy.partnered
    if not (ours.isdisjoint(pair.there.arrays) and theirs.isdisjoint(pair.here.arrays)):
        return SAME
    return DIFFERENT if pair.here.known and pair.there.known else UNKNOWN


def _software(pair: Pair) -> Relation:
    """Ask who works on the backup program, its host, the storage under the copy, or what a recovery needs."""
    if pair.worked_on:
        return SAME
    known = not pair.change.works or (pair.there.known and all(place.known for place in pair.around.tools))
    return DIFFERENT if known else UNKNOWN


def _firmware(pair: Pair) -> Relation:
    """One code level on both ends: the same fault may sleep in both."""
    here, there = pair.under_data.levels, pair.under_copy.levels
    if any(None not in level for level in here & there):
        return SAME
    known = pair.here.known and pair.there.known and all(None not in level for level in (*here, *there))
    return DIFFERENT if known else UNKNOWN


def _hosts(pair: Pair) -> Relation:
    """Compare machines, whatever they are called, and, where both are declared, the hypervisor clusters under them."""
    if machine_of(pair) or cluster_of(pair):
        return SAME
    keys = pair.around.evidence.host_keys
    return DIFFERENT if keys.get(pair.dataset.host) and keys.get(pair.protection.host) else UNKNOWN


def machine_of(pair: Pair) -> str:
    """Say why both hosts are one machine: one id, one place to log in, or one host key; empty when they are not."""
    here, there = pair.dataset.host, pair.protection.host
    if here == there:
        return "production runs on the backup host"
    if there in pair.around.inventory.names_of(here):
        name, port = pair.around.inventory.host(here).ssh.spot
        return f"both are reached at {name}, port {port}"
    keys = pair.around.evidence.host_keys
    shared = set(keys.get(here, ())).intersection(keys.get(there, ()))
    return f"both answer with the host key {min(shared)}" if shared else ""


def cluster_of(pair: Pair) -> str:
    """Return the cluster on which both hosts run; empty when none is declared of both."""
    hosts = pair.around.inventory
    here, there = hosts.host(pair.dataset.host).cluster, hosts.host(pair.protection.host).cluster
    return here if here and here == there else ""


def _plane(name: str, pair: Pair) -> Relation:
    """Compare what is declared of all that is under the data with that of the backup system and all under the copy."""
    here, there, system = pair.under_data.planes[name], pair.under_copy.planes[name], said(pair.protection, name)
    if not (here.names.isdisjoint(there.names) and here.names.isdisjoint(system)):
        return SAME
    return DIFFERENT if here.whole and here.names and there.whole and system else UNKNOWN


def _site(pair: Pair) -> Relation:
    here, there = pair.under_data.sites, pair.under_copy.sites
    if not here.names.isdisjoint(there.names):
        return SAME
    return DIFFERENT if here.whole and there.whole else UNKNOWN


RULES: Mapping[str, Callable[[Pair], Relation]] = {
    "array": _array,
    "change-set": _change_set,
    "wave": _wave,
    "replication": _copy,
    "partner": _partner,
    "backup-software": _software,
    "firmware": _firmware,
    **{dimension: partial(_plane, field) for dimension, field in PLANES.items()},
    "site": _site,
    "host": _hosts,
}
"""Every dimension, in the order of reading, and what compares it."""
