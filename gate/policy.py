"""The limits an operator sets. Every one must be set: a policy with a missing limit does not load."""

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from gate.duration import Duration
from gate.inventory import Frozen


class Seat(StrEnum):
    """A role that must sign."""

    STORAGE = "storage"
    DATA_OWNER = "data-owner"
    BACKUP_OWNER = "backup-owner"
    CHANGE_MANAGER = "change-manager"


class ApprovalKind(StrEnum):
    """`signed`: only a signature by an enrolled key counts. `session`: a signed-in web session counts too."""

    SIGNED = "signed"
    SESSION = "session"


class EscortFor(StrEnum):
    """To which steps of a contractor an escort says go; every other one is shown as it happens."""

    CHANGES = "changes"
    EVERYTHING = "everything"


class Policy(Frozen):
    """Named limits; config.yaml carries each with its source."""

    backup_max_age: Duration
    verification_max_age: Duration
    rehearsal_max_age: Duration
    tier1_rehearsal_max_age: Duration
    """Likewise for data of tier 1."""

    full_read_max_age: Duration
    """Within this every object of a repository was read, if need be in parts."""

    large_backup: Annotated[int, Field(ge=1, le=2**53)]
    """Bytes from which on a daily read of a part, with a full read within `full_read_max_age`, is enough."""

    recovery_point_floor: Duration
    """A recovery point may be this old even where less may be lost; else the dataset's own objective counts."""

    count_drop_max_percent: Annotated[int, Field(ge=0, le=99)]
    """By how much fewer objects than the last time a read may have counted."""

    size_drop_max_percent: Annotated[int, Field(ge=1, le=99)]
    size_rise_max_percent: Annotated[int, Field(ge=1, le=100_000)]
    """By how much a backup may be smaller or larger than the median of the seven before it."""

    restore_time_warn_percent: Annotated[int, Field(ge=1, le=100)]
    """Share of the recovery time objective above which a seat must sign for a rehearsal's time."""

    old_reference_min_age: Duration
    """How much older than the rehearsal the second reference of a table that only grows must be."""

    retention_margin: Duration
    """For how long after the change's window the oldest object needed must still be locked."""

    copies_min: Annotated[int, Field(ge=1, le=9)]
    """How many independent copies must each be recent, verified and rehearsed."""
    rehearsal_every: Duration | Literal["never"]
    """How often the gate itself rehearses each protection and records a reference; `never`: only people do."""

    evidence_max_age: Duration
    """How old a reading may be when a decision rests on it."""

    sentinel_max_age: Duration
    """How old a trial with a sentinel, or of production's credential, may be before it is made again."""

    clock_skew_max: Duration
    approval_lifetime: Duration
    approvals: ApprovalKind
    seats: Annotated[tuple[Seat, ...], Field(min_length=1)]
    waiver_seats: Annotated[tuple[Seat, ...], Field(min_length=2, max_length=4)]
    """Every one of them must sign a waiver, each another person."""

    waiver_lifetime: Duration
    """The longest that a waiver may hold."""

    permit_lifetime: Duration
    settle: Duration
    """For so long an array must show that a command without an answer was not begun, before that is believed."""

    escort_within: Duration
    """So long a contractor's step waits for an escort's go; then the change is held."""

    escort_for: EscortFor
    soak: Duration
    probe_interval: Duration
    latency_deadline: Duration
    """A single 4 KiB read that is not answered within this has failed, whatever the others did."""

    latency_points_min: Annotated[int, Field(ge=5, le=10_000)]
    """Fewer points on either side than this are inconclusive."""

    latency_increase_max_percent: Annotated[int, Field(ge=1, le=1000)]
    """How much slower the canary's median read may become before it has failed."""

    latency_increase_floor_us: Annotated[int, Field(ge=0, le=10_000_000)]
    """An increase of the median below this many microseconds is noise, whatever its percentage."""

    @model_validator(mode="after")
    def _seats_once(self) -> Self:
        for name, seats in (("seats", self.seats), ("waiver_seats", self.waiver_seats)):
            if len(set(seats)) < len(seats):
                raise ValueError(f"{name}: a seat is there twice, and only one person would be asked to fill it")
        return self
