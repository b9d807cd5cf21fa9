"""
One change of each family that can be changed by command line, from request to a canary that held, over real wires.

The fleet is the demo's with another dialect on every array but the vault: real SSH, permits and iSCSI, the shipped
playbook, the product's readers. A family is in here by itself once it has a lab dialect and `upgrade.yaml`.
"""

import re
from collections.abc import Iterator

import pytest

from gate.errors import Refused
from gate.inventory import BEHIND_A_HOST, SWITCHES, ArrayFamily
from gate.lab.dialects import DIALECTS
from gate.lab.dialects.by_vendor import ByVendor
from gate.lab.identity import Identity
from gate.lab.images import Behaviour, LabImage, listing
from gate.settings import shipped
from tests.stories.conftest import quick
from tests.stories.stage import Stage, build

APART = (ArrayFamily.STORAGE_VIRTUALIZE, *SWITCHES)
"""The other stories are all told on storage-virtualize; switches have theirs in test_switches.py."""

FAMILIES = [
    family for family in DIALECTS if family not in APART and (shipped("playbooks") / family / "upgrade.yaml").exists()
]

TARGETS = ("east-1", "east-2", "east-3", "west-1", "west-2", "west-3")


def translated(text: str, family: ArrayFamily) -> str:
    """Give every array but the vault another dialect: who it is, its targets and LUNs, images, a place for uploads."""
    dialect = DIALECTS[family]
    serials = dict(re.findall(r"- id: (\S+).*?serial: (\w+)", text, re.DOTALL))
    known = f"{dialect.usual_model}\n      unit: UNIT" if family in BEHIND_A_HOST else dialect.usual_model
    for name in TARGETS:
        target = dialect.target_name.format(id=name)
        text = text.replace(f"iqn.1986-03.com.ibm:2145.{name}.node1", target)
        serial = serials[name].replace("E", "0")[-dialect.serial_digits :]
        text = text.replace(f"serial: {serials[name]}", f"serial: {serial}")
        unit = str(TARGETS.index(name) + 1) if family is ArrayFamily.HITACHI_VSP else f"lab-{name}"
        model = known.replace("UNIT", unit)
        text = re.sub(rf"(- id: {name}\b.*?model: )LAB-FS5", rf"\g<1>{model}", text, count=1, flags=re.DOTALL)
        old, new = Identity(serials[name], "", "", "", "60050768"), Identity(serial, "", "", "", dialect.company)
        for lun in (1, 2, 9):
            text = text.replace(old.naa(lun).hex(), new.naa(lun).hex())
        upload = r"\1\n      upload: {host: \2, port: 2223}" if dialect.takes_sftp else r"\1"
        text = re.sub(rf"(- id: {name}\b.*?family: )\S+", rf"\g<1>{family}", text, count=1, flags=re.DOTALL)
        ssh = rf"((?:- id: {name}\b)(?:(?!\n    - id: ).)*?\n      ssh: {{host: (\S+), port: 2222}})"
        text = re.sub(ssh, upload, text, count=1, flags=re.DOTALL)
    released = "".join(
        f"    - {{file: {file}, version: {version}, sha256: '{digest}', family: {family}, "
        f"models: [{dialect.usual_model}]}}\n"
        for file, version, digest in listing(dialect.images)
    )
    found = re.search(r"host: (127\.\d+\.\d+)\.11\b", text)
    assert found is not None
    text = text.replace("  server: ''  # host:port", f"  server: {found[1]}.61:8480  # host:port")
    return quick(text).replace("\nallowed_parts:", f"{released}\nallowed_parts:", 1)


def good(family: ArrayFamily) -> LabImage:
    return next(one for one in reversed(DIALECTS[family].images) if one.behaviour is Behaviour.GOOD)


@pytest.fixture(params=FAMILIES, scope="module")
def told(request: pytest.FixtureRequest) -> Iterator[tuple[ArrayFamily, Stage]]:
    made = build(edit=lambda text: translated(text, request.param), images=DIALECTS[request.param].images)
    try:
        made.open()
        made.ready()
        yield request.param, made
    finally:
        made.end()


def signed(told: tuple[ArrayFamily, Stage]) -> str:
    family, stage = told
    return stage.approved(good(family).version, family=family.value, playbook=f"{family}/upgrade")


def begun(told: tuple[ArrayFamily, Stage]) -> str:
    _, stage = told
    assert stage.gate is not None
    change = signed(told)
    view = stage.gate.control.start(stage.people["performer"], change)
    assert view["state"] == "running", view
    return change


def test_an_array_that_finds_a_reason_against_the_update_is_not_touched(told: tuple[ArrayFamily, Stage]) -> None:
    """What its vendor's own look tells at any time ends it at the start; the rest, when the playbook asks it."""
    family, stage = told
    assert stage.gate is not None
    control, change = stage.gate.control, ""
    if family not in BEHIND_A_HOST:
        change = signed(told)
    stage.lab.fault(family.value, "refuses-precheck")
    if family in BEHIND_A_HOST:  # what their tools say against an update is in every look at them
        with pytest.raises(Refused, match="nothing to sign"):
            signed(told)
    elif family in (ArrayFamily.DOTHILL, ArrayFamily.THREE_PAR):
        with pytest.raises(Refused, match=r"vendor-precheck is failed: .*west-3: "):
            control.start(stage.people["performer"], change)
        assert not any(stage.lab.array_counters().values())
    if family in (*BEHIND_A_HOST, ArrayFamily.DOTHILL, ArrayFamily.THREE_PAR):
        for name in TARGETS:
            stage.lab.clear(name)
        return

    control.start(stage.people["performer"], change)

    assert stage.wait_for(change, "halted", "held") == "halted"
    assert "precheck" in str(stage.gate.ledger.history(change)[-1].data)
    # A package that a cluster has fetched changes nothing that runs.
    assert all(set(counts) <= {"get"} for counts in stage.lab.array_counters().values())
    for name in TARGETS:
        stage.lab.clear(name)
    stage.gate.control.back_out(stage.people["performer"], change, "nothing was done")
    assert stage.wait_for(change, "backed out") == "backed out"


def by_hand(stage: Stage, change: str, version: str) -> None:
    """Be the vendor at the canary where the playbook has a step for them, and the two people who confirm it."""
    assert stage.gate is not None
    control = stage.gate.control
    for _ in stage.rounds():
        view = control.show(stage.people["performer"], change)
        if view["by_hand"] is not None:
            break
        assert view["state"] == "running", view
    stage.lab.fault("west-3", "vendor-loads", version)
    stage.until(lambda: stage.lab.status()["arrays"]["west-3"]["update"] == "idle")  # type: ignore[index]
    control.confirm(stage.people["performer"], change, word="done", by="a field engineer")
    control.confirm(stage.people["data-owner"], change, word="seen")


def test_a_change_runs_from_staging_to_a_canary_that_held(told: tuple[ArrayFamily, Stage]) -> None:
    family, stage = told
    change = begun(told)
    if issubclass(DIALECTS[family], ByVendor):
        by_hand(stage, change, good(family).version)

    assert stage.gate is not None
    came = stage.wait_for(change, "halted", "held", seconds=100)
    assert came == "held", [entry.data for entry in stage.gate.ledger.history(change)[-3:]]

    ended = [entry for entry in stage.gate.ledger.history(change) if entry.kind == "change.closed"]
    assert ended[0].data["outcome"] == "held"
    counters = {name: counts for name, counts in stage.lab.array_counters().items() if counts}
    assert list(counters) == ["west-3"]
    assert {name: count for name, count in counters["west-3"].items() if name != "get"}
    assert {count for name, count in counters["west-3"].items() if name != "get"} == {1}
    arrays = stage.lab.status()["arrays"]
    assert isinstance(arrays, dict)
    assert arrays["west-3"]["version"] == good(family).version
    assert arrays["west-2"]["version"] == DIALECTS[family].first_version
