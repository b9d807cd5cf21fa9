"""The pages in a real Chromium: no reload, no script of ours missing, nothing asked of another host."""

import shutil
import threading
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any, cast

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from gate.serving import run
from tests.parts import need
from tests.web.room import PASSWORD, Room, later, make
from tests.web.test_escort import escorted

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PHONE = {"viewport": {"width": 390, "height": 844}}
PAGES = (
    "/changes",
    "/changes/{begun}",
    "/changes/{begun}/escort",
    "/changes/{begun}/record",
    "/changes/{begun}/transcript",
    "/changes/{refused}",
    "/changes/new",
    "/arrays",
    "/arrays/east-1",
    "/evidence",
    "/ledger",
    "/ledger/controls",
    "/keys",
    "/sign-in",
    "/nothing",
)
AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
BARRIERS = """async () => {
  document.querySelectorAll("details").forEach((part) => { part.open = true; });
  const found = await axe.run(document, {
    resultTypes: ["violations"],
    rules: { "color-contrast": { enabled: false } },  // tests/web/test_palette.py reckons it, for every pair
  });
  return found.violations.map((one) => `${one.impact} ${one.id}: ${one.nodes.slice(0, 3).map((node) => node.html)}`);
}"""
expect.set_options(timeout=30_000)  # pages follow every second; the machine may be slow


def barriers(page: Page) -> list[str]:
    """What axe-core holds against the page, with everything unfolded, for those who cannot see, point or wait."""
    page.evaluate(AXE)
    return cast("list[str]", page.evaluate(BARRIERS))


class Desk:
    """A gate that is served, and a browser in front of it; what a page complained about is kept."""

    def __init__(self, room: Room, browser: Browser, base: str) -> None:
        self.room, self.browser, self.base = room, browser, base
        self.complaints: list[str] = []
        self.asked: set[str] = set()

    def page(self, name: str = "", **how: Any) -> Page:
        page = self.browser.new_context(**how).new_page()
        page.on("console", lambda message: self._heard(message.text))
        page.on("pageerror", lambda error: self._heard(str(error)))
        page.on("request", lambda request: self.asked.add(request.url))
        if name:
            page.goto(self.base + "/sign-in")
            page.get_by_label("Name").fill(name)
            page.get_by_label("Password").fill(PASSWORD)
            page.get_by_role("button", name="Sign in").click()
            expect(page.get_by_role("heading", name="Changes")).to_be_visible()
        return page

    def _heard(self, text: str) -> None:
        if "503" not in text:  # the bound of live streams, which the page answers by polling
            self.complaints.append(text)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    need("libatomic")  # what drives the browser is linked with it
    # Chromium without the parts for a desktop: the same pages for a third of the work.
    chromium = shutil.which("chromium-headless-shell") or shutil.which("chromium") or need("chromium-headless-shell")
    room = make(tmp_path_factory.mktemp("gate"))
    stop, ready, ports = threading.Event(), threading.Event(), list[int]()

    def started(_: str, port: int) -> None:
        ports.append(port)
        ready.set()

    settings = later(room.settings, listen="127.0.0.1:0")
    thread = threading.Thread(target=run, args=(room.app, settings, stop, started), daemon=True)
    thread.start()
    assert ready.wait(60)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, headless=True, args=ARGUMENTS)
        yield Desk(room, browser, f"http://127.0.0.1:{ports[0]}")
        browser.close()
    stop.set()
    thread.join(60)
    room.ledger.close()


@pytest.fixture(autouse=True)
def quiet(desk: Desk) -> Iterator[None]:
    """No page may break its own policy, throw, or ask another host for anything; none goes on when its test is over."""
    desk.complaints.clear()
    yield
    complaints = list(desk.complaints)
    for context in desk.browser.contexts:
        context.close()
    assert complaints == []
    assert all(url.startswith((desk.base, "data:")) for url in desk.asked), desk.asked


def test_red_lines_are_read_with_their_way_out(desk: Desk) -> None:
    desk.room.eyes.repository_on = "east-1"
    change = desk.room.opened("Same array")
    desk.room.eyes.repository_on = "vault-1"
    page = desk.page("engineer")
    page.get_by_role("link", name="Same array").click()
    line = page.locator("#check-backup-isolated")
    expect(line).to_contain_text("Failed")
    expect(line).to_contain_text("Move the repository to an array outside this change")
    expect(page.get_by_role("img", name="sidekick and sidekick-nightly").first).to_be_visible()
    assert page.url.endswith(change)


def test_two_people_sign_and_each_page_is_right_without_a_reload(desk: Desk) -> None:
    change = desk.room.opened("Signed by two")
    lead, steward = desk.page("lead"), desk.page("steward")
    for page in (lead, steward):
        page.goto(f"{desk.base}/changes/{change}")
    lead.get_by_role("button", name="Approve as storage").click()
    expect(lead.locator("#seats")).to_contain_text("lead signed")
    expect(steward.locator("#seats")).to_contain_text("lead signed")
    steward.get_by_role("button", name="Approve as data owner").click()
    expect(lead.locator("#live")).to_contain_text("All seats are filled")


def test_typed_text_focus_and_open_details_stay_when_the_page_moves(desk: Desk) -> None:
    change = desk.room.opened("Typed into")
    steward = desk.page("steward")
    steward.goto(f"{desk.base}/changes/{change}")
    steward.locator("#deny summary").click()
    steward.get_by_label("Why not?").fill("The quarter ends")
    steward.get_by_label("Why not?").focus()
    desk.room.enter(change, "hold.placed", reason="somebody else held it")
    expect(steward.locator("#live")).to_contain_text("somebody else held it")
    expect(steward.get_by_label("Why not?")).to_have_value("The quarter ends")
    expect(steward.get_by_label("Why not?")).to_be_focused()
    expect(steward.locator("#deny")).to_have_attribute("open", "")


def test_a_run_is_seen_moving(desk: Desk) -> None:
    change = desk.room.started("Moves")
    page = desk.page("operator")
    page.goto(f"{desk.base}/changes/{change}")
    desk.room.baseline(change)
    desk.room.step(change, 0)
    expect(page.locator("#step-forward-0")).to_contain_text("done")
    forward = page.locator("#phase-forward")
    expect(forward).to_have_attribute("open", "")
    page.locator("#phase-back_out > summary").click()
    for number in range(1, 10):
        desk.room.step(change, number)
    expect(forward).not_to_have_attribute("open", "")  # it is over: what is watched now comes into sight
    expect(page.locator("#phase-back_out")).to_have_attribute("open", "")  # a reader opened it
    desk.room.probes(change, 1)
    expect(page.get_by_role("img", name="passed in 1 of 1 rounds").first).to_be_visible()
    desk.room.probes(change, 2, flipped=True)
    desk.room.judged(change, "failed", "west-3: known-answer: the data differ")
    desk.room.enter(change, "change.halted", because="the canary failed")
    expect(page.get_by_role("alert")).to_contain_text("It stopped where it is")
    expect(page.get_by_role("heading", name="The canary failed")).to_be_visible()
    desk.room.end(change)


def test_everything_is_done_with_the_keyboard_alone(desk: Desk) -> None:
    change = desk.room.opened("By keyboard")
    page = desk.page()
    page.goto(f"{desk.base}/changes/{change}")
    page.keyboard.type("lead")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="By keyboard")).to_be_visible()
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent.trim()") == "Approve as storage":
            break
    page.keyboard.press("Enter")
    expect(page.locator("#seats")).to_contain_text("lead signed")


@pytest.mark.parametrize("how", [PHONE, {**PHONE, "color_scheme": "dark"}, {"color_scheme": "dark"}])
def test_no_page_runs_out_at_the_side_and_dark_is_dark(desk: Desk, how: dict[str, Any]) -> None:
    change = desk.room.started("Every width")
    desk.room.baseline(change)
    desk.room.probes(change, 1)
    desk.room.eyes.lost = "west-3"
    unknown = desk.room.opened("Unknown")
    desk.room.eyes.lost = ""
    page = desk.page("steward", **how)
    for form in PAGES:
        path = form.format(begun=change, refused=unknown)
        page.goto(desk.base + path)
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, (path, wide)
        if how.get("color_scheme") == "dark":  # the paper of gate.css at night
            assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(16, 21, 24)"
        if how == PHONE:
            assert barriers(page) == [], path
    desk.complaints[:] = [text for text in desk.complaints if "404" not in text]
    desk.room.end(change)


def test_an_escort_has_the_stop_in_sight_on_a_desk_at_night(desk: Desk) -> None:
    change = escorted(desk.room)
    page = desk.page("lead", color_scheme="dark", viewport={"width": 1280, "height": 720})
    page.goto(f"{desk.base}/changes/{change}/escort")
    expect(page.get_by_role("button", name="Stop field-engineer")).to_be_in_viewport(ratio=1)
    expect(page.get_by_role("button", name="Go")).to_be_in_viewport(ratio=1)
    assert barriers(page) == []
    page.goto(f"{desk.base}/changes/{change}")
    page.get_by_role("link", name="Needs you: say go").click()
    page.get_by_role("button", name="Stop field-engineer").click()
    expect(page.get_by_role("heading", name="Stopped by lead")).to_be_visible()
    assert barriers(page) == []
    desk.room.end(change)


def test_on_a_phone_hold_is_always_in_reach_and_large_enough(desk: Desk) -> None:
    change = desk.room.started("Held by phone")
    page = desk.page("reader", **PHONE)
    page.goto(f"{desk.base}/changes/{change}")
    page.mouse.wheel(0, 4000)
    hold = page.locator("#hold > summary")
    expect(hold).to_be_in_viewport()
    box = hold.bounding_box()
    assert box is not None
    assert box["height"] >= 44
    hold.click()
    page.get_by_label("Why must it stop?").fill("The pager went off")
    page.get_by_role("button", name="Hold now").click()
    expect(page.locator("#live")).to_contain_text("The pager went off")
    desk.room.end(change)


def test_without_scripts_the_page_works_too(desk: Desk) -> None:
    change = desk.room.opened("No scripts")
    page = desk.page("lead", java_script_enabled=False)
    page.goto(f"{desk.base}/changes/{change}")
    page.get_by_role("button", name="Approve as storage").click()
    expect(page.locator("#seats")).to_contain_text("lead signed")


def test_a_wrong_change_file_keeps_what_was_typed(desk: Desk) -> None:
    page = desk.page("engineer")
    page.goto(f"{desk.base}/changes/new")
    page.get_by_label("Or its text").fill("title: x\ntragets: [a]\n")
    page.get_by_role("button", name="Open the change").click()
    expect(page.get_by_role("alert")).to_contain_text("Line 2, column 1, tragets")
    expect(page.get_by_label("Or its text")).to_have_value("title: x\ntragets: [a]\n")
    desk.complaints[:] = [text for text in desk.complaints if "422" not in text]


def test_a_check_is_watched_until_its_verdict(desk: Desk, tmp_path: Path) -> None:
    change = desk.room.open(title="Watched check")
    desk.room.eyes.slow = threading.Event()
    page = desk.page("engineer")
    page.goto(f"{desk.base}/changes/{change}")
    page.get_by_role("button", name="Check now").click()
    expect(page.locator("#now")).to_contain_text("asking 7 arrays who they are")
    desk.room.eyes.slow.set()
    expect(page.locator("#checks")).to_contain_text("backup-isolated")
    expect(page.locator("#now")).to_have_count(0)
    desk.room.eyes.slow = None


def test_the_ledger_is_checked_and_exported_without_a_reload(desk: Desk) -> None:
    desk.room.opened("Checked")
    page = desk.page("reader")
    page.goto(f"{desk.base}/ledger")
    page.get_by_role("button", name="Verify now").click()
    expect(page.locator("#seal")).to_contain_text("Verified", timeout=60_000)
    page.get_by_label("Format").select_option("csv")
    page.get_by_role("button", name="Export the whole ledger").click()
    expect(page.locator("#export")).to_contain_text("ready", timeout=60_000)
    with page.expect_download() as taken:
        page.get_by_role("link", name="Take ledger.csv").click()
    assert Path(taken.value.path()).read_bytes().startswith(b"index,time,kind")


def test_the_ledger_is_checked_and_filtered_without_scripts(desk: Desk) -> None:
    desk.room.opened("Plain")
    page = desk.page("reader", java_script_enabled=False)
    page.goto(f"{desk.base}/ledger")
    page.get_by_role("button", name="Verify now").click()
    expect(page.locator("#seal")).to_contain_text("Last check")
    page.get_by_label("Kind").select_option("plan.sealed")
    page.get_by_role("button", name="Show these").click()
    expect(page.locator(".entry .kind").first).to_have_text("Plan sealed")
