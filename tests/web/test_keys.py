"""The page of keys: enrolled, shown, taken away."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gate.keys import public_line
from gate.sshsig import fingerprint
from tests.web.room import PASSWORD, Room


def line(who: str) -> str:
    return public_line(Ed25519PrivateKey.generate(), who)


def newest(room: Room) -> tuple[str, str]:
    """Kind and actor of the last entry."""
    size = room.ledger.size()
    (entry,) = room.ledger.entries(size - 1, size)
    return entry.kind, entry.actor.id


def test_a_key_is_enrolled_and_taken_away_on_the_page_and_its_owner_signs_in_again(strict_room: Room) -> None:
    room, public = strict_room, line("lead")
    lead = room.client("lead")
    assert "You have none" in lead.text("/keys")
    assert lead.post("/keys", "/keys", public=public, password=PASSWORD).status_code == 303
    assert newest(room) == ("key.enrolled", "lead")
    key, page = fingerprint(public), lead.text("/keys")
    assert key in page
    assert "Nobody can sign as storage after it" in page
    refused = lead.post("/keys/revoked", "/keys", key=key, reason="stolen")
    assert refused.status_code == 422
    assert "obody could sign as storage after it" in refused.get_data(as_text=True)
    assert 'value="stolen"' in refused.get_data(as_text=True)
    assert room.person("lead").keys == (" ".join(public.split()[:2]),)
    assert lead.post("/keys/revoked", "/keys", key=key, reason="stolen", leaves_nobody="yes").status_code == 303
    assert (newest(room), room.person("lead").keys) == (("key.revoked", "lead"), ())
    assert lead.get("/keys").location == "/sign-in?next=/keys"
    assert "by lead: stolen" in room.client("lead").text("/keys")


@pytest.mark.parametrize(
    ("given", "password", "status", "sentence"),
    [
        ("", PASSWORD, 422, "ot an Ed25519 OpenSSH public key"),
        ("ssh-rsa AAAA", PASSWORD, 422, "ot an Ed25519 OpenSSH public key"),
        ("good", "another password", 403, "ame or password is not right"),
    ],
)
def test_what_enrols_nothing_stays_on_the_page_with_the_sentence_and_without_the_password(
    strict_room: Room, given: str, password: str, status: int, sentence: str
) -> None:
    public = line("lead") if given == "good" else given
    answer = strict_room.client("lead").post("/keys", "/keys", public=public, password=password)
    page = answer.get_data(as_text=True)
    assert (answer.status_code, sentence in page, password in page) == (status, True, False)
    assert public in page
    assert strict_room.person("lead").keys == ()


def test_nobody_but_its_owner_and_an_administrator_is_offered_a_key_or_gets_it(strict_room: Room) -> None:
    room, public = strict_room, line("lead")
    room.client("lead").post("/keys", "/keys", public=public, password=PASSWORD)
    other = room.client("engineer")
    assert fingerprint(public) in other.text("/keys")
    assert "Take it away" not in other.text("/keys")
    answer = other.post("/keys/revoked", "/keys", key=fingerprint(public), reason="a try", leaves_nobody="yes")
    assert (answer.status_code, newest(room)) == (403, ("attempt.refused", "engineer"))
    assert len(room.person("lead").keys) == 1


def test_a_row_that_somebody_put_beside_the_ledger_is_shown_as_that(strict_room: Room) -> None:
    public = line("steward")
    strict_room.control._desk.people.enrol_key("steward", public)
    assert strict_room.person("steward").keys == ()
    page = strict_room.client("engineer").text("/keys")
    assert "No entry has enrolled it, so it signs nothing" in page


def test_without_a_sign_in_no_key_is_shown_or_taken(strict_room: Room) -> None:
    stranger = strict_room.client()
    assert stranger.get("/keys").status_code == 303
    size = strict_room.ledger.size()
    assert stranger.post("/keys/revoked", key="SHA256:" + "A" * 43, reason="x").status_code in (303, 400, 401, 403)
    assert strict_room.ledger.size() == size
