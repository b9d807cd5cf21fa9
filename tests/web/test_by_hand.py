"""What is done by hand stands on the page, each word beside who may give it."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gate.attendance import NAMESPACE
from gate.cli.sshkey import sign
from gate.errors import Refused
from gate.keys import public_line
from tests.stories.test_by_hand import by_vendor
from tests.web.room import PASSWORD, Room


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


def test_a_word_by_a_key_that_was_taken_away_is_said_anew_before_the_other_counts(room: Room) -> None:
    change = vendor(room)
    steward = room.person("steward")

    def seen() -> str:
        """Say it with a new key; return the key's fingerprint."""
        key = Ed25519PrivateKey.generate()
        name = room.control.enrol_key(steward, public_line(key, ""), PASSWORD)
        text = room.control.confirmation(steward, change, "seen")
        signature = sign(text, key, NAMESPACE)
        room.control.confirm(steward, change, word="seen", statement=text, signature=signature)
        return name

    room.control.revoke_key(None, seen(), "stolen")
    shown = room.control.show(room.person("operator"), change)["by_hand"]["why_not"]
    assert "said by steward with a key that counts no more" in shown["done"]
    with pytest.raises(Refused, match="with a key that counts no more; it is said anew first"):
        room.control.confirm(room.person("operator"), change, word="done", by="field engineer 7")
    seen()
    view = room.control.confirm(room.person("operator"), change, word="done", by="field engineer 7")
    assert view["by_hand"] is None


def test_a_page_of_another_step_confirms_nothing(room: Room) -> None:
    change = vendor(room)
    answer = room.client("steward").post(f"/changes/{change}/confirm", word="seen", step="forward 6")
    assert answer.status_code == 409
    assert room.control.show(room.person("steward"), change)["by_hand"]["confirmed"] == []
