"""What only the inventory says is somebody's word: it is named, and a seat signs for it."""

from dataclasses import replace
from typing import Any

import pytest

from gate.checks import facts_measured
from gate.evidence import Evidence, Hop, Identity, Provenance, Trace
from gate.finding import Outcome, Weight
from gate.inventory import Appliance, Medium, VirtualDisk
from tests.cases import case, evidence, fleet, host

GOOD = evidence()
SAID = Hop("array", "east-1", "", Provenance.DECLARED)
STORE = Appliance(id="vmstore", site="west", medium=Medium.DATASTORE, on_arrays=("vault-1",))


def told(kind: str, name: str, how: Trace | None) -> Evidence:
    """The good evidence with another trace of that name, or without it."""
    kept: Any = {one: where for one, where in getattr(GOOD, kind).items() if one != name}
    given: dict[str, Any] = {kind: kept | ({name: how} if how else {})}
    return replace(GOOD, **given)


@pytest.mark.parametrize(
    ("kind", "name", "words"),
    [
        ("datasets", "sidekick", "the place of sidekick"),
        ("repositories", "nightly", "the place of nightly"),
        ("scratches", "nightly", "the place of /scratch/rehearsal"),
        ("tools", "desk", "the place of desk"),
    ],
)
def test_a_declared_step_of_any_way_is_named_and_one_nobody_asked_for_is_not_known(
    kind: str, name: str, words: str
) -> None:
    found = facts_measured.check(case(told(kind, name, replace(getattr(GOOD, kind)[name], hops=(SAID,)))))
    assert found.outcome is Outcome.FAILED
    assert f"only declared: {words}" in found.because
    assert found.relied_on["sidekick"] == {"declared": [words], "outcome": "failed"}
    if kind == "scratches":
        assert facts_measured.check(case(told(kind, name, None))).outcome is Outcome.UNKNOWN


def test_a_datastore_is_declared_however_its_disk_was_found() -> None:
    guest = host("bk-1", "west").model_copy(update={"disks": (VirtualDisk(disk="vda", datastore="vmstore"),)})
    inventory = fleet().model_copy(update={"appliances": (STORE,), "hosts": (host("db-1", "east"), guest)})
    on_vm = replace(GOOD.tools["desk"], leaves=(), identities=(Identity("virtual-disk", "bk-1:vda"),))
    found = facts_measured.check(case(told("tools", "desk", on_vm), inventory=inventory))
    assert found.outcome is Outcome.FAILED
    assert "only declared: the place of desk" in found.because


def test_one_declared_half_of_a_mirror_is_enough() -> None:
    guest = host("bk-1", "west").model_copy(update={"disks": (VirtualDisk(disk="vda", datastore="vmstore"),)})
    inventory = fleet().model_copy(update={"appliances": (STORE,), "hosts": (host("db-1", "east"), guest)})
    half = replace(GOOD.tools["desk"], identities=(Identity("virtual-disk", "bk-1:vda"),))
    found = facts_measured.check(case(told("tools", "desk", half), inventory=inventory))
    assert found.outcome is Outcome.FAILED


def test_all_measured_passes_and_it_is_the_storage_seat_that_signs_for_the_rest() -> None:
    found = facts_measured.check(case())
    assert (found.outcome, found.relied_on["sidekick"]) == (Outcome.PASSED, {"protection": "nightly"})
    assert (facts_measured.CHECK.weight, facts_measured.CHECK.seat) == (Weight.SIGN, "storage")
