"""The questions, in reading order, a file each; and which of them a change of a kind must answer for a purpose."""

from collections.abc import Mapping
from types import ModuleType

from gate.change import Kind, Purpose
from gate.checks import (
    admins_separate,
    array_healthy,
    back_out_ready,
    backup_counted,
    backup_error_free,
    backup_isolated,
    backup_no_replica,
    backup_recent,
    backup_rehearsed,
    backup_size_usual,
    backup_verified,
    clocks_agree,
    copies_independent,
    copy_survives,
    evidence_whole,
    fabrics_apart,
    facts_measured,
    fate_apart,
    image_approved,
    log_continuous,
    no_conflict,
    objects_covered,
    part_approved,
    part_matches,
    production_refused,
    recovery_point_recent,
    recovery_tools_apart,
    rehearsal_compared,
    rehearsal_in_time,
    rehearsed_elsewhere,
    repository_mounted,
    repository_read,
    restore_planned,
    retention_clock,
    retention_long,
    retention_strict,
    sentinel_refused,
    sites_separate,
    vendor_precheck,
    verification_finished,
    verified_since_change,
    window_open,
)

CHECKS = (
    backup_isolated,
    backup_no_replica,
    repository_mounted,
    fate_apart,
    backup_recent,
    recovery_point_recent,
    clocks_agree,
    backup_error_free,
    log_continuous,
    backup_size_usual,
    backup_verified,
    verification_finished,
    backup_counted,
    repository_read,
    verified_since_change,
    backup_rehearsed,
    rehearsal_compared,
    rehearsal_in_time,
    rehearsed_elsewhere,
    copies_independent,
    copy_survives,
    sentinel_refused,
    retention_long,
    retention_strict,
    retention_clock,
    production_refused,
    admins_separate,
    sites_separate,
    objects_covered,
    recovery_tools_apart,
    restore_planned,
    evidence_whole,
    facts_measured,
    image_approved,
    part_approved,
    part_matches,
    array_healthy,
    fabrics_apart,
    vendor_precheck,
    back_out_ready,
    window_open,
    no_conflict,
)

RECORDS = {module.CHECK.name: module.CHECK for module in CHECKS}
"""Name → what a check is besides its rule."""

OF_IMAGES, OF_PARTS = (image_approved, vendor_precheck), (part_approved, part_matches)
"""What is asked of a change of the one kind only."""

EXPECTED: Mapping[tuple[Kind, Purpose], tuple[ModuleType, ...]] = {
    (Kind.FIRMWARE, Purpose.FORWARD): tuple(one for one in CHECKS if one not in OF_PARTS),
    (Kind.HARDWARE, Purpose.FORWARD): tuple(one for one in CHECKS if one not in OF_IMAGES),
}
"""
Kind of change and purpose → the checks whose answers a verdict must have, all of them and no other.

`finish` and `back_out` were approved with the plan and ask none. A pair that is absent has no checks, and no checks at
all open nothing.
"""
