"""All findings together: may it go on?"""

from dataclasses import dataclass

from gate.canonical import Json, digest
from gate.finding import Check, Finding, Outcome, Weight, When


@dataclass(frozen=True)
class Verdict:
    """
    `opens` is true only if exactly the expected checks answered and none that matters refused.

    The digest covers the `approve` checks with their outcomes and what they rest on materially, so last night's new
    backup voids nothing and a moved repository voids (promise 5).
    """

    moment: When
    opens: bool
    findings: tuple[Finding, ...]
    missing: tuple[str, ...]
    digest: str


def decide(expected: tuple[Check, ...], findings: tuple[Finding, ...], moment: When) -> Verdict:
    """
    Decide from the checks expected at this moment and the findings that came.

    No checks at all open nothing, nor do checks that only inform: `all(())` is true, so emptiness is refused by name.
    `unknown` refuses like `failed`;
    a `sign` check that did not pass refuses too, since nobody can sign for it yet. `inform` never refuses.
    """
    due = {check.name: check for check in expected if moment is When.START or check.when is When.APPROVE}
    names = [finding.check for finding in findings]
    missing = tuple(sorted(set(due) - set(names)))
    complete = sorted(names) == sorted(due) and any(check.weight is not Weight.INFORM for check in due.values())
    passed = all(
        finding.outcome is Outcome.PASSED or due[finding.check].weight is Weight.INFORM
        for finding in findings
        if finding.check in due
    )
    return Verdict(moment, complete and passed, findings, missing, _digest(due, findings))


def _digest(due: dict[str, Check], findings: tuple[Finding, ...]) -> str:
    lasting: list[Json] = [
        {"check": finding.check, "outcome": finding.outcome.value, "relied_on": finding.relied_on}
        for finding in sorted(findings, key=lambda item: item.check)
        if finding.check in due and due[finding.check].when is When.APPROVE
    ]
    return digest({"v": 1, "findings": lasting, "waivers": []})
