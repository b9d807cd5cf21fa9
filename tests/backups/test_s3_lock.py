"""Retention and sentinels against the lab's object service, conforming and not."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gate.backups import access, s3_lock, s3_objects
from gate.backups.answers import Unread
from gate.evidence import Attempt, Reply
from gate.immutability import ACTIONS, held
from gate.inventory import BackupTool, ObjectStore
from gate.lab.bucket import GOVERNANCE
from tests.backups.local import drive
from tests.objects.shop import Shop, shop

RUN = "20261123T010000Z"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Shop]:
    with shop(tmp_path) as made:
        made.backed_up(RUN)
        yield made


def _place(store: Shop) -> ObjectStore:
    assert store.protection.object_store is not None
    return store.protection.object_store


def _tried(store: Shop, mode: str = "compliance", name: str = "one") -> dict[str, Attempt]:
    asking = s3_lock.attempts(store.protection, _place(store), mode, name, datetime.now(UTC), [])
    return {one.action: one for one in store.drive(asking)}


def _retention(store: Shop) -> s3_lock.Retention:
    run = store.drive(s3_objects.catalogue(store.protection)).runs[0]
    return store.drive(s3_lock.retention(store.protection, run, []))


def test_the_lock_that_ends_first_counts(store: Shop) -> None:
    first = datetime.now(UTC).timestamp() + 3600
    store.bucket.get(f"copies/{RUN}/sidekick.db").until = first
    found = _retention(store)
    assert found.mode == "compliance"
    assert found.until is not None
    assert abs(found.until.timestamp() - first) < 1


def test_one_object_in_governance_mode_weakens_all(store: Shop) -> None:
    store.bucket.get(f"copies/{RUN}/manifest.json").mode = GOVERNANCE
    assert _retention(store).mode == "governance"


def test_one_object_without_a_lock_is_told(store: Shop) -> None:
    store.bucket.get(f"copies/{RUN}/sidekick.db").mode = ""
    found = _retention(store)
    assert (found.mode, found.until, found.because) == ("", None, f"copies/{RUN}/sidekick.db is not locked")


def test_metadata_that_were_written_over_are_held_by_the_lock_of_their_newest_version(store: Shop) -> None:
    """pgBackRest writes backup.info anew each time: the locked version beneath is not what a restore reads."""
    until = store.bucket.now() + 7200
    store.bucket.put("copies/backup.info", b"first", "COMPLIANCE", until)
    store.bucket.put("copies/backup.info", b"second")
    protection = store.protection.model_copy(update={"tool": BackupTool.PGBACKREST})
    run = store.drive(s3_objects.catalogue(store.protection)).runs[0]
    found = store.drive(s3_lock.retention(protection, run, []))
    assert (found.mode, found.because) == ("", "copies/backup.info is not locked")


@pytest.mark.parametrize("status", [500, 403, 404])
def test_a_service_that_fails_to_tell_a_lock_has_told_none(store: Shop, status: int) -> None:
    """Measured: an emulator answers 500 to GetObjectRetention of an object that its bucket's default has locked."""

    def ask(line: str) -> Reply:
        reply = store.ask(line)
        told = json.loads(reply.stdout)
        if " retention " in line:
            return replace(reply, exit_status=1, stdout=b'{"HTTPStatus":%d,"Error":{"Code":"InternalError"}}' % status)
        told = {name: value for name, value in told.items() if not name.startswith("ObjectLock")}
        return replace(reply, stdout=json.dumps(told).encode()) if " head " in line else reply

    run = store.drive(s3_objects.catalogue(store.protection)).runs[0]
    with pytest.raises(Unread, match="the retention of copies/"):
        drive(s3_lock.retention(store.protection, run, []), ask)


def test_a_tool_that_shares_parts_needs_the_oldest_of_them_but_no_lock_file(store: Shop) -> None:
    until = store.bucket.now() + 7200
    store.bucket.put("copies/data/old-pack", b"p", "COMPLIANCE", until)
    store.bucket.put("copies/locks/passing", b"l")
    protection = store.protection.model_copy(update={"tool": BackupTool.RESTIC})
    run = store.drive(s3_objects.catalogue(store.protection)).runs[0]
    found = store.drive(s3_lock.retention(protection, run, []))
    assert found.until is not None
    assert abs(found.until.timestamp() - until) < 1
    assert "old-pack" in found.because


def test_in_compliance_mode_all_four_are_refused_and_the_real_copies_are_not_touched(store: Shop) -> None:
    before = [(one.id, one.content, one.until) for one, _ in store.bucket.list("copies/")]
    found = _tried(store)
    assert [found[action].refused for action in ACTIONS] == [True] * 4
    assert held(found.values()) is True
    assert before == [(one.id, one.content, one.until) for one, _ in store.bucket.list("copies/")]
    assert {one.key for one, _ in store.bucket.list("")} - {one.key for one, _ in store.bucket.list("copies/")} == {
        "sentinels/sidekick-offsite-one"
    }


@pytest.mark.parametrize(
    ("faults", "mode", "action"),
    [
        (("lock-shortens",), "compliance", "shorten"),
        (("lock-lets-go",), "compliance", "delete"),
        (("lock-bypassed",), "governance", "bypass"),
    ],
)
def test_a_service_that_gives_way_is_told_by_the_action(
    store: Shop, faults: tuple[str, ...], mode: str, action: str
) -> None:
    store.bucket.faults.update(dict.fromkeys(faults, ""))
    found = _tried(store, mode)
    assert found[action].refused is False
    assert held(found.values()) is False


def test_governance_without_the_right_to_bypass_holds_against_this_key(store: Shop) -> None:
    assert held(_tried(store, "governance").values()) is True


def test_a_key_that_may_delete_nothing_anyhow_shows_nothing_by_being_refused(store: Shop) -> None:
    store.bucket.faults["no-delete-of-markers"] = ""
    found = _tried(store)
    assert found["delete"].refused is None
    assert "shows nothing" in found["delete"].answer
    assert held(found.values()) is None


def test_a_sentinel_that_was_not_locked_is_no_sentinel(store: Shop) -> None:
    store.bucket.faults["no-locks"] = ""
    with pytest.raises(Unread, match="did not lock it"):
        _tried(store)


def test_without_a_sentinels_place_or_a_service_nothing_is_shown(store: Shop) -> None:
    bare = _place(store).model_copy(update={"sentinels": None})
    with pytest.raises(Unread, match="no place"):
        store.drive(s3_lock.attempts(store.protection, bare, "compliance", "x", datetime.now(UTC), []))
    assert store.service is not None
    store.service.close()
    with pytest.raises(Unread, match="writing the sentinel"):
        _tried(store)


def test_expired_sentinels_and_markers_are_removed_and_held_ones_stay(store: Shop) -> None:
    _tried(store)
    now = datetime.now(UTC)
    assert store.drive(s3_lock.tidy(store.protection, _place(store), now, [])) == 0
    for one, _ in store.bucket.list("sentinels/"):
        one.until = store.bucket.now() - 1
    assert store.drive(s3_lock.tidy(store.protection, _place(store), now + timedelta(days=2), [])) == 2
    assert store.bucket.list("sentinels/") == []


def test_productions_key_is_refused_or_found_out_and_leaves_nothing(store: Shop) -> None:
    tested = store.drive(access.over_s3(store.protection, "access", "key"))
    assert (tested.refused, tested.answer) == (True, "403 AccessDenied")
    store.bucket.faults["trusts-production"] = ""
    tested = store.drive(access.over_s3(store.protection, "access", "key"))
    assert (tested.refused, tested.answer) == (False, "it may delete there (204)")
    assert store.bucket.list("sentinels/") == []


def test_a_key_the_service_does_not_know_is_refused_and_a_wrong_secret_shows_nothing(store: Shop) -> None:
    path = store.keys / "s3-sidekick-offsite-production"
    good = path.read_text()
    path.write_text(good.replace("prodkey", "otherkey"))
    assert store.drive(access.over_s3(store.protection, "access", "key")).refused is True
    path.write_text(good.replace("prodsecret", "wrongsecret"))
    tested = store.drive(access.over_s3(store.protection, "access", "key"))
    assert (tested.refused, "SignatureDoesNotMatch" in tested.answer) == (None, True)
