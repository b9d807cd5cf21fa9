"""One management host for two arrays: one pinned key, a tool that is told which array it means, no way to change."""

from collections.abc import Iterator

import paramiko
import pytest
import yaml

from gate.inventory import ArrayFamily, Inventory
from gate.lab.client import Lab
from gate.lab.many import fleet
from gate.lab.process import start
from tests.lab.certs import certify, loaded
from tests.lab.fleets import GATE, Terminal, pair, terminal
from tests.places import network

MONITOR, AUTHORITY, HOLDER = pair(), pair(), pair()
PLACE = f"{network(73)}.11"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Two Sun arrays with targets of their own, both behind the first one's address."""
    written = yaml.safe_load(fleet(ArrayFamily.SUN_STORAGETEK, 2, network(73)))["inventory"]
    written["arrays"][1]["ssh"] = written["arrays"][0]["ssh"]
    running = start(
        Inventory.model_validate(written),
        tmp_path_factory.mktemp("behind"),
        monitor_key=MONITOR.line,
        rehearse_key=pair().line,
        ca_key=AUTHORITY.line,
        gate_initiator=GATE,
        pace=0.1,
    )
    yield running
    running.stop()


@pytest.fixture
def tool(lab: Lab) -> Iterator[Terminal]:
    with terminal(PLACE, "monitor", MONITOR, lab.known_hosts) as opened:
        yield opened


def profile(unit: str) -> str:
    return f'SMcli {unit} -c "show storageArray profile;"'


def test_each_array_answers_by_its_name_with_its_own_serial_and_no_other_name_is_known(tool: Terminal) -> None:
    first, second = (tool.run(profile(f"array-000{number}")).text for number in (1, 2))
    assert "(ID): 0000030000000001" in first
    assert "(ID): 0000030000000002" in second
    stranger = tool.run(profile("array-0003"))
    assert "SMcli failed." in stranger.text
    assert "(ID)" not in stranger.text


def test_an_array_that_is_away_is_told_by_the_tool_and_its_neighbour_answers(lab: Lab, tool: Terminal) -> None:
    lab.fault("array-0001", "offline")
    assert "could not be opened" in tool.run(profile("array-0001")).text
    assert "(ID): 0000030000000002" in tool.run(profile("array-0002")).text
    lab.clear("array-0001")
    assert "(ID): 0000030000000001" in tool.run(profile("array-0001")).text


def test_one_host_has_one_key_and_no_certificate_opens_it(lab: Lab) -> None:
    pins = lab.known_hosts.read_text().splitlines()
    assert [pin.split(" ", 1)[0] for pin in pins] == [f"[{PLACE}]:2222"]
    for name in ("array-0001", "array-0002"):
        key = loaded(certify(AUTHORITY, HOLDER, name), HOLDER)
        with pytest.raises(paramiko.AuthenticationException), terminal(PLACE, "fwadmin", key, lab.known_hosts):
            pass
