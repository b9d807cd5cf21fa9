"""Somebody at the pages: signs in, opens a page, sends the form that is on it. A browser without a screen."""

import http.cookiejar
import urllib.error
import urllib.parse
import urllib.request
from html.parser import HTMLParser

from gate.errors import Outside

WAIT_S = 30
LARGEST = 4 * 1024 * 1024


class Visitor:
    """One browser session of one person; for the demo's own server on this machine."""

    def __init__(self, address: str) -> None:
        self._address = address
        cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), cookies)

    def sign_in(self, name: str, password: str) -> None:
        """Fill in the sign-in form."""
        self._send("/sign-in", "/sign-in", {"name": name, "password": password})

    def approve(self, change: str, seat: str) -> None:
        """Press the button of the seat on the change's page, with the plan and verdict that the page shows."""
        page = f"/changes/{change}"
        self._send(page, f"{page}/approve", {"seat": seat})

    def _send(self, page: str, action: str, typed: dict[str, str]) -> None:
        form = _Forms(action, typed)
        form.feed(self._open(page, None))
        if form.found is None:
            raise Outside(f"the page {page} has no such form", place=self._address)
        self._open(action, urllib.parse.urlencode({**form.found, **typed}).encode())

    def _open(self, path: str, body: bytes | None) -> str:
        asked = urllib.request.Request(self._address + path, body)  # noqa: S310  # our own server
        try:
            with self._opener.open(asked, timeout=WAIT_S) as answer:
                content: bytes = answer.read(LARGEST)
        except urllib.error.HTTPError as error:
            with error:
                raise Outside(f"the page {path} answered {error.code}", place=self._address) from None
        except OSError as error:
            raise Outside(f"the page {path} cannot be opened: {error}", place=self._address) from None
        return content.decode()


class _Forms(HTMLParser):
    """Finds the form with an action whose hidden fields do not contradict what is typed."""

    def __init__(self, action: str, typed: dict[str, str]) -> None:
        super().__init__()
        self._action = action
        self._typed = typed
        self._hidden: dict[str, str] | None = None
        self.found: dict[str, str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect hidden fields within the form."""
        values = {name: value or "" for name, value in attrs}
        if tag == "form" and values.get("action") == self._action:
            self._hidden = {}
        elif tag == "input" and self._hidden is not None and values.get("type") == "hidden":
            self._hidden[values.get("name", "")] = values.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        """Keep the form if it is the one."""
        if tag != "form" or self._hidden is None:
            return
        if all(self._hidden.get(name, value) == value for name, value in self._typed.items()):
            self.found = self._hidden
        self._hidden = None
