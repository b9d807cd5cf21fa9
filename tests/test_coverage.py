"""Every volume of an array is explained or is a gap with a name."""

from typing import Any

import pytest

from gate.coverage import Cover, Coverage, coverage, uses
from gate.evidence import Evidence, Volume
from gate.inventory import ArrayFamily, Plane, Unprotected
from tests.cases import DATA_LUN, VAULT_LUN, array, dataset, evidence, fleet, protection, reading, trace

SCRATCH, SPARE, ODD, SNAPSHOT = (f"6005076800000000000000000000000{digit}" for digit in "1234")
EAST = array("east-1")
SCRATCHED = EAST.model_copy(update={"scratch": EAST.scratch and EAST.scratch.model_copy(update={"uid": SCRATCH})})
NOBODYS = Unprotected(array="east-1", uid=SPARE, owner="storage-operations", reason="empty, for the next database")


def volume(uid: str, size: int = 1000, copy_of: tuple[str, ...] = ()) -> Volume:
    return Volume(uid[-4:], f"volume {uid[-4:]}", uid, size, copy_of)


def told(*volumes: Volume, **fields: Any) -> Evidence:
    arrays = {**evidence().arrays, "east-1": reading("east-1", volumes=volumes)}
    return evidence(**{"arrays": arrays, **fields})


def asked(seen: Evidence, **fields: Any) -> Coverage:
    given: dict[str, Any] = {"datasets": (dataset(owner="messaging"),), "protections": (protection(),), **fields}
    inventory = fleet(arrays=(SCRATCHED, *(array(name) for name in ("east-2", "west-1", "vault-1"))), **given)
    return coverage("east-1", seen, inventory.model_copy(update={"unprotected": (NOBODYS,)}))


def covers(found: Coverage) -> list[Cover]:
    return [row.cover for row in found.rows or ()]


def test_what_is_protected_scratch_or_declared_is_no_gap() -> None:
    found = asked(told(volume(DATA_LUN), volume(SCRATCH), volume(SPARE)))
    assert covers(found) == [Cover.PROTECTED, Cover.SCRATCH, Cover.DECLARED]
    assert (found.whole, found.percent, found.gaps) == (True, 100, ())
    rows = found.rows or ()
    assert (rows[0].datasets, rows[0].protections) == (("sidekick",), ("nightly",))
    assert rows[2].because == "storage-operations: empty, for the next database"


def test_what_a_switch_writes_on_is_scratch_on_whichever_array_it_lies() -> None:
    switch = SCRATCHED.model_copy(
        update={"id": "sw-a1", "family": ArrayFamily.BROCADE_FOS, "plane": Plane(fabrics=("east-a",))}
    )
    listed = evidence(arrays={"east-2": reading("east-2", volumes=(volume(SCRATCH), volume(ODD)))})
    assert covers(coverage("east-2", listed, fleet(arrays=(switch, array("east-2"))))) == [Cover.SCRATCH, Cover.GAP]
    other = fleet(arrays=(SCRATCHED, array("east-2")))
    assert covers(coverage("east-2", listed, other)) == [Cover.GAP, Cover.GAP]


def test_a_volume_that_nothing_explains_is_a_gap_with_its_share() -> None:
    found = asked(told(volume(DATA_LUN, 3000), volume(ODD, 1000)))
    assert [row.volume.uid for row in found.gaps] == [ODD]
    assert (found.whole, found.percent) == (False, 75)


def test_a_small_gap_never_rounds_up_to_the_whole() -> None:
    assert asked(told(volume(DATA_LUN, 10**15), volume(ODD, 1))).percent == 99
    assert asked(told(volume(ODD, 0))).percent == 0


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"protections": ()}, "sidekick lies on it and has no protection"),
        ({"datasets": (dataset(owner=None),)}, "sidekick lies on it and has no owner"),
        ({"datasets": (dataset("other", owner="messaging"),), "protections": ()}, "is not in the inventory"),
    ],
)
def test_data_without_an_owner_or_a_protection_are_a_gap(fields: dict[str, Any], words: str) -> None:
    found = asked(told(volume(DATA_LUN)), **fields)
    assert covers(found) == [Cover.GAP]
    assert words in found.gaps[0].because


def test_a_repository_and_what_recovery_needs_are_told_as_such() -> None:
    found = asked(
        told(
            volume(VAULT_LUN),
            volume(ODD),
            repositories={"nightly": trace("east-1", VAULT_LUN)},
            tools={"desk": trace("east-1", ODD)},
        )
    )
    assert covers(found) == [Cover.REPOSITORY, Cover.RECOVERY]
    restored = asked(told(volume(SNAPSHOT), scratches={"nightly": trace("east-1", SNAPSHOT)}))
    assert [(row.cover, row.because) for row in restored.rows or ()] == [
        (Cover.SCRATCH, "rehearsals of nightly restore there")
    ]


def test_a_snapshot_of_something_explained_is_a_copy_and_one_of_a_gap_is_a_gap() -> None:
    snapshot = volume(SNAPSHOT, copy_of=(DATA_LUN,))
    assert covers(asked(told(volume(DATA_LUN), snapshot))) == [Cover.PROTECTED, Cover.COPY]
    assert covers(asked(told(snapshot))) == [Cover.GAP]
    assert covers(asked(told(volume(ODD), volume(SNAPSHOT, copy_of=(ODD,))))) == [Cover.GAP, Cover.GAP]
    assert covers(asked(told(volume(DATA_LUN), volume(ODD, copy_of=(DATA_LUN, SNAPSHOT))), protections=())) == [
        Cover.GAP,
        Cover.GAP,
    ]


def test_a_share_is_of_bytes_and_a_gap_without_any_is_a_gap_all_the_same() -> None:
    assert asked(told(volume(DATA_LUN, 3000), volume(ODD))).percent == 75
    assert asked(told(volume(DATA_LUN, 505), volume(ODD, 495))).percent == 50
    assert asked(told(volume(DATA_LUN), volume(ODD, 0))).percent == 99
    assert asked(told(volume(ODD, 0))).percent == 0


def test_a_copy_of_something_explained_does_not_excuse_the_data_that_lie_on_it() -> None:
    seen = told(volume(ODD), volume(DATA_LUN, copy_of=(ODD,)), tools={"desk": trace("east-1", ODD)})
    assert covers(asked(seen, datasets=(dataset(owner=None),))) == [Cover.RECOVERY, Cover.GAP]


def test_a_copy_of_two_needs_both_explained() -> None:
    found = asked(told(volume(DATA_LUN), volume(ODD), volume(SNAPSHOT, copy_of=(DATA_LUN, ODD))))
    assert covers(found) == [Cover.PROTECTED, Cover.GAP, Cover.GAP]


def test_a_declaration_for_another_array_explains_nothing() -> None:
    moved = NOBODYS.model_copy(update={"array": "east-2"})
    inventory = fleet().model_copy(update={"unprotected": (moved,)})
    assert not coverage("east-1", told(volume(SPARE)), inventory).whole


@pytest.mark.parametrize("unknown", [(), ("volumes: the table is empty",)])
def test_an_array_that_lists_nothing_is_not_known_to_be_covered(unknown: tuple[str, ...]) -> None:
    mute = evidence(arrays={"east-1": reading("east-1", volumes=None, unknown=unknown)})
    found = asked(mute)
    assert (found.rows, found.percent, found.whole) == (None, None, False)
    assert found.because == (unknown[0] if unknown else "east-1 did not list its volumes")
    assert not asked(evidence(arrays={})).whole


def test_an_array_without_volumes_has_no_gap() -> None:
    assert (asked(told()).percent, asked(told()).whole) == (100, True)


def test_a_file_system_over_two_luns_covers_both() -> None:
    two = trace("east-1", DATA_LUN)
    both = trace("east-1", DATA_LUN, leaves=(*two.leaves, *trace("east-1", ODD).leaves))
    seen = told(volume(DATA_LUN), volume(ODD), datasets={"sidekick": both})
    assert covers(asked(seen)) == [Cover.PROTECTED, Cover.PROTECTED]
    assert uses(seen).datasets == {DATA_LUN: ("sidekick",), ODD: ("sidekick",)}


def test_two_datasets_on_one_volume_both_need_an_owner_and_a_protection() -> None:
    seen = told(volume(DATA_LUN), datasets={"sidekick": trace("east-1", DATA_LUN), "b": trace("east-1", DATA_LUN)})
    owned = (dataset(owner="messaging"), dataset("b", owner="messaging"))
    assert covers(asked(seen, datasets=owned)) == [Cover.GAP]
    assert covers(asked(seen, datasets=owned, protections=(protection(), protection("w", "b")))) == [Cover.PROTECTED]
