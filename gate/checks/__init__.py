"""The questions, in reading order, a file each; and which of them a change of a kind must answer for a purpose."""

from collections.abc import Mapping
from types import ModuleType

from gate.change import Kind, Purpose
from gate.checks import (
    array_healthy,
    back_out_ready,
    backup_isolated,
    backup_recent,
    backup_rehearsed,
    backup_verified,
    image_approved,
    no_conflict,
    window_open,
)

CHECKS = (
    backup_isolated,
    backup_recent,
    backup_verified,
    backup_rehearsed,
    image_approved,
    array_healthy,
    back_out_ready,
    window_open,
    no_conflict,
)

RECORDS = {module.CHECK.name: module.CHECK for module in CHECKS}
"""Name → what a check is besides its rule."""

EXPECTED: Mapping[tuple[Kind, Purpose], tuple[ModuleType, ...]] = {(Kind.FIRMWARE, Purpose.FORWARD): CHECKS}
"""
Kind of change and purpose → the checks whose answers a verdict must have, all of them and no other.

`finish` and `back_out` were approved with the plan and ask none. A pair that is absent has no checks, and no checks at
all open nothing.
"""
