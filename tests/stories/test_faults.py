"""What breaks around the gate: hostile arrays, bad images, a full disk, a clock set back. Nothing of it passes."""

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gate.assembly import now
from gate.errors import GateError, Outside
from gate.lab.images import IMAGES, listing
from gate.ledger.entry import Entry
from gate.lifecycle import fold
from gate.standing import Standing
from tests.stories.conftest import quick
from tests.stories.stage import FLIPS, GOOD, PASSWORD, Stage, build

CANARY = "west-3"
FLEET = ("east-1", "east-2", "east-3", "west-1", "west-2", "west-3")
VERSION = {image.behaviour.value: image.version for image in IMAGES}


def released(text: str) -> str:
    """Every lab image on the allow list, short waits for devices, a short soak."""
    known = "".join(
        f"    - {{file: {file}, version: {version}, sha256: '{digest}',"
        " family: storage-virtualize, models: [LAB-FS5]}\n"
        for file, version, digest in listing()
        if version not in (GOOD, FLIPS)
    )
    text = quick(text).replace("\nallowed_parts:", f"{known}\nallowed_parts:", 1)
    text = text.replace("  connect_timeout: 5s ", "  connect_timeout: 4s ")
    return text.replace("  command_timeout: 30s ", "  command_timeout: 6s ")


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    made = build(edit=released)
    try:
        made.open()
        made.ready()
        yield made
    finally:
        made.end()


def history(stage: Stage, change: str) -> tuple[Entry, ...]:
    assert stage.gate is not None
    return stage.gate.ledger.history(change)


def standing(stage: Stage, change: str) -> Standing:
    return fold(history(stage, change))


def finding(stage: Stage, change: str, name: str) -> dict[str, Any]:
    """Check the change now and return what one check found."""
    assert stage.gate is not None
    view = stage.gate.control.check(stage.people["storage-engineer"], change)
    return next(found for found in view["verdict"]["findings"] if found["check"] == name)


def opened(stage: Stage, version: str = GOOD) -> str:
    assert stage.gate is not None
    text = stage.request(version)
    return str(stage.gate.control.open(stage.people["storage-engineer"], text, "change.yaml")["id"])


def begun(stage: Stage, version: str) -> str:
    assert stage.gate is not None
    change = stage.approved(version)
    stage.gate.control.start(stage.people["performer"], change)
    return change


def back_out(stage: Stage, change: str) -> None:
    assert stage.gate is not None
    stage.gate.control.back_out(stage.people["performer"], change, "this story ends here")
    assert stage.wait_for(change, "backed out") == "backed out"


HOSTILE = (
    ("hang-banner", "close-mid-reply", "flood", "bad-utf8", "escapes", "other-prompt"),
    ("changed-host-key", "refuse", "offline", "slow", "partner-dead", "drive-failed"),
    ("alert", "rebuild", "host-degraded"),
)
VALUE = {"slow": "60", "flood": "4", "alert": "battery fault"}


@pytest.mark.parametrize("faults", HOSTILE, ids=" ".join)
def test_an_array_that_misbehaves_is_never_called_well_and_is_again_when_it_behaves(
    stage: Stage, faults: tuple[str, ...]
) -> None:
    """Each array of the change has a fault of its own; one check has to end, and name all of them."""
    change = opened(stage)
    ill = dict(zip(FLEET, faults, strict=False))
    for array, fault in ill.items():
        stage.lab.fault(array, fault, VALUE.get(fault, ""))
    try:
        found = finding(stage, change, "array-healthy")
    finally:
        for array in ill:
            stage.lab.clear(array)
    assert found["outcome"] in ("failed", "unknown")
    assert found["because"].isprintable()
    said = dict(sentence.split(": ", 1) for sentence in found["because"].split("; ") if ": " in sentence)
    for array, fault in ill.items():
        assert said.get(array), f"{fault} went unnoticed: {found['because']}"
    assert standing(stage, change).state == "refused"

    assert finding(stage, change, "array-healthy")["outcome"] == "passed"
    assert standing(stage, change).state == "open"


@pytest.mark.parametrize("spoil", ["missing", "directory", "symlink"])
def test_an_image_that_is_no_plain_file_is_never_approved(stage: Stage, tmp_path: Path, spoil: str) -> None:
    change = opened(stage)
    image = stage.settings.images / f"lab-{GOOD}.img"
    kept = image.rename(tmp_path / "kept.img")
    try:
        if spoil == "directory":
            image.mkdir()
        if spoil == "symlink":
            image.symlink_to(kept)
        found = finding(stage, change, "image-approved")
    finally:
        if spoil == "directory":
            image.rmdir()
        image.unlink(missing_ok=True)
        kept.rename(image)
    assert found["outcome"] in ("failed", "unknown")
    assert {"missing": "No such file", "directory": "directory", "symlink": "link"}[spoil] in found["because"]
    assert standing(stage, change).state == "refused"


@contextmanager
def full_disk() -> Iterator[None]:
    """No file of this process may grow beyond its first kilobyte: the ledger's, the blobs', the working database's."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_on_a_full_disk_nothing_starts_and_with_room_again_it_goes_on(stage: Stage) -> None:
    """Promise 8: no entry, no effect. In mid-stage nothing is sent, and nothing is sent twice afterwards."""
    assert stage.gate is not None
    control, people, ledger = stage.gate.control, stage.people, stage.gate.ledger
    change = stage.approved(FLIPS)
    before, counters = ledger.size(), stage.lab.array_counters()
    with full_disk():
        for attempt in (
            lambda: control.start(people["performer"], change),
            lambda: control.hold(people["auditor"], change, "smoke"),
            lambda: control.open(people["storage-engineer"], stage.request(), "change.yaml"),
            lambda: control.enrol_key(people["storage-lead"], PUBLIC, PASSWORD),
            lambda: control.add_person(None, "intruder", PASSWORD),
        ):
            with pytest.raises(Outside) as error:
                attempt()
            assert "cannot be" in error.value.message or "cannot keep" in error.value.message
        assert control.show(people["auditor"], change)["state"] == "open", "reading goes on"
    assert ledger.size() == before
    assert stage.lab.array_counters() == counters
    assert "intruder" not in stage.gate.people.all()
    assert stage.gate.people.get("storage-lead").keys == ()

    control.start(people["performer"], change)
    stage.comes(change, "step.ended", "nothing-running")
    with full_disk():
        time.sleep(2)
    assert stage.wait_for(change, "halted") == "halted"
    after = stage.lab.array_counters()[CANARY]
    for name in ("prepare", "apply"):
        assert after.get(name, 0) - counters[CANARY].get(name, 0) == 1
    back_out(stage, change)


PUBLIC = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPRdYyCYXgqzPZwFDs2Bd8vGuRUYiDNL8Ss0Pv5mlLC9"


class Turned:
    """The wall clock, turned by hand."""

    by = timedelta(0)

    def __call__(self) -> datetime:
        return now() + self.by


def test_with_the_clock_set_back_nothing_is_entered_and_so_nothing_starts(stage: Stage) -> None:
    assert stage.gate is not None
    change = stage.approved(FLIPS)
    stage.gate.close()
    clock = Turned()
    gate = stage.open(clock)
    try:
        size = gate.ledger.size()
        clock.by = timedelta(seconds=-90)
        for attempt in (
            lambda: gate.control.start(stage.people["performer"], change),
            lambda: gate.control.hold(stage.people["auditor"], change, "smoke"),
            lambda: gate.control.sign_in("auditor", PASSWORD, "session"),
        ):
            with pytest.raises(GateError, match=r"the clock is .* behind the last entry"):
                attempt()
        assert gate.ledger.size() == size
        clock.by = timedelta(0)
        gate.control.withdraw(stage.people["storage-engineer"], change, "the clock is right again")
    finally:
        gate.close()
        stage.open()


def _held_after_the_upload(stage: Stage) -> str:
    """Begin a change and hold it between upload and prepare, where a slow look leaves the time for it."""
    assert stage.gate is not None
    change = begun(stage, FLIPS)
    stage.comes(change, "step.ended", "nothing-running")
    stage.lab.fault(CANARY, "slow", "4")
    stage.comes(change, "step.intended", "stage")
    stage.gate.control.hold(stage.people["auditor"], change, "the line is bad")
    stage.comes(change, "step.ended", "stage")
    stage.lab.clear(CANARY, "slow")
    return change


@pytest.mark.parametrize(("fault", "value"), [("lose-reply", "2"), ("late", "0.5")])
def test_a_reply_that_was_lost_is_looked_after_and_nothing_is_sent_twice(stage: Stage, fault: str, value: str) -> None:
    """
    The array accepts prepare and apply and drops the connection each time instead of answering.

    Late, it shows at first that nothing was begun: whoever sent it again then would have it twice.
    """
    assert stage.gate is not None
    counters = stage.lab.array_counters()[CANARY]
    if fault == "late":  # an upload is none of the commands that it touches
        stage.lab.fault(CANARY, fault, value)
        change = begun(stage, FLIPS)
    else:
        change = _held_after_the_upload(stage)
        stage.lab.fault(CANARY, fault, value)
        stage.gate.control.resume(stage.people["performer"], change, "try it")
    assert stage.wait_for(change, "halted", seconds=100) == "halted"
    stage.lab.clear(CANARY, fault)
    looks = {str(e.data["step"]): e.data["result"] for e in history(stage, change) if e.kind == "step.looked"}
    assert looks == {"prepare": "done", "apply": "done"}
    after = stage.lab.array_counters()[CANARY]
    assert [after.get(name, 0) - counters.get(name, 0) for name in ("prepare", "apply")] == [1, 1]
    back_out(stage, change)


@pytest.mark.parametrize(
    ("behaviour", "said"),
    [("stalls", "stalled"), ("wrong-version", "version"), ("eio", "inconclusive"), ("slow", "reads +")],
)
def test_an_image_that_goes_wrong_stops_at_the_canary_and_is_taken_back(
    stage: Stage, behaviour: str, said: str
) -> None:
    assert stage.gate is not None
    others = {name: counts for name, counts in stage.lab.array_counters().items() if name != CANARY}
    change = begun(stage, VERSION[behaviour])
    state = stage.wait_for(change, "halted", "held", seconds=100)
    if state != "halted":
        assert state.startswith("asks: the judgement is inconclusive")
    stopped = [e for e in history(stage, change) if e.kind in ("change.halted", "person.asked")]
    assert said in str(stopped[-1].data)
    back_out(stage, change)
    assert {name: counts for name, counts in stage.lab.array_counters().items() if name != CANARY} == others
    assert stage.gate.gathering.arrays.read([CANARY])[CANARY].version == "8.6.0.3"


def test_a_host_that_lost_a_path_meanwhile_stops_a_canary_that_is_well_itself(stage: Stage) -> None:
    change = begun(stage, GOOD)
    stage.until(lambda: any(e.data.get("name") == "host-sessions" for e in history(stage, change)))
    stage.lab.fault("bk-1", "session-lost")  # the backup host hangs on the canary's fabrics, db-1 does not
    assert stage.wait_for(change, "halted", "held", seconds=100) == "halted"
    stage.lab.clear("bk-1")
    told = str(history(stage, change)[-1].data)
    assert "bk-1: host-sessions: session.state" in told
    assert "is FAILED" in told
    back_out(stage, change)


def test_a_host_with_a_degraded_mirror_is_no_witness_and_nothing_begins_where_it_is_the_only_one(stage: Stage) -> None:
    counters = stage.lab.array_counters()[CANARY]
    stage.lab.fault("bk-1", "mirror-degraded")
    change = begun(stage, GOOD)
    assert stage.wait_for(change, "halted", "held", seconds=100) == "halted"
    stage.lab.clear("bk-1")
    assert "no host is left that could be a witness: bk-1: host-raid: raid.members md0 is 1/2" in str(
        history(stage, change)[-1].data
    )
    assert not any(e.kind == "step.intended" for e in history(stage, change))
    assert stage.lab.array_counters()[CANARY] == counters
    back_out(stage, change)


def test_a_back_out_does_not_wait_for_an_array_that_never_returns(stage: Stage) -> None:
    """The step that waits for the update may take four hours; who backs out is asked soon whether to wait for it."""
    assert stage.gate is not None
    change = begun(stage, VERSION["never-returns"])
    stage.comes(change, "step.ended", "apply")
    stage.until(lambda: "serving" in str(stage.lab.status()) and not serving(stage))
    stage.gate.control.back_out(stage.people["performer"], change, "it does not come back")
    stage.lab.clear(CANARY, "offline")  # somebody on site wakes the controller; the update is neither done nor undone

    state = stage.wait_for(change, "backed out", seconds=100)
    assert state.startswith("asks: what was begun may go on at the array (forward step updated: ")
    stage.gate.control.back_out(stage.people["performer"], change, "it never ends")

    state = stage.wait_for(change, "backed out", seconds=100)

    assert state.startswith("asks: back_out step abort")
    assert stage.lab.array_counters()[CANARY]["apply"] >= 1
    assert standing(stage, change).state == "backing out"


def serving(stage: Stage) -> bool:
    arrays = stage.lab.status()["arrays"]
    assert isinstance(arrays, dict)
    return bool(arrays[CANARY]["serving"])


def test_no_secret_is_in_any_entry_or_blob_of_these_stories(stage: Stage) -> None:
    """Promise 12, over runs with permits, refusals, and replies of hostile arrays."""
    assert stage.gate is not None
    secrets = [PASSWORD, "PRIVATE KEY"]
    secrets += [stage.gate.control.sign_in("auditor", PASSWORD, kind).secret for kind in ("session", "token")]
    for path in stage.settings.keys.iterdir():
        if b"PRIVATE KEY" in path.read_bytes():
            secrets += path.read_text().splitlines()[2:-1]
    record = b"\n".join(stage.gate.ledger.bodies())
    blobs = [path.read_bytes() for path in stage.settings.blobs.rglob("*") if path.is_file()]
    assert record.count(b'"permit.issued"') > 5
    for secret in secrets:
        assert secret.encode() not in record
        assert not any(secret.encode() in blob for blob in blobs)
