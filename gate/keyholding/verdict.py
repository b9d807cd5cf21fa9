"""
Did the verdict that people signed open? Answered from what their signatures cover, not from what an entry says of it.

A statement binds to the verdict's digest, and that digest covers each lasting answer and each waiver (ADR 7). So a
serving process that shows green where it was red is found out here: the answers themselves are looked at again.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from gate.approval import Tally
from gate.canonical import Json, digest
from gate.change import Kind, Purpose
from gate.checks import EXPECTED, RECORDS
from gate.finding import Outcome, Waiver, Weight, When


def why_not(stored: str, signed: str, kind: str, tally: Tally, waivers: Iterable[Waiver]) -> str:
    """Say why the verdict with the digest that was signed does not open; empty when it does."""
    try:
        told = json.loads(stored)
        lasting, waived = _lasting(told), [_waiver(one) for one in told["waivers"]]
        found = digest({"v": 1, "findings": [_material(one) for one in lasting], "waivers": list(waived)})
        expected = sorted(
            module.CHECK.name for module in EXPECTED[(Kind(kind), Purpose.FORWARD)] if module.CHECK.when is When.APPROVE
        )
        if found != signed:
            return "the verdict that was shown is not the one that was signed"
        if not expected or [one["check"] for one in lasting] != expected:
            return "the verdict that was signed does not answer exactly the questions that are due"
        held = {(one.check, one.finding) for one in waivers}
        red = [one for one in lasting if not _stands(one, tally, held)]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return "the verdict cannot be read"
    return f"the verdict that was signed does not open: {', '.join(str(one['check']) for one in red)}" if red else ""


def _lasting(told: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the answers that a signature covers, in the order of the digest; what is asked at the start is not."""
    found = [one for one in told["findings"] if RECORDS[one["check"]].when is When.APPROVE]
    return sorted(found, key=lambda one: str(one["check"]))


def _material(one: Mapping[str, Any]) -> dict[str, Json]:
    return {"check": one["check"], "outcome": Outcome(one["outcome"]).value, "relied_on": one["relied_on"]}


def _waiver(one: Mapping[str, Any]) -> dict[str, Json]:
    by: list[Json] = [{"seat": each["seat"], "person": each["person"]} for each in one["by"]]
    return {"check": one["check"], "finding": one["finding"], "expires": one["expires"], "by": by}


def _stands(one: Mapping[str, Any], tally: Tally, waived: set[tuple[str, str]]) -> bool:
    """
    Say whether one answer keeps the verdict from opening.

    What an answer weighs is not covered by a signature. So the check's own record counts, and a seat may only answer
    for what that record lets it answer for, by name in its signed statement.
    """
    record = RECORDS[one["check"]]
    if Outcome(one["outcome"]) is Outcome.PASSED or record.weight is Weight.INFORM:
        return True
    if record.waivable and (record.name, digest(_material(one))) in waived:
        return True
    signed = tally.filled.get(record.seat) if record.seat is not None else None
    return signed is not None and record.name in signed.statement.signs_for.split()
