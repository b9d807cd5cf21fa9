"""What every request must pass: host, origin, token, size; and what every answer carries."""

import re

import pytest

from gate.web.guard import CSP
from tests.web.room import PASSWORD, PEOPLE, Browser, Room

LINK = re.compile(r'(?:href|src|data-live)="([^"#]+)')


@pytest.mark.parametrize("path", ["/changes", "/sign-in", "/nowhere", "/static/gate.css", "/healthz"])
def test_every_answer_carries_the_headers(room: Room, path: str) -> None:
    answer = room.client("steward").get(path)
    assert answer.headers["Content-Security-Policy"] == CSP
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    if not path.startswith("/static"):
        assert answer.headers["Cache-Control"] == "no-store"


def test_no_page_holds_a_script_or_a_style_of_its_own(room: Room) -> None:
    change = room.started()
    room.baseline(change)
    room.probes(change, 1)
    steward = room.client("steward")
    for path in ("/changes", f"/changes/{change}", "/changes/new", "/ledger", "/evidence", "/sign-in"):
        page = steward.text(path)
        assert not re.search(r"<script(?![^>]*src=)|<style|\sstyle=|\son[a-z]+=", page), path


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1:9999", "localhost:8420", ""])
def test_a_request_for_another_host_is_refused(room: Room, host: str) -> None:
    assert room.client("steward").get("/changes", Host=host).status_code == 421


def test_health_is_told_to_whoever_asks(room: Room) -> None:
    answer = room.client().get("/readyz", Host="10.0.0.7")
    assert (answer.status_code, answer.get_json()["status"]) == (200, "ready")


@pytest.mark.parametrize(
    "headers", [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}]
)
def test_a_form_of_another_site_does_nothing(room: Room, headers: dict[str, str]) -> None:
    change = room.opened()
    steward = room.client("steward")
    before = room.control.size()
    answer = steward.post(f"/changes/{change}/do/hold", headers=headers, reason="because")
    assert (answer.status_code, room.control.size()) == (403, before)


def test_a_form_without_its_token_does_nothing(room: Room) -> None:
    change = room.opened()
    steward = room.client("steward")
    before = room.control.size()
    answer = steward.http.post(f"/changes/{change}/do/hold", base_url=steward.base, data={"reason": "because"})
    assert (answer.status_code, room.control.size()) == (400, before)
    assert "Nothing was done" in answer.get_data(as_text=True)


def test_a_token_of_another_browser_does_nothing(room: Room) -> None:
    change = room.opened()
    steward, other = room.client("steward"), room.client("lead")
    token = other.token(f"/changes/{change}")
    answer = steward.http.post(
        f"/changes/{change}/do/hold", base_url=steward.base, data={"csrf_token": token, "reason": "because"}
    )
    assert answer.status_code == 400


def test_a_body_too_large_is_refused_with_a_page(room: Room) -> None:
    answer = room.client("engineer").post("/changes/new", text="x" * (5 * 1024 * 1024))
    assert answer.status_code == 413
    assert "Too large" in answer.get_data(as_text=True)


def test_an_unknown_page_has_a_page(room: Room) -> None:
    answer = room.client("steward").get("/changes/chg-9999")
    assert answer.status_code == 404
    assert "there is no change" in answer.get_data(as_text=True).lower()


def test_a_get_decides_nothing_whoever_follows_every_link(room: Room) -> None:
    room.open(title="Not checked")
    room.opened("Waits for signatures")
    room.signed("Waits for the start")
    running = room.started("Runs")
    room.baseline(running)
    room.step(running, 0)
    browsers = {name: room.client(name) for name in PEOPLE}
    before = room.control.size()
    for browser in browsers.values():
        assert _follow(browser) > 12
    assert room.control.size() == before


def _follow(browser: Browser) -> int:
    """Get every address that pages name, and those of every form too; return how many."""
    waiting, seen = ["/changes"], set[str]()
    while waiting:
        path = waiting.pop()
        if path in seen or path.startswith(("http", "//")) or "/bell" in path:
            continue
        seen.add(path)
        answer = browser.get(path)
        assert answer.status_code in (200, 404, 405), (path, answer.status_code)
        if answer.mimetype == "text/html":
            page = answer.get_data(as_text=True).replace("&amp;", "&")
            waiting += LINK.findall(page) + re.findall(r'action="([^"]+)', page)
    return len(seen)


def test_signs_that_a_screen_would_obey_are_spelled_out(room: Room) -> None:
    change = room.opened()
    digest = room.control.show(room.person("steward"), change)["verdict"]["findings"][5]["evidence"][0]
    page = room.client("steward").text(f"/replies/{digest}")
    assert "\x1b" not in page
    assert "\\u001b[31mred" in page


def test_text_of_people_is_escaped_and_turning_marks_are_shown(room: Room) -> None:
    change = room.opened()
    room.enter(change, "hold.placed", reason="<b>bold</b> \u202egnirts")
    page = room.client("steward").text(f"/changes/{change}")
    assert "&lt;b&gt;bold&lt;/b&gt; \\u202egnirts" in page
    assert "\u202e" not in page


def test_a_crash_tells_nothing_but_that(room: Room, caplog: pytest.LogCaptureFixture) -> None:
    def fall() -> str:
        raise RuntimeError(PASSWORD)

    room.app.add_url_rule("/fall", "fall", fall)
    answer = room.client("steward").get("/fall")
    page = answer.get_data(as_text=True)
    assert answer.status_code == 500
    assert PASSWORD not in page
    assert "Traceback" not in page
