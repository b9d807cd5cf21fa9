"""All findings together: may it go on, who must sign for what, and until when does it hold?"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias

from gate.canonical import Json, digest, utc
from gate.finding import Check, Finding, Outcome, Waiver, Weight, When, first
from gate.policy import Seat

Row: TypeAlias = Mapping[str, Any]
"""What a verdict's entry keeps of one finding; ValueError and KeyError are left to whoever reads entries."""


@dataclass(frozen=True)
class Verdict:
    """
    `opens` is true only if exactly the expected checks answered and each that matters passed, is waived, or has a seat.

    A finding with a seat still has to be signed for by name: `to_sign` says by whom, and approvals count only if they
    do. The digest covers the `approve` checks with their outcomes and what they rest on materially, and the waivers,
    so last night's new backup voids nothing, and a moved repository or another waiver voids (promises 5 and 10).
    """

    moment: When
    opens: bool
    findings: tuple[Finding, ...]
    missing: tuple[str, ...]
    digest: str
    to_sign: Mapping[Seat, tuple[str, ...]] = field(default_factory=dict)
    """Seat → names of the checks it must sign for, sorted."""

    waived: tuple[Waiver, ...] = ()
    """The waivers without which it would not open."""

    valid_until: datetime | None = None
    """Earliest expiry of any fact or waiver it rests on; None when nothing it rests on expires."""


def decide(
    expected: tuple[Check, ...], findings: tuple[Finding, ...], moment: When, waivers: Iterable[Waiver] = ()
) -> Verdict:
    """
    Decide from the checks expected at this moment, the findings that came, and the waivers in force.

    No checks at all open nothing, nor do checks that only inform: `all(())` is true, so emptiness is refused by name.
    `unknown` refuses like `failed`. Nothing that is asked at the start only can be signed for or waived: nobody signs
    any more by then.
    """
    due = {check.name: check for check in expected if moment is When.START or check.when is When.APPROVE}
    names = [finding.check for finding in findings]
    missing = tuple(sorted(set(due) - set(names)))
    complete = sorted(names) == sorted(due) and any(check.weight is not Weight.INFORM for check in due.values())
    honoured = {waiver.check: waiver for waiver in waivers if _fits(waiver, due, findings)}
    to_sign: dict[Seat, list[str]] = {}
    stands = True
    for finding in findings:
        check = due.get(finding.check)
        if check is None or finding.outcome is Outcome.PASSED or finding.check in honoured:
            continue
        weight = finding.weight or check.weight
        if weight is Weight.SIGN and check.seat is not None and check.when is When.APPROVE:
            to_sign.setdefault(check.seat, []).append(check.name)
        elif weight is not Weight.INFORM:
            stands = False
    waived = tuple(honoured[name] for name in sorted(honoured))
    return Verdict(
        moment,
        complete and stands,
        findings,
        missing,
        _digest(due, findings, waived),
        {seat: tuple(sorted(checks)) for seat, checks in sorted(to_sign.items())},
        waived,
        first(*(finding.valid_until for finding in findings), *(waiver.expires for waiver in waived)),
    )


def _fits(waiver: Waiver, due: Mapping[str, Check], findings: tuple[Finding, ...]) -> bool:
    """
    A waiver is for a check that blocks and may be waived, and for the finding as it was when people signed.

    Of what is never waived, a finding may be attested where it says so itself: nothing there can be measured.
    """
    check = due.get(waiver.check)
    if check is None or check.when is not When.APPROVE:
        return False
    return any(
        finding.check == waiver.check
        and (check.waivable or finding.attestable)
        and finding.outcome is not Outcome.PASSED
        and (finding.weight or check.weight) is Weight.BLOCK
        and finding.digest == waiver.finding
        for finding in findings
    )


def _digest(due: Mapping[str, Check], findings: tuple[Finding, ...], waived: tuple[Waiver, ...]) -> str:
    lasting: list[Json] = [
        finding.material
        for finding in sorted(findings, key=lambda item: item.check)
        if finding.check in due and due[finding.check].when is When.APPROVE
    ]
    waivers: list[Json] = [
        {
            "check": waiver.check,
            "finding": waiver.finding,
            "expires": utc(waiver.expires),
            "by": [{"seat": seat, "person": person} for seat, person in waiver.by],
        }
        for waiver in waived
    ]
    return digest({"v": 1, "findings": lasting, "waivers": waivers})


def rows(told: Iterable[Json], when: When) -> list[Row]:
    """Return the rows of checks that are asked then; TypeError, KeyError or ValueError for what is no row."""
    found: list[Row] = []
    for row in told:
        if not isinstance(row, dict):
            raise TypeError(row)
        if When(str(row["when"])) is when:
            found.append(row)
    return found


def _weight(row: Row) -> Weight:
    """What does not say what it weighs blocks."""
    return Weight(row.get("weight", Weight.BLOCK))


def stands(row: Row) -> bool:
    """Say whether one answer keeps a verdict from opening: it passed, only informs, is signed for, or is waived."""
    if Outcome(row["outcome"]) is Outcome.PASSED or row.get("waived") is True:
        return True
    return _weight(row) is Weight.INFORM or (_weight(row) is Weight.SIGN and bool(row.get("seat")))


def to_sign(rows: Iterable[Row]) -> dict[Seat, tuple[str, ...]]:
    """Return seat → checks that it must sign for by name, from the rows of a verdict's entry."""
    found: dict[Seat, list[str]] = {}
    for row in rows:
        open_ = Outcome(row["outcome"]) is not Outcome.PASSED and row.get("waived") is not True
        if open_ and _weight(row) is Weight.SIGN:
            found.setdefault(Seat(row["seat"]), []).append(str(row["check"]))
    return {seat: tuple(sorted(checks)) for seat, checks in found.items()}
