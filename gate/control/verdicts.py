"""What a face shows of a verdict: every finding beside its check's record, and the waivers that people signed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gate.approval import Tally, may_sit
from gate.canonical import utc
from gate.change import Plan
from gate.checks import RECORDS
from gate.finding import FIND_OUT
from gate.person import Person
from gate.policy import Policy
from gate.standing import Standing, State
from gate.verdict import stands
from gate.waiver import Terms, why_not

View = dict[str, Any]
UNSIGNED: View = {"waived": False, "seat": "", "waivable": False, "attestable": False, "finding": ""}
"""What a finding carries only where it did not pass."""

STALE_WAIVER = "the finding in force is another one than it names"


@dataclass(frozen=True)
class Sources:
    """What a view is made from; blobs already read, None where there is none yet."""

    standing: Standing
    plan: Plan | None
    verdict: Mapping[str, Any] | None
    """The verdict's blob: findings with sentences, isolation pictures, why there is no plan."""

    tally: Tally
    policy: Policy
    now: datetime
    people: Mapping[str, Person]
    waiving: Terms
    """What a waiver of this change must fit."""

    dry_run: Mapping[str, Any] | None = None
    """The newest dry run of the plan in force, as it was kept; None where there was none."""


def verdict_view(sources: Sources, verdict: Mapping[str, Any], viewer: Person) -> View | None:
    """Return the verdict in force with each check's record beside its finding; None before the first check."""
    if not verdict:
        return None
    standing, findings = sources.standing, []
    for found in verdict["findings"]:
        record = RECORDS[found["check"]]
        findings.append(
            {
                **UNSIGNED,
                **found,
                "question": record.question,
                "meaning": record.meaning,
                "way_out": found["way_out"] or (FIND_OUT if found["outcome"] == "unknown" else record.way_out),
                "threshold": record.threshold,
                "when": record.when.value,
                "source": record.source,
                "why_not_waive": _why_not_waive(sources, viewer, found),
            }
        )
    return {
        "digest": standing.verdict_digest,
        "opens": verdict["opens"],
        "only_unknown": {found["outcome"] for found in findings if not stands(found)} == {"unknown"},
        "moment": verdict["moment"],
        "at": utc(standing.verdict_at) if standing.verdict_at else "",
        "missing": verdict["missing"],
        "valid_until": verdict.get("valid_until", ""),
        "waivers": verdict.get("waivers", []),
        "findings": findings,
    }


def _why_not_waive(sources: Sources, viewer: Person, found: Mapping[str, Any]) -> str:
    """Say why the viewer may not sign a waiver of this finding now; empty when they may."""
    standing, policy = sources.standing, sources.policy
    if found["outcome"] == "passed" or not (RECORDS[found["check"]].waivable or found.get("attestable")):
        return "there is nothing to waive" if found["outcome"] == "passed" else "this is never waived"
    if found.get("waived"):
        return "it is waived"
    if standing.state not in (State.OPEN, State.REFUSED) or found["check"] not in standing.waivable:
        return f"the change is {standing.state}: there is nothing to waive"
    reasons = [may_sit(viewer, seat, standing.requester) for seat in policy.waiver_seats]
    return "" if "" in reasons else reasons[0]


def halves_view(sources: Sources) -> list[View]:
    """Return every half of a waiver on record, with why it does not count now; empty when it does."""
    standing = sources.standing
    return [
        {
            "check": half.statement.check,
            "seat": half.statement.seat,
            "approver": half.statement.approver,
            "reason": half.statement.reason,
            "method": half.method.value,
            "at": utc(half.at),
            "expires": half.statement.expires,
            "why_not": why_not(half, sources.waiving, sources.now)
            or ("" if half.statement.finding == standing.waivable.get(half.statement.check) else STALE_WAIVER),
        }
        for half in standing.waivers
    ]
