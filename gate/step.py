"""One step of a plan in exact words, and the prompts that it may answer."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Answer:
    """A prompt that is expected, what is typed at it, and how often at most."""

    prompt: str
    answer: str
    times: int = 1


@dataclass(frozen=True)
class Step:
    """One step in exact words for one array: nothing in it is decided later."""

    id: str
    say: str
    """What it is for, one sentence."""

    mutates: bool
    """True for `do` and `send`: needs a permit and an intent."""

    command: str
    """Exact words sent; for `send` the words that name file and place."""

    reader: str = ""
    """Name of the family's reader for the reply."""

    expect: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Fact name → the values of which it must be one."""

    until: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Asked again until all hold."""

    refuse: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Any that holds ends the waiting as failed."""

    every_s: int = 1
    within_s: int = 30
    send: str = ""
    """Directory on the array into which the image is copied; empty for a command."""

    disconnects: bool = False
    """The connection may end under this step in a good update; that is neither success nor failure."""

    again: str = "ask"
    """`safe`: may be sent again after a look found nothing begun or known. `ask`: only a person may say so."""

    finish_first: bool = False
    """A hold takes effect after this step, not before it."""

    point_of_no_return: bool = False
    look_command: str = ""
    """For a mutating step: the question that tells whether it was begun or done."""

    look_reader: str = ""
    look_done: tuple[tuple[str, tuple[str, ...]], ...] = ()
    look_not_begun: tuple[tuple[str, tuple[str, ...]], ...] = ()
    answers: tuple[Answer, ...] = ()
    """The only prompts that are answered."""

    terminal: bool = False
    """Run under a pseudo-terminal."""

    by: str = ""
    """For `send`: `sftp`, at the array's address for uploads; empty by scp."""

    attended: str = ""
    """`performer` or `vendor`: whoever does by hand what `command` says in words; empty for what the gate sends."""


ADDED = ("answers", "terminal", "by", "attended")
"""Fields of a step that plans of the first version do not know; empty means the same as absent."""
