"""What is done by hand stands on the page, each word beside who may give it."""

from tests.stories.test_by_hand import by_vendor
from tests.web.room import Room


def vendor(room: Room) -> str:
    """A change whose vendor is loading the code now."""
    folder = room.settings.path.parent / "playbooks" / "storage-virtualize"
    folder.mkdir(parents=True)
    (folder / "upgrade.yaml").write_bytes(by_vendor())
    change = room.started()
    room.baseline(change)
    for number in range(7):
        room.step(change, number)
    room.step(change, 7, outcome="")
    return change


def test_two_people_confirm_on_the_page_what_is_done_by_hand(room: Room) -> None:
    change = vendor(room)
    page = room.client("operator").text(f"/changes/{change}")
    assert "Load lab-8.7.0.4.img onto west-3 with the vendor&#39;s own tool." in page
    assert "Needs you: confirm what is done by hand." in page
    owner = room.client("steward")
    assert "It is done: not by you." in owner.text(f"/changes/{change}")
    assert owner.post(f"/changes/{change}/confirm", word="seen", step="forward 7").status_code == 303
    assert "<strong>steward</strong>: I saw it" in room.client("reader").text(f"/changes/{change}")
    operator = room.client("operator")
    answer = operator.post(f"/changes/{change}/confirm", word="done", by="field engineer 7", step="forward 7")
    assert answer.status_code == 303
    run = room.control.show(room.person("operator"), change)["run"]
    given = [(one["word"], one["person"], one["by"]) for one in run["steps"][7]["confirmed"]]
    assert given == [("seen", "steward", ""), ("done", "operator", "field engineer 7")]
    assert room.control.show(room.person("operator"), change)["by_hand"] is None


def test_a_page_of_another_step_confirms_nothing(room: Room) -> None:
    change = vendor(room)
    answer = room.client("steward").post(f"/changes/{change}/confirm", word="seen", step="forward 6")
    assert answer.status_code == 409
    assert room.control.show(room.person("steward"), change)["by_hand"]["confirmed"] == []
