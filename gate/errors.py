"""
Every exception of the gate, on one page, split by what the reader can do about it.

A gate that says no is not an error: it returns a verdict. `Refused` is for a request that may not
even be put (wrong person, wrong moment). Each class carries the exit code of the command line and
the HTTP status of the two web faces (DESIGN section 11).
"""


class GateError(Exception):
    """
    Never raised itself. One sentence, optionally where, and optionally a way out.

    `place` names the spot in what was given to us (`config.yaml:12:7: arrays.2.family`);
    `hint` is a question or an action for the reader.
    """

    exit_code = 4
    status = 500

    def __init__(self, message: str, *, place: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.place = place
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" if self.place else self.message


class Refused(GateError):
    """The gate does not allow this, now, by this person."""

    exit_code = 1
    status = 403


class Moved(Refused):
    """Somebody else moved the change first; nothing was written."""

    status = 409


class BadInput(GateError):
    """What was given to us cannot be used as it is."""

    exit_code = 2
    status = 422


class NotThere(BadInput):
    """What was named does not exist."""

    status = 404


class NotSignedIn(Refused):
    """Nobody is signed in, or the sign-in has ended."""

    status = 401


class ShutOut(NotSignedIn):
    """Somebody is known, and every door is shut to them now."""


class CannotTell(GateError):
    """The question could not be answered; unknown is never a yes."""

    exit_code = 3
    status = 503


class Outside(GateError):
    """Something outside the gate failed: a disk, a connection, another program."""

    exit_code = 4
    status = 502


class HostKeyRefused(Outside):
    """The host key is unknown or has changed; nothing is added automatically (promise 9)."""


class LedgerUnavailable(Outside):
    """The ledger cannot be written, so nothing starts (promise 8)."""

    status = 503
