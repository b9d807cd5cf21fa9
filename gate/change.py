"""What is asked for, and the sealed plan made from it."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Self

from pydantic import AwareDatetime, Field, StringConstraints, field_validator, model_validator

from gate.canonical import Json, digest
from gate.duration import Duration
from gate.errors import BadInput
from gate.inventory import ArrayFamily, Frozen, Name
from gate.step import ADDED, Step

Version = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z]{0,4}[0-9][A-Za-z0-9]{0,11}([._-][A-Za-z0-9]{1,12}){0,6}$", max_length=40),
]
"""
A version as families print it: 8.7.0.4, 9.13.1P4, GT280R010-01, v9.1.1b.

Words of letters and digits with a digit early in the first, joined by one dot, hyphen or underscore each: nothing that
a shell or a glob reads, and no option. A family that prints anything else (`3.3.1.410 (MU2)`, `9.4(1a)`) has a reader
that spells it so: `3.3.1.410-MU2`, `9.4-1a`.
"""

Sha256 = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
FileName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
Sentence = Annotated[str, StringConstraints(min_length=1, max_length=500, strip_whitespace=True)]


class Kind(StrEnum):
    """What a change changes."""

    FIRMWARE = "firmware"
    HARDWARE = "hardware"


class Image(Frozen):
    """The firmware image, by digest; `file` is a name inside the image directory, never a path."""

    file: FileName
    version: Version
    sha256: Sha256


class AllowedImage(Frozen):
    """One line of the allow list: an image that the people answerable for firmware have released for these models."""

    file: FileName
    version: Version
    sha256: Sha256
    family: ArrayFamily
    models: Annotated[tuple[str, ...], Field(min_length=1)]


def released(allowed: Iterable[AllowedImage], version: str, model: str) -> AllowedImage:
    """Return the image that was released to bring a version to a model; BadInput names those there are."""
    fitting = {image.version: image for image in allowed if model in image.models}
    if version not in fitting:
        known = ", ".join(sorted(fitting))
        raise BadInput(f'no released image brings "{version[:40]}" to {model}', hint=f"released: {known}")
    return fitting[version]


PartNumber = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{2,39}$")]
PartSerial = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{2,63}$")]
PlaceName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]{1,8}$")]


class PartKind(StrEnum):
    """What kind of part is replaced; each has a partner in the same enclosure that serves meanwhile."""

    CONTROLLER = "controller"
    SHELF_MODULE = "shelf-module"
    """What connects a shelf of drives: an expansion canister, an I/O module."""


class OldPart(Frozen):
    """What is taken out, as it stands on its label."""

    part: PartNumber
    serial: PartSerial


class NewPart(Frozen):
    """What goes in, as it stands on its label and in the vendor's paper."""

    part: PartNumber
    serial: PartSerial
    firmware: Version
    """What it carries, as the paper says; the array is asked for what it carries in fact."""

    paper: Sentence
    """Which paper says so: a delivery note, a service report."""


class Replacement(Frozen):
    """One part for another, in one place of one array."""

    what: PartKind
    enclosure: PlaceName
    slot: PlaceName
    old: OldPart
    new: NewPart
    failed: bool = False
    """The old part no longer serves: then the array must say so of exactly this one, and of nothing else."""

    @field_validator("what", mode="before")
    @classmethod
    def _no_shelf(cls, value: object) -> object:
        if str(value).strip().lower() in ("shelf", "enclosure", "expansion-enclosure"):
            raise ValueError("a whole shelf is not replaced: nothing shows that data can spare it; replace its modules")
        return value

    @model_validator(mode="after")
    def _another_one(self) -> Self:
        if self.old.serial == self.new.serial:
            raise ValueError("new.serial: the part that goes in is the one that is taken out")
        return self


class AllowedPart(Frozen):
    """One line of the allow list: a part number that may go into arrays of these models."""

    part: PartNumber
    what: PartKind
    family: ArrayFamily
    models: Annotated[tuple[str, ...], Field(min_length=1)]


class Window(Frozen):
    """When the first step of a stage may run: `opens` ≤ now < `closes`."""

    opens: AwareDatetime
    closes: AwareDatetime

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.closes <= self.opens:
            raise ValueError("closes must be after opens")
        return self


RestoreItem = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}(/[a-z][a-z0-9_]{0,62})?$")]
"""A dataset, or one of its tables: `sidekick/contacts`."""


class RestoreTier(Frozen):
    """What comes back together, and within which time."""

    items: Annotated[tuple[RestoreItem, ...], Field(min_length=1, max_length=500)]
    rto: Duration
    """Within this it must be usable again."""


class RestorePlan(Frozen):
    """How lost data would come back: most missed first, and with which tools. Part of a change, sealed in its plan."""

    tiers: Annotated[tuple[RestoreTier, ...], Field(min_length=1, max_length=50)]
    tools: Annotated[tuple[Name, ...], Field(min_length=1, max_length=50)]
    """Ids of inventory.recovery_tools without which it cannot be done."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        items = [item for tier in self.tiers for item in tier.items]
        for number, item in enumerate(items):
            if item in items[:number] or item.partition("/")[0] in items[:number]:
                raise ValueError(f'tiers: "{item}" is there twice')
        for number, tier in enumerate(self.tiers[1:], start=1):
            if tier.rto < self.tiers[number - 1].rto:
                raise ValueError(f"tiers.{number}.rto: a later tier is not back before an earlier one")
        return self


class ChangeRequest(Frozen):
    """One change as a person asks for it: the change file, the form and the API body alike."""

    title: Sentence
    reason: Sentence
    kind: Kind
    family: ArrayFamily
    image: Image | None = None
    """For firmware."""

    part: Replacement | None = None
    """For hardware."""

    targets: Annotated[tuple[Name, ...], Field(min_length=1, max_length=200)]
    playbook: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+/[a-z0-9-]+$")]
    window: Window
    restore_plan: RestorePlan | None = None
    """Without one the check `restore-planned` refuses."""

    contractor: Name | None = None
    """The contractor who is to perform it, by the name of their account; none: people of the house do."""

    @model_validator(mode="after")
    def _targets_once(self) -> Self:
        twice = sorted({name for name in self.targets if self.targets.count(name) > 1})
        if twice:
            raise ValueError(f'targets: "{twice[0]}" is there twice')
        return self

    @model_validator(mode="after")
    def _of_its_kind(self) -> Self:
        if (self.image is not None) != (self.kind is Kind.FIRMWARE):
            raise ValueError(f"image: a change of {self.kind} has {'none' if self.image else 'one'}")
        if (self.part is not None) != (self.kind is Kind.HARDWARE):
            raise ValueError(f"part: a change of {self.kind} has {'none' if self.part else 'one'}")
        if self.part is not None and len(self.targets) > 1:
            raise ValueError("targets: one part goes into one array; open a change for each")
        return self


class Purpose(StrEnum):
    """What a permit is for; each purpose has its own rule (promise 2)."""

    FORWARD = "forward"
    FINISH = "finish"
    BACK_OUT = "back_out"


@dataclass(frozen=True)
class Grant:
    """What a permit may be made for; only `gate.authority` makes one, from the rules of its purpose."""

    change: str
    stage: str
    array: str
    purpose: Purpose
    plan_digest: str
    expires: datetime


class Phase(StrEnum):
    """The three lists of steps of a playbook."""

    FORWARD = "forward"
    COMMIT = "commit"
    BACK_OUT = "back_out"


@dataclass(frozen=True)
class Target:
    """One array of a plan: identity and starting point as measured when it was sealed."""

    array: str
    serial: str
    model: str
    from_version: str


@dataclass(frozen=True)
class Stage:
    """The canary, or one wave after it."""

    name: str
    arrays: tuple[str, ...]


@dataclass(frozen=True)
class Restored:
    """One tier of the restore plan, as it is sealed."""

    items: tuple[str, ...]
    rto_s: int


@dataclass(frozen=True)
class Swap:
    """The replacement as it is sealed, with the partner that the new part has to match, as measured then."""

    what: str
    enclosure: str
    slot: str
    place: str
    """How the array itself names the place: `01-2`, `B`."""

    old_part: str
    old_serial: str
    part: str
    serial: str
    firmware: str
    paper: str
    partner_slot: str
    partner_place: str
    partner_part: str
    partner_serial: str
    partner_firmware: str
    failed: bool = False
    """The old part did not serve any more when this was sealed."""

    ports: tuple[str, ...] = ()
    """Target ports of a failed part, as the array told them: no host may have a live path through one."""


@dataclass(frozen=True)
class PassedOver:
    """Why an array did not become the canary; the canary itself carries why it did."""

    array: str
    chosen: bool
    because: str


@dataclass(frozen=True)
class Contracted:
    """The contractor who performs a change, as they stood when it was sealed: approvers sign for them by name."""

    person: str
    firm: str
    name: str
    """The real person behind the account."""

    sponsor: str
    not_before: str
    not_after: str
    """The time box: nothing goes forward outside of it."""

    go_for: str
    """`changes`: an escort says go to each step that changes something; `everything`: to the asking ones too."""

    escort_within_s: int
    """Seconds that a step waits for the go before the change is held."""


@dataclass(frozen=True)
class Plan:
    """The sealed change. Everything material is here, and its digest is what people sign (promise 5)."""

    change: str
    origin: str
    kind: str
    family: str
    image_file: str
    image_version: str
    image_sha256: str
    targets: tuple[Target, ...]
    canary: str
    control: str
    stages: tuple[Stage, ...]
    playbook: str
    playbook_sha256: str
    forward: tuple[Step, ...]
    """Steps for the canary, in exact words; likewise `commit` and `back_out`."""

    commit: tuple[Step, ...]
    back_out: tuple[Step, ...]
    back_out_class: str
    window_opens: str
    window_closes: str
    thresholds: dict[str, int]
    seats: tuple[str, ...]
    scratch: tuple[str, ...] = ()
    """Where on canary and control the gate itself will write: `array target lun portal:port blocks`."""

    restore: tuple[Restored, ...] = ()
    """Tiers of the restore plan, in order; () where the request has none."""

    recovery_tools: tuple[str, ...] = ()
    choice: tuple[PassedOver, ...] = ()
    part: Swap | None = None
    """What is replaced; None for firmware. Then the image is empty, and its version the one that runs."""

    contractor: Contracted | None = None
    """Who performs it under escort; None where people of the house do."""

    def material(self) -> dict[str, Json]:
        """
        Return what the digest covers: all but the explanation of the choice.

        What a later version has added is in it only where it is used: plans sealed before keep their digest.
        """
        fields = asdict(self)
        del fields["choice"]
        if self.part is None:
            del fields["part"]
        elif not self.part.failed:
            del fields["part"]["failed"], fields["part"]["ports"]
        if self.contractor is None:
            del fields["contractor"]
        for phase in Phase:
            for step in fields[phase.value]:
                for name in [name for name in ADDED if not step[name]]:
                    del step[name]
        return fields

    @property
    def digest(self) -> str:
        """Digest of the material part."""
        return digest(self.material())

    def steps(self, phase: Phase) -> tuple[Step, ...]:
        """Return the steps of one phase."""
        return {Phase.FORWARD: self.forward, Phase.COMMIT: self.commit, Phase.BACK_OUT: self.back_out}[phase]
