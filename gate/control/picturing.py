"""What the isolation picture is drawn from: the same dictionary for a change's page, an array's page and the pack."""

from dataclasses import asdict
from typing import Any

from gate.checks.case import Reliance
from gate.evidence import Evidence, Trace
from gate.inventory import Inventory
from gate.isolation import Place


def isolation_view(evidence: Evidence, inventory: Inventory, reliance: Reliance) -> dict[str, Any]:
    """Return where one dataset and its protection lie, and how the two relate, JSON-ready."""
    protection, isolation = reliance.protection, reliance.isolation
    backup = evidence.repositories.get(protection.id) if protection else None
    source = evidence.datasets.get(reliance.dataset.id)
    return {
        "dataset": reliance.dataset.id,
        "protection": protection.id if protection else "",
        "relation": isolation.relation.value if isolation else "unknown",
        "because": isolation.because if isolation else "no protection makes backups of it",
        "shared_ports": list(isolation.shared_ports) if isolation else [],
        "source": _side(source, isolation.source if isolation else None, inventory),
        "backup": _side(backup, isolation.backup if isolation else None, inventory),
    }


def _side(trace: Trace | None, place: Place | None, inventory: Inventory) -> dict[str, Any]:
    array = place.array if place else None
    return {
        "host": trace.host if trace else "",
        "path": trace.path if trace else "",
        "hops": [asdict(hop) | {"provenance": hop.provenance.value} for hop in trace.hops] if trace else [],
        "lun": (trace.lun or "") if trace else "",
        "target_ports": list(trace.target_ports) if trace else [],
        "problem": trace.problem if trace else "nobody asked where it lies",
        "array": array or "",
        "serial": (place.serial or "") if place else "",
        "site": inventory.array(array).site if array else "",
    }
