"""
From `lsblk` to the refusal, on real devices: target ports, multipath, LVM, file systems and sysfs of a real kernel.

Only the arrays' own command line is made up: what they tell of themselves is put beside what the kernel told of them.
"""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from gate.checks import backup_isolated
from gate.evidence import ArrayReading, Evidence, Trace, Volume
from gate.families.linux import follow, trace
from gate.finding import Outcome
from gate.inventory import Inventory
from gate.isolation import Isolation, Relation, relate
from gate.landscape import Map
from tests.cases import NOON, array, case, dataset, evidence, fleet, protection, reading, request
from tests.parts import need
from tests.real.virtual_san import VirtualSan

SUN_PORTS = ("naa.200400a0b847b1e0", "naa.200500a0b847b1e0")
FUJI_PORTS = ("naa.500000e0d0d20100", "naa.500000e0d0d20200")
FUJI_IQN = "iqn.2000-09.com.fujitsu:storage-system.eternus-dxl:00d0d2"
DATA, BACKUP, HALF = (f"600a0b847b1e000000000000000000a{number}" for number in (1, 2, 3))
VAULT, OTHER_HALF, BY_ISCSI = (f"600000ed0d2000000000000000000b{number}0" for number in (1, 2, 3))


@pytest.fixture(scope="module")
def san() -> Iterator[VirtualSan]:
    for part in ("multipathd", "vgcreate", "iscsistart", "mkfs.btrfs", "udevadm", "modprobe"):
        need(part)
    with VirtualSan(need("linux.uml")) as running:
        yield running


def traced(san: VirtualSan, path: str, mount: str | None = None) -> Trace:
    return follow(trace("guest", path, mount or path, NOON - timedelta(minutes=1)), san.ask)


def volumes(*luns: str) -> tuple[Volume, ...]:
    return tuple(Volume(str(number), f"volume{number}", lun, 24 << 20) for number, lun in enumerate(luns))


FLEET: Inventory = fleet(
    arrays=(array("east-1"), array("east-2"), array("vault-1")),
    datasets=(dataset(host="db-1"),),
    protections=(protection(),),
)


def told(*, listed: bool = True) -> dict[str, ArrayReading]:
    """What the arrays say of themselves: the Sun is east-1, the Fujitsu is vault-1."""
    return {
        "east-1": reading("east-1", target_ports=SUN_PORTS, volumes=volumes(DATA, BACKUP, HALF) if listed else None),
        "east-2": reading("east-2", volumes=() if listed else None),
        "vault-1": reading(
            "vault-1",
            target_ports=(*FUJI_PORTS, FUJI_IQN),
            volumes=volumes(VAULT, OTHER_HALF, BY_ISCSI) if listed else None,
        ),
    }


def related(here: Trace, there: Trace, *, listed: bool = True) -> Isolation:
    found = relate(here, there, Map(told(listed=listed), FLEET))
    assert relate(there, here, Map(told(listed=listed), FLEET)).relation is found.relation
    return found


def seen(san: VirtualSan, backup: str) -> Evidence:
    return evidence(
        arrays=told(),
        datasets={"sidekick": traced(san, "/srv/data")},
        repositories={"nightly": traced(san, backup)},
    )


def test_the_way_leads_over_lvm_and_multipath_to_one_lun_and_both_its_ports(san: VirtualSan) -> None:
    found = traced(san, "/srv/data/file", "/srv/data")
    assert found.problem == ""
    assert [hop.kind for hop in found.hops] == ["host", "mount", "lvm", "mpath", "disk", "disk", "map"]
    assert (found.lun, set(found.target_ports)) == (DATA, set(SUN_PORTS))
    assert "SUN STK6780" in found.hops[-1].detail


def test_scenario_1_two_luns_of_one_array_are_refused_by_the_two_ports_they_share(san: VirtualSan) -> None:
    data, backup = traced(san, "/srv/data"), traced(san, "/srv/backup")
    assert data.lun != backup.lun
    found = relate(data, backup, Map({}, FLEET))
    assert found.relation is Relation.SAME
    assert found.because == f"both are reached through the target ports {SUN_PORTS[0]} and {SUN_PORTS[1]}"
    finding = backup_isolated.check(case(seen(san, "/srv/backup"), inventory=FLEET))
    assert finding.outcome is Outcome.FAILED
    assert all(port in finding.because for port in SUN_PORTS)


def test_scenario_2_a_backup_on_the_array_of_a_later_wave_is_refused(san: VirtualSan) -> None:
    assert related(traced(san, "/srv/data"), traced(san, "/srv/vault")).relation is Relation.DIFFERENT
    asked = case(seen(san, "/srv/vault"), inventory=FLEET, request=request(("east-1", "vault-1")))
    finding = backup_isolated.check(asked)
    assert finding.outcome is Outcome.FAILED
    assert "nightly lies on vault-1, which this change itself touches" in finding.because


def test_a_backup_on_the_other_array_and_off_the_change_passes(san: VirtualSan) -> None:
    asked = case(seen(san, "/srv/vault"), inventory=FLEET, request=request(("east-1", "east-2")))
    assert backup_isolated.check(asked).outcome is Outcome.PASSED


def test_other_ports_alone_do_not_make_another_array(san: VirtualSan) -> None:
    vault, iscsi = traced(san, "/srv/vault"), traced(san, "/srv/iscsi")
    assert iscsi.target_ports == (FUJI_IQN,)
    assert not set(vault.target_ports) & set(iscsi.target_ports)
    assert relate(vault, iscsi, Map({}, FLEET)).relation is Relation.UNKNOWN
    assert related(vault, iscsi).because == "both lie on vault-1 (serial 0000020420E00031)"


def test_ports_that_the_arrays_tell_place_a_lun_without_lists_of_volumes(san: VirtualSan) -> None:
    found = related(traced(san, "/srv/data"), traced(san, "/srv/vault"), listed=False)
    assert found.relation is Relation.DIFFERENT


def test_scenario_10_an_unmounted_repository_is_named_as_such(san: VirtualSan) -> None:
    found = traced(san, "/srv/unmounted")
    assert found.problem == "not mounted: /srv/unmounted resolves to /srv on memory, not to /srv/unmounted"
    assert related(traced(san, "/srv/data"), found).relation is Relation.UNKNOWN
    assert "the path or device is not there" in traced(san, "/srv/nowhere").problem
    finding = backup_isolated.check(case(seen(san, "/srv/unmounted"), inventory=FLEET))
    assert (finding.outcome, "not mounted" in finding.because) == (Outcome.UNKNOWN, True)


def test_scenario_11_a_loop_file_leads_to_the_array_under_its_backing_file(san: VirtualSan) -> None:
    assert b'"children"' not in san.ask("lsblk -s -J /dev/loop0").stdout
    found = traced(san, "/srv/loop")
    assert (found.problem, found.lun) == ("", DATA)
    assert [hop.detail for hop in found.hops if hop.kind == "loop"] == ["/srv/data/repository.img"]
    assert related(traced(san, "/srv/vault"), found).relation is Relation.DIFFERENT
    assert related(traced(san, "/srv/data"), found).relation is Relation.SAME


def test_every_device_of_a_btrfs_counts_though_findmnt_names_one(san: VirtualSan) -> None:
    assert b"not a valid btrfs" in san.ask("btrfs filesystem show /srv/mirror").stderr
    found = traced(san, "/srv/mirror")
    assert (found.problem, {leaf.lun for leaf in found.leaves}, found.lun) == ("", {HALF, OTHER_HALF}, None)
    for other in ("/srv/data", "/srv/vault"):
        assert related(traced(san, other), found).relation is Relation.SAME


def test_a_file_system_that_tells_no_disk_is_unknown(san: VirtualSan) -> None:
    assert traced(san, "/run").problem == "/run is tmpfs, which does not tell on which disk its data lie"


def test_scenario_12_without_udev_the_kernel_still_tells_and_without_the_kernel_nothing_does(san: VirtualSan) -> None:
    before = traced(san, "/srv/data")
    san.change("mount -t tmpfs none /run/udev")
    blind = san.ask("lsblk -s -J -o NAME,WWN,SERIAL /dev/mapper/vga-data").stdout
    assert blind.count(b'"wwn": null') == blind.count(b'"name"') == 4
    without = traced(san, "/srv/data")
    assert (without.leaves, without.problem) == (before.leaves, "")

    disks = " ".join(hop.name for way in (without, traced(san, "/srv/iscsi")) for hop in way.hops if hop.kind == "disk")
    san.change(f"for disk in {disks}; do mount --bind /dev/null /sys/block/$disk/device/vpd_pg83 || exit; done")
    by_wwid = traced(san, "/srv/data")
    assert (by_wwid.lun, by_wwid.target_ports) == (DATA, ())
    assert related(by_wwid, traced(san, "/srv/vault"), listed=False).relation is Relation.UNKNOWN
    iscsi = traced(san, "/srv/iscsi")
    assert (iscsi.target_ports, iscsi.leaves[0].through) == ((), (FUJI_IQN,))
    assert relate(iscsi, iscsi, Map({}, FLEET)).relation is Relation.SAME

    san.change(f"for disk in {disks}; do mount --bind /dev/null /sys/block/$disk/device/wwid || exit; done")
    nameless = traced(san, "/srv/data")
    assert "tells no identity" in nameless.problem
    assert related(nameless, traced(san, "/srv/vault")).relation is Relation.UNKNOWN
