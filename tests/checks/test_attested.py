"""What nobody can measure may be attested by two people: never for tier 1, never past what is or could be measured."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from gate.checks import CHECKS, backup_isolated
from gate.checks.case import Case
from gate.evidence import Identity
from gate.finding import Finding, Outcome, Waiver, When
from gate.inventory import Appliance, Medium, VirtualDisk
from gate.verdict import Verdict, decide
from tests.cases import NOON, VAULT_LUN, case, dataset, evidence, findings, fleet, host, protection, request, trace

STORE = Appliance(id="vmstore", site="west", medium=Medium.DATASTORE, on_arrays=("vault-1",))
GUEST = host("bk-1", "west").model_copy(update={"disks": (VirtualDisk(disk="vda", datastore="vmstore"),)})
BY = (("data-owner", "owner"), ("change-manager", "manager"))


def on_a_datastore(
    disk: str = "vda", tier: int = 2, targets: tuple[str, ...] = ("east-1", "east-2"), **at: Any
) -> Case:
    """The repository lies on a hypervisor's disk, and the inventory alone says in which datastore."""
    kept = trace("vault-1", VAULT_LUN, host="bk-1", path="/backup", leaves=())
    kept = replace(kept, identities=(Identity("virtual-disk", f"bk-1:{disk}"),), **at)
    inventory = fleet(datasets=(dataset(tier=tier),), protections=(protection(),))
    inventory = inventory.model_copy(update={"appliances": (STORE,), "hosts": (host("db-1", "east"), GUEST)})
    told = evidence(repositories={"nightly": kept})
    return case(told, inventory=inventory, request=request(targets))


def isolated(asked: Case) -> Finding:
    return backup_isolated.check(asked)


def verdict(asked: Case, *waivers: Waiver) -> Verdict:
    """The verdict as though every other check had passed."""
    told = [one for one in findings(asked).values() if one.check == "backup-isolated"]
    told += [Finding(module.CHECK.name, Outcome.PASSED, "well") for module in CHECKS if module is not backup_isolated]
    return decide(tuple(module.CHECK for module in CHECKS), tuple(told), When.START, waivers)


def attestation(of: Finding) -> Waiver:
    return Waiver("backup-isolated", of.digest, NOON + timedelta(hours=1), BY)


def test_two_people_carry_what_only_the_inventory_says_and_it_stays_red() -> None:
    asked = on_a_datastore()
    found = isolated(asked)
    assert (found.outcome, found.attestable) == (Outcome.UNKNOWN, True)
    assert "only the inventory says that it is datastore vmstore and vault-1" in found.because
    assert "east-1" not in found.because
    assert "two people attest it" in found.way_out
    assert not verdict(asked).opens
    carried = verdict(asked, attestation(found))
    assert carried.opens
    assert [one.by for one in carried.waived] == [BY]
    assert next(one for one in carried.findings if one.check == "backup-isolated").outcome is Outcome.UNKNOWN
    assert carried.valid_until is not None
    assert carried.valid_until <= NOON + timedelta(hours=1)


def test_data_of_tier_1_rest_on_no_attestation() -> None:
    asked = on_a_datastore(tier=1)
    found = isolated(asked)
    assert (found.outcome, found.attestable) == (Outcome.UNKNOWN, False)
    assert "tier 1 may not rest on what people attest" in found.because
    assert not verdict(asked, attestation(found)).opens


@pytest.mark.parametrize(
    "asked",
    [
        on_a_datastore("vdb"),
        on_a_datastore(targets=("east-1", "vault-1")),
        on_a_datastore(problem="no answer"),
        on_a_datastore(at=NOON - timedelta(hours=1)),
        case(
            evidence(repositories={"nightly": trace("nowhere", "60aa")}), inventory=fleet(protections=(protection(),))
        ),
        case(evidence(repositories={"nightly": trace("east-1", "60aa")}), inventory=fleet(protections=(protection(),))),
    ],
    ids=["a disk nobody declared", "on a target", "not traced", "stale", "nobody's port", "the same array"],
)
def test_nothing_else_about_isolation_is_for_people_to_attest(asked: Case) -> None:
    found = isolated(asked)
    assert found.outcome is not Outcome.PASSED
    assert not found.attestable
    assert not verdict(asked, attestation(found)).opens


def test_an_attestation_is_for_these_places_and_this_copy() -> None:
    signed = attestation(isolated(on_a_datastore()))
    moved = on_a_datastore()
    store = STORE.model_copy(update={"on_arrays": ("west-1",)})
    moved = replace(moved, inventory=moved.inventory.model_copy(update={"appliances": (store,)}))
    assert isolated(moved).attestable
    assert not verdict(moved, signed).opens


def test_of_two_datasets_both_must_be_for_people_to_attest() -> None:
    asked = on_a_datastore()
    lost = (*asked.inventory.datasets, dataset("other"))
    asked = replace(asked, inventory=asked.inventory.model_copy(update={"datasets": lost}))
    found = isolated(asked)
    assert found.outcome is Outcome.FAILED
    assert not found.attestable
