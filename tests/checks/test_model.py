"""The thirty questions of the evidence model, one to one: which check answers each, its weight, who may waive it."""

import re

from gate.checks import RECORDS
from gate.finding import Weight
from gate.settings import load, shipped

BLOCKS, SIGNS = Weight.BLOCK, Weight.SIGN
MODEL = {
    "BK-01": ("backup-recent", BLOCKS), "BK-02": ("recovery-point-recent", BLOCKS),
    "BK-03": ("backup-error-free", BLOCKS), "BK-04": ("backup-verified", BLOCKS),
    "BK-05": ("backup-counted", BLOCKS), "BK-06": ("log-continuous", BLOCKS),
    "BK-07": ("backup-rehearsed", BLOCKS), "BK-08": ("rehearsal-in-time", BLOCKS),
    "BK-09": ("rehearsal-compared", BLOCKS), "BK-10": ("repository-read", BLOCKS),
    "BK-11": ("backup-size-usual", SIGNS), "BK-12": ("verified-since-change", BLOCKS),
    "BK-13": ("clocks-agree", BLOCKS), "BK-14": ("verification-finished", BLOCKS),
    "IS-01": ("backup-isolated", BLOCKS), "IS-02": ("backup-isolated", BLOCKS),
    "IS-03": ("backup-no-replica", BLOCKS), "IS-04": ("repository-mounted", BLOCKS),
    "IS-05": ("production-refused", BLOCKS), "IS-06": ("admins-separate", SIGNS),
    "IS-07": ("sites-separate", SIGNS), "IS-08": ("rehearsed-elsewhere", BLOCKS),
    "IS-09": ("copy-survives", BLOCKS), "IM-01": ("retention-long", BLOCKS),
    "IM-02": ("retention-strict", SIGNS), "IM-03": ("sentinel-refused", BLOCKS),
    "IM-04": ("retention-clock", SIGNS), "EV-01": ("copies-independent", SIGNS),
    "EV-02": ("evidence-whole", BLOCKS), "EV-03": ("facts-measured", SIGNS),
}  # fmt: skip
NUMBER = re.compile(r"\b(?:BK|IS|IM|EV)-[0-9]{2}\b")
"""A question of the model; other sources are books and manuals."""

LIMITS = {
    "backup_max_age": "24h", "recovery_point_floor": "15m", "verification_max_age": "24h",
    "full_read_max_age": "30d", "count_drop_max_percent": "5", "rehearsal_max_age": "7d",
    "tier1_rehearsal_max_age": "24h", "restore_time_warn_percent": "80", "old_reference_min_age": "7d",
    "size_drop_max_percent": "20", "size_rise_max_percent": "100", "clock_skew_max": "60s",
    "retention_margin": "14d", "copies_min": "2",
}  # fmt: skip


def test_each_question_of_the_model_has_the_check_and_the_weight_that_it_says() -> None:
    answered = {
        source: (name, record.weight) for name, record in RECORDS.items() for source in NUMBER.findall(record.source)
    }
    assert answered == MODEL


def test_isolation_alone_of_what_blocks_a_restore_is_never_waived() -> None:
    never = {source for source, (name, weight) in MODEL.items() if weight is BLOCKS and not RECORDS[name].waivable}
    assert never == {"IS-01", "IS-02", "EV-02"}


def test_the_shipped_limits_are_those_of_the_model() -> None:
    policy = load(shipped("config.yaml")).config.policy
    told = type(policy).model_validate({**policy.model_dump(), **LIMITS})
    assert told == policy
