"""Only `held` goes on: one failed probe fails, whatever is missing is inconclusive, and nothing holds by default."""

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.finding import Outcome
from gate.judgement import (
    FIT,
    OF_ITSELF,
    ON_HOSTS,
    WATCHES,
    ZERO_TOLERANCE,
    Held,
    Judgement,
    Latencies,
    Limits,
    Probe,
    distribution,
    judge,
    no_witness_left,
)

LIMITS = Limits(points_min=5, increase_max_percent=50, increase_floor_us=200)
STILL = (1000,) * 5


def probes(rounds: int = 2) -> tuple[Probe, ...]:
    return tuple(
        Probe(array, name, number, Outcome.PASSED, "as expected")
        for array in ("canary", "twin")
        for name in ZERO_TOLERANCE
        for number in range(1, rounds + 1)
    )


def timed(array: str, after: tuple[int, ...] = STILL, before: tuple[int, ...] = STILL) -> Latencies:
    return Latencies(array, before, after)


def spoiled_side(array: str, side: str, points: tuple[int, ...]) -> Latencies:
    return timed(array, before=points) if side == "before" else timed(array, after=points)


def judged(
    answers: tuple[Probe, ...] = probes(),
    *latencies: Latencies,
    rounds: int = 2,
    limits: Limits = LIMITS,
) -> Judgement:
    return judge("canary", "twin", rounds, answers, latencies or (timed("canary"), timed("twin")), limits)


def with_answer(array: str, name: str, number: int, outcome: Outcome | None) -> tuple[Probe, ...]:
    """All probes, one of them answered otherwise or, with None, not at all."""
    spoiled = (array, name, number)
    kept = [item for item in probes() if (item.array, item.name, item.round) != spoiled]
    return tuple(kept if outcome is None else [*kept, Probe(array, name, number, outcome, "spoiled")])


CASES = list(itertools.product(ZERO_TOLERANCE, (1, 2)))


def test_all_rounds_passed_and_reads_as_before_held_and_says_what_it_could_not_have_seen() -> None:
    result = judged()
    assert result.result is Held.HELD
    assert result.because == (
        "2 rounds of known-answer, write-read, deadline, identity, version, health passed on canary",
        "canary reads +0 µs against before (twin +0 µs); a rise of up to 500 µs would not have been called slower",
    )


@pytest.mark.parametrize(("name", "number"), CASES)
def test_one_failed_probe_on_the_canary_fails_in_any_round(name: str, number: int) -> None:
    result = judged(with_answer("canary", name, number, Outcome.FAILED))
    assert (result.result, result.because) == (Held.FAILED, (f"canary: {name}: spoiled",))


@pytest.mark.parametrize(("name", "number"), CASES)
@pytest.mark.parametrize("outcome", [Outcome.UNKNOWN, None])
@pytest.mark.parametrize("array", ["canary", "twin"])
def test_one_unknown_or_missing_probe_is_inconclusive(
    array: str, name: str, number: int, outcome: Outcome | None
) -> None:
    result = judged(with_answer(array, name, number, outcome))
    said = f"{array}: {name} in round {number}: spoiled" if outcome else f"{name} was not answered in round {number}"
    assert result.result is Held.INCONCLUSIVE
    assert len(result.because) == 1
    assert said in result.because[0]


@pytest.mark.parametrize(("name", "number"), CASES)
def test_a_control_that_failed_leaves_nothing_to_compare_with(name: str, number: int) -> None:
    result = judged(with_answer("twin", name, number, Outcome.FAILED))
    assert (result.result, result.because) == (Held.INCONCLUSIVE, (f"twin: {name} in round {number}: spoiled",))


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.UNKNOWN])
@pytest.mark.parametrize("last", [False, True])
def test_a_second_answer_of_the_same_round_hides_nothing(outcome: Outcome, last: bool) -> None:
    bad = Probe("canary", "known-answer", 1, outcome, "three blocks differ")
    answers = (*probes(), bad) if last else (bad, *probes())
    assert judged(answers).result is (Held.FAILED if outcome is Outcome.FAILED else Held.INCONCLUSIVE)


def test_a_failed_probe_of_another_name_or_of_a_later_round_counts_too() -> None:
    for extra in (Probe("canary", "paths", 1, Outcome.FAILED, "x"), Probe("canary", "health", 3, Outcome.FAILED, "x")):
        assert judged((*probes(), extra)).result is Held.FAILED


def test_a_failure_outweighs_every_doubt() -> None:
    broken = (Probe("canary", "health", 1, Outcome.FAILED, "a node is offline"),)
    assert judge("canary", "twin", 1, broken, (), LIMITS).result is Held.FAILED


def test_what_failed_before_the_change_is_not_laid_to_it() -> None:
    before = Probe("canary", "known-answer", 0, Outcome.FAILED, "x")
    assert judged((*probes(), before)).result is Held.HELD


@pytest.mark.parametrize("rounds", [0, -1])
def test_no_round_is_inconclusive(rounds: int) -> None:
    for answers in ((), probes()):
        result = judged(answers, rounds=rounds)
        assert (result.result, result.because) == (Held.INCONCLUSIVE, ("no round of probes was made",))


def test_one_round_is_enough_where_one_was_asked_for() -> None:
    assert judged(probes(1), rounds=1).result is Held.HELD


def test_nothing_at_all_is_inconclusive() -> None:
    assert judge("canary", "twin", 0, (), (), LIMITS).result is Held.INCONCLUSIVE
    assert judge("canary", "twin", 0, (), (), Limits(0, 0, 0)).result is Held.INCONCLUSIVE
    assert judged((), rounds=2).result is Held.INCONCLUSIVE


@pytest.mark.parametrize("array", ["canary", "twin"])
@pytest.mark.parametrize("side", ["before", "after"])
def test_as_many_reads_as_are_needed_are_enough_and_one_less_is_not(array: str, side: str) -> None:
    whole = {name: timed(name) for name in ("canary", "twin")}
    few = {**whole, array: spoiled_side(array, side, STILL[:4])}
    assert judged(probes(), *whole.values()).result is Held.HELD
    result = judged(probes(), *few.values())
    assert result.result is Held.INCONCLUSIVE
    assert result.because == (f"{array}: 4 reads timed, 5 are needed on each side",)


@pytest.mark.parametrize("kept", ["canary", "twin", "nobody"])
def test_an_array_whose_reads_were_never_timed_is_inconclusive(kept: str) -> None:
    result = judge("canary", "twin", 2, probes(), (timed(kept),), LIMITS)
    assert result.result is Held.INCONCLUSIVE
    assert "0 reads timed" in result.because[0]


def test_a_limit_of_no_points_does_not_make_nothing_enough() -> None:
    for minimum in (0, -1):
        limits = replace(LIMITS, points_min=minimum)
        nothing = (timed("canary", (), ()), timed("twin", (), ()))
        assert judged(probes(), *nothing, limits=limits).result is Held.INCONCLUSIVE
        one = (timed("canary", (1000,), (1000,)), timed("twin", (1000,), (1000,)))
        assert judged(probes(), *one, limits=limits).result is Held.HELD


@pytest.mark.parametrize("array", ["canary", "twin"])
@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize("point", [0, -1])
def test_a_read_that_took_no_time_was_not_timed(array: str, side: str, point: int) -> None:
    whole = {name: timed(name) for name in ("canary", "twin")}
    whole[array] = spoiled_side(array, side, (*STILL, point))
    result = judged(probes(), *whole.values())
    assert (result.result, result.because) == (
        Held.INCONCLUSIVE,
        (f"{array}: a read that took no time was not timed",),
    )


@pytest.mark.parametrize(
    ("before", "after", "limits", "result"),
    [
        (1000, 1500, LIMITS, Held.HELD),
        (1000, 1501, LIMITS, Held.FAILED),
        (100, 300, LIMITS, Held.HELD),
        (100, 301, LIMITS, Held.FAILED),
        (100, 150, replace(LIMITS, increase_floor_us=0), Held.HELD),
        (100, 151, replace(LIMITS, increase_floor_us=0), Held.FAILED),
        (1000, 1, LIMITS, Held.HELD),
    ],
)
def test_a_canary_alone_may_become_slower_by_percent_or_floor_whichever_is_more_and_no_more(
    before: int, after: int, limits: Limits, result: Held
) -> None:
    slower = timed("canary", (after,) * 5, (before,) * 5)
    assert judged(probes(), slower, timed("twin"), limits=limits).result is result


def test_a_canary_that_is_slower_alone_fails_with_the_figures() -> None:
    result = judged(probes(), timed("canary", (1600,) * 5), timed("twin", (1100,) * 5))
    assert result.because == ("canary reads +600 µs against before (twin +100 µs), limit 500 µs",)


def test_a_slower_canary_fails_also_where_rounds_or_answers_are_missing() -> None:
    result = judge("canary", "twin", 0, (), (timed("canary", (1600,) * 5), timed("twin")), LIMITS)
    assert result.result is Held.FAILED


@pytest.mark.parametrize(("after", "result"), [(1500, Held.FAILED), (1501, Held.INCONCLUSIVE)])
def test_both_slower_cannot_be_laid_to_the_change_and_never_held(after: int, result: Held) -> None:
    said = judged(probes(), timed("canary", (9000,) * 5), timed("twin", (after,) * 5))
    assert said.result is result
    if result is Held.INCONCLUSIVE:
        assert "both became slower" in said.because[0]


def test_the_controls_own_baseline_decides_whether_it_became_slower() -> None:
    twin = timed("twin", (14_000,) * 5, (10_000,) * 5)
    assert judged(probes(), timed("canary", (1600,) * 5), twin).result is Held.FAILED


def test_a_slower_control_alone_does_not_stop_the_canary() -> None:
    assert judged(probes(), timed("canary"), timed("twin", (9000,) * 5)).result is Held.HELD


def test_reads_told_in_two_parts_are_judged_together() -> None:
    slow, quick = timed("canary", (9000,) * 5), timed("canary", (1000,) * 3)
    for order in ((slow, quick), (quick, slow)):
        assert judged(probes(), *order, timed("twin")).result is Held.FAILED
    halves = (timed("canary", STILL[:3], STILL[:2]), timed("canary", STILL[:2], STILL[:3]))
    assert judged(probes(), *halves, timed("twin")).result is Held.HELD


def test_reads_of_other_arrays_are_not_looked_at() -> None:
    assert judged(probes(), timed("canary"), timed("twin"), timed("third", (9000,) * 5)).result is Held.HELD


BASE = (1000, 1010, 990, 1005, 995, 1000, 1002, 998, 1001, 999)


@pytest.mark.parametrize(
    ("before", "after", "result"),
    [
        (BASE, (100_000,) * 7 + BASE[:3], Held.FAILED),
        (BASE, tuple(point * 15 // 2 for point in BASE), Held.FAILED),
        ((), BASE, Held.INCONCLUSIVE),
        ((0,) * 10, BASE, Held.INCONCLUSIVE),
        (BASE, (), Held.INCONCLUSIVE),
        ((), (), Held.INCONCLUSIVE),
        (BASE[:3], BASE[:3], Held.INCONCLUSIVE),
    ],
    ids=["7 of 10 at 100 times", "+650 %", "no baseline", "zero baseline", "no canary", "nothing", "three points"],
)
def test_what_another_judge_passed_is_not_held_here(
    before: tuple[int, ...], after: tuple[int, ...], result: Held
) -> None:
    """Reported of Kayenta: spinnaker/spinnaker#6278, kayenta#633, #377, #799; metrics without data vanish there."""
    assert judged(probes(), timed("canary", after, before), timed("twin", BASE, BASE)).result is result


def test_sparse_errors_are_enough() -> None:
    """Reported of Kayenta: #426, where a few errors among many zeros pass."""
    answers = (*probes(50), Probe("canary", "known-answer", 37, Outcome.FAILED, "one block differs"))
    assert judged(answers, rounds=50).result is Held.FAILED


POINTS = st.lists(st.integers(-5, 5000), max_size=8).map(tuple)
ANSWERS = st.lists(
    st.builds(
        Probe,
        array=st.sampled_from(["canary", "twin"]),
        name=st.sampled_from(ZERO_TOLERANCE),
        round=st.integers(0, 2),
        outcome=st.sampled_from(list(Outcome)),
        because=st.just("x"),
    ),
    max_size=4,
)


@given(ANSWERS, st.integers(0, 2), st.lists(st.builds(Latencies, st.sampled_from(["canary", "twin"]), POINTS, POINTS)))
def test_held_means_that_everything_was_answered_and_passed(
    extra: list[Probe], rounds: int, latencies: list[Latencies]
) -> None:
    answers = (*probes(1), *extra)
    result = judge("canary", "twin", rounds, answers, latencies, LIMITS)
    assert result.because
    if result.result is Held.HELD:
        assert rounds > 0
        counted = [item for item in answers if 0 < item.round <= rounds]
        assert all(item.outcome is Outcome.PASSED for item in counted)
        expected = set(itertools.product(("canary", "twin"), ZERO_TOLERANCE, range(1, rounds + 1)))
        assert {(item.array, item.name, item.round) for item in counted} == expected
        for side in ("before", "after"):
            for array in ("canary", "twin"):
                points = [point for item in latencies if item.array == array for point in getattr(item, side)]
                assert len(points) >= LIMITS.points_min
                assert min(points) > 0


@pytest.mark.parametrize(
    ("points", "said"),
    [
        ((7,), "1 reads: p50 7 µs, p95 7 µs, p99 7 µs, slowest 7 µs"),
        ((5, 1, 4, 2, 3), "5 reads: p50 3 µs, p95 5 µs, p99 5 µs, slowest 5 µs"),
        (tuple(range(1, 201)), "200 reads: p50 100 µs, p95 190 µs, p99 198 µs, slowest 200 µs"),
        ((), "no read was answered"),
    ],
)
def test_percentiles_are_numbers_that_were_measured(points: tuple[int, ...], said: str) -> None:
    assert distribution(points) == said


def on_host(*outcomes: Outcome | None) -> tuple[Probe, ...]:
    """A host's sessions in round 0 and the rounds after it; None is a round without an answer."""
    given = [
        Probe("db-1", "host-sessions", number, outcome, "told")
        for number, outcome in enumerate(outcomes)
        if outcome is not None
    ]
    return (*probes(), *given)


PASSED, FAILED, UNKNOWN = Outcome.PASSED, Outcome.FAILED, Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("outcomes", "held"),
    [
        ((PASSED, PASSED, PASSED), Held.HELD),
        ((PASSED, FAILED, PASSED), Held.HELD),
        ((PASSED, PASSED, FAILED), Held.FAILED),
        ((PASSED, PASSED, UNKNOWN), Held.INCONCLUSIVE),
        ((PASSED, PASSED, None), Held.INCONCLUSIVE),
        ((UNKNOWN, PASSED, FAILED), Held.HELD),
        ((FAILED, FAILED, FAILED), Held.HELD),
        ((None, PASSED, FAILED), Held.HELD),
    ],
)
def test_a_host_that_was_well_before_must_be_well_when_the_soak_ends_and_another_says_nothing(
    outcomes: tuple[Outcome | None, ...], held: Held
) -> None:
    assert judged(on_host(*outcomes)).result is held


def test_a_host_that_is_well_mends_nothing_on_the_canary() -> None:
    hosts = on_host(PASSED, PASSED, PASSED)[len(probes()) :]
    for name, number in CASES:
        assert judged((*with_answer("canary", name, number, FAILED), *hosts)).result is Held.FAILED
        assert judged((*with_answer("canary", name, number, None), *hosts)).result is Held.INCONCLUSIVE
    assert judged(on_host(PASSED, PASSED, PASSED)).because[-1] == "db-1 saw in the end what they saw before"


def lost(number: int, outcome: Outcome) -> Probe:
    return Probe("db-1", "host-sessions-lost", number, outcome, "told")


@pytest.mark.parametrize(
    ("ends", "result"),
    [
        (lost(2, Outcome.PASSED), Held.HELD),
        (lost(2, Outcome.FAILED), Held.FAILED),
        (lost(2, Outcome.UNKNOWN), Held.INCONCLUSIVE),
        (lost(1, Outcome.PASSED), Held.INCONCLUSIVE),
    ],
)
def test_what_a_failed_part_had_taken_from_a_host_must_be_there_when_the_soak_ends(ends: Probe, result: Held) -> None:
    assert judged((*probes(), lost(0, Outcome.FAILED), ends)).result is result


def test_what_a_host_had_lost_is_judged_only_where_it_was_told_before() -> None:
    assert judged((*probes(), lost(2, Outcome.FAILED))).result is Held.HELD
    assert judged((*probes(), lost(0, Outcome.UNKNOWN), lost(2, Outcome.FAILED))).result is Held.HELD


def of_host(host: str, name: str, *outcomes: Outcome) -> tuple[Probe, ...]:
    return tuple(Probe(host, name, number, outcome, f"{name} told") for number, outcome in enumerate(outcomes))


SEES = of_host("db-1", "host-sessions", PASSED, PASSED, PASSED)
LOST = of_host("db-1", "host-sessions", PASSED, PASSED, FAILED)
ANOTHER = of_host("bk-1", "host-sessions", PASSED, PASSED, PASSED)


@pytest.mark.parametrize("name", FIT)
def test_a_host_that_was_not_well_itself_before_is_no_witness_and_what_it_lost_is_a_doubt(name: str) -> None:
    ill = of_host("db-1", name, FAILED)
    held = judged((*probes(), *SEES, *ANOTHER, *ill))
    assert (held.result, held.because[-2:]) == (
        Held.HELD,
        ("bk-1 saw in the end what they saw before", f"db-1 was no witness of it: {name}: {name} told"),
    )
    lost = judged((*probes(), *LOST, *ANOTHER, *ill))
    assert lost.result is Held.INCONCLUSIVE
    assert f"db-1 is no witness of it: {name}: {name} told" in lost.because
    assert judged((*probes(), *LOST, *ANOTHER)).result is Held.FAILED


@pytest.mark.parametrize("name", OF_ITSELF)
def test_a_host_that_falls_ill_while_it_watches_is_a_doubt_whatever_else_it_lost(name: str) -> None:
    fell = of_host("db-1", name, PASSED, PASSED, FAILED)
    for sessions in (SEES, LOST):
        came = judged((*probes(), *sessions, *ANOTHER, *fell))
        assert came.result is Held.INCONCLUSIVE
        assert f"db-1 is no witness of it: {name}: {name} told" in came.because
    well_again = of_host("db-1", name, PASSED, FAILED, PASSED)
    assert judged((*probes(), *SEES, *well_again)).result is Held.HELD
    assert judged((*probes(), *LOST, *well_again)).result is Held.FAILED


@pytest.mark.parametrize("name", ["host-raid", "host-ports"])
def test_a_mirror_or_port_that_is_lost_in_the_soak_may_be_the_canarys_doing(name: str) -> None:
    assert judged((*probes(), *SEES, *of_host("db-1", name, PASSED, PASSED, FAILED))).result is Held.FAILED


def test_where_no_host_is_left_that_could_see_nothing_is_held() -> None:
    ill = of_host("db-1", "host-raid", FAILED)
    alone = judged((*probes(), *SEES, *ill))
    assert alone.result is Held.INCONCLUSIVE
    assert alone.because == ("no host is left that could be a witness: db-1: host-raid: host-raid told",)
    assert no_witness_left(ill) == alone.because[0]
    assert no_witness_left((*ill, *ANOTHER)) == ""
    assert no_witness_left(of_host("bk-1", "host-paths", UNKNOWN)) == ""
    assert no_witness_left(()) == ""


def test_a_failure_of_the_canary_stays_one_whatever_its_hosts_are() -> None:
    ill = (*SEES, *of_host("db-1", "host-raid", FAILED))
    for name, number in CASES:
        assert judged((*with_answer("canary", name, number, FAILED), *ill)).result is Held.FAILED


@pytest.mark.parametrize("name", ON_HOSTS)
def test_a_host_that_told_only_of_itself_is_no_witness_of_what_the_change_does(name: str) -> None:
    ill = (*of_host("db-1", "host-raid", FAILED), *SEES)
    other = of_host("bk-1", name, PASSED, PASSED, PASSED)
    watches = name in WATCHES
    assert (no_witness_left((*ill, *other)) == "") is watches
    assert judged((*probes(), *ill, *other)).result is (Held.HELD if watches else Held.INCONCLUSIVE)


def test_a_soak_of_one_round_ends_with_its_first() -> None:
    lost_one = of_host("db-1", "host-sessions", PASSED, FAILED)
    assert judged((*probes(1), *lost_one), rounds=1).result is Held.FAILED
    fell = of_host("db-1", OF_ITSELF[0], PASSED, FAILED)
    came = judged((*probes(1), *of_host("db-1", "host-sessions", PASSED, PASSED), *fell), rounds=1)
    assert came.result is Held.INCONCLUSIVE
    assert f"db-1 is no witness of it: {OF_ITSELF[0]}: {OF_ITSELF[0]} told" in came.because


def test_before_the_first_round_what_a_failed_part_had_taken_is_not_laid_to_the_change() -> None:
    result = judged((lost(0, Outcome.FAILED),), rounds=0)
    assert result.result is Held.INCONCLUSIVE


def test_a_witness_is_who_was_well_and_saw_the_arrays_before_the_change() -> None:
    ill = of_host("db-1", "host-raid", FAILED)
    late = (Probe("bk-1", "host-sessions", 1, PASSED, "told"),)
    assert no_witness_left((*ill, *late)) != ""
    assert no_witness_left((*ill, *of_host("bk-1", "host-sessions", PASSED))) == ""
    falls = of_host("db-1", OF_ITSELF[0], PASSED, FAILED)
    assert no_witness_left((*SEES, *falls)) == ""
