"""The questions, in reading order. A file each; this table is the room."""

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
