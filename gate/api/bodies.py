"""What comes in: one frozen model for each body and each query. Unknown keys are errors."""

from typing import Annotated

from pydantic import Field, StringConstraints, field_validator

from gate.change import Version
from gate.inventory import Frozen, Name

Reason = Annotated[str, StringConstraints(min_length=1, max_length=500)]
CheckName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,60}$")]
SeatName = Annotated[str, StringConstraints(min_length=1, max_length=40)]


class Login(Frozen):
    """Name and password of a local person."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=63)]
    password: Annotated[str, StringConstraints(min_length=1, max_length=1024)]


class Nothing(Frozen):
    """An empty object; an empty body will do."""


class Survey(Frozen):
    """The arrays to gather evidence about; none named means all."""

    arrays: Annotated[tuple[Name, ...], Field(max_length=200)] = ()


class ToTry(Frozen):
    """
    A playbook to try on one array of the inventory: its text, and the released version it would bring.

    Without `from_version` the array is asked which version it runs.
    """

    playbook: Annotated[str, StringConstraints(min_length=1, max_length=60_000)]
    source: Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]{1,200}$")] = "playbook"
    array: Name
    version: Version
    from_version: Version | None = None


class Decided(Frozen):
    """
    A decision with its signature: `statement` is the exact text of GET …/statement, `signature` what
    `ssh-keygen -Y sign -n approval@sangate` made of it. A token signs nothing by itself.
    """

    seat: SeatName
    statement: Annotated[str, StringConstraints(min_length=2, max_length=4096)]
    signature: Annotated[str, StringConstraints(min_length=2, max_length=4096)]
    reason: Annotated[str, StringConstraints(max_length=500)] = ""


class Denied(Decided):
    """A denial; it says why."""

    reason: Reason


class Waived(Frozen):
    """
    One person's half of a waiver: `statement` is the exact text of GET …/waiver, `signature` what
    `ssh-keygen -Y sign -n waiver@sangate` made of it.
    """

    check: CheckName
    seat: SeatName
    statement: Annotated[str, StringConstraints(min_length=2, max_length=4096)]
    signature: Annotated[str, StringConstraints(min_length=2, max_length=4096)]


class ToWaive(Frozen):
    """Which seat would waive which finding, why, and until when (RFC 3339)."""

    check: CheckName
    seat: SeatName
    reason: Reason
    expires: Annotated[str, StringConstraints(min_length=1, max_length=40)]


Word = Annotated[str, StringConstraints(pattern=r"^(done|seen)$")]
By = Annotated[str, StringConstraints(max_length=200)]


class ToConfirm(Frozen):
    """Which word, and who of the vendor did it where the vendor does."""

    word: Word
    by: By = ""


class Given(Frozen):
    """One word about the step that is done by hand now: a signed statement of it, and the signature."""

    word: Word
    by: By = ""
    statement: Annotated[str, StringConstraints(min_length=2, max_length=4096)]
    signature: Annotated[str, StringConstraints(min_length=2, max_length=4096)]


class Went(Frozen):
    """
    An escort's go to the step that waits for it: `statement` is the exact text of GET …/escort, `signature` what
    `ssh-keygen -Y sign -n escort@sangate` made of it.
    """

    statement: Annotated[str, StringConstraints(min_length=2, max_length=16384)]
    signature: Annotated[str, StringConstraints(min_length=2, max_length=4096)]


class Pushed(Frozen):
    """
    A report about one protection: `report` is its exact text, `signature` what
    `ssh-keygen -Y sign -n backup-evidence@sangate` made of it with a key that the inventory pins for it.
    """

    protection: Name
    report: Annotated[str, StringConstraints(min_length=2, max_length=1024 * 1024)]
    signature: Annotated[str, StringConstraints(min_length=2, max_length=4096)]


class Because(Frozen):
    """Why a person holds, resumes, backs out or withdraws."""

    reason: Reason


class Resumed(Because):
    """Lifting a hold or answering a question: the very hold and question that were shown, empty where there is none."""

    hold: Annotated[str, StringConstraints(max_length=500)]
    question: Annotated[str, StringConstraints(max_length=4096)]


class BackedOut(Because):
    """Taking the canary back; where it is taken back already, the question that was shown whether to wait for it."""

    question: Annotated[str, StringConstraints(max_length=4096)] = ""


class Key(Frozen):
    """An OpenSSH public key of the kind ssh-ed25519, one line, and the password once more: a token is not enough."""

    public: Annotated[str, StringConstraints(min_length=16, max_length=1024)]
    password: Annotated[str, StringConstraints(min_length=1, max_length=1024)]


class RevokedKey(Frozen):
    """A key that signs nothing any more, and why; `leaves_nobody` where it is the last key of a seat."""

    fingerprint: Annotated[str, StringConstraints(pattern=r"^SHA256:[A-Za-z0-9+/]{43}$")]
    reason: Annotated[str, StringConstraints(min_length=1, max_length=500)]
    leaves_nobody: bool = False


class ToSign(Frozen):
    """Which seat signs which decision."""

    seat: SeatName
    decision: Annotated[str, StringConstraints(pattern=r"^(approve|deny)$")] = "approve"


class Source(Frozen):
    """Where the change file came from; complaints begin with it."""

    source: Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]{1,200}$")] = "change"


class Page(Frozen):
    """Which entries: of one change or of all, from an index, at most so many."""

    change: Annotated[str, StringConstraints(pattern=r"^chg-[0-9]{4,9}$")] | None = None
    start: Annotated[int, Field(ge=0, le=2**53)] = 0
    limit: Annotated[int, Field(ge=1, le=1000)] = 200


class Export(Frozen):
    """Which format, and which entries: all that fit every key that is given."""

    format: Annotated[str, StringConstraints(pattern=r"^[a-z0-9]{1,20}$")] = "jsonl"
    since: Annotated[str, StringConstraints(max_length=40), Field(alias="from")] = ""
    until: Annotated[str, StringConstraints(max_length=40), Field(alias="to")] = ""
    change: Annotated[str, StringConstraints(max_length=40)] = ""
    kind: tuple[Annotated[str, StringConstraints(max_length=60)], ...] = ()
    actor: Annotated[str, StringConstraints(max_length=200)] = ""
    disclose: bool = False

    @field_validator("kind", mode="before")
    @classmethod
    def _one_or_several(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list) else value


class Disclosing(Frozen):
    """Whether fields that are kept outside the log are handed out too."""

    disclose: bool = False


class Period(Frozen):
    """From which date or time on, and before which."""

    since: Annotated[str, StringConstraints(max_length=40), Field(alias="from")] = ""
    until: Annotated[str, StringConstraints(max_length=40), Field(alias="to")] = ""


class Until(Frozen):
    """Answer as soon as the ledger is longer than `size`, or after `timeout` seconds."""

    size: Annotated[int, Field(ge=0, le=2**53)]
    timeout: Annotated[int, Field(ge=0, le=25)] = 20
