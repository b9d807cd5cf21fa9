"""Who may see what, and how a sign-in begins and ends."""

import pytest

from gate.web.guard import local_path
from tests.web.room import PASSWORD, Room


def test_a_page_asked_for_without_a_sign_in_leads_to_it_and_back(room: Room) -> None:
    change = room.opened()
    stranger = room.client()
    away = stranger.get(f"/changes/{change}")
    assert (away.status_code, away.location) == (303, f"/sign-in?next=/changes/{change}")
    back = stranger.post("/sign-in", name="steward", password=PASSWORD, next=f"/changes/{change}")
    assert (back.status_code, back.location) == (303, f"/changes/{change}")
    assert "Firmware 8.7.0.4" in stranger.text(f"/changes/{change}")


@pytest.mark.parametrize(
    "given",
    ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)", "/a\nb", "", "x" * 900],
)
def test_a_deep_link_leads_nowhere_but_here(given: str) -> None:
    assert local_path(given) == "/changes"


def test_a_deep_link_to_a_page_is_kept() -> None:
    assert local_path("/ledger?change=chg-0001&start=4") == "/ledger?change=chg-0001&start=4"


def test_a_wrong_password_is_refused_and_the_name_stays(room: Room) -> None:
    answer = room.client().post("/sign-in", name="steward", password="not the password")
    page = answer.get_data(as_text=True)
    assert answer.status_code == 401
    assert "Name or password is not right" in page or "name or password is not right" in page
    assert 'value="steward"' in page
    assert "not the password" not in page


def test_the_cookie_of_a_sign_in_is_for_no_script_and_no_other_site(room: Room) -> None:
    answer = room.client().post("/sign-in", name="steward", password=PASSWORD)
    cookie = next(value for value in answer.headers.getlist("Set-Cookie") if value.startswith("sangate="))
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Path=/" in cookie


def test_signing_out_ends_the_sign_in_in_the_gate_too(room: Room) -> None:
    steward = room.client("steward")
    cookie = steward.http.get_cookie("sangate", domain="127.0.0.1")
    assert cookie is not None
    assert steward.post("/sign-out").status_code == 303
    again = room.client()
    again.http.set_cookie("sangate", cookie.value, domain="127.0.0.1")
    assert again.get("/changes").status_code == 303


def test_the_secret_of_a_sign_in_is_on_no_page(room: Room) -> None:
    room.opened()
    steward = room.client("steward")
    cookie = steward.http.get_cookie("sangate", domain="127.0.0.1")
    assert cookie is not None
    for path in ("/changes", "/changes/chg-0001", "/ledger", "/evidence", "/nowhere"):
        assert cookie.value not in steward.get(path).get_data(as_text=True)
