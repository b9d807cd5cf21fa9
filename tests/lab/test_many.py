"""Fleets of many arrays: an inventory that loads, and one lab process that answers for all of them."""

from pathlib import Path

import pytest
import yaml

from gate.errors import BadInput
from gate.inventory import ArrayFamily, Inventory
from gate.lab.dialects import DIALECTS
from gate.lab.many import fleet
from gate.lab.process import start
from tests.lab.fleets import GATE, pair, terminal
from tests.places import network

pytestmark = pytest.mark.filterwarnings("ignore:Exception ignored in. <function Popen.__del__")


def inventory(family: ArrayFamily, count: int, place: str) -> Inventory:
    return Inventory.model_validate(yaml.safe_load(fleet(family, count, place))["inventory"])


@pytest.mark.parametrize("family", DIALECTS)
def test_a_fleet_of_hundreds_of_any_family_is_an_inventory(family: ArrayFamily) -> None:
    made = inventory(family, 450, "127.77.1")
    assert len(made.arrays) == 450
    assert {array.ssh.host.rpartition(".")[0] for array in made.arrays} == {"127.77.1", "127.77.2", "127.77.3"}
    assert len({array.ssh.host for array in made.arrays}) == 450
    assert all((array.upload is not None) == DIALECTS[family].takes_sftp for array in made.arrays)


@pytest.mark.parametrize(("count", "place"), [(0, "127.77.1"), (5001, "127.77.1"), (400, "127.77.254")])
def test_a_fleet_that_does_not_fit_is_refused(count: int, place: str) -> None:
    with pytest.raises(BadInput, match="do not fit"):
        fleet(ArrayFamily.ONTAP, count, place)


def test_one_lab_answers_for_all_of_them(tmp_path: Path) -> None:
    made, monitor = inventory(ArrayFamily.DOTHILL, 40, network(70)), pair()
    lab = start(
        made,
        tmp_path / "lab",
        monitor_key=monitor.line,
        rehearse_key=pair().line,
        ca_key=pair().line,
        gate_initiator=GATE,
    )
    try:
        for array in (made.arrays[0], made.arrays[-1]):
            with terminal(array.ssh.host, "monitor", monitor, lab.known_hosts) as opened:
                assert array.serial in opened.run("show system").text
    finally:
        lab.stop()
