"""Reading decides nothing (promise 13): what answers a GET calls no verb of control that moves or adds anything."""

import ast
import inspect
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask

from gate.api.call import Call
from gate.api.table import ROUTES
from gate.control.door import Control
from gate.person import Person
from gate.web.pages import blueprint

READS = {
    "arrays", "barred", "browse", "confirmation", "controls", "datasets", "enrolled_keys", "entries", "export",
    "go_statement", "last_check", "pack", "reply", "rows", "safety", "seal", "session_approvals", "show",
    "sinks", "size", "recording", "statement", "transcript", "wait", "waiver", "waiver_seats", "who",
}  # fmt: skip
"""`export` and `pack` enter that they were taken. Every other verb decides, also one that is added tomorrow."""

DECIDES = {name for name in dir(Control) if not name.startswith("_")} - READS


def _asked(view: Callable[..., object]) -> set[str]:
    """Return every attribute that a view, or a function of its module that it uses, asks for."""
    module = sys.modules[view.__module__]
    found: set[str] = set()
    waiting, seen = [view], set()
    while waiting:
        function = waiting.pop()
        seen.add(function)
        for node in ast.walk(ast.parse(inspect.getsource(function))):
            if isinstance(node, ast.Attribute):
                found.add(node.attr)
            used = getattr(module, node.id, None) if isinstance(node, ast.Name) else None
            if inspect.isfunction(used) and used.__module__ == view.__module__ and used not in seen:
                waiting.append(used)
    return found


def _pages() -> list[Any]:
    app = Flask("pages")
    app.register_blueprint(blueprint())
    rules = [rule for rule in app.url_map.iter_rules() if "." in rule.endpoint]
    names = {rule.endpoint for rule in rules if "GET" in (rule.methods or ())}
    return [pytest.param(app.view_functions[name], id=name) for name in sorted(names)]


@pytest.mark.parametrize("view", _pages())
def test_no_page_decides_when_it_is_read(view: Callable[..., object]) -> None:
    assert not DECIDES & _asked(view)


class _Told:
    """Stands where control stands and remembers which verbs it was asked for."""

    def __init__(self) -> None:
        self.verbs: set[str] = set()

    def __getattr__(self, name: str) -> Callable[..., object]:
        self.verbs.add(name)
        return lambda *_, **__: {"seq": 1}


@pytest.mark.parametrize("route", [route for route in ROUTES if route.method == "GET"], ids=lambda route: route.name)
def test_no_get_of_the_api_decides(route: Any) -> None:
    told = _Told()
    fields = getattr(route.query, "model_fields", {})
    needs = any(field.is_required() for field in fields.values())
    query = SimpleNamespace(**dict.fromkeys(fields, 0)) if needs or not fields else route.query()
    call: Any = Call(told, SimpleNamespace(), Person("x"), "", {"id": "chg-0001"}, query, None, b"", "")  # type: ignore[arg-type]
    try:
        route.handler(call)
    except AttributeError:
        assert route.name in ("inventory", "export")  # there are no settings here, and nothing to export
    assert not DECIDES & told.verbs


def test_what_is_held_here_is_there_at_all() -> None:
    assert {"open", "approve", "start", "hold", "back_out", "enrol_key", "add_person", "rehearse"} <= DECIDES
    assert len(_pages()) > 3
