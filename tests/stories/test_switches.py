"""
Firmware of switches, from request to a canary that held: two fabrics of two makers, and never both at once.

The demo's arrays in the east hang on fabric east-a, of two Fabric OS switches, and on east-b, of two MDS directors.
Each switch has a LUN of east-2 as its scratch, at a portal that is reached over that switch alone.
"""

from collections.abc import Iterator

import pytest

from gate.inventory import ArrayFamily
from gate.lab.dialects import DIALECTS
from gate.lab.dialects.by_vendor import ByVendor
from gate.lab.identity import Identity
from gate.lab.images import listing
from gate.settings import load, shipped
from tests.stories.conftest import quick
from tests.stories.stage import Stage, build

FOS, MDS = ArrayFamily.BROCADE_FOS, ArrayFamily.NXOS_MDS
FABRICS = {FOS: "east-a", MDS: "east-b"}
NAMES = {FOS: ("fos-1", "fos-2"), MDS: ("mds-1", "mds-2")}
SERIALS = {"fos-1": "10000027f8aa0001", "fos-2": "10000027f8aa0002", "mds-1": "LAB19480051", "mds-2": "LAB19480052"}
BEHIND = "iqn.1986-03.com.ibm:2145.east-2.node1"


def entry(name: str, family: ArrayFamily, lun: int, network: str) -> str:
    uid = Identity("0000020420E00012", "", "", "").naa(lun).hex()
    place = f"{network}.{50 + lun}"
    return (
        f"    - id: {name}\n      site: east\n      family: {family}\n      model: {DIALECTS[family].usual_model}\n"
        f"      serial: {SERIALS[name]}\n      criticality: high\n      ssh: {{host: {place}, port: 2222}}\n"
        f'      scratch: {{portal: {place}, port: 3260, target: "{BEHIND}", lun: {lun}, blocks: 256, uid: {uid}}}\n'
        f"      plane: {{fabrics: [{FABRICS[family]}]}}\n"
    )


def with_switches(text: str) -> str:
    """Put four switches before the arrays that they carry, and release their images."""
    network = text.split("portal: ", 1)[1].split("\n", 1)[0].rpartition(".")[0]
    pairs = [(name, family) for family, names in NAMES.items() for name in names]
    entries = "".join(entry(name, family, 21 + number, network) for number, (name, family) in enumerate(pairs))
    released = "".join(
        f"    - {{file: {file}, version: {version}, sha256: '{digest}', family: {family}, "
        f"models: [{DIALECTS[family].usual_model}]}}\n"
        for family in NAMES
        for file, version, digest in listing(DIALECTS[family].images)
    )
    text = text.replace("  # - id: fos-1", f"{entries}  # - id: fos-1", 1)
    return quick(text).replace("\nallowed_parts:", f"{released}\nallowed_parts:", 1)


@pytest.fixture(scope="module")
def san() -> Iterator[Stage]:
    images = tuple(image for family in NAMES for image in DIALECTS[family].images)
    made = build(edit=with_switches, images=images)
    try:
        for family in NAMES:
            books = made.settings.path.parent / "playbooks" / family
            books.mkdir(parents=True)
            for book in (shipped("playbooks") / family).iterdir():
                (books / book.name).write_text(book.read_text().replace("every: 10s", "every: 1s"))
        made.settings = load(made.settings.path, made.settings.data)
        made.open()
        made.ready()
        yield made
    finally:
        made.end()


def asked_for(family: ArrayFamily, version: str) -> dict[str, str]:
    return {
        "version": version,
        "family": family.value,
        "playbook": f"{family}/upgrade",
        "targets": f"[{', '.join(NAMES[family])}]",
    }


def started(san: Stage, family: ArrayFamily, version: str) -> str:
    assert san.gate is not None
    change = san.approved(**asked_for(family, version))
    view = san.gate.control.start(san.people["performer"], change)
    assert view["state"] == "running", view
    return change


def canary_of(san: Stage, change: str) -> str:
    assert san.gate is not None
    sealed = san.gate.control.show(san.people["performer"], change)["plan"]
    assert isinstance(sealed, dict)
    return str(sealed["canary"])


def load_by_hand(san: Stage, change: str, family: ArrayFamily, version: str) -> None:
    """Be the performer at the console of the canary, and the two people who confirm it."""
    assert san.gate is not None
    control, canary = san.gate.control, canary_of(san, change)
    dialect = DIALECTS[family]
    assert issubclass(dialect, ByVendor)
    for _ in san.rounds():
        view = control.show(san.people["performer"], change)
        if view["by_hand"] is not None:
            break
        assert view["state"] == "running", view
    san.lab.fault(canary, dialect.hand, version)
    san.until(lambda: san.lab.status()["arrays"][canary]["update"] == "idle")  # type: ignore[index]
    control.confirm(san.people["performer"], change, word="done")
    control.confirm(san.people["data-owner"], change, word="seen")


def versions(san: Stage) -> dict[str, str]:
    arrays = san.lab.status()["arrays"]
    assert isinstance(arrays, dict)
    return {name: arrays[name]["version"] for names in NAMES.values() for name in names}


def test_while_a_change_of_one_fabric_may_begin_one_of_the_other_is_refused_with_the_pair(san: Stage) -> None:
    assert san.gate is not None
    control, engineer = san.gate.control, san.people["storage-engineer"]
    wanted = ((FOS, "v9.1.1d"), (MDS, "8.4-2f"))
    files = [san.request(**asked_for(family, version)) for family, version in wanted]
    first, second = (str(control.open(engineer, text, "change.yaml")["id"]) for text in files)
    assert control.check(engineer, first)["state"] == "open"
    view = control.check(engineer, second)
    said = {found["check"]: found for found in view["verdict"]["findings"]}["fabrics-apart"]
    assert (view["state"], said["outcome"]) == ("refused", "failed")
    assert f"db-1 would lose both fabrics to fos-1 ({first} (open)) (east-a) and mds-1 (east-b)" in said["because"]
    for change in (first, second):
        control.withdraw(engineer, change, "one after the other")


def test_a_switch_that_spoils_what_passes_is_found_by_the_data_behind_it_and_goes_back(san: Stage) -> None:
    assert san.gate is not None
    change = started(san, FOS, "v9.2.0b")
    load_by_hand(san, change, FOS, "v9.2.0b")

    assert san.wait_for(change, "halted", "held", seconds=100) == "halted"
    assert "data" in str(san.gate.ledger.history(change)[-1].data)
    san.gate.control.back_out(san.people["performer"], change, "the canary failed")
    assert san.wait_for(change, "backed out", seconds=100) == "backed out"
    assert set(versions(san).values()) == {DIALECTS[FOS].first_version, DIALECTS[MDS].first_version}


@pytest.mark.parametrize(("family", "version"), [(FOS, "v9.2.0a"), (MDS, "9.2-2")])
def test_a_change_of_one_fabric_runs_from_staging_to_a_canary_that_held(
    san: Stage, family: ArrayFamily, version: str
) -> None:
    assert san.gate is not None
    change = started(san, family, version)
    load_by_hand(san, change, family, version)

    came = san.wait_for(change, "halted", "held", seconds=100)
    assert came == "held", [entry.data for entry in san.gate.ledger.history(change)[-3:]]
    watched = [entry.data for entry in san.gate.ledger.history(change) if entry.data.get("role") == "host"]
    assert {one["array"] for one in watched} == {"db-1"}
    ended = {one["name"]: one["outcome"] for one in watched if one["round"] > 0}  # type: ignore[operator]
    kinds = ("host-sessions", "host-disks", "host-raid", "host-own-disks", "host-firmware")
    assert ended == dict.fromkeys(kinds, "passed")
    moved = {name: one for name, one in versions(san).items() if name in NAMES[family]}
    assert moved.pop(canary_of(san, change)) == version
    assert set(moved.values()) == {DIALECTS[family].first_version}
