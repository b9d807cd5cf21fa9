"""A backup on the data's own array, or on one that the change touches, is no backup."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gate.change import Stage
from gate.checks import CHECKS, backup_isolated
from gate.evidence import Evidence
from gate.finding import Finding, Outcome, When
from gate.verdict import decide
from tests.cases import (
    DATA_LUN,
    NOON,
    SECOND,
    SERIALS,
    VAULT_LUN,
    array,
    backups,
    case,
    dataset,
    evidence,
    findings,
    fleet,
    plan,
    policy,
    port,
    protection,
    reading,
    rehearsal,
    request,
    run,
    trace,
    verification,
)

LIMIT = policy().evidence_max_age


def answer(told: Evidence, **fields: object) -> Finding:
    """One copy alone, so that no other is relied on in its place."""
    alone = {"inventory": fleet(protections=(protection(),)), **fields}
    return backup_isolated.check(case(told, **alone))


def lying_on(name: str, lun: str = VAULT_LUN) -> Evidence:
    return evidence(repositories={"nightly": trace(name, lun)})


def test_data_and_backup_on_two_measured_arrays_pass_and_the_finding_says_which() -> None:
    finding = answer(evidence())
    assert finding.outcome is Outcome.PASSED
    assert "east-1 (serial 0000020420E00011) and vault-1 (serial 0000020420E00031)" in finding.because
    assert finding.relied_on == {
        "sidekick": {
            "protection": "nightly",
            "data_array": SERIALS["east-1"],
            "repository_array": SERIALS["vault-1"],
            "repository": "bk-1:/backup/nightly",
            "place": VAULT_LUN,
        }
    }


def test_a_backup_reached_through_the_same_target_port_fails_and_the_port_is_named() -> None:
    finding = answer(lying_on("east-1"))
    assert finding.outcome is Outcome.FAILED
    assert f"the same array as the data: both are reached through the target ports {port('east-1')}" in finding.because


def test_a_backup_on_another_port_of_the_same_array_fails() -> None:
    finding = answer(evidence(repositories={"nightly": trace("east-1", VAULT_LUN, target_ports=(port("east-1", 2),))}))
    assert finding.outcome is Outcome.FAILED
    assert "both lie on east-1 (serial 0000020420E00011)" in finding.because


def test_a_backup_on_a_target_of_the_change_fails_even_when_it_is_apart_from_the_data() -> None:
    finding = answer(lying_on("east-2"))
    assert finding.outcome is Outcome.FAILED
    assert "nightly lies on east-2, which this change itself touches" in finding.because


def test_both_traces_are_kept_as_evidence_and_one_where_the_other_is_missing() -> None:
    here = trace("east-1", DATA_LUN, raw=("sha256:here",))
    there = trace("vault-1", VAULT_LUN, raw=("sha256:there",))
    both = evidence(datasets={"sidekick": here}, repositories={"nightly": there})
    assert answer(both).evidence == ("sha256:here", "sha256:there")
    assert answer(evidence(datasets={"sidekick": here}, repositories={})).evidence == ("sha256:here",)
    assert answer(evidence(datasets={}, repositories={"nightly": there})).evidence == ("sha256:there",)


def test_sameness_is_concluded_also_from_stale_evidence() -> None:
    finding = backup_isolated.check(replace(case(lying_on("east-1")), now=NOON + timedelta(days=2)))
    assert finding.outcome is Outcome.FAILED


@pytest.mark.parametrize("what", ["dataset", "repository", "data array", "repository array"])
@pytest.mark.parametrize(
    ("age", "outcome"),
    [
        (LIMIT, Outcome.PASSED),
        (LIMIT + SECOND, Outcome.UNKNOWN),
        (timedelta(0), Outcome.PASSED),
        (-SECOND, Outcome.UNKNOWN),
    ],
)
def test_every_reading_it_rests_on_is_fresh_up_to_the_limit_itself(what: str, age: timedelta, outcome: Outcome) -> None:
    at = NOON - age
    told = evidence()
    if what == "dataset":
        told = evidence(datasets={"sidekick": trace("east-1", DATA_LUN, at=at)})
    elif what == "repository":
        told = evidence(repositories={"nightly": trace("vault-1", VAULT_LUN, at=at)})
    else:
        name = "east-1" if what == "data array" else "vault-1"
        told = evidence(arrays={**evidence().arrays, name: reading(name, at=at)})
    finding = answer(told)
    assert finding.outcome is outcome
    if outcome is Outcome.UNKNOWN:
        assert ("future" if age < timedelta(0) else "15 min old, limit 15 min") in finding.because
        assert finding.relied_on == {"sidekick": {"outcome": "unknown"}}


def test_an_unknown_relation_is_told_with_what_could_not_be_measured() -> None:
    finding = answer(evidence(repositories={"nightly": trace("vault-1", VAULT_LUN, problem="not mounted")}))
    assert finding.outcome is Outcome.UNKNOWN
    assert "sidekick: nightly: /data on db-1: not mounted" in finding.because


def test_a_trace_that_is_missing_is_unknown() -> None:
    assert "nobody asked where data and backup lie" in answer(evidence(repositories={})).because


def test_a_dataset_located_off_the_targets_is_not_asked_about() -> None:
    told = evidence(datasets={"sidekick": trace("west-1", DATA_LUN)})
    finding = answer(told)
    assert finding.outcome is Outcome.UNKNOWN
    assert "no dataset of the inventory is known to lie on any target" in finding.because


@pytest.mark.parametrize("age", [LIMIT + SECOND, -SECOND])
@pytest.mark.parametrize("old", ["trace", "array"])
def test_a_dataset_whose_place_is_only_remembered_stays_at_risk(age: timedelta, old: str) -> None:
    """A second dataset seemed to lie elsewhere, some time ago; it must not vanish from the question."""
    at = NOON - age
    told = evidence(
        datasets={
            "sidekick": trace("east-1", DATA_LUN),
            "ledger": trace("west-1", "6009", at=at if old == "trace" else NOON),
        },
        arrays={**evidence().arrays, "west-1": reading("west-1", at=at if old == "array" else NOON)},
    )
    inventory = fleet(datasets=(dataset(), dataset("ledger")))
    finding = answer(told, inventory=inventory)
    assert finding.outcome is Outcome.FAILED
    assert "ledger: no protection makes backups of it" in finding.because
    fresh = evidence(datasets={"sidekick": trace("east-1", DATA_LUN), "ledger": trace("west-1", "6009", at=NOON)})
    assert answer(fresh, inventory=inventory).outcome is Outcome.PASSED


def test_one_bad_dataset_of_two_refuses_and_both_are_told() -> None:
    inventory = fleet(
        datasets=(dataset(), dataset("ledger")), protections=(protection(), protection("weekly", "ledger"))
    )
    told = evidence(
        datasets={"sidekick": trace("east-1", DATA_LUN), "ledger": trace("east-2", "6009")},
        repositories={"nightly": trace("vault-1", VAULT_LUN), "weekly": trace("east-2", "600a")},
    )
    finding = answer(told, inventory=inventory)
    assert finding.outcome is Outcome.FAILED
    assert "sidekick: data and nightly are apart" in finding.because
    assert "ledger: weekly lies on the same array" in finding.because


def two_protections() -> Evidence:
    """`old-school` is fresh but beside the data; `nightly` is apart but its newest backup is three days old."""
    stale = run("20261119T100000Z", timedelta(days=3))
    fresh = run("20261122T110000Z", timedelta(hours=1))
    return evidence(
        repositories={"old-school": trace("east-1", "6002"), "nightly": trace("vault-1", VAULT_LUN)},
        backups={"old-school": backups("old-school", runs=(fresh,)), "nightly": backups(runs=(stale,))},
        verifications=(
            verification(protection="old-school", backup=fresh.id, place="6002"),
            verification(backup=stale.id),
        ),
        rehearsals=(rehearsal(protection="old-school", place="6002"), rehearsal()),
    )


@pytest.mark.parametrize("order", [("old-school", "nightly"), ("nightly", "old-school")])
def test_a_recent_protection_and_an_isolated_one_do_not_make_one_good_protection(order: tuple[str, str]) -> None:
    asked = case(two_protections(), inventory=fleet(protections=tuple(protection(name) for name in order)))
    answers = findings(asked)
    assert answers["backup-isolated"].outcome is Outcome.PASSED
    assert answers["backup-recent"].outcome is Outcome.FAILED
    assert "20261119T100000Z is 3 d old" in answers["backup-recent"].because
    opened = decide(tuple(module.CHECK for module in CHECKS), tuple(answers.values()), When.START)
    assert not opened.opens


@pytest.mark.parametrize("first", ["east-1", "east-2"])
def test_the_protection_relied_on_is_the_first_that_is_apart_from_data_and_targets(first: str) -> None:
    asked = case(
        evidence(
            repositories={"near": trace(first, "6002"), "nightly": trace("vault-1", VAULT_LUN)},
            backups={"near": backups("near"), "nightly": backups()},
        ),
        inventory=fleet(protections=(protection("near"), protection())),
        plan=plan(stages=(Stage("canary", ("east-1",)), Stage("wave-1", ("east-2",)))),
    )
    finding = backup_isolated.check(asked)
    assert finding.outcome is Outcome.PASSED
    assert "nightly" in finding.because


def test_without_any_good_protection_the_first_of_the_inventory_is_judged() -> None:
    asked = case(
        evidence(repositories={"near": trace("east-1", "6002"), "lost": trace("vault-1", "6003", problem="gone")}),
        inventory=fleet(protections=(protection("near"), protection("lost"))),
    )
    finding = backup_isolated.check(asked)
    assert finding.outcome is Outcome.FAILED
    assert "near lies on the same array" in finding.because


def test_a_repository_whose_array_answers_with_another_serial_is_unknown() -> None:
    told = evidence(arrays={**evidence().arrays, "vault-1": reading("vault-1", serial="0000020420E99999")})
    finding = answer(told)
    assert finding.outcome is Outcome.UNKNOWN
    assert "vault-1 answers with serial 0000020420E99999, the inventory says 0000020420E00031" in finding.because


def test_a_change_of_the_vault_itself_puts_no_dataset_of_others_at_risk() -> None:
    finding = answer(evidence(), request=request(("vault-1",)))
    assert finding.outcome is Outcome.UNKNOWN


def test_the_vault_may_not_be_among_the_targets_beside_the_data() -> None:
    finding = answer(evidence(), request=request(("east-1", "vault-1")))
    assert finding.outcome is Outcome.FAILED
    assert "nightly lies on vault-1, which this change itself touches" in finding.because


def test_an_array_beyond_the_fleet_of_the_example_is_located_like_any_other() -> None:
    inventory = fleet(arrays=(array("east-1"), array("east-2"), array("north-1", site="west")))
    told = evidence(
        arrays={name: reading(name) for name in ("east-1", "east-2", "north-1")},
        repositories={"nightly": trace("north-1", VAULT_LUN)},
    )
    assert answer(told, inventory=inventory).outcome is Outcome.PASSED
