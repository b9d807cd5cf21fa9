"""A playbook from its file; what is wrong is said with line and column."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from pydantic.json_schema import models_json_schema

from gate.canonical import sha256
from gate.document import read as read_document
from gate.inventory import ArrayFamily
from gate.playbook.replacing import problems as of_its_kind
from gate.playbook.written import PLACEHOLDER, Dialect, Expected, Playbook, PlaybookStep, Precheck, listed
from gate.tree import Path, compose, show

File = TypeVar("File", Playbook, Precheck)


def parse(text: bytes, source: str, families: Mapping[ArrayFamily, Dialect]) -> Playbook:
    """
    Return the playbook; BadInput names file, line and column.

    Beyond the shape: ids are unique, slots are declared, every question is on the family's list of questions that
    change nothing, every fact is one that its reader gives, and nothing that the family forbids is in it.
    """
    return _sound(read_document(text, source, Playbook), text, source, families)


def parse_precheck(text: bytes, source: str, families: Mapping[ArrayFamily, Dialect]) -> Precheck:
    """Return the precheck, whose steps are held to the same; BadInput names file, line and column."""
    return _sound(read_document(text, source, Precheck), text, source, families)


def parse_either(text: bytes, source: str, families: Mapping[ArrayFamily, Dialect]) -> Playbook | Precheck:
    """Return whichever of the two the file says it is."""
    tree = compose(text, source).tree
    asks = isinstance(tree, dict) and tree.get("kind") == "precheck"
    return parse_precheck(text, source, families) if asks else parse(text, source, families)


def _sound(playbook: File, text: bytes, source: str, families: Mapping[ArrayFamily, Dialect]) -> File:
    dialect = families.get(playbook.family)
    found = [((), f'no family "{playbook.family}" is known')] if dialect is None else list(_problems(playbook, dialect))
    if found:
        written = compose(text, source)
        path, message = min(found, key=lambda one: written.position(one[0], key=False))
        hint = f"and {len(found) - 1} more" if len(found) > 1 else ""
        raise written.bad(written.position(path, key=False), message, path=path, hint=hint)
    return playbook


def schema() -> dict[str, Any]:
    """Return the JSON Schema of a playbook file, for editors; facts, commands and slots are for `parse` to judge."""
    _, made = models_json_schema([(Playbook, "validation"), (Precheck, "validation")])
    either = {"anyOf": [{"$ref": "#/$defs/Playbook"}, {"$ref": "#/$defs/Precheck"}]}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **either, **made}


def file_digest(text: bytes) -> str:
    """Digest of the file as it lies there: what the plan names."""
    return sha256(text)


def _problems(playbook: Playbook | Precheck, dialect: Dialect) -> Iterator[tuple[Path, str]]:
    """Find what the shape alone does not tell; every one with its place."""
    for name, pattern in playbook.slots.items():
        try:
            re.compile(pattern)
        except (re.error, OverflowError, RecursionError) as error:
            yield ("slots", name), f"not a pattern: {error}"
    if "{unit}" in dialect.spoken("") and "unit" not in playbook.slots:
        yield ("slots",), "the family names the array to its management host: declare the slot unit"
    yield from of_its_kind(playbook) if isinstance(playbook, Playbook) else ()
    seen: set[str] = set()
    for key, _, steps in playbook.phases():
        for number, step in enumerate(steps):
            path: Path = (key, number)
            if step.id in seen:
                yield (*path, "id"), f'the step "{step.id}" is there twice'
            seen.add(step.id)
            yield from _step_problems(step, path, playbook, dialect)


def _step_problems(
    step: PlaybookStep, path: Path, playbook: Playbook | Precheck, dialect: Dialect
) -> Iterator[tuple[Path, str]]:
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
        if not dialect.may_ask(_example(dialect, command)):
            yield path, f'"{show(command)}" is not on the list of questions that change nothing'
    if step.do is not None:
        if dialect.may_ask(_example(dialect, step.do)):
            yield ("do",), f'"{show(step.do)}" only asks; write ask'
        elif why := dialect.forbids(_example(dialect, step.do)):
            yield ("do",), f'"{show(step.do)}" may not be done: {why}'


def _example(dialect: Dialect, command: str) -> str:
    """Return the words over the wire with a 1 in each slot, which is a name and a number."""
    return PLACEHOLDER.sub("1", dialect.spoken(command))


def _fact_problems(step: PlaybookStep, dialect: Dialect) -> Iterator[tuple[Path, str]]:
    readings: list[tuple[Path, str]] = [(("read",), step.read)] if step.read else []
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
        for value in listed(condition[name])
    ]  # fmt: skip
    for path, value in values:
        if "*" in value.strip("*") or (value and not value.strip("*")):
            yield path, f'"{show(value)}": a * stands only at the beginning or the end of some text'
    words: list[tuple[Path, str]] = [
        ((key,), text) for key in ("ask", "do", "send", "attended") if (text := getattr(step, key))
    ]
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
