"""What every request and every answer must pass: the host that was asked, where a form came from, the headers."""

import re
from urllib.parse import urlsplit

from flask import Response, request

from gate.errors import BadInput, Refused
from gate.settings import Server

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
HEALTH = ("/healthz", "/readyz")
LOCAL = re.compile(r"/[A-Za-z0-9._~%!$&'()*+,;=:@/?-]*(#[A-Za-z0-9-]*)?")


class WrongHost(BadInput):
    """The request was meant for another server, or a page of another name was pointed at this one."""

    status = 421


class Origins:
    """The addresses under which this gate may be asked: its public one and the one it listens on."""

    def __init__(self, server: Server) -> None:
        public = urlsplit(server.public_url)
        self.allowed = {f"{public.scheme}://{public.netloc}", f"http://{server.listen}"}
        self.secure = public.scheme == "https"

    def add(self, listen: str) -> None:
        """Allow the address that was really bound, when the system chose the port."""
        self.allowed.add(f"http://{listen}")

    def check_host(self) -> None:
        """Refuse a request for another host (DNS rebinding); health questions come from anywhere."""
        hosts = {urlsplit(origin).netloc for origin in self.allowed}
        if request.path not in HEALTH and request.headers.get("Host", "") not in hosts:
            raise WrongHost("this gate is not asked under that name", hint="is server.public_url in config.yaml right?")

    def check_form(self) -> None:
        """Refuse a form that another site sent; the token of the form is asked for besides."""
        if request.method in ("GET", "HEAD", "OPTIONS"):
            return
        origin, site = request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site")
        if (origin is not None and origin not in self.allowed) or site not in (None, "same-origin", "none"):
            raise Refused("this form was sent by another site; nothing was done")


def add_headers(response: Response) -> Response:
    """Set the headers of every answer; only what lies under /static may be kept by a browser."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if request.endpoint != "static":
        response.headers["Cache-Control"] = "no-store"
    return response


def local_path(given: str) -> str:
    """Return a deep link if it leads to a page of this gate, else the list of changes."""
    whole = LOCAL.fullmatch(given[:500]) is not None and len(given) <= 500
    if whole and not given.startswith("//") and not urlsplit(given).netloc:
        return given
    return "/changes"
