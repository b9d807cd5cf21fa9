"""Scenario 13: sentinels at a service with real Object Lock, whose answers nobody here wrote."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gate.backups import access, s3_lock, s3_objects, s3_place
from gate.evidence import Attempt
from gate.immutability import ACTIONS, held
from gate.lab.bucket import Bucket
from gate.ssh.wire import utc_now
from tests.objects.shop import OFFSITE, Shop, inventory_at, way_to
from tests.real.weed import BUCKET, Weed, key, weed

RUN = "20261123T010000Z"


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Weed]:
    with weed(tmp_path_factory.mktemp("weed")) as made:
        yield made


@dataclass
class Gate:
    """The gate's way to the service, with the sentinel's key of the test's choice."""

    shop: Shop
    weed: Weed

    def tried(self, mode: str, name: str) -> dict[str, Attempt]:
        store = self.shop.protection.object_store
        assert store is not None
        asking = s3_lock.attempts(self.shop.protection, store, mode, name, datetime.now(UTC), [])
        return {one.action: one for one in self.shop.drive(asking)}


def gate_at(service: Weed, folder: Path, sentinel: str) -> Gate:
    inventory = inventory_at(folder, service.endpoint, BUCKET)
    keys = {"read": key("reader"), "sentinel": key(sentinel), "production": key("application")}
    return Gate(Shop(Bucket(BUCKET), inventory, way_to(inventory, folder / "keys", keys), folder / "keys"), service)


@pytest.fixture
def gate(service: Weed, tmp_path: Path) -> Gate:
    return gate_at(service, tmp_path, "sentinel")


def upload(service: Weed, run: str, content: bytes, mode: str = "COMPLIANCE") -> datetime:
    """Make a run as an uploader does that knows nothing of the gate; return until when it is held."""
    client, now = service.client(), datetime.now(UTC)
    until = (now + timedelta(hours=3)).replace(microsecond=0)
    lock = {"ObjectLockMode": mode, "ObjectLockRetainUntilDate": until}
    copy = client.put_object(Bucket=BUCKET, Key=f"copies/{run}/sidekick.db", Body=content, **lock)
    file = {"name": "sidekick.db", "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    manifest = {
        "id": run,
        "started_at": (now - timedelta(seconds=1)).isoformat(),
        "finished_at": now.isoformat(),
        "files": [file | {"version": copy["VersionId"]}],
    }
    longer = {"ObjectLockMode": mode, "ObjectLockRetainUntilDate": until + timedelta(hours=1)}
    client.put_object(Bucket=BUCKET, Key=f"copies/{run}/manifest.json", Body=json.dumps(manifest).encode(), **longer)
    return until


def test_a_compliance_sentinel_refuses_all_four(gate: Gate) -> None:
    found = gate.tried("compliance", "c")
    assert [(found[action].refused, found[action].answer) for action in ACTIONS] == [
        (True, "403 AccessDenied; the version remained"),
        (True, "200 to another content, 204 to a delete marker; the locked version remained"),
        (True, "403 AccessDenied; the version remained"),
        (True, "403 AccessDenied; the version remained"),
    ]
    assert held(found.values()) is True


def test_governance_gives_way_to_whoever_may_bypass_it(service: Weed, tmp_path: Path) -> None:
    found = gate_at(service, tmp_path, "bypasser").tried("governance", "g")
    assert [found[action].refused for action in ACTIONS] == [True, True, True, False]
    assert held(found.values()) is False


def test_compliance_does_not_give_way_to_the_same_key(service: Weed, tmp_path: Path) -> None:
    assert held(gate_at(service, tmp_path, "bypasser").tried("compliance", "cb").values()) is True


def test_the_catalogue_the_full_read_and_the_retention_are_those_of_the_upload(gate: Gate) -> None:
    content = bytes(range(256)) * 3000
    until = upload(gate.weed, RUN, content)
    reading = gate.shop.drive(s3_objects.catalogue(gate.shop.protection))
    assert (reading.problem, [run.id for run in reading.runs]) == ("", [RUN])
    done = gate.shop.drive(
        s3_objects.verify(gate.shop.protection, gate.shop.inventory.datasets[0], reading.runs[0], "there")
    )
    assert (done.level, done.passed, reading.runs[0].size) == ("V4", True, len(content))
    found = gate.shop.drive(s3_lock.retention(gate.shop.protection, reading.runs[0], []))
    assert (found.mode, found.until) == ("compliance", until)


def test_a_delete_marker_by_another_client_hides_a_run_and_is_told(gate: Gate) -> None:
    run = "20261123T020000Z"
    upload(gate.weed, run, b"rows")
    gate.weed.client().delete_object(Bucket=BUCKET, Key=f"copies/{run}/sidekick.db")
    reading = gate.shop.drive(s3_objects.catalogue(gate.shop.protection))
    hidden = next(one for one in reading.runs if one.id == run)
    assert "hidden by a delete marker" in (hidden.error or "")


def test_productions_own_key_is_refused(gate: Gate) -> None:
    tested = gate.shop.drive(access.over_s3(gate.shop.protection, "access", "key"))
    assert (tested.refused, tested.answer) == (True, "403 AccessDenied")


def test_the_service_is_the_identity_and_its_clock_is_ours(gate: Gate) -> None:
    trace = gate.shop.drive(s3_place.trace(gate.shop.protection, utc_now()))
    assert (trace.identities[0].name, trace.identities[0].part) == (f"{gate.weed.endpoint} lab-offsite", BUCKET)
    assert gate.shop.drive(s3_objects.catalogue(gate.shop.protection)).clock_skew_s in range(-3, 4)


def test_a_key_without_rights_is_an_answer_that_never_passes(gate: Gate) -> None:
    (gate.shop.keys / f"s3-{OFFSITE}-read").write_text(
        "[default]\naws_access_key_id = applicationkey\naws_secret_access_key = applicationsecret1\n"
    )
    assert "AccessDenied" in gate.shop.drive(s3_objects.catalogue(gate.shop.protection)).problem
