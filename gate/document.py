"""
YAML from outside, read so that every scalar is text and every complaint has a place.

Firmware `9.10` stays `9.10`, `22:00` stays `22:00` and `no` stays `no`: types come from the model alone.
What YAML itself may hold is bounded in gate/tree.py. Every failure is one `BadInput`, the
first in reading order, such as `config.yaml:12:7: arrays.2.family: unknown family "ontapp"`.
"""

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from gate.errors import BadInput
from gate.tree import SHOWN_MAX, Path, Tree, Written, compose, show

M = TypeVar("M", bound=BaseModel)

SPELLINGS = {
    "integer": (re.compile(r"-?(0|[1-9][0-9]{0,17})"), "a whole number"),
    "number": (re.compile(r"-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,17})?"), "a number"),
    "boolean": (re.compile(r"true|false"), "true or false"),
    "date-time": (
        re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)"),
        "a time with its offset, such as 2026-11-22T22:00:00Z",
    ),
}
"""The one spelling of each type; pydantic alone would also take `1_0`, ` 7`, `12.0`, `on` and bare seconds."""


def read(text: bytes, source: str, model: type[M]) -> M:
    """Return `text` as a `model`; BadInput names `source`, line, column and key of what is wrong first."""
    document = compose(text, source)
    schema = _schema(model)
    problems = [_Problem(path, message) for path, message in _misspelt(document.tree, schema, schema, ())]
    try:
        value = model.model_validate(document.tree)
    except ValidationError as error:
        problems += [_problem(detail, document, schema) for detail in error.errors(include_url=False)]
    else:
        if not problems:
            return value
    raise _first(problems, document)


@dataclass(frozen=True)
class _Problem:
    path: Path
    message: str
    hint: str = ""
    at_key: bool = False
    missing: bool = False
    short: bool = False


def _within(path: Path, outer: Path) -> bool:
    return len(path) > len(outer) and path[: len(outer)] == outer


def _first(problems: list[_Problem], document: Written) -> BadInput:
    """
    Return the first in reading order; the others are counted, one for each place.

    What is missing has no place of its own and comes last, so that a key misspelt is told before the key it should be.
    A list is called too short by pydantic also when its items were refused; then only the items are told.
    """
    problems = [one for one in problems if not (one.short and any(_within(other.path, one.path) for other in problems))]
    first = min(problems, key=lambda one: (one.missing, document.position(one.path, key=one.at_key)))
    others = len({problem.path for problem in problems} - {first.path})
    hint = first.hint
    if others:
        more = f"{others} more {'place is' if others == 1 else 'places are'} wrong"
        hint = f"{hint}{' ' if hint.endswith('?') else '; '}{more}" if hint else more
    return document.bad(document.position(first.path, key=first.at_key), first.message, path=first.path, hint=hint)


@cache
def _schema(model: type[BaseModel]) -> dict[str, Any]:
    return model.model_json_schema()


def _options(schema: dict[str, Any], root: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the schemas that could apply: references followed, unions opened, null left out."""
    if "$ref" in schema:
        return _options(root["$defs"][schema["$ref"].rpartition("/")[2]], root)
    choices = schema.get("anyOf") or schema.get("oneOf")
    if choices:
        return [option for choice in choices for option in _options(choice, root)]
    return [] if schema.get("type") == "null" else [schema]


def _inner(schema: dict[str, Any], part: str | int) -> dict[str, Any] | None:
    """Return the schema of one key or one item; None when it says nothing about it."""
    known = schema.get("properties", {}).get(part) or schema.get("additionalProperties")
    found = schema.get("items") if isinstance(part, int) else known
    return found if isinstance(found, dict) else None


def _misspelt(tree: Tree, schema: dict[str, Any], root: dict[str, Any], path: Path) -> Iterator[tuple[Path, str]]:
    """Find scalars that are not spelled as their type demands; a choice of types is left to pydantic."""
    options = _options(schema, root)
    if len(options) != 1:
        return
    if isinstance(tree, str):
        pattern, words = SPELLINGS.get(options[0].get("format", options[0].get("type", "")), (None, ""))
        if pattern and not pattern.fullmatch(tree):
            yield path, f'"{show(tree)}" is not {words}'
        return
    for part, item in tree.items() if isinstance(tree, dict) else enumerate(tree):
        inner = _inner(options[0], part)
        if inner is not None:
            yield from _misspelt(item, inner, root, (*path, part))


def _problem(detail: ErrorDetails, document: Written, schema: dict[str, Any]) -> _Problem:
    """Turn one of pydantic's complaints into a sentence, a place and, where one is near, the word that was meant."""
    kind, given, context = detail["type"], detail["input"], detail.get("ctx", {})
    if kind == "missing":
        name = str(detail["loc"][-1])
        path = (*_path(detail["loc"][:-1], document), name)
        hint = f'write "{name}:" and a value; nothing is assumed for it'
        return _Problem(path, "this must be set", hint, missing=True)
    path = _path(detail["loc"], document)
    if kind == "extra_forbidden":
        near = _nearest(str(path[-1]), _keys(path[:-1], schema))
        return _Problem(path, f'unknown key "{show(path[-1])}"', near, at_key=True)
    if kind in ("enum", "literal_error") and isinstance(given, str):
        names = [str(part) for part in path if isinstance(part, str)]
        what = names[-1].replace("_", " ") if names and path[-1] == names[-1] else "value"
        known = re.findall(r"'([^']*)'", str(context.get("expected", "")))
        return _Problem(path, f'unknown {show(what)} "{show(given)}"', _nearest(given, known))
    if kind == "value_error":
        return _told(path, str(context["error"]), document)
    words = {key: show(value).replace("datetime.timedelta(0)", "0") for key, value in context.items()}
    return _Problem(path, _sentence(kind, given, words, detail["msg"]), short=kind == "too_short")


def _sentence(kind: str, given: object, context: dict[str, str], otherwise: str) -> str:
    shown = f'"{show(given)}"' if isinstance(given, str) else "a list" if isinstance(given, list) else "a mapping"
    if kind in ("model_type", "model_attributes_type", "dict_type"):
        return f"keys with values must stand here, not {shown}"
    if kind in ("tuple_type", "list_type"):
        return f"a list must stand here, not {shown}"
    if kind in ("too_short", "too_long"):
        count, limit = context["actual_length"], context.get("min_length") or context.get("max_length")
        return f"the list has {count} entries, {'fewer' if kind == 'too_short' else 'more'} than {limit}"
    if kind in ("string_type", "enum", "literal_error"):
        return f"text must stand here, not {shown}"
    if kind == "string_pattern_mismatch":
        return f"{shown} does not have the form {context['pattern']}"
    if kind == "timezone_aware":
        return f"{shown} does not say its offset from UTC"
    for limit, words in (
        ("min_length", "shorter than"),
        ("max_length", "longer than"),
        ("ge", "less than"),
        ("le", "more than"),
        ("gt", "not more than"),
        ("lt", "not less than"),
    ):
        if limit in context:
            return f"{shown} is {words} {context[limit]}"
    return f"{shown} cannot stand here: {otherwise[:1].lower()}{otherwise[1:]}"


def _told(path: Path, message: str, document: Written) -> _Problem:
    """Read a rule's own sentence; words before its colon that lead to a place in the document become the place."""
    spot, colon, rest = message.partition(": ")
    inner = path
    for word in spot.split(".") if colon else ():
        step = _step(inner, word, document)
        if step is None:
            return _Problem(path, message)
        inner = step
    return _Problem(inner, rest) if colon else _Problem(path, message)


def _step(path: Path, word: str, document: Written) -> Path | None:
    """Follow one word: a key, or the number or `id` of an item of a list."""
    tree = _walk(document.tree, path)
    if isinstance(tree, dict) and word in tree:
        return (*path, word)
    if isinstance(tree, list):
        for number, item in enumerate(tree):
            if word == str(number) or (isinstance(item, dict) and item.get("id") == word):
                return (*path, number)
    return None


def _walk(tree: Tree, path: Path) -> Tree | None:
    found: Any = tree
    for part in path:
        found = found[part]
    return found  # type: ignore[no-any-return]  # every path comes from this tree


def _path(loc: tuple[int | str, ...], document: Written) -> Path:
    """Return the part of pydantic's `loc` that the document knows; names of union members are left out."""
    path: Path = ()
    for part in loc:
        if (*path, part) in document.values:
            path = (*path, part)
    return path


def _keys(path: Path, root: dict[str, Any]) -> list[str]:
    """Return the keys that the schema knows at `path`."""
    here = _options(root, root)
    for part in path:
        inner = [found for option in here if (found := _inner(option, part)) is not None]
        here = [option for found in inner for option in _options(found, root)]
    return sorted({key for option in here for key in option.get("properties", {})})


def _nearest(word: str, known: list[str]) -> str:
    near = difflib.get_close_matches(word[:SHOWN_MAX], known, n=1, cutoff=0.6)
    if near:
        return f'did you mean "{near[0]}"?'
    return f"one of {', '.join(known)}" if known else ""
