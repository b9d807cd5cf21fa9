"""A playbook in exact words for one array."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from gate.change import Phase
from gate.errors import BadInput
from gate.inventory import Array, ArrayFamily
from gate.playbook.conditions import Condition
from gate.playbook.replacing import OF_PARTS
from gate.playbook.written import PLACEHOLDER, Dialect, Expected, Playbook, PlaybookStep, Precheck, SlotName, listed
from gate.step import Answer, Step
from gate.tree import show

SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,199}")
"""What any slot value must be besides its own pattern: no character that a shell or a glob reads."""

SYSTEM_IMAGE = re.compile(
    r"([A-Za-z0-9][A-Za-z0-9-]{0,60}(?<!-kickstart))-(mz(?:-npe)?\.[A-Za-z0-9._-]{1,40})", re.ASCII
)

QUICK = 30
"""Seconds that a step may take when it says no `within` (our choice)."""


@dataclass(frozen=True)
class Rendered:
    """The three phases in exact words for one array."""

    forward: tuple[Step, ...]
    commit: tuple[Step, ...]
    back_out: tuple[Step, ...]


def slot_values(
    array: Array, image: str, version: str, serial: str, from_version: str, image_server: str
) -> dict[SlotName, str]:
    """Return a value for every slot that a playbook may have; empty where there is none, which no pattern takes."""
    return {
        "array": array.id,
        "image": image,
        "version": version,
        "serial": serial,
        "from_version": from_version,
        "unit": array.unit or "",
        "image_server": image_server,
        "kickstart": kickstart_beside(image),
        **dict.fromkeys(OF_PARTS, ""),
    }


def kickstart_beside(image: str) -> str:
    """
    Return the name of the kickstart image that Cisco releases beside an MDS system image; empty for another name.

    They differ by one word: `m9700-sf4ek9-mz.8.4.1.bin`, `m9700-sf4ek9-kickstart-mz.8.4.1.bin` (release notes).
    """
    found = SYSTEM_IMAGE.fullmatch(image)
    return f"{found[1]}-kickstart-{found[2]}" if found else ""


def render(playbook: Playbook, slots: Mapping[str, str], families: Mapping[ArrayFamily, Dialect]) -> Rendered:
    """Return the steps in exact words; BadInput for a slot that is missing, unknown or outside its pattern."""
    phases = {phase: steps for _, phase, steps in _in_words(playbook, slots, families)}
    return Rendered(phases[Phase.FORWARD], phases[Phase.COMMIT], phases[Phase.BACK_OUT])


def render_precheck(
    precheck: Precheck, slots: Mapping[str, str], families: Mapping[ArrayFamily, Dialect]
) -> tuple[tuple[Step, ...], tuple[Step, ...]]:
    """Return the questions that can be put at any time, and those that need the image on the array; likewise."""
    (_, _, steps), (_, _, staged) = _in_words(precheck, slots, families)
    return steps, staged


def _in_words(
    playbook: Playbook | Precheck, slots: Mapping[str, str], families: Mapping[ArrayFamily, Dialect]
) -> list[tuple[str, Phase, tuple[Step, ...]]]:
    for name in sorted(set(slots) - set(playbook.slots)):
        raise BadInput(f'the playbook has no slot "{show(name)}"')
    for name, pattern in playbook.slots.items():
        value = slots.get(name)
        if value is None:
            raise BadInput(f'the slot "{name}" has no value')
        if not value and name in OF_PARTS:
            hint = "open the change and check it: its plan shows the exact words"
            raise BadInput(f'the slot "{name}" is filled from a change and what its array lists', hint=hint)
        if not SAFE.fullmatch(value) or not re.fullmatch(pattern, value):
            raise BadInput(
                f'"{show(value)}" does not fit the slot "{name}" ({pattern})',
                hint="values are refused, never escaped; is it the right value?",
            )
    dialect = families[playbook.family]
    return [
        (key, phase, tuple(_held(_step(step, slots, dialect), step, dialect) for step in steps))
        for key, phase, steps in playbook.phases()
    ]


def _step(step: PlaybookStep, slots: Mapping[str, str], dialect: Dialect) -> Step:
    sent = f"sftp put {{image}} {step.to}" if step.by == "sftp" else f"scp -t {step.to} < {{image}}"
    words = step.ask or step.do
    command = dialect.spoken(words) if words else step.attended or sent
    look = step.look
    return Step(
        id=step.id,
        say=step.say,
        mutates=step.mutates,
        command=_fill(command, slots),
        reader=step.read or "",
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
        look_command=_fill(dialect.spoken(look.ask), slots) if look else "",
        look_reader=look.read if look else "",
        look_done=_condition(look.done, slots) if look else (),
        look_not_begun=_condition(look.not_begun, slots) if look else (),
        answers=tuple(Answer(one.prompt, one.answer, one.times) for one in step.answers),
        terminal=step.terminal,
        by="sftp" if step.by == "sftp" else "",
        attended=step.who or "",
    )


def _held(step: Step, written: PlaybookStep, dialect: Dialect) -> Step:
    """Return the step if its exact words are on the family's lists; what fitted with a 1 in each slot may not now."""
    for words in (step.look_command, "" if step.mutates else step.command):
        if words and not dialect.may_ask(words):
            raise BadInput(f'{step.id}: "{show(words)}" is not on the list of questions that change nothing')
    if written.do is not None and (why := dialect.forbids(step.command)):
        raise BadInput(f'{step.id}: "{show(step.command)}" may not be done: {why}')
    return step


def _condition(written: Expected, slots: Mapping[str, str]) -> Condition:
    return tuple((name, tuple(_fill(value, slots) for value in listed(values))) for name, values in written.items())


def _fill(text: str, slots: Mapping[str, str]) -> str:
    return PLACEHOLDER.sub(lambda found: slots[found.group(1)], text)
