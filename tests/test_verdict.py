"""All findings together open only if exactly the expected checks answered and none that matters refused."""

import itertools
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from gate.canonical import sha256
from gate.change import Kind, Purpose, Window
from gate.checks import CHECKS
from gate.checks import EXPECTED as TABLE
from gate.checks.case import Case
from gate.finding import Check, Finding, Outcome, Waiver, Weight, When
from gate.policy import Seat
from gate.verdict import Verdict, decide, stands, to_sign
from tests.cases import (
    LOGIN,
    NOON,
    OLDER,
    OTHER_DIGEST,
    SCRATCH_LUN,
    SERIALS,
    VAULT_LUN,
    access,
    array,
    backups,
    bucket,
    case,
    evidence,
    findings,
    fleet,
    offsite,
    policy,
    protection,
    reading,
    rehearsal,
    request,
    run,
    second,
    trace,
    verification,
)


def check(name: str, weight: Weight = Weight.BLOCK, when: When = When.APPROVE) -> Check:
    return Check(name, "Is it?", "It is.", "Do it.", "none", weight, when)


def finding(name: str, outcome: Outcome = Outcome.PASSED) -> Finding:
    return Finding(name, outcome, "because", {"level": "V4"})


ONE, TWO = check("one"), check("two")
LATE = check("late", when=When.START)
EXPECTED = tuple(module.CHECK for module in TABLE[Kind.FIRMWARE, Purpose.FORWARD])


def verdict(asked: Case, moment: When = When.APPROVE) -> Verdict:
    due = tuple(record for record in EXPECTED if moment is When.START or record.when is When.APPROVE)
    return decide(EXPECTED, tuple(findings(asked)[record.name] for record in due), moment)


def test_every_expected_check_passed_opens() -> None:
    decided = decide((ONE, TWO), (finding("one"), finding("two")), When.APPROVE)
    assert decided.opens
    assert decided.missing == ()


@pytest.mark.parametrize("moment", list(When))
def test_no_checks_at_all_open_nothing(moment: When) -> None:
    assert not decide((), (), moment).opens
    assert not decide((), (finding("one"),), moment).opens


def test_checks_that_only_inform_open_nothing() -> None:
    assert not decide((check("one", Weight.INFORM),), (finding("one"),), When.START).opens


def test_checks_that_are_due_later_open_nothing_now() -> None:
    assert not decide((LATE,), (), When.APPROVE).opens
    assert not decide((LATE,), (finding("late"),), When.APPROVE).opens
    assert decide((LATE,), (finding("late"),), When.START).opens


@pytest.mark.parametrize(
    ("names", "missing"),
    [
        ((), ("one", "two")),
        (("one",), ("two",)),
        (("one", "one"), ("two",)),
        (("one", "two", "three"), ()),
        (("one", "two", "two"), ()),
        (("one", "three"), ("two",)),
        (("three", "four"), ("one", "two")),
    ],
    ids=["none", "subset", "one twice", "superset", "twice", "other", "all others"],
)
def test_exactly_the_expected_checks_must_answer_once(names: tuple[str, ...], missing: tuple[str, ...]) -> None:
    decided = decide((ONE, TWO), tuple(finding(name) for name in names), When.APPROVE)
    assert not decided.opens
    assert decided.missing == missing


def test_all_that_is_missing_is_told_in_order() -> None:
    names = [f"check-{number}" for number in range(9)]
    expected = tuple(check(name) for name in reversed(names))
    assert decide(expected, (), When.APPROVE).missing == tuple(names)


@pytest.mark.parametrize("outcome", list(Outcome))
def test_a_finding_nobody_asked_for_refuses_whatever_it_says(outcome: Outcome) -> None:
    assert not decide((ONE,), (finding("one"), finding("foreign", outcome)), When.APPROVE).opens


def test_the_digest_is_over_these_very_bytes() -> None:
    text = b'{"findings":[{"check":"one","outcome":"passed","relied_on":{"level":"V4"}}],"v":1,"waivers":[]}'
    assert decide((ONE,), (finding("one"),), When.APPROVE).digest == sha256(text)


def test_a_start_check_is_not_expected_before_the_start_and_is_at_the_start() -> None:
    early, whole = (finding("one"),), (finding("one"), finding("late"))
    assert decide((ONE, LATE), early, When.APPROVE).opens
    assert not decide((ONE, LATE), early, When.START).opens
    assert decide((ONE, LATE), whole, When.START).opens
    assert not decide((ONE, LATE), whole, When.APPROVE).opens


SIGNED = replace(check("signed", Weight.SIGN), seat=Seat.BACKUP_OWNER)


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.UNKNOWN])
def test_what_a_seat_can_sign_for_opens_and_names_seat_and_check(outcome: Outcome) -> None:
    decided = decide((ONE, SIGNED), (finding("one"), finding("signed", outcome)), When.APPROVE)
    assert decided.opens
    assert decided.to_sign == {Seat.BACKUP_OWNER: ("signed",)}
    passed = decide((ONE, SIGNED), (finding("one"), finding("signed")), When.APPROVE)
    assert passed.opens
    assert passed.to_sign == {}
    assert passed.digest != decided.digest


def test_what_is_asked_at_the_start_only_is_signed_for_by_nobody() -> None:
    late = replace(SIGNED, when=When.START)
    assert not decide((ONE, late), (finding("one"), finding("signed", Outcome.FAILED)), When.START).opens


@pytest.mark.parametrize(
    ("weight", "opens", "named"),
    [(None, True, True), (Weight.SIGN, True, True), (Weight.BLOCK, False, False), (Weight.INFORM, True, False)],
)
def test_an_answer_may_weigh_otherwise_than_its_check(weight: Weight | None, opens: bool, named: bool) -> None:
    told = replace(finding("signed", Outcome.FAILED), weight=weight)
    decided = decide((ONE, SIGNED), (finding("one"), told), When.APPROVE)
    assert decided.opens is opens
    assert bool(decided.to_sign) is named


def test_a_verdict_holds_until_the_first_of_its_facts_expires() -> None:
    soon, later = NOON + timedelta(hours=1), NOON + timedelta(hours=2)
    told = (replace(finding("one"), valid_until=later), replace(finding("two"), valid_until=soon))
    assert decide((ONE, TWO), told, When.APPROVE).valid_until == soon
    assert decide((ONE, TWO), told[::-1], When.APPROVE).valid_until == soon
    assert decide((ONE, TWO), (finding("one"), finding("two")), When.APPROVE).valid_until is None


WAIVABLE = replace(ONE, waivable=True)
BAD = finding("one", Outcome.FAILED)


def waiver(of: Finding = BAD, **fields: Any) -> Waiver:
    given = {
        "check": of.check,
        "finding": of.digest,
        "expires": NOON + timedelta(hours=1),
        "by": (("storage", "lead"),),
    }
    return Waiver(**{**given, **fields})


def test_a_waiver_of_this_very_finding_opens_and_changes_the_digest() -> None:
    told = (BAD, finding("two"))
    decided = decide((WAIVABLE, TWO), told, When.APPROVE, (waiver(),))
    assert decided.opens
    assert [one.check for one in decided.waived] == ["one"]
    assert decided.valid_until == NOON + timedelta(hours=1)
    digests = {decide((WAIVABLE, TWO), told, When.APPROVE).digest, decided.digest}
    for changed in ({"expires": NOON + timedelta(hours=2)}, {"by": (("storage", "other"),)}):
        digests.add(decide((WAIVABLE, TWO), told, When.APPROVE, (waiver(**changed),)).digest)
    assert len(digests) == 4


@pytest.mark.parametrize(
    ("record", "given"),
    [
        (ONE, waiver()),
        (replace(WAIVABLE, when=When.START), waiver()),
        (replace(WAIVABLE, weight=Weight.SIGN), waiver()),
        (WAIVABLE, waiver(finding("one", Outcome.UNKNOWN))),
        (WAIVABLE, waiver(Finding("one", Outcome.FAILED, "because", {"level": "V3"}))),
        (WAIVABLE, waiver(check="two")),
    ],
    ids=["never waived", "at the start", "to be signed", "other outcome", "rests on other things", "other check"],
)
def test_a_waiver_for_anything_else_opens_nothing(record: Check, given: Waiver) -> None:
    decided = decide((record, TWO), (BAD, finding("two")), When.START, (given,))
    assert not decided.opens
    assert decided.waived == ()


def test_a_waiver_of_what_has_passed_since_is_not_in_the_verdict() -> None:
    told = (finding("one"), finding("two"))
    assert decide((WAIVABLE, TWO), told, When.APPROVE, (waiver(),)) == decide((WAIVABLE, TWO), told, When.APPROVE)


def test_what_may_never_be_waived() -> None:
    never = {"backup-isolated", "window-open", "no-conflict", "image-approved", "array-healthy", "back-out-ready"}
    never |= {"part-approved", "part-matches"}
    records = [module.CHECK for module in CHECKS]
    assert never.isdisjoint(record.name for record in records if record.waivable)
    for record in records:
        assert not record.waivable or (record.weight is Weight.BLOCK and record.when is When.APPROVE), record.name
        assert record.weight is not Weight.SIGN or record.seat is not None, record.name


def test_a_kind_and_purpose_outside_the_table_has_no_checks_and_opens_nothing() -> None:
    assert set(TABLE) == {(kind, Purpose.FORWARD) for kind in Kind}
    assert TABLE.get((Kind.FIRMWARE, Purpose.FINISH), ()) == ()


def test_a_part_is_asked_about_instead_of_an_image_and_everything_else_alike() -> None:
    firmware, hardware = (
        {module.CHECK.name for module in TABLE[kind, Purpose.FORWARD]} for kind in (Kind.FIRMWARE, Kind.HARDWARE)
    )
    assert firmware - hardware == {"image-approved", "vendor-precheck"}
    assert hardware - firmware == {"part-approved", "part-matches"}
    assert firmware | hardware == {module.CHECK.name for module in CHECKS}


@pytest.mark.parametrize("weight", list(Weight))
@pytest.mark.parametrize("outcome", list(Outcome))
def test_only_what_informs_may_fail_or_be_unknown(weight: Weight, outcome: Outcome) -> None:
    expected = (ONE, check("two", weight))
    opens = outcome is Outcome.PASSED or weight is Weight.INFORM
    for order in itertools.permutations((finding("one"), finding("two", outcome))):
        assert decide(expected, tuple(order), When.APPROVE).opens is opens


def test_the_good_case_opens_at_both_moments_with_one_digest() -> None:
    early, late = verdict(case()), verdict(case(), When.START)
    assert early.opens
    assert late.opens
    assert early.digest == late.digest


def test_a_closed_window_refuses_the_start_and_voids_no_approval() -> None:
    shut = Window(opens=NOON - timedelta(hours=2), closes=NOON)
    asked = case(request=request(window=shut))
    assert not verdict(asked, When.START).opens
    assert verdict(asked, When.START).digest == verdict(case()).digest


def test_the_order_of_the_findings_changes_no_digest() -> None:
    pair = (finding("one"), finding("two"))
    assert decide((ONE, TWO), pair, When.APPROVE).digest == decide((TWO, ONE), pair[::-1], When.START).digest


@pytest.mark.parametrize(
    "changed",
    [
        Finding("one", Outcome.FAILED, "because", {"level": "V4"}),
        Finding("one", Outcome.UNKNOWN, "because", {"level": "V4"}),
        Finding("one", Outcome.PASSED, "because", {"level": "V6"}),
        Finding("one", Outcome.PASSED, "because", {}),
    ],
)
def test_outcome_and_reliance_are_in_the_digest(changed: Finding) -> None:
    assert decide((ONE,), (changed,), When.APPROVE).digest != decide((ONE,), (finding("one"),), When.APPROVE).digest


def test_sentences_and_raw_replies_are_not_in_the_digest() -> None:
    told = Finding("one", Outcome.PASSED, "for another reason", {"level": "V4"}, (OTHER_DIGEST,))
    assert decide((ONE,), (told,), When.APPROVE).digest == decide((ONE,), (finding("one"),), When.APPROVE).digest


def test_start_checks_and_foreign_findings_are_not_in_the_digest_and_a_missing_one_shows() -> None:
    plain = decide((ONE, TWO), (finding("one"), finding("two")), When.APPROVE).digest
    late = (finding("one"), finding("two"), finding("late", Outcome.FAILED), finding("foreign"))
    assert decide((ONE, TWO, LATE), late, When.START).digest == plain
    assert decide((ONE, TWO), (finding("one"),), When.APPROVE).digest != plain


def test_last_nights_new_backup_voids_nothing() -> None:
    """Promise 5: ids, ages, times, raw replies and ports are not what people signed for."""
    newer = run("20261122T113000Z", timedelta(minutes=30), size=8192)
    told = evidence(
        backups={
            "nightly": backups(runs=(newer, run(), OLDER), clock_skew_s=3, raw=(OTHER_DIGEST,)),
            "offsite": backups("offsite"),
        },
        verifications=(
            verification(timedelta(minutes=5), backup=newer.id, because="all 8192 bytes"),
            second(verification),
        ),
        rehearsals=(rehearsal(timedelta(minutes=3), backup=newer.id, seconds=99), second(rehearsal)),
        datasets={"sidekick": trace("east-1", "6001", raw=(OTHER_DIGEST,))},
    )
    after = verdict(case(told, now=NOON + timedelta(minutes=1)))
    assert after.opens
    assert after.digest == verdict(case()).digest


def test_a_repository_on_another_lun_voids() -> None:
    told = evidence(
        repositories={"nightly": trace("vault-1", "6005"), "offsite": bucket()},
        verifications=(verification(place="6005"), second(verification)),
        rehearsals=(rehearsal(place="6005"), second(rehearsal)),
    )
    moved = verdict(case(told))
    assert moved.opens
    assert moved.digest != verdict(case()).digest


def test_a_repository_on_another_array_voids() -> None:
    moved = verdict(case(evidence(repositories={"nightly": trace("west-1", VAULT_LUN), "offsite": bucket()})))
    assert moved.opens
    assert moved.digest != verdict(case()).digest


@pytest.mark.parametrize(
    ("fields", "tried"),
    [({"repository": "/backup/other"}, LOGIN), ({"host": "db-1"}, LOGIN.replace("bk-1", "db-1"))],
)
def test_a_repository_at_another_path_or_host_voids(fields: dict[str, str], tried: str) -> None:
    told = evidence(access={"nightly": access("nightly", actor=tried), "offsite": access("offsite")})
    moved = verdict(case(told, inventory=fleet(protections=(protection(**fields), offsite()))))
    assert moved.opens
    assert moved.digest != verdict(case()).digest


@pytest.mark.parametrize("limit", ["backup_max_age", "verification_max_age", "rehearsal_max_age", "clock_skew_max"])
def test_a_limit_widened_after_people_signed_voids(limit: str) -> None:
    wider = verdict(case(policy=policy(**{limit: "30d"})))
    assert wider.opens
    assert wider.digest != verdict(case()).digest


def test_data_on_another_array_another_version_and_another_protection_void() -> None:
    before = verdict(case()).digest
    elsewhere = verdict(case(evidence(datasets={"sidekick": trace("east-2", "6001")})))
    other = reading("east-2", version="8.6.0.4", volumes=())
    newer = verdict(case(evidence(arrays={**evidence().arrays, "east-2": other})))
    renamed = verdict(
        case(
            evidence(
                repositories={"weekly": trace("vault-1", VAULT_LUN), "offsite": bucket()},
                backups={"weekly": backups("weekly"), "offsite": backups("offsite")},
                verifications=(verification(protection="weekly"), second(verification)),
                rehearsals=(rehearsal(protection="weekly"), second(rehearsal)),
                access={"weekly": access("weekly"), "offsite": access("offsite")},
                scratches={"weekly": trace("vault-1", SCRATCH_LUN)},
                settled=dict.fromkeys((*SERIALS, "weekly", "offsite"), NOON - timedelta(days=30)),
            ),
            inventory=fleet(protections=(protection("weekly", repository="/backup/nightly"), offsite())),
        )
    )
    assert elsewhere.opens
    assert newer.opens
    assert renamed.opens
    assert len({before, elsewhere.digest, newer.digest, renamed.digest}) == 4


def test_an_array_replaced_under_the_same_name_voids() -> None:
    inventory = fleet(arrays=(array("east-1"), array("east-2", serial="0000020420E77777"), array("vault-1")))
    told = evidence(arrays={**evidence().arrays, "east-2": reading("east-2", serial="0000020420E77777", volumes=())})
    swapped = verdict(case(told, inventory=inventory))
    assert swapped.opens
    assert swapped.digest != verdict(case()).digest


@pytest.mark.parametrize(
    ("row", "holds", "signs"),
    [
        ({"outcome": "passed", "weight": "block"}, True, False),
        ({"outcome": "passed", "weight": "sign", "seat": "storage"}, True, False),
        ({"outcome": "failed", "weight": "block", "seat": "storage"}, False, False),
        ({"outcome": "failed", "seat": "storage"}, False, False),
        ({"outcome": "failed", "weight": "inform"}, True, False),
        ({"outcome": "unknown", "weight": "sign", "seat": "storage"}, True, True),
        ({"outcome": "failed", "weight": "block", "waived": True}, True, False),
        ({"outcome": "failed", "weight": "block", "waived": False}, False, False),
        ({"outcome": "failed", "weight": "block", "waived": "true"}, False, False),
        ({"outcome": "failed", "weight": "sign", "seat": "storage", "waived": True}, True, False),
        ({"outcome": "failed", "weight": "sign", "seat": "storage", "waived": "true"}, True, True),
    ],
)
def test_a_row_of_an_entry_stands_and_is_signed_for_by_what_it_says_in_so_many_words(
    row: dict[str, Any], holds: bool, signs: bool
) -> None:
    assert stands(row) is holds
    assert to_sign([{**row, "check": "c"}]) == ({Seat.STORAGE: ("c",)} if signs else {})


def test_a_row_that_a_seat_signs_for_and_that_names_none_does_not_stand() -> None:
    assert not stands({"outcome": "failed", "weight": "sign", "seat": ""})
    assert not stands({"outcome": "failed", "weight": "sign"})
