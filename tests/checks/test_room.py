"""What holds for every check alike: the good case passes, nothing passes by default, nothing throws."""

import re
from dataclasses import fields, replace
from datetime import timedelta
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.checks import CHECKS, OF_PARTS
from gate.checks.case import Case
from gate.evidence import (
    ArrayReading,
    BackupReading,
    Evidence,
    Identity,
    ImageReading,
    Leaf,
    Share,
    Trace,
    Volume,
)
from gate.finding import Outcome, Weight, When, worst
from gate.sentence import span
from tests.cases import (
    DIGEST,
    NOON,
    backups,
    case,
    evidence,
    findings,
    fleet,
    of_part,
    reading,
    rehearsal,
    second,
    trace,
    verification,
)

START_ONLY = {"window-open", "no-conflict"}
NEEDS_NO_EVIDENCE = {"back-out-ready", "window-open", "no-conflict", "fabrics-apart"}
SIGNED = {
    "backup-size-usual",
    "copies-independent",
    "retention-strict",
    "retention-clock",
    "admins-separate",
    "sites-separate",
    "facts-measured",
}
ROOM = {module: of_part if module in OF_PARTS else case for module in CHECKS}
"""Check → the good case of the kind of change that it is asked of."""

OF_DECLARED = {"fate-apart", "admins-separate", "sites-separate", "facts-measured", "evidence-whole", "image-approved"}
"""What rests on the inventory or on the ledger, or on a file of the gate's own, and so on no reply."""


@pytest.mark.parametrize("module", CHECKS, ids=lambda module: module.CHECK.name)
def test_the_good_case_passes_every_check(module: ModuleType) -> None:
    finding = module.check(ROOM[module]())
    assert (finding.check, finding.outcome) == (module.CHECK.name, Outcome.PASSED), finding.because


def test_there_are_so_many_checks_each_named_for_its_file() -> None:
    assert [module.CHECK.name for module in CHECKS] == [
        module.__name__.rsplit(".", maxsplit=1)[1].replace("_", "-") for module in CHECKS
    ]
    assert len({module.CHECK.name for module in CHECKS}) == len(CHECKS) == 42


@pytest.mark.parametrize("module", CHECKS, ids=lambda module: module.CHECK.name)
def test_each_check_weighs_and_tells_its_question_meaning_and_way_out(module: ModuleType) -> None:
    record = module.CHECK
    assert record.weight is (Weight.SIGN if record.name in SIGNED else Weight.BLOCK)
    assert record.when is (When.START if record.name in START_ONLY else When.APPROVE)
    assert record.question.endswith("?")
    assert record.meaning.endswith(".")
    assert record.way_out.endswith(".")
    assert record.threshold


@pytest.mark.parametrize("module", CHECKS, ids=lambda module: module.CHECK.name)
def test_a_threshold_names_only_limits_that_the_policy_has(module: ModuleType) -> None:
    for name in re.findall(r"policy\.(\w+)", module.CHECK.threshold):
        assert name in type(case().policy).model_fields


@pytest.mark.parametrize("module", CHECKS, ids=lambda module: module.CHECK.name)
def test_no_evidence_at_all_is_unknown_and_never_passed(module: ModuleType) -> None:
    finding = module.check(replace(ROOM[module](), evidence=Evidence(at=NOON), plan=None))
    expected = {
        "part-approved": Outcome.PASSED,
        "window-open": Outcome.PASSED,
        "no-conflict": Outcome.PASSED,
        "fabrics-apart": Outcome.PASSED,  # no switch is changed; where one is, see its own tests
        "copy-survives": Outcome.UNKNOWN,
    }
    assert finding.outcome is expected.get(module.CHECK.name, Outcome.UNKNOWN)


def test_an_empty_inventory_of_data_leaves_the_questions_about_data_unknown() -> None:
    answers = findings(case(inventory=fleet(datasets=(), protections=())))
    others = {"image-approved", "array-healthy", "back-out-ready", "window-open", "no-conflict", "evidence-whole"}
    others |= {"fabrics-apart"}
    for name, finding in answers.items():
        passes = name in others | {"recovery-tools-apart", "vendor-precheck"}
        expected = Outcome.FAILED if name == "objects-covered" else Outcome.UNKNOWN
        assert finding.outcome is (Outcome.PASSED if passes else expected), name
    assert "no dataset" in answers["backup-recent"].because


def test_a_dataset_without_any_protection_fails_every_backup_check() -> None:
    answers = findings(case(inventory=fleet(protections=())))
    for name in ("backup-isolated", "backup-recent", "backup-verified", "backup-rehearsed"):
        assert answers[name].outcome is Outcome.FAILED
        assert answers[name].because == "sidekick: no protection makes backups of it"


def test_findings_keep_the_digests_of_what_was_read() -> None:
    answers = findings(case())
    for name in set(answers) - NEEDS_NO_EVIDENCE - OF_DECLARED:
        assert set(answers[name].evidence) == {DIGEST}, name


def test_the_worst_outcome_wins_and_none_at_all_is_unknown() -> None:
    assert worst([]) is Outcome.UNKNOWN
    assert worst([Outcome.PASSED]) is Outcome.PASSED
    assert worst([Outcome.PASSED, Outcome.UNKNOWN]) is Outcome.UNKNOWN
    assert worst([Outcome.UNKNOWN, Outcome.FAILED, Outcome.PASSED]) is Outcome.FAILED


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (3599, "59 min"),
        (3600, "1 h"),
        (3660, "1 h 1 min"),
        (86399, "23 h 59 min"),
        (86400, "1 d"),
        (90000, "1 d 1 h"),
        (-90, "1 min"),
    ],
)
def test_a_duration_is_spelled_in_its_two_largest_units(seconds: int, said: str) -> None:
    assert span(timedelta(seconds=seconds)) == said


def without(name: str, told: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in told.items() if key != name}


WHOLE = evidence()


NOT_OF_READS = {
    "backup-recent", "recovery-point-recent", "clocks-agree", "backup-error-free", "log-continuous",
    "backup-size-usual",
}  # fmt: skip
OF_COPY = {
    "backup-recent", "recovery-point-recent", "clocks-agree", "backup-error-free", "log-continuous",
    "backup-size-usual", "backup-verified", "verification-finished", "backup-counted", "repository-read",
    "verified-since-change",
}  # fmt: skip
HELD = {"copy-survives", "sentinel-refused", "retention-long", "retention-strict", "retention-clock"}


@pytest.mark.parametrize(
    ("told", "refusing"),
    [
        ({"backups": {"nightly": backups()}}, {"copies-independent", *HELD}),
        ({"verifications": (second(verification),)}, {*OF_COPY, "copies-independent"} - NOT_OF_READS),
        ({"verifications": (verification(),)}, {"copies-independent", *HELD}),
        (
            {"rehearsals": (second(rehearsal),)},
            {
                "backup-rehearsed", "rehearsal-compared", "rehearsal-in-time", "rehearsed-elsewhere",
                "restore-planned", "copies-independent",
            },
        ),
        ({"image": None}, {"image-approved"}),
        ({"immutability": {}}, HELD),
        ({"access": {}}, {"production-refused"}),
        ({"tools": {}}, {"recovery-tools-apart", "restore-planned"}),
        ({"scratches": {}}, {"rehearsed-elsewhere", "facts-measured"}),
        ({"settled": {}}, {"verified-since-change"}),
        ({"record": None}, {"evidence-whole"}),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, dict) else "",
)  # fmt: skip
def test_each_missing_piece_of_evidence_refuses(told: dict[str, Any], refusing: set[str]) -> None:
    answers = findings(case(evidence(**told)))
    assert {name for name, finding in answers.items() if finding.outcome is not Outcome.PASSED} == refusing


def test_every_check_that_rests_on_a_fact_that_ages_says_when_it_expires() -> None:
    answers = findings(case())
    forever = {name for name, finding in answers.items() if finding.valid_until is None}
    assert forever == {
        "array-healthy", "back-out-ready", "window-open", "no-conflict", "image-approved", "retention-strict",
        "retention-clock", "admins-separate", "sites-separate", "facts-measured", "fate-apart", "fabrics-apart",
        "vendor-precheck",
    }  # fmt: skip
    for name in set(answers) - forever:
        until = answers[name].valid_until
        assert until is not None
        assert until > NOON, name


MAYBE_SERIAL = st.sampled_from([None, "", "0000020420E00011", "0000020420E00031", "other"])
MOMENT = st.sampled_from([NOON, NOON + timedelta(days=1), NOON - timedelta(days=400)])
PORTS = st.lists(st.sampled_from(["a", "b", "c"]), max_size=2).map(tuple)
READING = st.builds(
    ArrayReading,
    array=st.just("any"),
    at=MOMENT,
    serial=MAYBE_SERIAL,
    model=st.sampled_from([None, "LAB-FS5", "x"]),
    version=st.sampled_from([None, "8.6.0.3"]),
    target_ports=PORTS,
    update_state=st.sampled_from([None, "idle", "system_updating"]),
    problems=st.sampled_from([None, (), ("a node is offline",)]),
    volumes=st.sampled_from([None, (), (Volume("0", "v", "1", 1),), (Volume("0", "v", "2", 1, ("1",)),)]),
    backends=st.sampled_from([None, (), ("controller0",)]),
    unknown=st.sampled_from([(), ("lsdrive timed out",)]),
)
TRACE = st.builds(
    Trace,
    host=st.just("h"),
    path=st.just("/p"),
    at=MOMENT,
    leaves=st.lists(
        st.builds(
            Leaf,
            disks=st.just(("sda",)),
            lun=st.sampled_from(["1", "2", "3"]),
            target_ports=PORTS,
            through=PORTS,
        ),
        max_size=2,
    ).map(tuple),
    shares=st.sampled_from([(), (Share("nfs4", "s", "/x", ("10.0.0.1",)),)]),
    identities=st.sampled_from([(), (Identity("virtual-disk", "h:vda"),), (Identity("appliance", "x"),)]),
    problem=st.sampled_from(["", "not mounted"]),
)
NAMES = st.sampled_from(["east-1", "east-2", "vault-1", "nowhere"])
EVIDENCE = st.builds(
    Evidence,
    at=MOMENT,
    arrays=st.dictionaries(NAMES, READING, max_size=4),
    datasets=st.dictionaries(st.just("sidekick"), TRACE),
    repositories=st.dictionaries(st.just("nightly"), TRACE),
    backups=st.dictionaries(
        st.just("nightly"),
        st.builds(
            BackupReading,
            protection=st.just("nightly"),
            at=MOMENT,
            runs=st.sampled_from([(), evidence().backups["nightly"].runs]),
            clock_skew_s=st.sampled_from([None, 0, 61, -61]),
            problem=st.sampled_from(["", "unreadable"]),
        ),
    ),
    verifications=st.sampled_from([(), evidence().verifications]),
    rehearsals=st.sampled_from([(), evidence().rehearsals]),
    image=st.one_of(
        st.none(), st.builds(ImageReading, path=st.just("/i"), at=MOMENT, sha256=st.sampled_from([None, DIGEST]))
    ),
)


@settings(max_examples=150, deadline=None)
@given(told=EVIDENCE)
def test_whatever_was_found_out_every_check_answers_and_isolation_never_rests_on_less_than_measured(
    told: Evidence,
) -> None:
    asked = case(told)
    answers = findings(asked)
    assert all(finding.because for finding in answers.values())
    if answers["backup-isolated"].outcome is Outcome.PASSED:
        here, there = told.datasets["sidekick"], told.repositories["nightly"]
        listed = {volume.uid for one in told.arrays.values() for volume in one.volumes or ()}
        for place in (here, there):
            assert place.leaves
            assert not place.shares
            assert not place.identities
            assert all(leaf.target_ports or leaf.lun in listed for leaf in place.leaves)
        seen = [
            {name for leaf in place.leaves for name in (leaf.lun, *leaf.target_ports, *leaf.through)}
            for place in (here, there)
        ]
        assert not seen[0] & seen[1]
        assert max(abs(NOON - place.at) for place in (here, there)) <= asked.policy.evidence_max_age


def test_a_target_that_left_the_inventory_refuses_and_throws_nothing() -> None:
    told = evidence(arrays={**evidence().arrays, "gone-1": reading("gone-1")})
    asked = case(told, request=case().request.model_copy(update={"targets": ("east-1", "gone-1")}))
    answers = findings(asked)
    assert answers["array-healthy"].outcome is Outcome.FAILED
    assert answers["array-healthy"].because == "gone-1: it is not in the inventory"
    assert answers["image-approved"].outcome is Outcome.UNKNOWN
    assert "gone-1" in answers["image-approved"].because


def test_data_on_an_array_that_left_the_inventory_is_not_located() -> None:
    told = evidence(
        arrays={**evidence().arrays, "gone-1": reading("gone-1")},
        repositories={"nightly": trace("gone-1", "6005")},
    )
    finding = findings(case(told))["backup-isolated"]
    assert finding.outcome is Outcome.UNKNOWN
    assert "the inventory says nothing of it" in finding.because


def test_a_case_is_nothing_but_values() -> None:
    assert {field.name for field in fields(Case)} == {
        "request",
        "plan",
        "no_plan",
        "inventory",
        "policy",
        "allowed",
        "evidence",
        "others",
        "now",
        "team",
        "planned",
        "shared",
        "allowed_parts",
    }
