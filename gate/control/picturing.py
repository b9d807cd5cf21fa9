"""What the isolation picture is drawn from: the same dictionary for a change's page, an array's page and the pack."""

from dataclasses import asdict
from typing import Any

from gate.evidence import Evidence, Trace
from gate.fate.pair import Pair
from gate.fate.rows import shared_fate
from gate.inventory import Dataset, Inventory, Protection
from gate.isolation import Isolation
from gate.landscape import Place


def isolation_view(
    evidence: Evidence,
    inventory: Inventory,
    dataset: Dataset,
    protection: Protection | None,
    isolation: Isolation | None,
) -> dict[str, Any]:
    """Return where one dataset and its protection lie, and how the two relate, JSON-ready."""
    backup = evidence.repositories.get(protection.id) if protection else None
    source = evidence.datasets.get(dataset.id)
    return {
        "dataset": dataset.id,
        "protection": protection.id if protection else "",
        "relation": isolation.relation.value if isolation else "unknown",
        "because": isolation.because if isolation else "no protection makes backups of it",
        "shared_ports": list(isolation.shared_ports) if isolation else [],
        "source": _side(source, isolation.source if isolation else None, inventory),
        "backup": _side(backup, isolation.backup if isolation else None, inventory),
    }


def fate_view(pair: Pair) -> list[dict[str, str]]:
    """Return in which dimensions data and copy could be lost at once; what only a change decides is left out."""
    of_a_change = ("change-set", "wave", "backup-software")
    return [
        {
            "dimension": row.dimension,
            "source": row.source,
            "backup": row.backup,
            "verdict": row.verdict.value,
            "provenance": row.provenance.value,
            "because": row.because,
        }
        for row in shared_fate(pair)
        if row.dimension not in of_a_change
    ]


def _side(trace: Trace | None, place: Place | None, inventory: Inventory) -> dict[str, Any]:
    arrays = sorted(place.arrays) if place else []
    serials = [element.serial for element in place.elements if element.serial] if place else []
    return {
        "host": trace.host if trace else "",
        "path": trace.path if trace else "",
        "hops": [asdict(hop) | {"provenance": hop.provenance.value} for hop in trace.hops] if trace else [],
        "lun": " + ".join(leaf.lun for leaf in trace.leaves) if trace else "",
        "target_ports": list(trace.target_ports) if trace else [],
        "problem": trace.problem if trace else "nobody asked where it lies",
        "known": bool(place and place.known),
        "array": " + ".join(arrays) if place and place.known else "",
        "serial": " + ".join(serials) if place and place.known else "",
        "site": " + ".join(dict.fromkeys(inventory.array(name).site for name in arrays)) if place else "",
        "elements": [asdict(one) | {"provenance": one.provenance.value} for one in place.elements] if place else [],
        "shares": [f"{one.server}:{one.export}" for one in trace.shares] if trace else [],
    }


def stored_at(protection: Protection) -> str:
    """Where the copies lie: a bucket as its service names it, else a directory of a host."""
    store = protection.object_store
    if store is not None and not protection.repository:
        return f"{store.endpoint}/{store.bucket}/{store.prefix}"
    return f"{protection.host}:{protection.repository}"
