"""Every kind of entry as an event that the schema of OCSF 1.8.0 accepts."""

import json
from functools import cache
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema  # type: ignore[import-untyped]

from gate.canonical import Json
from gate.export import ocsf
from gate.export.population import read_item
from gate.ledger.entry import KINDS, Actor, Draft, body

TIME = "2026-11-22T20:00:00.000001Z"
FLAGS = {"opens", "passed", "matches"}


@cache
def schema() -> OcsfJsonSchemaEmbedded:
    return OcsfJsonSchemaEmbedded(get_ocsf_schema("1.8.0"))


@cache
def judge(class_uid: int) -> Draft202012Validator:
    found = schema()
    return Draft202012Validator(found.get_class_schema(found.lookup_class_name_from_uid(class_uid)))


def complaints(event: dict[str, Any]) -> list[str]:
    return [f"{one.json_path}: {one.message}" for one in judge(event["class_uid"]).iter_errors(event)]


def event(kind: str, *, full: bool, change: str | None = "chg-0007", yes: bool = True) -> dict[str, Any]:
    """An entry of the kind with every key it may have, or with none."""
    data: dict[str, Json] = {}
    for key in KINDS[kind] if full else ():
        data[key] = yes if key in FLAGS else ["storage", "a"] if key in ("roles", "seats", "because") else f"the {key}"
    draft = Draft(kind, Actor("person", "lead"), change, data)
    made = body(draft, name="019aab00-0000-7000-8000-000000000000", time=TIME, seq=3 if change else None)
    return ocsf.event(read_item(12, made))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("full", [True, False])
def test_every_kind_is_an_event_that_the_schema_accepts(kind: str, full: bool) -> None:
    for change in ("chg-0007", None):
        assert complaints(event(kind, full=full, change=change)) == []
    assert complaints(event(kind, full=full, yes=False)) == []


def test_a_broken_event_is_not_accepted() -> None:
    broken = event("approval.signed", full=True)
    del broken["entity"]
    assert complaints(broken)
    assert complaints(event("verdict.given", full=True) | {"severity_id": "high"})


def test_a_kind_without_a_row_is_an_event_of_the_log_under_its_own_name() -> None:
    line = body(Draft("auth.signed_in", Actor("person", "lead")), name="x", time=TIME, seq=None)
    made = ocsf.event(read_item(3, line.replace(b"auth.signed_in", b"some.thing_new")))
    assert (made["class_uid"], made["activity_id"], made["activity_name"]) == (1008, 99, "some.thing_new")
    assert complaints(made) == []


def test_the_statements_are_events_too() -> None:
    made = ocsf.stated({"what": "sangate-export/1", "made": TIME}, TIME)
    assert complaints(made) == []
    assert made["metadata"]["event_code"] == "export.begins"
    assert ocsf.stated({"count": 1}, TIME)["metadata"]["event_code"] == "export.ends"


def test_the_class_that_the_schema_misspells_is_named_by_number_and_caption() -> None:
    assert schema().lookup_class_name_from_uid(1008) == "event_log_actvity"
    assert event("export.made", full=True)["class_name"] == "Event Log Activity"
    for uid, caption in ocsf.CLASSES.items():
        assert schema().get_class_schema(schema().lookup_class_name_from_uid(uid))["title"] == caption


def test_what_was_refused_failed_and_an_approval_is_no_privilege() -> None:
    refused, signed = event("attempt.refused", full=True), event("approval.signed", full=True)
    assert (refused["status"], refused["severity"]) == ("Failure", "High")
    assert (signed["class_uid"], signed["activity_name"], signed["entity"]["uid"]) == (3004, "Approve", "chg-0007")
    assert event("verdict.given", full=True, yes=False)["compliance"]["status"] == "Fail"
    assert event("verdict.given", full=False)["compliance"]["status"] == "Unknown"


def test_the_event_is_tied_to_the_tree() -> None:
    made = event("change.opened", full=True)
    assert made["metadata"]["sequence"] == 12
    assert made["metadata"]["uid"] == json.loads(made["raw_data"])["id"]
    assert made["raw_data_size"] == len(made["raw_data"].encode())
