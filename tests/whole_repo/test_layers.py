"""The picture of docs/architecture.md as a test: imports point down, and the pure rooms touch nothing."""

import ast
from pathlib import Path

import pytest

from tests.repository import GATE, imported, modules, name, parsed, room

LAYERS: tuple[set[str], ...] = (
    {"errors"},
    {"canonical", "chap", "drawing", "duration", "endpoint", "lazy", "sentence", "tree"},
    {"inventory", "step"},
    {"change", "document", "evidence", "policy"},
    {"finding", "landscape", "person", "sink", "transcript"},
    {"approval", "canary", "coverage", "immutability", "isolation", "judgement", "mending", "production", "rotation"}
    | {"subject", "upkeep", "verdict"},
    {"attendance", "escort", "fate", "waiver"},
    {"backups", "checks", "families", "hostkeys", "ledger", "playbook", "sshsig", "standing"},
    {"authority", "custody", "keyring", "lifecycle", "trust"},
    {"keyholding"},
    {"iscsi", "keys", "lab", "listening", "objects", "people", "settings", "ssh", "store"},
    {"permits", "witness", "witnessing"},
    {"export", "gather", "keyholder"},
    {"engine", "streaming"},
    {"control"},
    {"assembly"},
    {"api", "web"},
    {"serving"},
    {"cli"},
)
PURE = set().union(*LAYERS[:10])
PURE_FILES = {f"gate/engine/{name}.py" for name in ("next", "actions", "waiting", "escorting")}
"""Files held to the same in rooms that are not pure: what comes next is decided from values alone."""

VALUES = set().union(*LAYERS[:5]) - {"landscape"}
RANK = {one: rank for rank, layer in enumerate(LAYERS) for one in layer}

FACE = VALUES | {"control", "export", "people"}
ONLY: dict[str, set[str]] = {
    "lab": {"errors", "inventory"},  # it must not share a parser with what it tests
    "iscsi": {"chap", "errors", "families"},  # it moves bytes; what they mean is for the family
    "objects": {"errors", "backups", "canonical", "evidence", "inventory"},  # likewise
    "ssh": {"errors", "evidence", "hostkeys", "inventory"},  # likewise
    "streaming": VALUES | {"export", "settings", "store"},
    "ledger": {"errors", "canonical"},  # an auditor reads this room alone
    "export": VALUES | {"ledger", "store"},
    "witness": {"errors", "ledger", "listening", "store"},  # it runs elsewhere, and needs nothing of the gate's
    # It trusts nothing of the gate's, so it shares what is pure, the maker of certificates, and what speaks SSH.
    "keyholder": {"errors", "canonical", "change", "document", "keyholding", "keys", "ledger", "permits", "step"}
    | {"evidence", "hostkeys", "ssh", "transcript"},
    "web": FACE | {"settings"},
    "api": FACE | {"settings"},
    "serving": FACE | {"api", "listening", "settings", "web"},
    # It runs the serving process, the lab and the demo, and reads files; what it does to a change goes over HTTP.
    "cli": FACE
    | {
        "approval",
        "attendance",
        "assembly",
        "escort",
        "backups",
        "families",
        "gather",
        "hostkeys",
        "keyholder",
        "keys",
        "lab",
        "ledger",
        "objects",
        "permits",
        "playbook",
        "serving",
        "settings",
        "sshsig",
        "waiver",
        "witness",
        "witnessing",
    },
}
"""Rooms held tighter than their layer."""

PURE_STDLIB = {
    "__future__", "base64", "binascii", "bisect", "collections", "csv", "dataclasses", "datetime", "decimal", "difflib",
    "enum", "fnmatch", "fractions", "functools", "hashlib", "hmac", "itertools", "json", "math", "operator", "re",
    "shlex", "statistics", "string", "struct", "types", "typing", "unicodedata", "uuid",
}  # fmt: skip
PURE_NAMES = {
    ("pathlib", "PurePosixPath"),
    *(("ipaddress", name) for name in ("ip_address", "ip_network", "IPv6Address")),
}
PURE_EXTRA: dict[str, set[str]] = {
    "duration": {"pydantic"},
    "tree": {"yaml"},
    "sink": {"pydantic"},
    "document": {"pydantic", "pydantic_core"},
    "inventory": {"pydantic"},
    "backups": {"pydantic"},
    "change": {"pydantic"},
    "policy": {"pydantic"},
    "playbook": {"pydantic"},
    "trust": {"pydantic"},
    "custody": {"pydantic"},
    "keyholding": {"pydantic"},
    "ledger": {"cryptography"},
    "sshsig": {"cryptography"},
}
IMPURE_CALLS = {
    "breakpoint", "generate", "getenv", "getrandbits", "input", "open", "print", "sleep", "token_bytes",
    "urandom", "uuid1", "uuid4", "__import__",
}  # fmt: skip
CLOCKS = {"now", "today", "utcnow"}


def test_imports_point_down() -> None:
    for path in modules():
        here, spot = room(path), name(path)
        for words in imported(path):
            assert not words[0].startswith("."), f"{spot}: write imports from the root, so that a reader sees the row"
            assert words[0] not in ("app", "tests", "docs"), f"{spot}: nobody imports {words[0]}"
            if words[0] == "gate" and len(words) > 1 and words[1] != here:
                assert RANK[words[1]] < RANK[here], f"{spot} may not import {words[1]}: it does not lie below"
                assert words[1] in ONLY.get(here, RANK), f"{spot} may not import {words[1]}: the room is held tighter"


HELD = [path for path in modules() if room(path) in PURE or name(path) in PURE_FILES]


def test_what_is_pure_touches_nothing() -> None:
    assert len(HELD) > 150
    for path in HELD:
        _touches_nothing(path)


def _touches_nothing(path: Path) -> None:
    spot = name(path)
    ours = [words for words in imported(path) if words[0] == "gate" and words[1:]]
    assert {words[1] for words in ours if "/".join(words[:3]) + ".py" not in PURE_FILES} <= PURE, spot
    allowed = PURE_STDLIB | PURE_EXTRA.get(room(path), set()) | {"gate"}
    strange = {words for words in imported(path) if words[0] not in allowed and words[:2] not in PURE_NAMES}
    assert not strange, spot
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Call):
            called = getattr(node.func, "attr", getattr(node.func, "id", ""))
            assert called not in IMPURE_CALLS, f"{spot}:{node.lineno}: {called}()"
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            clock = node.value.id in ("datetime", "date") and node.attr in CLOCKS
            assert not clock, f"{spot}:{node.lineno}: the clock, even uncalled"


def test_every_room_has_its_row() -> None:
    strangers = {room(path) for path in modules()} - set(RANK)
    assert not strangers, f"give {sorted(strangers)} a row in LAYERS and in docs/architecture.md"


@pytest.mark.parametrize("path", [path for path in modules() if path.name == "__init__.py"], ids=name)
def test_an_init_file_holds_a_docstring_the_table_or_the_protocol_of_the_room(path: Path) -> None:
    assert ast.get_docstring(parsed(path))
    for node in parsed(path).body:
        protocol = isinstance(node, ast.ClassDef) and [ast.unparse(base) for base in node.bases] == ["Protocol"]
        table = isinstance(node, ast.Expr | ast.ImportFrom | ast.Assign | ast.AnnAssign)
        assert protocol or table, f"line {node.lineno}: give this a module of its own"


def test_no_modules_import_each_other_in_a_ring() -> None:
    known = {path.relative_to(GATE.parent).with_suffix("").parts: path for path in modules()}
    known = {words[:-1] if words[-1] == "__init__" else words: path for words, path in known.items()}
    wants = {
        words: {
            used[:length] for used in imported(path) for length in (len(used), len(used) - 1) if used[:length] in known
        }
        for words, path in known.items()
    }
    for words, used in wants.items():
        used.discard(words)
    done: set[tuple[str, ...]] = set()

    def walk(words: tuple[str, ...], behind: tuple[tuple[str, ...], ...]) -> None:
        ring = [*behind[behind.index(words) :], words] if words in behind else []
        assert not ring, " → ".join(".".join(one) for one in ring)
        if words not in done:
            for used in sorted(wants[words]):
                walk(used, (*behind, words))
            done.add(words)

    for words in sorted(wants):
        walk(words, ())
