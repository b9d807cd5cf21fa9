"""Whether a signed verdict opens, from what its digest covers: each rule from both sides."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from gate.approval import Decision, Method, Signed, Statement, Tally
from gate.canonical import digest, encode, utc
from gate.checks import RECORDS
from gate.control import deciding
from gate.finding import Outcome, Waiver, Weight
from gate.keyholding.verdict import why_not
from gate.policy import Seat
from tests.cases import DIGEST, NOON
from tests.keyholder.world import DUE, verdict

SIGNED_FOR = next(check for check in DUE if check.weight is Weight.SIGN)
WAIVABLE = next(check for check in DUE if check.waivable)
NEVER = next(check for check in DUE if check.weight is Weight.BLOCK and not check.waivable and check.seat is None)
BY = (("data-owner", "owner"), ("change-manager", "manager"))


def signed(seat: Seat, names: str) -> Tally:
    statement = Statement("o", "c", "canary", DIGEST, DIGEST, Decision.APPROVE, seat, "p", utc(NOON), "n", names)
    return Tally({seat: Signed(statement, Method.SSH, NOON, "key")}, (), ())


NOBODY = Tally({}, (), ())


def told(made: deciding.Decision, tally: Tally = NOBODY, waivers: tuple[Waiver, ...] = (), **changed: Any) -> str:
    blob = {**made.blob(), **changed}
    return why_not(encode(blob).decode(), made.verdict.digest, "firmware", tally, waivers)


def test_a_verdict_in_which_everything_passed_opens() -> None:
    assert told(verdict()) == ""


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.UNKNOWN])
def test_what_blocks_and_did_not_pass_opens_nothing_whatever_the_blob_says_it_weighs(outcome: Outcome) -> None:
    made = verdict({NEVER.name: outcome})
    assert told(made) == f"the verdict that was signed does not open: {NEVER.name}"
    rows = [{**row, "weight": "inform", "waived": True} for row in made.blob()["findings"]]
    assert told(made, findings=rows, opens=True).endswith(NEVER.name)
    every = " ".join(check.name for check in DUE)
    assert told(made, signed(Seat.DATA_OWNER, every)).endswith(NEVER.name), "no seat may answer for it"


def test_a_finding_is_answered_for_by_its_own_seat_and_by_name() -> None:
    made = verdict({SIGNED_FOR.name: Outcome.FAILED})
    assert SIGNED_FOR.seat is not None
    other = next(seat for seat in Seat if seat is not SIGNED_FOR.seat)
    assert told(made, signed(SIGNED_FOR.seat, f"another {SIGNED_FOR.name}")) == ""
    for tally in (NOBODY, signed(SIGNED_FOR.seat, ""), signed(other, SIGNED_FOR.name)):
        assert told(made, tally).endswith(SIGNED_FOR.name)


def waiver(made: deciding.Decision, **fields: Any) -> Waiver:
    finding = next(one for one in made.verdict.findings if one.check == WAIVABLE.name)
    return Waiver(**{"check": WAIVABLE.name, "finding": finding.digest, "expires": NOON, "by": BY, **fields})


def test_a_waiver_that_is_in_force_for_exactly_this_finding_opens() -> None:
    red = {WAIVABLE.name: Outcome.FAILED}
    held = waiver(verdict(red))
    made = verdict(red, (held,))
    assert made.verdict.opens
    assert told(made, waivers=(held,)) == ""
    assert told(made).endswith(WAIVABLE.name), "the halves that were signed are not there, or not by pinned people"
    assert told(made, waivers=(waiver(made, finding=DIGEST),)).endswith(WAIVABLE.name)
    never = verdict({NEVER.name: Outcome.FAILED})
    finding = next(one for one in never.verdict.findings if one.check == NEVER.name)
    assert told(never, waivers=(Waiver(NEVER.name, finding.digest, NOON, BY),)).endswith(NEVER.name)


def test_another_verdict_than_the_signed_one_is_found_out() -> None:
    made = verdict({NEVER.name: Outcome.FAILED})
    green = json.loads(encode(verdict().blob()))
    assert told(made, findings=green["findings"]) == "the verdict that was shown is not the one that was signed"


@pytest.mark.parametrize("findings", [[], "fewer", "twice"])
def test_a_verdict_that_answers_fewer_or_other_questions_than_are_due_opens_nothing(findings: list[Any] | str) -> None:
    rows = verdict().blob()["findings"]
    given = {"fewer": rows[1:], "twice": [*rows, rows[0]]}.get(str(findings), [])
    blob = {**verdict().blob(), "findings": given}
    assert why_not(encode(blob).decode(), remade(blob), "firmware", NOBODY, ()) == (
        "the verdict that was signed does not answer exactly the questions that are due"
    )


def remade(blob: Mapping[str, Any]) -> str:
    """The digest that a blob would have been signed under."""
    rows = sorted(blob["findings"], key=lambda one: str(one["check"]))
    lasting: list[Any] = [{name: one[name] for name in ("check", "outcome", "relied_on")} for one in rows]
    return digest({"v": 1, "findings": lasting, "waivers": []})


@pytest.mark.parametrize(
    "stored", ["", "{}", "[]", "null", '{"findings":3}', '{"findings":[{}],"waivers":[]}', "[" * 9999]
)
def test_what_is_no_verdict_opens_nothing(stored: str) -> None:
    assert why_not(stored, DIGEST, "firmware", NOBODY, ()) != ""
    assert why_not(encode(verdict().blob()).decode(), verdict().verdict.digest, "magic", NOBODY, ()) != ""


def test_every_check_that_is_due_has_its_record() -> None:
    assert {check.name for check in DUE} <= set(RECORDS)
