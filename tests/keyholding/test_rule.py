"""The keyholder's own rule at its borders: how long a canary is watched, how far clocks may differ, which go counts."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gate.approval import Decision, Statement
from gate.canonical import encode, utc
from gate.change import Grant, Phase, Plan, Purpose
from gate.keyholding.pinned import Pinned
from gate.keyholding.rule import SLACK, Memory, decide, go_of, watched
from gate.keyholding.words import PermitWish
from gate.keys import public_line
from gate.ledger.note import VerifierKey
from tests.cases import NOON
from tests.engine.histories import CANARY, ESCORTED, PLAN, STAGE, History, plan
from tests.keyholder.world import SEATS, verdict

VERDICT = verdict()
LIFETIME, WITHIN, WINDOW = timedelta(hours=72), timedelta(minutes=30), timedelta(hours=2)
NOTHING = Memory()
MOMENT = timedelta(microseconds=1)
PUBLIC = public_line(Ed25519PrivateKey.generate(), "").strip()


@pytest.mark.parametrize(
    ("soak_s", "interval_s", "seconds"),
    [(30, 10, 30), (39, 10, 30), (1, 10, 10), (10, 10, 10), (3, 1, 3), (3, 0, 3), (0, 1, 1)],
)
def test_a_watch_is_its_whole_rounds_and_one_at_least(soak_s: int, interval_s: int, seconds: int) -> None:
    given = plan(thresholds={**plan().thresholds, "soak_s": soak_s, "probe_interval_s": interval_s})
    assert watched(given) == timedelta(seconds=seconds)


def pinned(**policy: str) -> Pinned:
    """Sessions count here, so that no text needs a signature: what is asked is what comes after that."""
    limits = {
        "seats": sorted(SEATS.values()),
        "waiver_seats": ["data-owner", "change-manager"],
        "approvals": "session",
        "approval_lifetime": "72h",
        "permit_lifetime": "5m",
        "evidence_max_age": "15m",
        "window_max": "24h",
        "escort_within": "30m",
    }
    given = {
        "ledger": [str(VerifierKey(PLAN.origin, bytes(32)))],
        "socket": "/run/socket",
        "clients": ["gate"],
        "policy": limits | policy,
        "approvers": [{"id": name, "seats": [seat]} for name, seat in SEATS.items()],
        "arrays": [{"id": CANARY}],
    }
    return Pinned.model_validate(given)


def ready(of: Plan = PLAN, lasts: timedelta = timedelta(hours=8)) -> History:
    """Sealed, decided, approved by people whose word ends after `lasts`, and started."""
    made = History(of).sealed()
    made.verdict(verdict_digest=VERDICT.verdict.digest, findings=list(VERDICT.rows()))
    for person, seat in SEATS.items():
        text = Statement(
            origin=of.origin,
            change=of.change,
            stage="canary",
            plan_digest=of.digest,
            verdict_digest=VERDICT.verdict.digest,
            decision=Decision.APPROVE,
            seat=seat,
            approver=person,
            expires=utc(NOON + lasts),
            nonce=person,
        ).text()
        made.add("approval.signed", person, statement=text, method="session", signature="")
    digests: Mapping[str, Any] = {"plan_digest": of.digest, "verdict_digest": VERDICT.verdict.digest}
    return made.add("stage.started", "performer", stage="canary", array=CANARY, **digests)


def asked(made: History, memory: Memory = NOTHING, **policy: str) -> Grant | str:
    """Ask, at noon, for the first step that changes something."""
    wish = PermitWish(
        ask="permit",
        change=made.plan.change,
        array=CANARY,
        phase=Phase.FORWARD,
        number=STAGE,
        plan=encode(made.plan.material()).decode(),
        verdict=encode(VERDICT.blob()).decode(),
        public_key=PUBLIC,
    )
    return decide(pinned(**policy), made.entries, wish, memory, NOON)


def granted(found: Grant | str) -> bool:
    assert isinstance(found, str) or found.purpose is Purpose.FORWARD
    return not isinstance(found, str)


def test_an_entry_may_be_ahead_by_as_much_as_clocks_differ_and_not_by_a_moment_more() -> None:
    assert granted(asked(ready().later(SLACK).add("attempt.refused", what="w", why="y", who="gate")))
    ahead = asked(ready().later(SLACK + MOMENT).add("attempt.refused", what="w", why="y", who="gate"))
    assert str(ahead).endswith("lies in the future")


def test_an_approval_may_last_as_long_as_the_policy_lets_it_and_not_a_moment_longer() -> None:
    assert granted(asked(ready(lasts=LIFETIME + SLACK)))
    assert "longer than the keyholder's policy lets it" in str(asked(ready(lasts=LIFETIME + SLACK + MOMENT)))


def test_a_window_may_be_as_long_as_the_policy_lets_it() -> None:
    assert granted(asked(ready(), window_max="2h"))
    assert "longer than the keyholder's policy lets it be" in str(asked(ready(), window_max="119m"))


def test_a_go_may_last_as_long_as_the_policy_lets_it_and_not_a_moment_longer() -> None:
    made = ready(ESCORTED).asked_escort(Phase.FORWARD, STAGE).go("lead", expires=utc(NOON + WITHIN + SLACK))
    assert granted(asked(made))
    made = ready(ESCORTED).asked_escort(Phase.FORWARD, STAGE)
    made.go("lead", expires=utc(NOON + WITHIN + SLACK + MOMENT))
    assert asked(made) == "the go would hold longer than the keyholder's policy lets it"


def test_the_go_that_is_spent_is_the_one_that_answers_what_is_asked_now() -> None:
    made = ready(ESCORTED)
    assert go_of(made.entries) == "", "nothing was asked"
    assert go_of(made.asked_escort(Phase.FORWARD, STAGE).entries) == "", "nobody has answered"
    first = go_of(made.go("lead").entries)
    assert '"escort":"lead"' in first
    assert asked(made, Memory(spent=(first,))) == "a permit was made for this very go before"
    assert granted(asked(made, Memory(spent=("another",))))
