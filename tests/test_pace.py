"""How often an endpoint is connected to."""

import threading
import time

from gate.ssh.pace import Pace


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
