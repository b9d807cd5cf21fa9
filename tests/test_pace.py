"""How often an endpoint is connected to."""

import threading
import time

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gate.errors import Outside
from gate.hostkeys import HostKeys
from gate.inventory import Bastion, Ssh
from gate.ssh import relay
from gate.ssh.pace import Pace
from gate.ssh.wire import Timeouts


def test_a_few_at_once_and_then_one_after_the_other() -> None:
    pace, began = Pace(at_once=3, per_second=10), time.monotonic()
    at = []
    for _ in range(6):
        pace.wait("10.0.0.1", 22)
        at.append(time.monotonic() - began)
    assert at[5] >= 0.3 - 0.001, "three at once, three more at ten a second"


def test_endpoints_do_not_delay_each_other_and_threads_keep_to_one_pace() -> None:
    pace, began = Pace(at_once=1, per_second=10), time.monotonic()
    waited = list[float]()

    def connect(host: str) -> None:
        pace.wait(host, 22)
        waited.append(time.monotonic() - began)

    threads = [threading.Thread(target=connect, args=(host,)) for host in ("one", "two", "one", "two", "one")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(waited)[4] >= 0.2 - 0.001, "the third to one endpoint"


class Counted(Pace):
    """A pace that remembers who was connected to."""

    def __init__(self) -> None:
        super().__init__()
        self.met: list[tuple[str, int]] = []

    def wait(self, host: str, port: int) -> None:
        """Remember."""
        self.met.append((host, port))


def test_a_legacy_array_is_connected_to_at_the_pace_of_the_gate_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its runner is a new process for each connection, and knows of no other one."""
    pace = Counted()
    monkeypatch.setattr(relay, "PACE", pace)
    array, jump = Ssh(host="10.0.0.1", port=22), Ssh(host="10.0.0.9", port=2222)
    key, none, quick = Ed25519PrivateKey.generate(), HostKeys(()), Timeouts()
    via = Bastion(id="jump", ssh=jump, user="gate")
    with pytest.raises(Outside, match="no legacy runner is installed"):
        relay.connect_relayed(None, "old-1", array, user="monitor", key=key, pinned=none, via=via, timeouts=quick)
    with pytest.raises(Outside, match="no legacy runner is installed"):
        relay.key_relayed(None, "old-1", array, key=key, pinned=none, via=None, timeouts=quick)
    assert pace.met == [("10.0.0.9", 2222), ("10.0.0.1", 22), ("10.0.0.1", 22)]
