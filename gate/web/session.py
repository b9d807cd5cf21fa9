"""Who is asking: the sign-in of this browser, looked up at every request."""

from contextlib import suppress

from flask import Response, g, request

from gate.control.door import Control
from gate.errors import NotSignedIn, ShutOut
from gate.person import Person

PLAIN, HOST = "sangate", "__Host-sangate"
"""Name of the cookie; with https the browser itself keeps a `__Host-` cookie to this host and path."""


class Session:
    """The session cookie: read, set, ended. The secret in it is known to no script and to no log."""

    def __init__(self, control: Control, *, secure: bool) -> None:
        self._control = control
        self._secure = secure
        self.name = HOST if secure else PLAIN

    def begin(self) -> None:
        """Nobody is asking until the cookie was read: what goes wrong before has a page too."""
        g.person = None

    def read(self) -> None:
        """Find out who is asking; nobody is not an error here. Below /api no cookie is read."""
        secret = request.cookies.get(self.name, "")
        if secret and not request.path.startswith("/api/"):
            with suppress(NotSignedIn):
                try:
                    g.person = self._control.who(secret, "session")
                except ShutOut as error:
                    g.shut_out = error.message  # the page of the sign-in says it

    def keep(self, response: Response, secret: str, seconds: int) -> None:
        """Set the cookie."""
        response.set_cookie(
            self.name, secret, max_age=seconds, path="/", secure=self._secure, httponly=True, samesite="Lax"
        )

    def end(self, response: Response) -> None:
        """Take the cookie away."""
        response.delete_cookie(self.name, path="/", secure=self._secure, httponly=True, samesite="Lax")


def person() -> Person:
    """Return who is signed in; NotSignedIn when nobody is."""
    found = g.get("person")
    if not isinstance(found, Person):
        raise NotSignedIn("nobody is signed in, or the sign-in has ended", hint="sign in and do it again")
    return found
