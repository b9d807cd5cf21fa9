"""The dothill readers on the documented shapes, on broken ones, and on anything at all. No array answered here."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.evidence import ArrayReading, Reply, ReplyState
from gate.families.dothill import FAMILY, JSON_MODE, QUESTIONS, READERS, read
from gate.families.dothill_health import HEALTH

NOW = datetime(2026, 11, 22, 22, 0, tzinfo=UTC)
BUNDLE = "GT280R010-01"
MODE = {"status": [{"object-name": "status", "response-type": "Info", "response-type-numeric": 2, "return-code": 0}]}


def status(code: int = 0, kind: int = 0, said: str = "Command completed successfully.") -> list[dict[str, Any]]:
    """The object that ends every answer (Dell ME4 CLI guide)."""
    return [{"object-name": "status", "response-type-numeric": kind, "response": said, "return-code": code}]


def controller(name: str, **changed: Any) -> dict[str, Any]:
    return {"controller-id": name, "status": "Operational", "health": "OK", "health-numeric": 0, **changed}


def port(name: str, **changed: Any) -> dict[str, Any]:
    number = 10 * "AB".index(name[0]) + int(name[1])
    return {
        "port": name,
        "target-id": f"207000C0FF{number:06X}",
        "status": "Up",
        "health": "OK",
        "health-numeric": 0,
        **changed,
    }


def volume(name: str, **changed: Any) -> dict[str, Any]:
    row = {"volume-name": name, "serial-number": f"00c0ff{name}", "volume-type": "base", "volume-parent": ""}
    return {**row, "blocks": 2048, "blocksize": 512, "wwn": f"600C0FF000{name[1:]:0>22}", **changed}


def well() -> dict[str, dict[str, Any]]:
    """Every answer of an array with two controllers, four ports, two disks and one disk group."""
    return {
        "system": {
            "system": [
                {
                    "system-name": "lab",
                    "midplane-serial-number": "00C0FF0A1B2C",
                    "product-id": "ME5024",
                    "health-numeric": 0,
                }
            ]
        },
        "versions": {"versions": [{"bundle-version": BUNDLE}, {"bundle-version": BUNDLE}]},
        "controllers": {"controllers": [controller("A"), controller("B")]},
        "redundancy": {
            "redundancy": [
                {
                    "redundancy-mode": "Active-Active ULP",
                    "redundancy-status": "Redundant",
                    "controller-a-status": "Operational",
                    "controller-b-status": "Operational",
                }
            ]
        },
        "disks": {"drives": [{"location": f"0.{slot}", "health-numeric": 0} for slot in range(2)]},
        "disk-groups": {"disk-groups": [{"name": "dgA01", "status": "FTOL", "current-job": ""}]},
        "ports": {"port": [port("A0"), port("A1"), port("B0"), port("B1", status="Disconnected")]},
        "cache": {"unwritable-cache": [{"unwritable-a-percentage": 0, "unwritable-b-percentage": 0}]},
        "update": {},
        "volumes": {"volumes": [volume("v1"), volume("v2", **{"volume-type": "snapshot", "volume-parent": "v1"})]},
    }


def said(answer: dict[str, Any], ended: list[dict[str, Any]] | None = None) -> bytes:
    """What comes over the wire: the answer to the mode, an echo, then the answer itself."""
    whole = {**answer, "status": status() if ended is None else ended}
    return f"{json.dumps(MODE)}\r\n# show\r\n{json.dumps(whole, indent=1)}\r\n".encode()


def reply(stdout: bytes, state: ReplyState = ReplyState.ANSWERED) -> Reply:
    return Reply("me-1", "show", state, NOW, NOW, 0, stdout)


def array(**changed: bytes) -> ArrayReading:
    replies = {name: reply(said(answer)) for name, answer in well().items()}
    return read("me-1", replies | {name: reply(what) for name, what in changed.items()}, NOW)


def with_row(question: str, key: str, number: int, **changed: Any) -> bytes:
    answer = well()[question]
    answer[key][number] |= changed
    return said(answer)


def test_a_well_array_tells_who_it_is_and_has_no_problem() -> None:
    told = array()
    assert (told.serial, told.model, told.version) == ("00C0FF0A1B2C", "ME5024", BUNDLE)
    assert (told.update_state, told.problems, told.unknown) == ("idle", (), ())
    assert told.target_ports[0] == "naa.207000c0ff000000"
    assert len(told.raw) == len(QUESTIONS)


def test_every_question_is_on_the_list_of_those_that_change_nothing() -> None:
    assert all(FAMILY.may_ask(command) for command in QUESTIONS.values())
    for command in ("show system", JSON_MODE + "show system ; restart sc a", JSON_MODE + "set schedule x"):
        assert not FAMILY.may_ask(command)


@pytest.mark.parametrize(
    ("question", "key", "number", "changed", "problem"),
    [
        ("system", "system", 0, {"health-numeric": 1, "health-reason": "A fan failed."}, "A fan failed"),
        ("controllers", "controllers", 1, {"status": "Down"}, "controller B is Down"),
        ("controllers", "controllers", 1, {"health-numeric": 2}, "controller B is at fault"),
        ("redundancy", "redundancy", 0, {"redundancy-status": "Down"}, "the controllers are Down"),
        ("redundancy", "redundancy", 0, {"controller-b-status": "Down"}, "controller b is Down"),
        ("disks", "drives", 1, {"health-numeric": 3}, "disk 0.1 is of unknown health"),
        ("disks", "drives", 1, {"health-numeric": 4}, "disk 0.1 is in health state 4"),
        ("disk-groups", "disk-groups", 0, {"status": "CRIT"}, "disk group dgA01 is CRIT"),
        ("disk-groups", "disk-groups", 0, {"current-job": "RCON"}, "disk group dgA01 runs RCON"),
        ("ports", "port", 0, {"status": "Warning"}, "port A0 is Warning"),
        ("ports", "port", 0, {"health-numeric": 1}, "port A0 is degraded"),
        ("cache", "unwritable-cache", 0, {"unwritable-b-percentage": 3}, "3 % of unwritable cache"),
    ],
)
def test_what_is_wrong_is_named(question: str, key: str, number: int, changed: dict[str, Any], problem: str) -> None:
    told = array(**{question: with_row(question, key, number, **changed)})
    assert told.problems is not None
    assert any(problem in line for line in told.problems), told.problems


def test_one_controller_is_not_two() -> None:
    answer = well()["controllers"]
    del answer["controllers"][1]
    assert array(controllers=said(answer)).problems == ("only 1 controller",)


def test_ports_that_are_all_unplugged_are_a_problem() -> None:
    answer = {"port": [port("A0", status="Disconnected"), port("B0", status="Disconnected")]}
    assert array(ports=said(answer)).problems == ("no host port is up",)


def test_controllers_that_run_different_bundles_have_no_version() -> None:
    answer = {"versions": [{"bundle-version": BUNDLE}, {"bundle-version": "GT280R008-04"}]}
    told = array(versions=said(answer))
    assert told.version is None
    assert any("different bundles (GT280R010-01 GT280R008-04)" in line for line in told.unknown)


@pytest.mark.parametrize("question", HEALTH)
@pytest.mark.parametrize(
    "spoilt",
    [
        b"",
        b"# show\r\n",
        b'{"status": []}',
        b"not JSON",
        b'{"a": 1} and more',
        said({}, status(code=1)),
        said({}, status(kind=1)),
        said({}, [{"return-code": "0"}]),
        b'{"status": [{"return-code": 0, "return-code": 0, "response-type-numeric": 0}]}',
        b"[" * 100_000,
    ],
)
def test_an_answer_that_is_not_wholly_understood_leaves_the_health_unknown(question: str, spoilt: bytes) -> None:
    told = array(**{question: spoilt})
    assert told.problems is None
    assert any(line.startswith(f"{question}:") for line in told.unknown)


def test_an_error_of_the_array_is_told_in_its_own_words() -> None:
    told = array(system=said({}, status(code=-10028, kind=1, said="The command is ambiguous.")))
    assert any("The command is ambiguous." in line for line in told.unknown)


@pytest.mark.parametrize(("name", "wanted"), [("Success", "idle"), ("Running", "running"), ("Failure", "failure")])
def test_an_update_is_told_by_its_word(name: str, wanted: str) -> None:
    answer = {"firmware-update-status": [{"completion-status": name}]}
    assert array(update=said(answer)).update_state == wanted


def test_an_older_bundle_on_offer_is_seen_for_what_it_is() -> None:
    rows = [
        {"status": "Active", "bundle-version": BUNDLE},
        {"status": "Available", "bundle-version": "GT280R008-04"},
    ]
    facts = READERS["bundles"](reply(said({"firmware-bundles": rows})))
    assert facts == {"active": BUNDLE, "available": "GT280R008-04", "known": f"/{BUNDLE}/GT280R008-04/"}
    assert "unreadable" in READERS["bundles"](reply(said({"firmware-bundles": [rows[1]]})))
    assert "unreadable" in READERS["bundles"](reply(said({"firmware-bundles": [rows[0], rows[0]]})))


@pytest.mark.parametrize(("word", "facts"), [("Pass", {"overall": "pass"}), ("Fail", {"overall": "fail"})])
def test_the_arrays_own_check_before_an_update_is_pass_or_fail(word: str, facts: dict[str, str]) -> None:
    assert READERS["readiness"](reply(said({"code-load-readiness": [{"overall-health": word}]}))) == facts


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(QUESTIONS)), st.binary(max_size=200))
def test_no_reply_makes_the_reader_stumble_or_call_the_array_well(question: str, noise: bytes) -> None:
    told = array(**{question: noise})
    if question in HEALTH:
        assert told.problems is None


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_an_answer_with_a_byte_changed_never_hides_a_fault(data: st.DataObject) -> None:
    answer = bytearray(with_row("disks", "drives", 1, **{"health-numeric": 2}))
    answer[data.draw(st.integers(0, len(answer) - 1))] = data.draw(st.integers(0, 255))
    told = array(disks=bytes(answer))
    if told.problems == ():
        assert b'"health-numeric": 2' not in bytes(answer)


def test_every_volume_is_listed_with_its_designator_its_bytes_and_what_it_is_a_snapshot_of() -> None:
    told = array().volumes
    assert told is not None
    assert [(one.name, one.size) for one in told] == [("v1", 2048 * 512), ("v2", 2048 * 512)]
    assert told[0].uid == "600c0ff000" + "1".zfill(22)
    assert (told[0].copy_of, told[1].copy_of) == ((), (told[0].uid,))


@pytest.mark.parametrize(
    "changed",
    [{"wwn": "600C"}, {"blocks": "2048"}, {"volume-type": "secondary"}, {"volume-type": "snapshot"}, {"wwn": None}],
)
def test_one_volume_that_is_not_understood_makes_the_list_no_list(changed: dict[str, Any]) -> None:
    told = array(volumes=said({"volumes": [volume("v1"), volume("v2", **changed)]}))
    assert told.volumes is None
    assert any(line.startswith("volumes: ") for line in told.unknown)


def test_an_answer_after_the_arrays_own_question_is_read_and_a_question_alone_is_not() -> None:
    accepted = READERS["accepted"]
    mode = f"{json.dumps(MODE)}\r\n".encode()
    asked = mode + b"Activating restarts both controllers.\r\nDo you want to continue? (y/n) "
    assert accepted(reply(asked + json.dumps({"status": status()}).encode())) == {"accepted": "yes"}
    assert set(accepted(reply(asked + json.dumps({"status": status(1, 1, "canceled")}).encode()))) == {"unreadable"}
    assert set(accepted(reply(asked))) == {"unreadable"}


def test_the_last_update_tells_its_bundle() -> None:
    told = reply(said({"firmware-update-status": [{"completion-status": "Success", "bundle-version": BUNDLE}]}))
    assert READERS["update"](told) == {"status": "success", "bundle": BUNDLE}
