"""
Entries as events of the Open Cybersecurity Schema Framework, version 1.8.0, one a line.

The classes are those that other products' approvals and gates are mapped to: a request and its approvals are Entity
Management of the change, what the gate decides is a Compliance Finding, a step is Application Lifecycle of the array's
firmware. Authorize Session (3003) is about privileges at a sign-in, so approvals are not that. The schema spells class
1008 `event_log_actvity`, and only it does: events carry the number and the caption.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

import gate
from gate.export.form import Form, Statement
from gate.export.gist import LOUD, bad, gist, outcome
from gate.export.population import Item

VERSION = "1.8.0"
Part = dict[str, Any]

CATEGORIES = {
    1: "System Activity",
    2: "Findings",
    3: "Identity & Access Management",
    5: "Discovery",
    6: "Application Activity",
}
CLASSES = {
    1008: "Event Log Activity",
    2003: "Compliance Finding",
    3002: "Authentication",
    3004: "Entity Management",
    3005: "User Access Management",
    5019: "Device Config State Change",
    6002: "Application Lifecycle",
}
WITH_ACTOR = frozenset({1008, 3002, 3004, 3005, 5019})
WITH_COMMENT = frozenset({2003, 3004})
OTHER = 99
SUCCESS, FAILURE = (1, "Success"), (2, "Failure")
PASS, FAIL, UNKNOWN = (1, "Pass"), (3, "Fail"), (0, "Unknown")
FINDINGS = {"opens": PASS, "passed": PASS, "same": PASS, "held": PASS, "refuses": FAIL, "failed": FAIL, "differs": FAIL}
INFORMATIONAL, MEDIUM, HIGH = (1, "Informational"), (3, "Medium"), (4, "High")


@dataclass(frozen=True)
class Mapped:
    """A kind's class, its activity there, and what else that class asks for."""

    class_uid: int
    activity: int
    name: str
    part: Callable[[Mapping[str, Any]], Part]


def _change(said: Mapping[str, Any]) -> Part:
    name = said["data"].get("title") or said["data"].get("what") or said["kind"]
    return {"entity": {"type_id": OTHER, "type": "Change", "uid": said["change"] or "none", "name": str(name)}}


def _person(said: Mapping[str, Any]) -> Part:
    who = str(said["data"].get("person", "")) or said["actor"]["id"]
    return {"entity": {"type_id": 2, "type": "User", "uid": who, "user": {"uid": who}}}


def _finding(said: Mapping[str, Any]) -> Part:
    data, kind = said["data"], said["kind"]
    status = FINDINGS.get(outcome(kind, data), UNKNOWN)
    because = data.get("because")
    details = [str(one) for one in because] if isinstance(because, list) else [str(because)] if because else []
    compliance = {"status_id": status[0], "status": status[1], "control": kind, "standards": ["sangate policy"]}
    about = data.get("protection") or data.get("array") or said["change"] or ""
    found: Part = {
        "compliance": compliance | ({"status_details": details} if details else {}),
        "finding_info": {"uid": said["id"], "title": f"{kind} {about}".strip()},
    }
    return found | ({"resources": [{"name": str(about), "type": "storage"}]} if about else {})


def _device(said: Mapping[str, Any]) -> Part:
    name = said["data"].get("array") or said["data"].get("dataset") or said["change"] or "fleet"
    return {"device": {"type_id": OTHER, "type": "Storage", "name": str(name)}}


def _firmware(said: Mapping[str, Any]) -> Part:
    return {"app": {"name": f"firmware of {said['data'].get('array', 'an array')}"}}


def _gate(_: Mapping[str, Any]) -> Part:
    return {"app": {"name": "sangate", "version": gate.__version__}}


def _user(said: Mapping[str, Any]) -> Part:
    name = str(said["data"].get("name") or said["actor"]["id"] or "unknown")
    return {"user": {"uid": name}, "service": {"name": "sangate"}}


def _duties(said: Mapping[str, Any]) -> Part:
    data = said["data"]
    given = [f"role {role}" for role in data.get("roles", [])] + [f"seat {seat}" for seat in data.get("seats", [])]
    return {"user": {"uid": str(data.get("person", "unknown"))}, "privileges": given or ["none"]}


def _log(_: Mapping[str, Any]) -> Part:
    return {"log_name": "sangate ledger"}


MAPPED: Mapping[str, Mapped] = MappingProxyType(
    {
        "log.opened": Mapped(1008, 9, "Enable", _log),
        "export.made": Mapped(1008, 3, "Export", _log),
        "config.loaded": Mapped(6002, 3, "Start", _gate),
        "auth.signed_in": Mapped(3002, 1, "Logon", _user),
        "auth.refused": Mapped(3002, 1, "Logon", _user),
        "person.added": Mapped(3005, 1, "Assign Privileges", _duties),
        "key.enrolled": Mapped(3004, 6, "Enroll", _person),
        "key.revoked": Mapped(3004, 7, "Unenroll", _person),
        "contract.made": Mapped(3005, 1, "Assign Privileges", _duties),
        "contract.ended": Mapped(3005, 2, "Revoke Privileges", _duties),
        "change.opened": Mapped(3004, 1, "Create", _change),
        "plan.sealed": Mapped(3004, 2, "Update", _change),
        "approval.signed": Mapped(3004, OTHER, "Approve", _change),
        "approval.denied": Mapped(3004, OTHER, "Deny", _change),
        "attempt.refused": Mapped(3004, OTHER, "Refuse", _change),
        "stage.started": Mapped(3004, 10, "Activate", _change),
        "permit.issued": Mapped(3004, OTHER, "Permit", _change),
        "escort.asked": Mapped(3004, OTHER, "Ask", _change),
        "escort.go": Mapped(3004, OTHER, "Go", _change),
        "escort.stopped": Mapped(3004, 12, "Suspend", _change),
        "hold.placed": Mapped(3004, 12, "Suspend", _change),
        "hold.lifted": Mapped(3004, 13, "Resume", _change),
        "person.asked": Mapped(3004, OTHER, "Ask", _change),
        "person.answered": Mapped(3004, OTHER, "Answer", _change),
        "change.withdrawn": Mapped(3004, OTHER, "Withdraw", _change),
        "change.halted": Mapped(3004, OTHER, "Halt", _change),
        "change.backed_out": Mapped(3004, OTHER, "Back out", _change),
        "change.closed": Mapped(3004, OTHER, "Close", _change),
        "verdict.given": Mapped(2003, 1, "Create", _finding),
        "judgement.given": Mapped(2003, 1, "Create", _finding),
        "backup.verified": Mapped(2003, 1, "Create", _finding),
        "backup.rehearsed": Mapped(2003, 1, "Create", _finding),
        "known_answer.read": Mapped(2003, 1, "Create", _finding),
        "known_answer.written": Mapped(5019, 1, "Log", _device),
        "probe.finished": Mapped(5019, 1, "Log", _device),
        "step.looked": Mapped(5019, 1, "Log", _device),
        "dry_run.ended": Mapped(5019, 2, "Collect", _device),
        "evidence.gathered": Mapped(5019, 2, "Collect", _device),
        "reference.recorded": Mapped(5019, 2, "Collect", _device),
        "step.intended": Mapped(6002, 8, "Update", _firmware),
        "step.ended": Mapped(6002, 8, "Update", _firmware),
    }
)


def event(item: Item) -> Part:
    """Return the event; a kind that is not in the table is Event Log Activity, Other, under its own name."""
    said, kind = item.said, item.said["kind"]
    data = said["data"]
    mapped = MAPPED.get(kind) or Mapped(1008, OTHER, kind, _log)
    wrong = bad(kind, data)
    made = _head(mapped, said["time"], HIGH if kind in LOUD else MEDIUM if wrong else INFORMATIONAL)
    made["metadata"] |= {
        "uid": said["id"],
        "event_code": kind,
        "sequence": item.at,
        "original_time": said["time"],
        **({"correlation_uid": said["change"]} if said["change"] else {}),
    }
    if mapped.class_uid != 2003:
        made["status_id"], made["status"] = FAILURE if wrong else SUCCESS
    if mapped.class_uid in WITH_ACTOR:
        who, human = said["actor"]["id"], said["actor"].get("type") == "person"
        made["actor"] = {"user": {"uid": who}} if who and human else {"app_name": "sangate"}
    if mapped.class_uid in WITH_COMMENT and data.get("reason"):
        made["comment"] = str(data["reason"])
    if told := gist(data):
        made["message"] = told
    made |= mapped.part(said)
    made["raw_data"] = item.body.decode()
    made["raw_data_hash"] = {"algorithm_id": 3, "algorithm": "SHA-256", "value": item.sha256}
    made["raw_data_size"] = len(item.body)
    return made


def _head(mapped: Mapped, time: str, severity: tuple[int, str]) -> Part:
    category = mapped.class_uid // 1000
    return {
        "metadata": {
            "version": VERSION,
            "product": {"name": "sangate", "vendor_name": "sangate", "version": gate.__version__},
        },
        "time": round(datetime.fromisoformat(time).timestamp() * 1000),
        "category_uid": category,
        "category_name": CATEGORIES[category],
        "class_uid": mapped.class_uid,
        "class_name": CLASSES[mapped.class_uid],
        "activity_id": mapped.activity,
        "activity_name": mapped.name,
        "type_uid": mapped.class_uid * 100 + mapped.activity,
        "severity_id": severity[0],
        "severity": severity[1],
    }


def stated(statement: Statement, made: str) -> Part:
    """Return the event that a statement is: an export of the log."""
    head = _head(Mapped(1008, 3, "Export", _log), made, INFORMATIONAL)
    head["metadata"]["event_code"] = "export.ends" if "count" in statement else "export.begins"
    return head | _log({}) | {"status_id": 1, "status": "Success", "unmapped": {"sangate_export": statement}}


def _lines(events: Sequence[Part]) -> bytes:
    return "".join(json.dumps(one, separators=(",", ":"), ensure_ascii=False) + "\n" for one in events).encode()


def _statement(statement: Statement) -> bytes:
    return _lines([stated(statement, str(statement["made"]))])


def _records(items: Sequence[Item]) -> bytes:
    return _lines([event(item) for item in items])


FORM = Form("ocsf", ".ocsf.jsonl", "application/jsonl", _statement, _records, _statement)
