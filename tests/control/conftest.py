"""One installation for the whole room, under the policy that counts signatures by enrolled keys only."""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gate.approval import NAMESPACE
from gate.control.door import Control
from gate.keys import own, public_line
from gate.ledger.entry import Entry
from gate.lifecycle import fold
from gate.person import Person
from gate.standing import Standing
from tests.parts import need
from tests.stories.conftest import quick
from tests.stories.stage import GOOD, PASSWORD, Stage, build

EDITS = (
    ("  approvals: session  # for the demo", "  approvals: signed  # for the test"),
    (
        "    - id: gate-machine",
        "    - {id: vmstore, site: east, medium: datastore, on_arrays: [east-1]}\n    - id: gate-machine",
    ),
    ("      family: linux  # its", "      disks: [{disk: vda, datastore: vmstore}]\n      family: linux  # its"),
)


def signed(text: str) -> str:
    """The demo's configuration without its session approvals, and with a datastore in which nothing lies."""
    for asked, other in EDITS:
        assert asked in text
        text = text.replace(asked, other)
    return quick(text)


@dataclass
class Room:
    """The stage, and the keys of those who sign."""

    stage: Stage
    keys: Path

    @property
    def control(self) -> Control:
        assert self.stage.gate is not None
        return self.stage.gate.control

    def who(self, name: str) -> Person:
        """The person as the gate knows them now."""
        assert self.stage.gate is not None
        return self.stage.gate.people.get(name)

    def opened(self, **changed: Any) -> str:
        """Open a change; nothing is checked."""
        text = self.stage.request(GOOD, **changed)
        return str(self.control.open(self.who("storage-engineer"), text, "change.yaml")["id"])

    def checked(self) -> str:
        """Open a change and check it: it waits for signatures."""
        change = self.opened()
        assert self.control.check(self.who("storage-engineer"), change)["state"] == "open"
        return change

    def sign(self, text: str, key: str, namespace: str = NAMESPACE) -> str:
        """Sign as people do: with ssh-keygen and the key of that name."""
        made = subprocess.run(
            [need("ssh-keygen"), "-Y", "sign", "-f", str(self.keys / key), "-n", namespace],
            input=text.encode(),
            capture_output=True,
            check=True,
        )
        return made.stdout.decode()

    def approve(self, change: str, name: str, seat: str) -> dict[str, Any]:
        """Fill a seat with a signature."""
        text = self.control.statement(self.who(name), change, seat, "approve")
        return self.control.approve(self.who(name), change, seat=seat, statement=text, signature=self.sign(text, name))

    def entries(self, change: str) -> tuple[Entry, ...]:
        assert self.stage.gate is not None
        return self.stage.gate.ledger.history(change)

    def standing(self, change: str) -> Standing:
        return fold(self.entries(change))

    def last(self) -> Entry:
        """The newest entry of the whole log."""
        assert self.stage.gate is not None
        size = self.stage.gate.ledger.size()
        return next(iter(self.stage.gate.ledger.entries(size - 1, size)))


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    stage = build(edit=signed)
    try:
        stage.open()
        stage.ready()
        made = Room(stage, tmp_path_factory.mktemp("keys"))
        for name in ("storage-lead", "data-owner"):
            made.control.enrol_key(made.who(name), public_line(own(made.keys / name), name), PASSWORD)
        own(made.keys / "stranger")
        for name in ("storage-lead", "data-owner", "stranger"):
            (made.keys / f"{name}.pub").write_text(public_line(own(made.keys / name), name) + "\n")
        yield made
    finally:
        stage.end()
