"""
YAML as a tree of text with a place for every part, and nothing else of YAML.

Every scalar is text. What could grow, or hide, is refused before it is built: anchors, aliases, merge keys,
tags, directives, a second document, a second key of the same name, control characters. All failures are `BadInput`.
"""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import yaml

from gate.errors import BadInput

SIZE_MAX = 1024 * 1024
"""Bytes. A fleet of 500 arrays takes a fifth of it."""

DEPTH_MAX = 30
"""Mappings and lists inside one another; config.yaml has 4."""

NODES_MAX = 50_000
"""Keys, values, lists and mappings together; 500 arrays take a third of it."""

SHOWN_MAX = 80
"""Characters of foreign text that one message repeats."""

TURNING = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
"""Classes of characters that make a screen show text in another order than it is read (Unicode UAX 9)."""

Tree: TypeAlias = str | list["Tree"] | dict[str, "Tree"]
Path: TypeAlias = tuple[str | int, ...]
Position: TypeAlias = tuple[int, int]
"""Line and column, counted from 1."""


def show(text: object) -> str:
    """Return foreign text fit for one line of a screen: short, and with control characters spelled out."""
    whole = str(text)
    shown = "".join(f"\\u{ord(char):04x}" if _hidden(char) or char in "\t\n" else char for char in whole[:SHOWN_MAX])
    return shown + "…" if len(whole) > SHOWN_MAX else shown


def _hidden(char: str) -> bool:
    """True for what a screen obeys instead of showing, and for what has no UTF-8."""
    if unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp"):
        return char not in "\t\n"
    return unicodedata.bidirectional(char) in TURNING


@dataclass
class Written:
    """A tree of text, and where each part of it stands."""

    source: str
    tree: Tree = ""
    values: dict[Path, Position] = field(default_factory=dict)
    keys: dict[Path, Position] = field(default_factory=dict)
    nodes: int = 0

    def bad(self, position: Position, message: str, *, path: Path = (), hint: str = "") -> BadInput:
        """Return the error about one place."""
        place = ":".join([show(self.source), *map(str, position)])
        spot = ".".join(show(part) for part in path)
        return BadInput(message, place=f"{place}: {spot}" if spot else place, hint=hint)

    def position(self, path: Path, *, key: bool) -> Position:
        """Return where the key (or the value) of `path` stands, or the nearest around it."""
        found = (self.keys if key else self.values).get(path)
        if found is None and path:
            return self.position(path[:-1], key=False)
        return found or (1, 1)


def compose(data: bytes, source: str) -> Written:
    """Return `data` as a tree of text; BadInput says where it is not YAML of the plain kind read here."""
    written = Written(source)
    if len(data) > SIZE_MAX:
        raise written.bad((1, 1), f"the file has {len(data)} bytes, more than {SIZE_MAX}")
    try:
        text = data.decode("utf-8", errors="strict")
    except UnicodeDecodeError as error:
        line, column = data.count(b"\n", 0, error.start) + 1, error.start - data.rfind(b"\n", 0, error.start)
        raise written.bad((line, column), "this is not UTF-8 text", hint="is it a binary file?") from None
    try:
        _build(yaml.parse(text, Loader=yaml.BaseLoader), written)
    except yaml.reader.ReaderError as error:
        line, column = text.count("\n", 0, error.position) + 1, error.position - text.rfind("\n", 0, error.position)
        message = f"character U+{ord(text[error.position]):04X} cannot stand here"
        raise written.bad((line, column), message, hint="is it a binary file?") from None
    except yaml.MarkedYAMLError as error:
        raise written.bad(_at(error.problem_mark or error.context_mark), f"not YAML: {show(error.problem)}") from None
    except (yaml.YAMLError, ValueError, OverflowError):  # escapes beyond Unicode, version numbers beyond measure
        raise written.bad((1, 1), "not YAML: an escape or a directive has no meaning") from None
    return written


def _at(mark: Any) -> Position:
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)


def _build(events: Iterator[yaml.Event], written: Written) -> None:
    begun = False
    for event in events:
        if isinstance(event, yaml.DocumentStartEvent):
            if begun:
                raise written.bad(
                    _at(event.start_mark), "a second document begins here", hint="one file holds one document"
                )
            if event.version or event.tags:
                raise written.bad(_at(event.start_mark), "directives are not read here")
            begun = True
            written.tree = _node(next(events), events, written, ())
    if not begun:
        raise written.bad((1, 1), "the file is empty")


def _node(event: yaml.Event, events: Iterator[yaml.Event], written: Written, path: Path) -> Tree:
    position = _at(event.start_mark)
    written.values[path] = position
    written.nodes += 1
    if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
        raise written.bad(position, "anchors and aliases are not read here", path=path, hint="write the value out")
    if getattr(event, "tag", None):
        raise written.bad(
            position, "tags are not read here", path=path, hint="every value is text; types come from the key"
        )
    if written.nodes > NODES_MAX:
        raise written.bad(position, f"the file has more than {NODES_MAX} keys and values")
    if len(path) > DEPTH_MAX:
        raise written.bad(position, f"nested deeper than {DEPTH_MAX}")
    if isinstance(event, yaml.MappingStartEvent):
        return _mapping(events, written, path)
    if isinstance(event, yaml.SequenceStartEvent):
        items: list[Tree] = []
        while not isinstance(event := next(events), yaml.SequenceEndEvent):
            items.append(_node(event, events, written, (*path, len(items))))
        return items
    return _scalar(event, written, path)


def _mapping(events: Iterator[yaml.Event], written: Written, path: Path) -> Tree:
    found: dict[str, Tree] = {}
    while not isinstance(event := next(events), yaml.MappingEndEvent):
        position = _at(event.start_mark)
        key = _node(event, events, written, (*path, ""))
        if not isinstance(key, str):
            raise written.bad(position, "a key is one word", path=path)
        if key == "<<":
            raise written.bad(position, "merge keys are not read here", path=path, hint="write the keys out")
        inner = (*path, key)
        if key in found:
            line = written.keys[inner][0]
            raise written.bad(
                position, f'"{show(key)}" is there twice', path=inner, hint=f"the first is on line {line}"
            )
        written.keys[inner] = position
        found[key] = _node(next(events), events, written, inner)
    return found


def _scalar(event: Any, written: Written, path: Path) -> str:
    text: str = event.value
    hidden = next((char for char in text if _hidden(char)), None)
    if hidden:
        raise written.bad(_at(event.start_mark), f"control character U+{ord(hidden):04X} in the text", path=path)
    if not text and event.style is None:  # unset must never become an empty text
        raise written.bad(_at(event.start_mark), "there is no value", path=path, hint='write "" for an empty text')
    return text
