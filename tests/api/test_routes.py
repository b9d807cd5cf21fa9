import json
import re
from base64 import b64decode

import pytest
from flask import Flask

from gate.api.call import Route
from gate.api.problem import MEDIA_TYPE, PREFIX
from gate.api.routes import _unexpected
from gate.api.table import ROUTES
from gate.assembly import Installation
from gate.serving import create_app
from tests.api.conftest import CHANGE, PASSWORD, Api, signed_in
from tests.export.readers import spreadsheet

CLOSED = [route for route in ROUTES if not route.open]
POSTS = [route for route in CLOSED if route.method == "POST" and not route.document]


def at(path: str, change: str = "chg-9999") -> str:
    return path.replace("{id}", change)


@pytest.mark.parametrize("route", CLOSED, ids=lambda route: route.name)
def test_without_a_token_every_route_refuses_with_a_problem(nobody: Api, route: Route) -> None:
    answer = nobody.ask(route.method, at(route.path))
    assert answer.status_code == 401
    assert answer.mimetype == MEDIA_TYPE
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    told = answer.get_json()
    assert told["type"] == PREFIX + "not-signed-in"
    assert told["status"] == 401
    assert told["hint"]


@pytest.mark.parametrize("token", ["x", "sgt_" + "a" * 43, "sgs_" + "a" * 43])
def test_a_token_nobody_was_given_refuses(app: Flask, token: str) -> None:
    assert Api(app.test_client(), token).ask("GET", "/changes").status_code == 401


def test_a_session_is_no_token_and_a_cookie_is_nothing(installation: Installation, app: Flask) -> None:
    ticket = installation.control.sign_in("engineer", PASSWORD, "session")
    assert Api(app.test_client(), ticket.secret).ask("GET", "/changes").status_code == 401
    client = app.test_client()
    client.set_cookie("sangate", ticket.secret)
    assert client.get("/api/v1/changes").status_code == 401


def test_a_token_ends_with_the_logout(app: Flask) -> None:
    somebody = signed_in(app, "contractor")
    assert somebody.ask("GET", "/me").get_json()["id"] == "contractor"
    assert somebody.ask("POST", "/logout").status_code == 200
    assert somebody.ask("GET", "/me").status_code == 401


def test_a_wrong_password_says_no_more_than_that(nobody: Api) -> None:
    for name in ("engineer", "nobody-of-that-name"):
        answer = nobody.ask("POST", "/login", {"name": name, "password": "wrong"})
        assert answer.status_code == 401
        assert answer.get_json()["detail"] == "name or password is not right"


@pytest.mark.parametrize("route", POSTS, ids=lambda route: route.name)
def test_every_body_refuses_unknown_keys(engineer: Api, route: Route) -> None:
    answer = engineer.ask("POST", at(route.path), {"colour": "red"})
    assert answer.status_code == 422
    assert answer.mimetype == MEDIA_TYPE
    assert answer.get_json()["place"].startswith("body/")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"\xff\xfe", 400),
        (b'{"reason":"a","reason":"b"}', 400),
        (b'{"reason":NaN}', 400),
        (b"[" * 100_000, 413),
        (b"[" * 30_000, 422),
        (b"[]", 422),
        (b'{"reason":5}', 422),
    ],
)
def test_a_body_that_is_not_what_it_should_be_is_a_problem(engineer: Api, body: bytes, status: int) -> None:
    answer = engineer.ask("POST", "/changes/chg-9999/hold", body)
    assert answer.status_code == status
    assert answer.mimetype == MEDIA_TYPE


def test_a_form_is_not_taken_for_json(engineer: Api) -> None:
    answer = engineer.ask("POST", "/changes/x/hold", "reason=a", Content_Type="application/x-www-form-urlencoded")
    assert answer.status_code == 415


def test_a_query_of_another_form_is_told_the_form(engineer: Api) -> None:
    answer = engineer.ask("GET", "/entries?change=nope")
    assert answer.status_code == 422
    assert "it does not have the form ^chg-[0-9]{4,9}$" in answer.get_json()["detail"]


def test_unknown_query_parameters_are_refused(engineer: Api) -> None:
    assert engineer.ask("GET", "/changes?colour=red").status_code == 422
    assert engineer.ask("GET", "/entries?limit=100000").status_code == 422
    assert engineer.ask("GET", "/entries?limit=1&limit=2").status_code == 422


def test_what_does_not_exist_is_not_there(engineer: Api) -> None:
    for path in ("/changes/chg-9999", "/changes/..", "/nothing", "/"):
        answer = engineer.ask("GET", path)
        assert answer.status_code == 404
        assert answer.mimetype == MEDIA_TYPE


def test_another_method_is_told_which_one_there_is(engineer: Api) -> None:
    answer = engineer.ask("DELETE", "/changes")
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "GET, POST"


def test_a_change_is_opened_from_yaml_and_shown_with_its_tag(engineer: Api) -> None:
    answer = engineer.open_change()
    view = answer.get_json()
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"/api/v1/changes/{view['id']}"
    shown = engineer.ask("GET", f"/changes/{view['id']}")
    assert shown.headers["ETag"] == '"1"'
    assert shown.get_json()["title"] == "Update the controllers"
    assert view["id"] in {row["id"] for row in engineer.ask("GET", "/changes").get_json()}


def test_a_change_is_opened_from_json_with_tabs_and_escapes(engineer: Api) -> None:
    body = (
        '{\n\t"title": "Caf\\u00e9",\n\t"reason": "r", "kind": "firmware", "family": "storage-virtualize",\n'
        '\t"image": {"file": "lab-8.7.0.4.img", "version": "8.7.0.4", "sha256": "sha256:%s"},\n'
        '\t"targets": ["west-2"], "playbook": "storage-virtualize/upgrade",\n'
        '\t"window": {"opens": "2026-11-01T00:00:00Z", "closes": "2036-11-30T00:00:00Z"}}' % ("0" * 64)
    )
    answer = engineer.ask("POST", "/changes", body)
    assert answer.status_code == 201, answer.get_json()
    assert answer.get_json()["title"] == "Café"


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("title: Update", "titel: Update", r"^w\.yaml:1:1: titel$"),
        ("version: 8.7.0.4", "version: newest", r"^w\.yaml:7:12: image\.version$"),
        ("west-2", "west-9", r"^w\.yaml:9:11: targets\.0$"),
        ("reason:", "title:", r"^w\.yaml:2:1: title$"),
        ("title: Update", "title: &a Update", r"^w\.yaml:1:8$|^w\.yaml:1:8: title$"),
    ],
)
def test_what_is_wrong_in_a_change_file_is_told_with_its_place(engineer: Api, old: str, new: str, place: str) -> None:
    answer = engineer.ask("POST", "/changes?source=w.yaml", CHANGE.replace(old, new), Content_Type="application/yaml")
    assert answer.status_code == 422
    assert re.match(place, answer.get_json()["place"]), answer.get_json()


def test_a_change_file_of_more_than_a_mebibyte_is_refused(engineer: Api) -> None:
    answer = engineer.ask("POST", "/changes", b"a" * (1024 * 1024 + 1), Content_Type="application/yaml")
    assert answer.status_code == 413


def test_somebody_without_the_role_opens_nothing_and_that_is_an_entry(lead: Api) -> None:
    size = lead.ask("GET", "/seal").get_json()["size"]
    answer = lead.open_change()
    assert answer.status_code == 403
    assert answer.get_json()["type"] == PREFIX + "refused"
    entry = lead.ask("GET", f"/entries?start={size}").get_json()[0]
    assert entry["kind"] == "attempt.refused"
    assert entry["actor"]["id"] == "lead"


def test_a_token_alone_cannot_fill_a_seat(engineer: Api, lead: Api) -> None:
    change = engineer.open_change().get_json()["id"]
    for verb in ("approve", "deny"):
        answer = lead.ask("POST", f"/changes/{change}/{verb}", {"seat": "storage", "reason": "r"})
        assert answer.status_code == 422
        assert answer.get_json()["place"] == "body/statement"
        assert answer.get_json()["detail"] == "this must be set"


def test_the_same_key_is_carried_out_once(engineer: Api) -> None:
    first = engineer.open_change(Idempotency_Key="once-1")
    again = engineer.open_change(Idempotency_Key="once-1")
    assert first.get_json()["id"] == again.get_json()["id"]
    assert again.status_code == 201
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.headers["ETag"] == first.headers["ETag"]
    assert "Idempotency-Replayed" not in first.headers


def test_a_key_used_for_another_body_is_refused(engineer: Api) -> None:
    engineer.open_change(Idempotency_Key="once-2")
    answer = engineer.ask("POST", "/changes", CHANGE + "\n", Content_Type="application/yaml", Idempotency_Key="once-2")
    assert answer.status_code == 409
    assert answer.mimetype == MEDIA_TYPE


def test_a_key_belongs_to_its_token(engineer: Api, lead: Api) -> None:
    assert engineer.open_change(Idempotency_Key="once-3").status_code == 201
    assert lead.open_change(Idempotency_Key="once-3").status_code == 403


def test_a_refusal_is_replayed_too(lead: Api) -> None:
    first = lead.open_change(Idempotency_Key="once-4")
    size = lead.ask("GET", "/seal").get_json()["size"]
    assert lead.open_change(Idempotency_Key="once-4").get_json() == first.get_json()
    assert lead.ask("GET", "/seal").get_json()["size"] == size


def test_a_decision_on_what_has_moved_is_refused_before_anything_is_done(engineer: Api) -> None:
    change = engineer.open_change().get_json()["id"]
    stale = engineer.ask("POST", f"/changes/{change}/hold", {"reason": "a"}, If_Match='"7"')
    assert stale.status_code == 412
    assert stale.get_json()["type"] == PREFIX + "moved"
    assert engineer.ask("GET", f"/changes/{change}").get_json()["seq"] == 1
    held = engineer.ask("POST", f"/changes/{change}/hold", {"reason": "a"}, If_Match='"1"')
    assert held.status_code == 200
    assert held.headers["ETag"] == '"2"'
    assert engineer.ask("POST", f"/changes/{change}/hold", {"reason": "a"}, If_Match="2").status_code == 422


def test_a_check_of_arrays_that_do_not_answer_refuses_and_says_so(engineer: Api) -> None:
    change = engineer.open_change().get_json()["id"]
    answer = engineer.ask("POST", f"/changes/{change}/check")
    assert answer.status_code == 200
    view = answer.get_json()
    assert view["state"] == "refused"
    assert not view["verdict"]["opens"]
    assert {one["outcome"] for one in view["verdict"]["findings"]} <= {"failed", "unknown", "passed"}
    assert engineer.ask("POST", f"/changes/{change}/start").status_code == 403


def test_the_export_is_the_exact_bytes_under_the_seal(lead: Api) -> None:
    seal = lead.ask("GET", "/seal").get_json()
    lines = lead.ask("GET", "/export").get_data().split(b"\n")
    assert len(lines) - 1 >= seal["size"]
    assert all(line.startswith(b"{") for line in lines[:-1])


def test_an_export_has_its_head_in_the_answer_and_is_filtered_by_its_query(lead: Api) -> None:
    answer = lead.ask("GET", "/export?format=csv&kind=person.added&kind=log.*&from=2020-01-01")
    head = b64decode(answer.headers["Sangate-Checkpoint"]).decode()
    assert head.split("\n")[1] == answer.headers["Sangate-Size"]
    assert answer.headers["Content-Type"].startswith("text/csv")
    held = spreadsheet(answer.get_data())
    assert held.opening["filter"] == {"from": "2020-01-01T00:00:00.000000Z", "kinds": ["person.added", "log.*"]}
    assert [json.loads(body)["kind"] for _, _, body in held.records] == ["log.opened", *["person.added"] * 3]
    seen = lead.ask("GET", "/entries?limit=1000").get_json()
    assert seen[-1]["data"]["what"] == "csv: from 2020-01-01T00:00:00.000000Z, kind person.added log.*"


@pytest.mark.parametrize("query", ["format=xml", "kind=x", "from=x", "change=x", "colour=red", "format="])
def test_an_export_that_cannot_be_made_is_a_problem_and_not_an_empty_file(lead: Api, query: str) -> None:
    assert lead.ask("GET", f"/export?{query}").status_code == 422


def test_exports_take_turns_so_that_a_slow_reader_holds_no_more_than_its_thread(lead: Api) -> None:
    from gate.control.exporting import AT_ONCE

    taken = 0
    while AT_ONCE.acquire(blocking=False):  # an export that another test dropped may still hold one
        taken += 1
    try:
        assert lead.ask("GET", "/export").status_code == 503
    finally:
        for _ in range(taken):
            AT_ONCE.release()
    assert lead.ask("GET", "/export").get_data().startswith(b"{")


def test_who_answers_for_nothing_takes_one_change_and_no_more_and_the_attempt_is_an_entry(
    app: Flask, engineer: Api
) -> None:
    change = engineer.open_change().get_json()["id"]
    contractor = signed_in(app, "contractor")
    for asked in ("/export", "/export?format=csv&from=2020-01-01", f"/changes/{change}/pack?disclose=true"):
        answer = contractor.ask("GET", asked)
        assert (answer.status_code, answer.get_json()["type"]) == (403, PREFIX + "refused")
    refusals = contractor.ask("GET", "/entries?limit=1000").get_json()[-3:]
    assert [(one["kind"], one["actor"]["id"]) for one in refusals] == [("attempt.refused", "contractor")] * 3
    assert refusals[1]["data"]["what"] == "export csv: from 2020-01-01T00:00:00.000000Z"
    held = spreadsheet(contractor.ask("GET", f"/export?format=csv&change={change}").get_data())
    assert {json.loads(body)["change"] for _, _, body in held.records} == {change}
    assert contractor.ask("GET", f"/changes/{change}/pack").status_code == 200


def test_a_pack_comes_as_an_archive(engineer: Api) -> None:
    change = engineer.open_change().get_json()["id"]
    answer = engineer.ask("GET", f"/changes/{change}/pack")
    assert answer.mimetype == "application/zip"
    assert answer.get_data().startswith(b"PK")


def test_waiting_ends_with_the_next_entry_or_with_the_time(engineer: Api) -> None:
    size = engineer.ask("GET", "/seal").get_json()["size"]
    assert engineer.ask("GET", f"/wait?size={size}&timeout=0").get_json() == {"moved": False, "size": size}
    assert engineer.ask("GET", f"/wait?size={size - 1}&timeout=20").get_json() == {"moved": True, "size": size}


def test_no_answer_holds_a_password_or_a_token(engineer: Api) -> None:
    told = engineer.ask("GET", "/entries?limit=1000").get_data(as_text=True)
    assert PASSWORD not in told
    assert engineer.token not in told


def test_a_fault_of_our_own_is_a_problem_without_its_details() -> None:
    with Flask("x").test_request_context("/api/v1/changes"):
        answer = _unexpected(RuntimeError("secret detail"))
    assert answer.status_code == 500
    assert b"secret detail" not in answer.get_data()


def test_joined_with_the_pages_it_answers_the_same(installation: Installation, engineer: Api) -> None:
    joined = create_app(installation.control, installation.settings).test_client()
    host = installation.settings.config.server.listen
    api = Api(joined, engineer.token, host)
    assert api.ask("GET", "/me").get_json()["id"] == "engineer"
    assert api.open_change().status_code == 201
    for method, path, status in (("GET", "/nothing", 404), ("DELETE", "/changes", 405), ("POST", "/keys", 422)):
        answer = api.ask(method, path)
        assert (answer.status_code, answer.mimetype) == (status, MEDIA_TYPE)
    assert Api(joined, host=host).ask("GET", "/changes").status_code == 401
    assert api.ask("POST", "/changes/x/hold", b" " * 100_000).status_code == 413
