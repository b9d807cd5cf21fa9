"""
A playbook: how one family's arrays are changed, as data, and its rendering to exact words for one array.

Conditions name facts of a reader and what they must be: exact text, or text with a `*` at its beginning or its end
or both (`*stalled*`), nothing cleverer. A fact that is not there never matches. Slots are `{image}` and the like: each
has a pattern, and a value outside its pattern is refused, never escaped.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal, Protocol, Self

from pydantic import Field, StringConstraints, model_validator

from gate.canonical import sha256
from gate.change import Kind, Phase, Sentence, Step
from gate.document import read as read_document
from gate.duration import Duration
from gate.errors import BadInput
from gate.inventory import AbsolutePath, ArrayFamily, Frozen, Name
from gate.tree import Path, compose, show

Condition = tuple[tuple[str, tuple[str, ...]], ...]

SLOTS = ("array", "image", "version", "serial", "from_version")
SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,199}")
"""What any slot value must be besides its own pattern: no character that a shell or a glob reads."""

PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
QUICK = 30
"""Seconds that a step may take when it says no `within` (our choice)."""

FactName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
SlotName = Literal["array", "image", "version", "serial", "from_version"]
Pattern = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Words = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9 ._:/!={}-]{0,299}$")]
"""A command: no quote, `;`, `|`, `&`, `$`, `<`, `>`, glob or newline can stand in it."""

Value = Annotated[str, StringConstraints(max_length=200)]
Expected = dict[FactName, Value | Annotated[list[Value], Field(min_length=1, max_length=50)]]


class Dialect(Protocol):
    """What a playbook needs to know of its family."""

    def may_ask(self, command: str) -> bool:
        """True when the whole command is on the list of questions that change nothing."""

    def forbids(self, command: str) -> str:
        """Return why no playbook may `do` the command; empty when it may."""

    def facts(self, reader: str) -> tuple[str, ...]:
        """Return the names of the facts that a reader can give; () when there is no such reader."""


class Look(Frozen):
    """The question that tells whether a mutating step was begun or done."""

    ask: Words
    read: FactName
    done: Expected = Field(default_factory=dict)
    not_begun: Expected = Field(default_factory=dict)
    """Either may be empty when nothing tells it: an empty condition never holds."""


class PlaybookStep(Frozen):
    """One step as written: exactly one of `ask`, `do` and `send`."""

    id: Name
    say: Sentence
    ask: Words | None = None
    do: Words | None = None
    send: Literal["{image}"] | None = None
    to: AbsolutePath | None = None
    read: FactName
    expect: Expected = Field(default_factory=dict)
    until: Expected = Field(default_factory=dict)
    refuse: Expected = Field(default_factory=dict)
    every: Duration | None = None
    within: Duration | None = None
    """How long to wait for `until`, or for one slow answer; half a minute when it is not said."""

    disconnects: Literal["expected"] | None = None
    again: Literal["safe", "ask"] | None = None
    finish_first: bool = False
    point_of_no_return: bool = False
    look: Look | None = None

    @property
    def mutates(self) -> bool:
        """True for `do` and `send`."""
        return self.ask is None

    @model_validator(mode="after")
    def _one_purpose(self) -> Self:
        if sum(given is not None for given in (self.ask, self.do, self.send)) != 1:
            raise ValueError("a step has exactly one of ask, do and send")
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


Steps = Annotated[tuple[PlaybookStep, ...], Field(min_length=1, max_length=60)]


class Playbook(Frozen):
    """The whole file."""

    format: Literal["1"]
    family: ArrayFamily
    title: Sentence
    kind: Kind
    back_out_class: Sentence
    """Until when, and with what loss, one can go back; shown to those who approve."""

    slots: dict[SlotName, Pattern]
    steps: Steps
    commit: Steps
    back_out: Steps

    def phases(self) -> tuple[tuple[str, Phase, tuple[PlaybookStep, ...]], ...]:
        """Return key, phase and steps of the three lists, in file order."""
        return (
            ("steps", Phase.FORWARD, self.steps),
            ("commit", Phase.COMMIT, self.commit),
            ("back_out", Phase.BACK_OUT, self.back_out),
        )


@dataclass(frozen=True)
class Rendered:
    """The three phases in exact words for one array."""

    forward: tuple[Step, ...]
    commit: tuple[Step, ...]
    back_out: tuple[Step, ...]


def parse(text: bytes, source: str, families: Mapping[ArrayFamily, Dialect]) -> Playbook:
    """
    Return the playbook; BadInput names file, line and column.

    Beyond the shape: ids are unique, slots are declared, every question is on the family's list of questions that
    change nothing, every fact is one that its reader gives, and nothing that the family forbids is in it.
    """
    playbook = read_document(text, source, Playbook)
    dialect = families.get(playbook.family)
    found = [((), f'no family "{playbook.family}" is known')] if dialect is None else list(_problems(playbook, dialect))
    if found:
        written = compose(text, source)
        path, message = min(found, key=lambda one: written.position(one[0], key=False))
        hint = f"and {len(found) - 1} more" if len(found) > 1 else ""
        raise written.bad(written.position(path, key=False), message, path=path, hint=hint)
    return playbook


def file_digest(text: bytes) -> str:
    """Digest of the file as it lies there: what the plan names."""
    return sha256(text)


def render(playbook: Playbook, slots: Mapping[str, str]) -> Rendered:
    """Return the steps in exact words; BadInput for a slot that is missing, unknown or outside its pattern."""
    for name in sorted(set(slots) - set(playbook.slots)):
        raise BadInput(f'the playbook has no slot "{show(name)}"')
    for name, pattern in playbook.slots.items():
        value = slots.get(name)
        if value is None:
            raise BadInput(f'the slot "{name}" has no value')
        if not SAFE.fullmatch(value) or not re.fullmatch(pattern, value):
            raise BadInput(
                f'"{show(value)}" does not fit the slot "{name}" ({pattern})',
                hint="values are refused, never escaped; is it the right value?",
            )
    phases = {phase: tuple(_step(step, slots) for step in steps) for _, phase, steps in playbook.phases()}
    return Rendered(phases[Phase.FORWARD], phases[Phase.COMMIT], phases[Phase.BACK_OUT])


def holds(condition: Condition, facts: Mapping[str, str]) -> bool:
    """True when every named fact is there and is one of its values; an empty condition holds never (promise 1)."""
    return bool(condition) and all(_is_one_of(facts.get(name), values) for name, values in condition)


def any_holds(condition: Condition, facts: Mapping[str, str]) -> bool:
    """True when at least one named fact is there and is one of its values: the reading of `refuse`."""
    return any(_is_one_of(facts.get(name), values) for name, values in condition)


def why_not(condition: Condition, facts: Mapping[str, str]) -> str:
    """Return in one sentence which facts do not hold; empty when all do."""
    if not condition:
        return "nothing was expected, so nothing is fulfilled"
    missing = facts.get("unreadable") or "it was not told"
    words = []
    for name, values in condition:
        value = facts.get(name)
        if not _is_one_of(value, values):
            wanted = " or ".join(f'"{each}"' for each in values)
            told = f"unknown ({show(missing)})" if value is None else f'"{show(value)}"'
            words.append(f"{name} is {told}, not {wanted}")
    return "; ".join(words)


def _is_one_of(value: str | None, patterns: tuple[str, ...]) -> bool:
    return value is not None and any(_matches(value, pattern) for pattern in patterns)


def _matches(value: str, pattern: str) -> bool:
    core = pattern.strip("*")
    if pattern.startswith("*") and pattern.endswith("*") and core:
        return core in value
    if pattern.startswith("*") and core:
        return value.endswith(core)
    if pattern.endswith("*") and core:
        return value.startswith(core)
    return value == pattern


def _problems(playbook: Playbook, dialect: Dialect) -> Iterator[tuple[Path, str]]:
    """Find what the shape alone does not tell; every one with its place."""
    for name, pattern in playbook.slots.items():
        try:
            re.compile(pattern)
        except (re.error, OverflowError, RecursionError) as error:
            yield ("slots", name), f"not a pattern: {error}"
    seen: set[str] = set()
    for key, _, steps in playbook.phases():
        for number, step in enumerate(steps):
            path: Path = (key, number)
            if step.id in seen:
                yield (*path, "id"), f'the step "{step.id}" is there twice'
            seen.add(step.id)
            yield from _step_problems(step, path, playbook, dialect)


def _step_problems(step: PlaybookStep, path: Path, playbook: Playbook, dialect: Dialect) -> Iterator[tuple[Path, str]]:
    for inner, message in (
        *_command_problems(step, dialect),
        *_fact_problems(step, dialect),
        *_slot_problems(step, set(playbook.slots)),
    ):
        yield (*path, *inner), message


def _command_problems(step: PlaybookStep, dialect: Dialect) -> Iterator[tuple[Path, str]]:
    questions: list[tuple[Path, str]] = [(("ask",), step.ask)] if step.ask is not None else []
    questions += [(("look", "ask"), step.look.ask)] if step.look else []
    for path, command in questions:
        if not dialect.may_ask(PLACEHOLDER.sub("x", command)):
            yield path, f'"{show(command)}" is not on the list of questions that change nothing'
    if step.do is not None:
        if dialect.may_ask(PLACEHOLDER.sub("x", step.do)):
            yield ("do",), f'"{show(step.do)}" only asks; write ask'
        elif why := dialect.forbids(PLACEHOLDER.sub("x", step.do)):
            yield ("do",), f'"{show(step.do)}" may not be done: {why}'


def _fact_problems(step: PlaybookStep, dialect: Dialect) -> Iterator[tuple[Path, str]]:
    readings: list[tuple[Path, str]] = [(("read",), step.read)]
    readings += [(("look", "read"), step.look.read)] if step.look else []
    for path, reader in readings:
        known = dialect.facts(reader)
        if not known:
            yield path, f'unknown reader "{reader}"'
        for place, condition in _conditions(step):
            for name in condition:
                if known and place[:-1] == path[:-1] and name not in known:
                    yield (*place, name), f'the reader "{reader}" gives no fact "{name}": {", ".join(known)}'


def _slot_problems(step: PlaybookStep, declared: set[str]) -> Iterator[tuple[Path, str]]:
    values = [
        ((*path, name), value) for path, condition in _conditions(step) for name in condition
        for value in _listed(condition[name])
    ]  # fmt: skip
    for path, value in values:
        if "*" in value.strip("*") or (value and not value.strip("*")):
            yield path, f'"{show(value)}": a * stands only at the beginning or the end of some text'
    words: list[tuple[Path, str]] = [((key,), text) for key in ("ask", "do", "send") if (text := getattr(step, key))]
    words += [(("look", "ask"), step.look.ask)] if step.look else []
    for path, text in (*words, *values):
        for name in PLACEHOLDER.findall(text):
            if name not in declared:
                yield path, f'the slot "{show(name)}" is not declared under slots'
        if set("{}") & set(PLACEHOLDER.sub("", text)):
            yield path, "a brace stands alone"


def _conditions(step: PlaybookStep) -> list[tuple[Path, Expected]]:
    """Every condition of a step with its place in it."""
    found: list[tuple[Path, Expected]] = [
        (("expect",), step.expect), (("until",), step.until), (("refuse",), step.refuse)
    ]  # fmt: skip
    if step.look:
        found += [(("look", "done"), step.look.done), (("look", "not_begun"), step.look.not_begun)]
    return found


def _listed(values: str | list[str]) -> list[str]:
    return [values] if isinstance(values, str) else values


def _step(step: PlaybookStep, slots: Mapping[str, str]) -> Step:
    command = step.ask or step.do or f"scp -t {step.to} < {{image}}"
    look = step.look
    return Step(
        id=step.id,
        say=step.say,
        mutates=step.mutates,
        command=_fill(command, slots),
        reader=step.read,
        expect=_condition(step.expect, slots),
        until=_condition(step.until, slots),
        refuse=_condition(step.refuse, slots),
        every_s=int(step.every.total_seconds()) if step.every else 1,
        within_s=int(step.within.total_seconds()) if step.within else QUICK,
        send=step.to or "",
        disconnects=step.disconnects == "expected",
        again=step.again or "ask",
        finish_first=step.finish_first,
        point_of_no_return=step.point_of_no_return,
        look_command=_fill(look.ask, slots) if look else "",
        look_reader=look.read if look else "",
        look_done=_condition(look.done, slots) if look else (),
        look_not_begun=_condition(look.not_begun, slots) if look else (),
    )


def _condition(written: Expected, slots: Mapping[str, str]) -> Condition:
    return tuple((name, tuple(_fill(value, slots) for value in _listed(values))) for name, values in written.items())


def _fill(text: str, slots: Mapping[str, str]) -> str:
    return PLACEHOLDER.sub(lambda found: slots[found.group(1)], text)
