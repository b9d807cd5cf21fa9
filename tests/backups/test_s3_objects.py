"""The tool s3-objects against the lab's object service: catalogue, full read, and what hides or spoils a copy."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gate.backups import s3_objects, s3_place
from gate.backups.answers import Unread
from gate.backups.s3_words import Role, read, spell
from gate.evidence import Provenance, Reply, ReplyState, Trace
from gate.lab.bucket import COMPLIANCE
from gate.ssh.wire import utc_now
from tests.objects.shop import OFFSITE, Shop, shop

RUN = "20261123T010000Z"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Shop]:
    with shop(tmp_path) as made:
        yield made


def test_an_empty_bucket_holds_no_runs_and_is_no_problem(store: Shop) -> None:
    reading = store.drive(s3_objects.catalogue(store.protection))
    assert (reading.runs, reading.problem) == ((), "")
    assert reading.clock_skew_s in range(-3, 4)


def test_runs_come_newest_first_with_their_sizes(store: Shop) -> None:
    store.backed_up("20261122T010000Z", b"older", timedelta(days=1))
    store.backed_up(RUN, b"newest!")
    reading = store.drive(s3_objects.catalogue(store.protection))
    assert [(run.id, run.size, run.error) for run in reading.runs] == [(RUN, 7, ""), ("20261122T010000Z", 5, "")]


def test_a_bucket_that_was_never_made_is_a_problem(store: Shop) -> None:
    store.bucket.made = False
    assert "NoSuchBucket" in store.drive(s3_objects.catalogue(store.protection)).problem


def test_a_delete_marker_takes_nothing_away_and_is_told(store: Shop) -> None:
    store.backed_up(RUN)
    store.bucket.delete(f"copies/{RUN}/sidekick.db", "", bypass=False)
    run = store.drive(s3_objects.catalogue(store.protection)).runs[0]
    assert "sidekick.db is hidden by a delete marker" in (run.error or "")
    read_again = store.drive(s3_objects.verify(store.protection, store.inventory.datasets[0], run, "there"))
    assert (read_again.level, read_again.passed) == ("V4", True)


def test_every_byte_is_hashed_and_counted(store: Shop) -> None:
    store.backed_up(RUN, b"x" * 700_000)
    run = store.drive(s3_objects.catalogue(store.protection)).runs[0]
    done = store.drive(s3_objects.verify(store.protection, store.inventory.datasets[0], run, "there"))
    assert done.counts is not None
    assert (done.level, done.passed, done.seen) == ("V4", True, (RUN,))
    assert (done.counts.total, done.counts.ok, done.counts.unit) == (1, 1, "objects")


def _versions(store: Shop, name: str) -> list[str]:
    return [one.id for one, _ in store.bucket.list(f"copies/{RUN}/{name}")]


def test_a_flipped_bit_a_lost_byte_and_a_lost_object_fail_by_name(store: Shop) -> None:
    store.backed_up(RUN, b"rows of people")
    run = store.drive(s3_objects.catalogue(store.protection)).runs[0]
    stored = store.bucket.get(f"copies/{RUN}/sidekick.db")
    for content, words in ((b"rowz of people", "reads sha256:"), (b"rows of peopl", "has 13 bytes")):
        stored.content = content
        done = store.drive(s3_objects.verify(store.protection, store.inventory.datasets[0], run, "there"))
        assert (done.level, done.passed) == ("V1", False)
        assert done.counts is not None
        assert done.counts.damaged == 1
        assert f"copies/{RUN}/sidekick.db {words}" in done.because


def test_a_version_that_is_gone_is_not_replaced_by_another_of_the_same_name(store: Shop) -> None:
    store.backed_up(RUN, b"rows of people")
    run = store.drive(s3_objects.catalogue(store.protection)).runs[0]
    store.bucket.faults["lock-lets-go"] = ""
    store.bucket.delete(f"copies/{RUN}/sidekick.db", _versions(store, "sidekick.db")[0], bypass=False)
    store.bucket.put(f"copies/{RUN}/sidekick.db", b"rows of people")
    done = store.drive(s3_objects.verify(store.protection, store.inventory.datasets[0], run, "there"))
    assert (done.passed, done.complete) == (False, False)
    assert "is gone in version" in done.because


def test_a_manifest_that_was_changed_since_the_catalogue_is_noticed(store: Shop) -> None:
    store.backed_up(RUN, b"rows")
    run = store.drive(s3_objects.catalogue(store.protection)).runs[0]
    store.bucket.put(f"copies/{RUN}/manifest.json", store.bucket.get(f"copies/{RUN}/manifest.json").content or b"")
    assert store.drive(s3_objects.verify(store.protection, store.inventory.datasets[0], run, "x")).passed
    text = (store.bucket.get(f"copies/{RUN}/manifest.json").content or b"").replace(b'"size": 4', b'"size": 5')
    store.bucket.put(f"copies/{RUN}/manifest.json", text)
    done = store.drive(s3_objects.verify(store.protection, store.inventory.datasets[0], run, "x"))
    assert "no longer the one that the catalogue read" in done.because


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"id": "20261123T020000Z"}, "of another backup"),
        ({"files": []}, "lists no files"),
        ({"files": [{"name": "../x", "size": 1, "sha256": "0" * 64}]}, "names the file"),
        ({"files": [{"name": "x", "size": True, "sha256": "0" * 64}]}, "no size"),
        ({"files": [{"name": "x", "size": 1, "sha256": "0"}]}, "no SHA-256"),
        ({"files": [{"name": "x", "size": 1, "sha256": "0" * 64, "version": "a b"}]}, "no version id"),
        ({"files": [{"name": "x", "size": 1, "sha256": "0" * 64}]}, "is gone"),
        ({"finished_at": "2020-01-01T00:00:00Z"}, "ends before it begins"),
        ({"finished_at": "2999-01-01T00:00:00Z"}, "lies in the future"),
        ({"started_at": "yesterday"}, "is no time"),
    ],
)
def test_a_manifest_that_cannot_be_believed_is_a_problem(store: Shop, changed: dict[str, object], words: str) -> None:
    store.backed_up(RUN)
    told = json.loads(store.bucket.get(f"copies/{RUN}/manifest.json").content or b"") | changed
    store.bucket.put(f"copies/{RUN}/manifest.json", json.dumps(told).encode(), COMPLIANCE, store.bucket.now() + 60)
    reading = store.drive(s3_objects.catalogue(store.protection))
    assert words in reading.problem
    assert reading.runs == ()


def test_a_list_of_many_versions_is_read_page_by_page(store: Shop) -> None:
    for number in range(1500):
        store.bucket.put(f"copies/notes/{number:04}", b"")
    found, complete = store.drive(s3_objects.versions(store.protection, "copies/", []))
    assert complete
    assert len({one.key for one in found}) == 1500


def test_the_service_itself_is_the_measured_identity(store: Shop) -> None:
    trace = store.drive(s3_place.trace(store.protection, utc_now()))
    identity = trace.identities[0]
    endpoint = store.protection.object_store.endpoint if store.protection.object_store else ""
    assert (identity.kind, identity.provenance) == ("object-service", Provenance.MEASURED)
    assert (identity.name, identity.part) == (f"{endpoint} lab-offsite", "sidekick-copies")
    assert identity.addresses == ("127.0.0.1",)
    assert trace.place == f"object-service:{identity.name} sidekick-copies"


def test_arrays_behind_the_service_are_hops_of_the_way(store: Shop) -> None:
    assert store.protection.object_store is not None
    behind = store.protection.object_store.model_copy(update={"on_arrays": ("east-1",)})
    trace = store.drive(s3_place.trace(store.protection.model_copy(update={"object_store": behind}), utc_now()))
    assert ("array", "east-1", Provenance.INVENTORY) in [(one.kind, one.name, one.provenance) for one in trace.hops]


WELL = {"addresses": ["198.51.100.7"], "names": [], "unresolved": []}


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (WELL | {"addresses": []}, "the addresses of 127.0.0.1: none is known"),
        (WELL | {"addresses": ["objects.example"]}, "none is known"),
        (WELL | {"addresses": "198.51.100.7"}, "not as it should be"),
        (WELL | {"addresses": [7]}, "not as it should be"),
        (WELL | {"addresses": ["198.51.100.7"] * 257}, "not as it should be"),
        ({"addresses": ["198.51.100.7"], "names": []}, "not as it should be"),
        (WELL | {"unresolved": ["gw.example"]}, "the inventory names gw.example, which has no address"),
    ],
)
def test_a_service_whose_addresses_are_in_doubt_has_no_place(store: Shop, said: dict[str, Any], words: str) -> None:
    now = utc_now()
    asking = s3_place.trace(store.protection, now)
    line = next(asking)
    assert line == "s3 sidekick-offsite read where"
    with pytest.raises(StopIteration) as ended:
        asking.send(Reply(OFFSITE, line, ReplyState.ANSWERED, now, now, 0, json.dumps(said).encode()))
    trace: Trace = ended.value.value
    assert words in trace.problem
    assert (trace.place, trace.identities) == (None, ())


def test_names_of_the_inventory_at_the_address_of_a_service_go_with_it(store: Shop) -> None:
    now = utc_now()
    asking = s3_place.trace(store.protection, now)
    told = WELL | {"names": ["Gateway.Example."]}
    asking.send(Reply(OFFSITE, next(asking), ReplyState.ANSWERED, now, now, 0, json.dumps(told).encode()))
    with pytest.raises(StopIteration) as ended:
        asking.send(Reply(OFFSITE, "s3", ReplyState.ANSWERED, now, now, 0, b"{}"))
    assert ended.value.value.identities[0].addresses == ("127.0.0.1", "198.51.100.7", "gateway.example")


def test_a_service_that_does_not_answer_has_no_identity(store: Shop) -> None:
    assert store.service is not None
    store.service.close()
    trace = store.drive(s3_place.trace(store.protection, utc_now()))
    assert trace.place is None
    assert trace.problem


def test_questions_are_spelled_and_taken_apart_alike() -> None:
    line = spell(OFFSITE, Role.READ, "head", key="a/b", version="")
    assert line == "s3 sidekick-offsite read head key=a/b"
    assert (read(line).verb, read(line).given) == ("head", {"key": "a/b"})
    for bad in (line + " ", line.replace("read", "root"), line + " key=c", "s3 x", line.replace("a/b", "a b")):
        with pytest.raises(ValueError, match=r"."):
            read(bad)
    with pytest.raises(ValueError, match="cannot be a word"):
        spell(OFFSITE, Role.READ, "head", key="a b")


def test_a_run_that_is_no_longer_whole_is_not_brought_back(store: Shop) -> None:
    store.backed_up(RUN)
    run = replace(store.drive(s3_objects.catalogue(store.protection)).runs[0], sha256="sha256:" + "0" * 64)
    with pytest.raises(Unread, match="no longer the one"):
        store.drive(s3_objects.restore(store.protection, store.inventory.datasets[0], run, "/scratch", []))
