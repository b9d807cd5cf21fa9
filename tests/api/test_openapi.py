from typing import Any

import pytest

from gate.api.openapi import SHAPES
from gate.api.table import ROUTES
from tests.api.conftest import Api


@pytest.fixture
def described(nobody: Api) -> Any:
    answer = nobody.ask("GET", "/openapi.json")
    assert answer.status_code == 200
    return answer.get_json()


def test_every_route_is_described_and_nothing_else(described: Any) -> None:
    told = {(method.upper(), path) for path, item in described["paths"].items() for method in item}
    assert told == {(route.method, route.path) for route in ROUTES}
    assert described["openapi"] == "3.1.0"


def test_flask_routes_and_the_table_are_the_same(nobody: Api) -> None:
    rules = [rule for rule in nobody.client.application.url_map.iter_rules() if rule.endpoint.startswith("api.")]
    routed = {
        (method, rule.rule.removeprefix("/api/v1").replace("<id>", "{id}"))
        for rule in rules
        if rule.endpoint not in ("api.nowhere", "api.root", "api.openapi")
        for method in (rule.methods or set()) - {"HEAD"}
    }
    assert routed == {(route.method, route.path) for route in ROUTES}


def test_every_reference_leads_somewhere(described: Any) -> None:
    def references(value: Any) -> Any:
        if isinstance(value, dict):
            for key, inner in value.items():
                yield from [inner] if key == "$ref" else references(inner)
        elif isinstance(value, list):
            for inner in value:
                yield from references(inner)

    for reference in references(described):
        spot = described
        for word in reference.removeprefix("#/").split("/"):
            spot = spot[word]


def test_only_the_login_asks_for_no_token(described: Any) -> None:
    operations = [operation for item in described["paths"].values() for operation in item.values()]
    assert [one["operationId"] for one in operations if one.get("security") == []] == ["login"]


def test_every_operation_has_its_own_name_and_a_problem_answer(described: Any) -> None:
    operations = [operation for item in described["paths"].values() for operation in item.values()]
    assert len({one["operationId"] for one in operations}) == len(operations)
    assert all(one["responses"]["default"]["$ref"].endswith("/Problem") for one in operations)


@pytest.mark.parametrize("path", ["/me", "/seal", "/changes", "/datasets", "/entries", "/inventory"])
def test_an_answer_has_every_key_its_schema_promises(engineer: Api, path: str) -> None:
    route = next(route for route in ROUTES if route.path == path and route.method == "GET")
    answer, schema = engineer.ask("GET", path).get_json(), SHAPES[route.shape]
    assert isinstance(answer, list if schema["type"] == "array" else dict)
    if isinstance(answer, dict):
        assert set(schema["required"]) <= set(answer)


def test_a_change_has_every_key_its_schema_promises(engineer: Api) -> None:
    view = engineer.open_change().get_json()
    assert set(SHAPES["Change"]["required"]) <= set(view)
    row = engineer.ask("GET", "/changes").get_json()[0]
    assert set(SHAPES["Row"]["required"]) <= set(row)
