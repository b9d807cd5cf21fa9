"""The limits an operator sets. Every one must be set: a policy with a missing limit does not load."""

from enum import StrEnum
from typing import Annotated, Self

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


class Policy(Frozen):
    """Named limits; config.yaml carries each with its source."""

    backup_max_age: Duration
    verification_max_age: Duration
    rehearsal_max_age: Duration
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
    soak: Duration
    probe_interval: Duration
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
