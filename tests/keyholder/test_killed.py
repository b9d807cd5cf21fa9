"""`sangate keyholder run` killed without warning while it makes permits: what was given is known afterwards."""

import os
import random
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta

from gate.canonical import utc
from gate.change import Phase
from gate.errors import GateError
from gate.keys import public_line
from tests.engine.histories import CANARY, PLAN, plan
from tests.keyholder.running import running
from tests.keyholder.world import SEATS, World

SEED = 20091010
MUTATING = [number for number, step in enumerate(PLAN.forward) if step.mutates][:2]


@contextmanager
def process(world: World) -> Iterator["subprocess.Popen[str]"]:
    file = world.home / "keyholder.yaml"
    people = "\n".join(
        f'  - {{id: {name}, seats: [{seat}], keys: ["{public_line(world.people[name], name)}"]}}'
        for name, seat in SEATS.items()
    )
    file.write_text(
        f'ledger: ["{world.ledger.vkey}"]\nsocket: {world.socket}\nclients: ["{os.getuid()}"]\n'
        "policy: {seats: [storage, data-owner], waiver_seats: [data-owner, change-manager], approval_lifetime: 72h,\n"
        "  permit_lifetime: 5m, evidence_max_age: 15m, window_max: 24h}\n"
        f"approvers:\n{people}\narrays: [{{id: {CANARY}}}]\n"
    )
    with running(file, world.home / "keyholder") as started:
        yield started


def test_every_permit_that_was_given_is_known_after_a_kill_and_it_answers_again(world: World) -> None:
    rolled, given = random.Random(SEED), set[str]()
    world.now = datetime.now(UTC)
    opens, closes = (utc(world.now + timedelta(hours=hours)) for hours in (-1, 4))
    world.plan = plan(window_opens=opens, window_closes=closes)
    world.ready()
    for number in MUTATING:
        with process(world) as running:
            threading.Timer(rolled.uniform(0.02, 0.4), running.send_signal, (signal.SIGKILL,)).start()
            with suppress(GateError):
                for _ in range(9):
                    given.add(str(world.ask(Phase.FORWARD, number).serial))
            running.wait(60)
    with process(world), world.memory() as memory:
        known = {row[0] for row in memory.permits()}
        assert given <= known, "a permit that left and is not remembered"
        assert memory.head().size <= world.ledger.size()
        assert str(world.ask(Phase.FORWARD, MUTATING[0]).serial) not in known
