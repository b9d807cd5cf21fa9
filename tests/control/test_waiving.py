"""Two people waive one finding with real signatures, or attest what nobody can measure; nobody else, nothing else."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest

from gate.assembly import now
from gate.canonical import utc
from gate.errors import GateError, Refused
from gate.evidence import Evidence, Identity
from gate.keys import own, public_line
from gate.person import Role
from gate.policy import Seat
from gate.waiver import NAMESPACE
from tests.control.conftest import Room
from tests.stories.stage import PASSWORD


@pytest.fixture(scope="module", autouse=True)
def manager(room: Room) -> None:
    """Somebody for the second seat that waives, with a key; they could perform, too."""
    room.control.add_person(None, "manager", PASSWORD, (Role.PERFORMER,), (Seat.CHANGE_MANAGER,))
    line = public_line(own(room.keys / "manager"), "manager")
    room.control.enrol_key(room.who("manager"), line, PASSWORD)
    (room.keys / "manager.pub").write_text(line + "\n")


def check(room: Room, change: str) -> dict[str, Any]:
    return room.control.check(room.who("storage-engineer"), change)


def waive(room: Room, change: str, named: str, name: str, seat: str, **fields: str) -> None:
    until = fields.get("expires", utc(now() + timedelta(hours=1)))
    text = room.control.waiver(room.who(name), change, named, seat, "the array is in a museum", until)
    signature = room.sign(text, fields.get("key", name), fields.get("namespace", NAMESPACE))
    room.control.waive(room.who(name), change, check=named, seat=seat, statement=text, signature=signature)


def row(view: dict[str, Any], named: str) -> dict[str, Any]:
    return next(one for one in view["verdict"]["findings"] if one["check"] == named)


def refused(room: Room, change: str, attempt: Callable[[], object], match: str) -> None:
    with pytest.raises(GateError, match=match):
        attempt()
    assert room.entries(change)[-1].kind == "attempt.refused"


def test_a_finding_is_waived_by_two_signatures_from_the_next_check_on_and_stays_red(room: Room) -> None:
    change = room.opened(restore_plan="{tiers: [{items: [sidekick/contacts], rto: 1h}], tools: [restore-desk]}")
    assert check(room, change)["state"] == "refused"
    waive(room, change, "restore-planned", "data-owner", "data-owner")
    assert check(room, change)["state"] == "refused"
    waive(room, change, "restore-planned", "manager", "change-manager")
    view = check(room, change)
    assert view["state"] == "open"
    assert (row(view, "restore-planned")["outcome"], row(view, "restore-planned")["waived"]) == ("failed", True)
    assert view["verdict"]["valid_until"] <= utc(now() + timedelta(hours=1))
    no = "somebody who approved or waived does not perform"
    refused(room, change, lambda: room.control.start(room.who("manager"), change), no)
    assert room.control.show(room.who("manager"), change)["may"]["start"] == no


def test_who_or_what_may_not_waive_is_refused_and_the_attempt_is_an_entry(room: Room) -> None:
    change = room.opened(restore_plan="{tiers: [{items: [sidekick/contacts], rto: 1h}], tools: [restore-desk]}")
    check(room, change)
    for named, name, seat, match in (
        ("restore-planned", "storage-lead", "storage", "lets no seat storage waive"),
        ("backup-isolated", "data-owner", "data-owner", "never waived"),
        ("backup-recent", "data-owner", "data-owner", "nothing to waive"),
        ("restore-planned", "manager", "data-owner", "does not hold the seat"),
    ):
        with pytest.raises(GateError, match=match):
            waive(room, change, named, name, seat)
    by_another_key = {"key": "stranger"}
    refused(
        room,
        change,
        lambda: waive(room, change, "restore-planned", "data-owner", "data-owner", **by_another_key),
        "not enrolled",
    )
    too_long = utc(now() + timedelta(days=30))
    with pytest.raises(Refused, match="waiver_lifetime"):
        waive(room, change, "restore-planned", "data-owner", "data-owner", expires=too_long)
    refused(
        room,
        change,
        lambda: room.control.waive(
            room.who("data-owner"), change, check="restore-planned", seat="data-owner", reason="r", expires=too_long
        ),
        "signatures by enrolled keys only",
    )
    assert check(room, change)["state"] == "refused"


def on_a_hypervisors_disk(told: Evidence) -> Evidence:
    """The same evidence, but the data lie on a disk that a hypervisor gives to their host."""
    trace = replace(told.datasets["sidekick"], leaves=(), identities=(Identity("virtual-disk", "db-1:vda"),))
    return replace(told, datasets={**told.datasets, "sidekick": trace})


def test_what_nobody_can_measure_is_attested_by_two_people_and_named_as_such(room: Room) -> None:
    assert room.stage.gate is not None
    gathering = room.stage.gate.gathering
    gather = gathering.gather
    with patch.object(gathering, "gather", lambda *asked, **how: on_a_hypervisors_disk(gather(*asked, **how))):
        change = room.opened()
        found = row(check(room, change), "backup-isolated")
        assert (found["outcome"], found["attestable"], found["waived"]) == ("unknown", True, False)
        waive(room, change, "backup-isolated", "data-owner", "data-owner")
        waive(room, change, "backup-isolated", "manager", "change-manager")
        found = row(check(room, change), "backup-isolated")
        assert (found["outcome"], found["attestable"], found["waived"]) == ("unknown", True, True)
