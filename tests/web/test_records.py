"""The ledger page and the evidence page."""

from gate.ledger.entry import GATE, Draft
from tests.web.room import OFFSITE, Room


def test_the_seal_says_that_nobody_witnesses_it(room: Room) -> None:
    room.opened()
    page = room.client("reader").text("/ledger")
    seal = room.control.seal()
    assert "not witnessed" in page
    assert str(seal["root"]).replace("+", "&#43;") in page or seal["root"] in page
    assert seal["origin"] in page


def test_the_newest_entries_are_shown_and_older_ones_are_a_page_away(room: Room) -> None:
    for number in range(130):
        room.ledger.append(Draft("config.loaded", GATE, None, {"policy": f"p{number}"}))
    reader = room.client("reader")
    newest, oldest = reader.text("/ledger"), reader.text("/ledger?start=0")
    assert newest.index("p129") < newest.index("p128")  # whoever is called at night looks for what was last
    assert oldest.index("p10<") < oldest.index("p11<")
    assert "p129" not in oldest
    assert "Older" in newest
    assert "Newer" in oldest


def test_probes_that_passed_are_one_row_of_the_time_line_and_what_failed_stands_alone(room: Room) -> None:
    change = room.started()
    room.hosts(change, 0, degraded=True)
    room.probes(change, 1, flipped=True)
    page = room.client("reader").text(f"/changes/{change}/record")
    assert "13 probes passed" in page
    assert "west-3 · known-answer · round 1" in page
    failed, unknown = page.index(">failed</span>"), page.index(">unknown</span>")
    assert "tone-bad" in page[failed - 60 : failed]
    assert "tone-warn" in page[unknown - 60 : unknown]  # not known is no failure, on any page


def test_the_export_is_the_exact_log(room: Room) -> None:
    room.opened()
    size, reader = room.control.size(), room.client("reader")
    assert reader.post("/ledger/export", "/ledger").status_code == 303
    assert room.app.extensions["sangate"].jobs.drain(30)
    address = reader.text("/ledger").partition('href="/ledger/export/')[2].partition('"')[0]
    assert reader.get(f"/ledger/export/{address}").data.splitlines()[:size] == list(room.ledger.bodies(0, size))


def test_entries_of_one_change_are_shown_alone(room: Room) -> None:
    room.opened("One")
    other = room.opened("Two")
    page = room.client("reader").text(f"/ledger?change={other}")
    assert "Entries of chg-0002" in page
    assert "chg-0001" not in page


def test_an_impossible_start_shows_no_entry_and_no_crash(room: Room) -> None:
    reader = room.client("reader")
    for start in ("999999", "-1", "x", "9" * 40):
        assert reader.get(f"/ledger?start={start}").status_code == 200


def test_a_dataset_never_rehearsed_says_so(room: Room) -> None:
    assert "Never rehearsed" in room.client("steward").text("/evidence")


def test_who_may_not_rehearse_is_told_so(room: Room) -> None:
    reader = room.client("reader")
    assert reader.post("/evidence/sidekick/rehearse").status_code == 303
    room.app.extensions["sangate"].jobs.drain(10)
    assert "only a requester, a data owner or a backup owner" in reader.text("/evidence").lower()


def test_a_rehearsal_is_offered_to_those_who_may_and_to_the_others_it_is_said_who_may(room: Room) -> None:
    for name, offered in (("engineer", True), ("steward", True), ("reader", False), ("operator", False)):
        page = room.client(name).text("/evidence")
        assert ("Rehearse a restore" in page) is offered
        assert ("may have it rehearsed" in page) is not offered


def test_copies_in_a_bucket_are_told_by_the_service_and_the_bucket(room: Room) -> None:
    offsite = next(one for one in room.settings.config.inventory.protections if one.id == OFFSITE)
    store = offsite.object_store
    assert store is not None
    page = room.client("reader").text("/evidence")
    assert f"s3-objects into {store.endpoint}/{store.bucket}/{store.prefix}<" in page
    assert "sqlite-copy into bk-1:/backup/sidekick<" in page


def test_an_unknown_dataset_is_not_there(room: Room) -> None:
    assert room.client("steward").post("/evidence/nothing/rehearse").status_code == 404
