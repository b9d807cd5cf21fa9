"""
A playbook as it is written: how one family's arrays are changed, as data.

Conditions name facts of a reader and what they must be: exact text, or text with a `*` at its beginning or its end
or both (`*stalled*`), nothing cleverer. A fact that is not there never matches. Slots are `{image}` and the like: each
has a pattern, and a value outside its pattern is refused, never escaped.
"""

import re
from typing import Annotated, Literal, Protocol, Self

from pydantic import Field, StringConstraints, model_validator

from gate.change import Kind, PartKind, Phase, Sentence
from gate.duration import Duration
from gate.inventory import AbsolutePath, ArrayFamily, Frozen, Name

KINDS = ("ask", "do", "send", "attended")
"""What a step can be: exactly one of these keys is in it."""

PLACEHOLDER = re.compile(r"\{([^{}]*)\}")

FactName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
SlotName = Literal[
    "array", "image", "version", "serial", "from_version", "unit", "image_server", "kickstart",
    "enclosure", "slot", "place", "partner_slot", "partner_place", "partner_serial",
    "old_part", "old_serial", "new_part", "new_serial", "new_firmware",
]  # fmt: skip
Pattern = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Words = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9 .,_:/!={}-]{0,299}$")]
"""A command: no quote, `;`, `|`, `&`, `$`, `<`, `>`, glob or newline can stand in it."""

Prompt = Annotated[str, StringConstraints(pattern=r"^[*]?[ -)+-~]{6,199}[!-)+-~]$")]
"""A prompt as it stands on its line, without blanks around it; a `*` only at its beginning. No slot is filled in."""

Typed = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$")]
"""What is typed at a prompt: one word; the end of the line is added."""

Times = Annotated[int, Field(ge=1, le=20)]
Value = Annotated[str, StringConstraints(max_length=200)]
Expected = dict[FactName, Value | Annotated[list[Value], Field(min_length=1, max_length=50)]]


class Dialect(Protocol):
    """What a playbook needs to know of its family."""

    def may_ask(self, command: str) -> bool:
        """True when the whole command is on the list of questions that change nothing."""

    def spoken(self, command: str) -> str:
        """Return a command of a playbook in the words that go over the wire."""

    def forbids(self, command: str) -> str:
        """Return why no playbook may `do` the command; empty when it may."""

    def facts(self, reader: str) -> tuple[str, ...]:
        """Return the names of the facts that a reader can give; () when there is no such reader."""


class Look(Frozen, use_attribute_docstrings=True):
    """The question that tells whether a mutating step was begun or done."""

    ask: Words
    """A question that changes nothing."""

    read: FactName
    """Name of the family's reader for the reply."""

    done: Expected = Field(default_factory=dict)
    """Facts that show that the step was done; may be empty when nothing tells it: that never holds."""

    not_begun: Expected = Field(default_factory=dict)
    """Facts that show that it was not begun; may be empty likewise."""


class Answer(Frozen, use_attribute_docstrings=True):
    """A prompt that is expected, and what is typed at it."""

    prompt: Prompt
    """The line that waits for input, as a whole and without the blanks around it; a `*` only at its beginning."""

    answer: Typed
    """One word; the end of the line is added."""

    times: Times = 1
    """How often at most; the same prompt once more is one that nobody expected."""


class PlaybookStep(Frozen, use_attribute_docstrings=True):
    """One step as written: exactly one of `ask`, `do`, `send` and `attended`."""

    id: Name
    """Its name, unique in the file."""

    say: Sentence
    """What it is for, one sentence; shown to those who approve and on the page while it runs."""

    ask: Words | None = None
    """A question on the family's list of those that change nothing; sent under the read-only credential."""

    do: Words | None = None
    """A command that changes something and returns at once: needs a permit, an intent and a look."""

    attended: Sentence | None = None
    """What a person does by hand, in words; slots are filled in. Two people confirm it, then the look decides."""

    who: Literal["performer", "vendor"] | None = None
    """For `attended`: whether the performer does it, or somebody of the vendor beside them."""

    send: Literal["{image}"] | None = None
    """Copies the approved image, its digest compared on the way."""

    to: AbsolutePath | Literal["flash"] | None = None
    """For `send`: the directory on the array, or the name under which it takes firmware."""

    by: Literal["scp", "sftp"] = "scp"
    """For `send`: how; by SFTP it goes to the array's address for uploads."""

    read: FactName | None = None
    """Name of the family's reader for the reply; a step that is attended has none but that of its look."""

    expect: Expected = Field(default_factory=dict)
    """Facts that must all hold; the exit code alone says nothing."""

    until: Expected = Field(default_factory=dict)
    """For `ask`: asked again, `every` so often and `within` so long, until all of these hold."""

    refuse: Expected = Field(default_factory=dict)
    """With `until`: any of these that holds ends the waiting as failed."""

    every: Duration | None = None
    """How long to rest between two questions of `until`."""

    within: Duration | None = None
    """How long to wait for `until`, or for one slow answer; half a minute when it is not said."""

    answers: Annotated[tuple[Answer, ...], Field(max_length=20)] = ()
    """For `do`: the only prompts that are answered. At any other one nothing is typed, and a person is asked."""

    terminal: bool = False
    """For `do`: run under a pseudo-terminal, for a command that prompts nowhere else. If the gate is killed, the
    command is hung up with it (measured with OpenSSH); without a terminal it goes on to its end."""

    disconnects: Literal["expected"] | None = None
    """The connection may end under this step in a good update: that is neither success nor failure."""

    again: Literal["safe", "ask"] | None = None
    """For `do` and `send`: `safe` may be sent again once the array shows that it was not begun; `ask`: only a person
    may say so."""

    finish_first: bool = False
    """A run of such steps that has begun is ended before a hold takes effect."""

    point_of_no_return: bool = False
    """After this step the way is only forward, or recovery."""

    look: Look | None = None
    """For `do` and `send`: how to find out afterwards whether it was begun or done."""

    @property
    def mutates(self) -> bool:
        """True for `do`, `send` and `attended`."""
        return self.ask is None

    @model_validator(mode="after")
    def _where_it_is_taken(self) -> Self:
        if (self.by == "sftp") != (self.to == "flash"):
            raise ValueError("by: sftp and to: flash belong together")
        return self

    @model_validator(mode="after")
    def _one_purpose(self) -> Self:
        if sum(getattr(self, kind) is not None for kind in KINDS) != 1:
            raise ValueError("a step has exactly one of ask, do, send and attended")
        if (self.attended is None) != (self.who is None):
            raise ValueError("attended and who belong together")
        if self.attended is not None:
            return self._attended_alone()
        return self._sent()._answers_once()

    def _sent(self) -> Self:
        if self.read is None:
            raise ValueError("read is missing: which reader reads the reply?")
        if (self.send is None) != (self.to is None):
            raise ValueError("send and to belong together")
        if not self.expect and not self.until:
            raise ValueError("a step says by expect or until what counts as success")
        if bool(self.until) != (self.every is not None) or (self.until and self.within is None):
            raise ValueError("until, every and within belong together")
        if self.refuse and not self.until:
            raise ValueError("refuse: only a step that waits by until can end early")
        if self.mutates and (self.look is None or self.again is None):
            raise ValueError("a step that changes something has a look and says again")
        if self.mutates and self.until:
            raise ValueError("until: a step that changes something returns at once; wait in an ask after it")
        if not self.mutates and (self.look or self.again or self.point_of_no_return):
            raise ValueError("look, again and point_of_no_return belong to do and send")
        return self

    def _attended_alone(self) -> Self:
        if self.look is None or not self.look.done:
            raise ValueError("a step that is attended has a look that tells when it is done")
        others = (self.read, self.expect, self.until, self.refuse, self.every, self.again, self.disconnects)
        if any(others) or self.answers or self.terminal or self.to:
            raise ValueError("a step that is attended sends nothing: say, who, within and look are all it has")
        return self

    def _answers_once(self) -> Self:
        if self.do is None and (self.answers or self.terminal):
            raise ValueError("answers and terminal belong to do")
        prompts = [one.prompt for one in self.answers]
        for number, prompt in enumerate(prompts):
            if prompt in prompts[:number]:
                raise ValueError(f"answers.{number}.prompt: the prompt is there twice; say times")
        return self


Steps = Annotated[tuple[PlaybookStep, ...], Field(min_length=1, max_length=60)]


class Playbook(Frozen, use_attribute_docstrings=True):
    """How one family's arrays are changed: a whole playbook file."""

    format: Literal["1"]
    family: ArrayFamily
    title: Sentence
    """What it does, one sentence."""

    kind: Kind
    replaces: PartKind = PartKind.CONTROLLER
    """For `kind: hardware`: what kind of part it replaces; a change of another part is not sealed with it."""

    back_out_class: Sentence
    """Until when, and with what loss, one can go back; shown to those who approve."""

    slots: dict[SlotName, Pattern]
    """What is filled in, and the pattern that its value must fit; a value outside it is refused, never escaped."""

    steps: Steps
    """From the first question to the approved version running; the canary is watched after them."""

    commit: Steps
    """What follows once the canary has held."""

    back_out: Steps
    """How to go back; the last of them looks at what then runs."""

    def phases(self) -> tuple[tuple[str, Phase, tuple[PlaybookStep, ...]], ...]:
        """Return key, phase and steps of the three lists, in file order."""
        return (
            ("steps", Phase.FORWARD, self.steps),
            ("commit", Phase.COMMIT, self.commit),
            ("back_out", Phase.BACK_OUT, self.back_out),
        )


Asks = Annotated[tuple[PlaybookStep, ...], Field(max_length=60)]


class Precheck(Frozen, use_attribute_docstrings=True):
    """What the vendor's own look before an update asks, as a file of its own: `FAMILY/precheck`. It changes nothing."""

    format: Literal["1"]
    family: ArrayFamily
    title: Sentence
    """What it looks at, one sentence."""

    kind: Literal["precheck"]
    way_out: Sentence
    """What to do where it cannot be asked: which utility, licence or setting it needs."""

    slots: dict[SlotName, Pattern]
    """What is filled in, and the pattern that its value must fit; a value outside it is refused, never escaped."""

    steps: Asks = ()
    """Questions that can be put at any time; each must hold."""

    staged: Asks = ()
    """Questions that need the image on the array: the playbook of a change asks them before it applies anything."""

    def phases(self) -> tuple[tuple[str, Phase, tuple[PlaybookStep, ...]], ...]:
        """Return key, phase and steps of both lists, in file order."""
        return ("steps", Phase.FORWARD, self.steps), ("staged", Phase.FORWARD, self.staged)

    @model_validator(mode="after")
    def _only_asks(self) -> Self:
        if not self.steps and not self.staged:
            raise ValueError("steps: it asks nothing")
        for key, _, steps in self.phases():
            for number, step in enumerate(steps):
                if step.mutates or step.until or step.disconnects:
                    raise ValueError(f"{key}.{number}: a precheck asks once, changes nothing and waits for nothing")
        return self


def listed(values: str | list[str]) -> list[str]:
    """Return the values of one fact in a condition, of which it must be one."""
    return [values] if isinstance(values, str) else values
