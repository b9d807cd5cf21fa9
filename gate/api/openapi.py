"""The OpenAPI 3.1 document, made from the table of routes and the models of its bodies."""

from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

import gate
from gate.api.call import JSON, Route
from gate.api.problem import KINDS, MEDIA_TYPE, PREFIX

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
COUNT: Schema = {"type": "integer", "minimum": 0}
YES_NO: Schema = {"type": "boolean"}
LIST: Schema = {"type": "array"}
MAYBE: Schema = {"type": ["object", "null"]}
OBJECT: Schema = {"type": "object"}


def _object(**properties: Schema) -> Schema:
    """Return an object whose named keys are always there; further keys may come with later versions."""
    return {"type": "object", "properties": properties, "required": sorted(properties)}


def _list(shape: str) -> Schema:
    return {"type": "array", "items": {"$ref": f"#/components/schemas/{shape}"}}


SHAPES: dict[str, Schema] = {
    "Person": _object(id=TEXT, roles=LIST, seats=LIST, contractor=YES_NO, keys=LIST),
    "Token": _object(token=TEXT, expires=TEXT, person=OBJECT),
    "SignedOut": _object(signed_out=YES_NO),
    "Row": _object(id=TEXT, number=COUNT, title=TEXT, state=TEXT, requester=TEXT, targets=LIST, seq=COUNT),
    "Rows": _list("Row"),
    "Change": _object(
        id=TEXT, number=COUNT, title=TEXT, state=TEXT, next=TEXT, requester=TEXT, seq=COUNT, closed=YES_NO,
        request=OBJECT, plan=MAYBE, verdict=MAYBE, seats=LIST, stages=LIST, run=MAYBE, may=OBJECT,
    ),
    "DryRun": _object(array=TEXT, began=TEXT, ended=TEXT, result={"enum": ["holds", "stops", "unknown"]}, because=TEXT,
                      steps=LIST),
    "Statement": _object(statement=TEXT, namespace=TEXT),
    "Entries": {"type": "array", "items": OBJECT},
    "Seal": _object(origin=TEXT, size=COUNT, root=TEXT, checkpoint=TEXT, vkey=TEXT),
    "Controls": _object(period=TEXT, size=COUNT, checkpoint=TEXT, evidenced=COUNT, controls=LIST),
    "Sinks": {"type": "array", "items": OBJECT},
    "Datasets": {"type": "array", "items": OBJECT},
    "Evidence": OBJECT,
    "Arrays": {"type": "array", "items": OBJECT},
    "Array": OBJECT,
    "Survey": _object(at=TEXT, index=COUNT, digest=TEXT, arrays={"type": "array", "items": TEXT},
                      unknown={"type": "array", "items": TEXT}),
    "Rebuilt": _object(changes=COUNT),
    "Fingerprint": _object(fingerprint=TEXT),
    "EnrolledKeys": {"type": "array", "items": OBJECT},
    "Revoked": _object(fingerprint=TEXT, person=TEXT, empty_seats={"type": "array", "items": TEXT}),
    "Waited": _object(moved=YES_NO, size=COUNT),
    "Inventory": _object(inventory=OBJECT, inventory_digest=TEXT, policy_digest=TEXT),
    "Problem": {
        "type": "object",
        "properties": {
            "type": {"enum": [PREFIX + kind for kind in (*KINDS.values(), "internal")]},
            "title": TEXT, "status": {"type": "integer"}, "detail": TEXT, "place": TEXT, "hint": TEXT,
        },
        "required": ["type", "title", "status", "detail"],
    },
}  # fmt: skip
"""Name → schema of an answer."""


def document(routes: tuple[Route, ...]) -> Schema:
    """Return the whole description of /api/v1."""
    models = sorted({route.body for route in routes if route.body}, key=lambda model: model.__name__)
    inputs: list[tuple[type[BaseModel], Literal["validation"]]] = [(model, "validation") for model in models]
    _, made = models_json_schema(inputs, ref_template="#/components/schemas/{model}")
    paths: Schema = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {"title": "sangate", "version": gate.__version__, "description": "A change gate for storage firmware."},
        "servers": [{"url": "/api/v1"}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": {**SHAPES, **made.get("$defs", {})},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "responses": {
                "Problem": {
                    "description": "It did not work; the problem says why and the way out.",
                    "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
                }
            },
        },
    }


def _operation(route: Route) -> Schema:
    answer: Schema = {"schema": {"$ref": f"#/components/schemas/{route.shape}"}} if route.shape else {}
    made: Schema = {
        "operationId": route.name,
        "summary": route.say,
        "parameters": _parameters(route),
        "responses": {
            str(route.status): {"description": route.say, "content": {route.media_type: answer}},
            "default": {"$ref": "#/components/responses/Problem"},
        },
    }
    if route.open:
        made["security"] = []
    if route.document:
        content: Schema = {"application/yaml": {"schema": TEXT}, JSON: {"schema": OBJECT}}
        made["requestBody"] = {"required": True, "content": content}
    elif route.body:
        schema = {"$ref": f"#/components/schemas/{route.body.__name__}"}
        needed = any(field.is_required() for field in route.body.model_fields.values())
        made["requestBody"] = {"required": needed, "content": {JSON: {"schema": schema}}}
    return made


def _parameters(route: Route) -> list[Schema]:
    found: list[Schema] = []
    if "{id}" in route.path:
        found.append({"name": "id", "in": "path", "required": True, "schema": TEXT})
    found += _query(route.query) if route.query else []
    if route.method == "POST" and not route.open:
        found.append({"name": "Idempotency-Key", "in": "header", "schema": {"type": "string", "maxLength": 200}})
    if route.decides:
        found.append({"name": "If-Match", "in": "header", "schema": TEXT})
    return found


def _query(model: type[BaseModel]) -> list[Schema]:
    schema = model.model_json_schema()
    needed = set(schema.get("required", []))
    return [
        {"name": name, "in": "query", "required": name in needed, "schema": each}
        for name, each in schema["properties"].items()
    ]
