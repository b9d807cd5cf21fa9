"""
What a keyholder has pinned: the ledger's keys, the approvers' keys with their seats, limits, arrays.

Its own configuration file, for an administrator who is not the gate's. Nothing in it is learned from whoever asks.
"""

from collections.abc import Collection, Mapping
from ipaddress import ip_network
from typing import Annotated, Literal, Self, TypeVar

from pydantic import Field, StringConstraints, model_validator

from gate.duration import Duration
from gate.errors import BadInput
from gate.hostkeys import parse
from gate.inventory import Frozen, Name
from gate.ledger.note import VerifierKey, read_vkey
from gate.person import Person, Role
from gate.policy import ApprovalKind, Seat
from gate.sshsig import fingerprint

PersonId = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x20\x7f]{1,100}$")]
"""As the gate's table of people has it."""

SignerKey = Annotated[str, StringConstraints(pattern=r"^ssh-ed25519 [A-Za-z0-9+/]{68}( [!-~]{1,100})?$")]
OsUser = Annotated[str, StringConstraints(pattern=r"^([a-z_][a-z0-9_-]{0,31}|[0-9]{1,9})$")]
"""A user of this machine, by name or number."""

ArrayKey = Annotated[str, StringConstraints(pattern=r"^[a-z0-9@.-]{4,40} [A-Za-z0-9+/]{60,1400}={0,2}$")]
"""A host key as `ssh-keyscan` and known_hosts spell it, behind the name."""

FilePath = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9/][A-Za-z0-9._/ -]{0,511}$")]


class PermitSettings(Frozen):
    """The gate's own settings: who makes its permits."""

    keyholder: FilePath | Literal[""] = ""
    """Socket of a keyholder, in the data directory where relative; empty: the gate holds the CA key itself."""

    answer_within: Duration = Field(default="10s", validate_default=True)


class Approver(Frozen):
    """One person whose signatures count, with the keys that are theirs."""

    id: PersonId
    seats: Annotated[tuple[Seat, ...], Field(min_length=1)]
    keys: tuple[SignerKey, ...] = ()
    """Without one only a session could speak for them, and that counts only under `approvals: session`."""

    @property
    def person(self) -> Person:
        """The same for the rules that the gate counts by."""
        return Person(self.id, seats=frozenset(self.seats), keys=tuple(" ".join(key.split()[:2]) for key in self.keys))


class Escort(Frozen):
    """An employee who may say go to a contractor's steps, besides those who hold a seat."""

    id: PersonId
    keys: tuple[SignerKey, ...] = ()

    @property
    def person(self) -> Person:
        """The same for the rules that the gate counts by."""
        keys = tuple(" ".join(key.split()[:2]) for key in self.keys)
        return Person(self.id, frozenset({Role.ESCORT}), keys=keys)


Signer = TypeVar("Signer", Approver, Escort)


class Limits(Frozen):
    """The keyholder's own policy. Where the gate's is laxer, this one counts."""

    seats: Annotated[tuple[Seat, ...], Field(min_length=1)]
    waiver_seats: Annotated[tuple[Seat, ...], Field(min_length=2, max_length=4)]
    approvals: ApprovalKind = ApprovalKind.SIGNED
    approval_lifetime: Duration
    """A statement that would hold longer than this from now does not count yet."""

    waiver_lifetime: Duration = Field(default="72h", validate_default=True)
    """The same for a waiver."""

    permit_lifetime: Duration
    evidence_max_age: Duration
    window_max: Duration
    """The longest window that a plan may have."""

    escort_within: Duration = Field(default="30m", validate_default=True)
    """A go that would hold longer than this from now does not count yet."""


class Carried(Frozen):
    """The keyholder logs in to this array itself, over a connection that the gate lends it; no permit leaves."""

    host_keys: Annotated[tuple[ArrayKey, ...], Field(min_length=1, max_length=8)]
    """The array's, without a name; those of its address for uploads as well. To any other nothing is said."""

    user: Annotated[str, StringConstraints(pattern=r"^([A-Za-z_][A-Za-z0-9_.-]{0,31})?$")] = ""
    """Who logs in by certificate; a sealed credential has a user of its own."""

    @model_validator(mode="after")
    def _keys(self) -> Self:
        for number, text in enumerate(self.host_keys):
            try:
                parse(f"array {text}", "")
            except BadInput as problem:
                raise ValueError(f"host_keys.{number}: {problem.message}") from None
        return self


class PinnedArray(Frozen):
    """One array for which permits are made at all; the principal is its id."""

    id: Name
    source_address: tuple[str, ...] = ()
    """Addresses and networks from which the array takes the certificate; () for any."""

    exact_words: bool = False
    """The certificate runs the step's exact words and nothing else (`force-command`)."""

    bastion: bool = False
    """It is reached through a bastion, which takes the same certificate to open the way."""

    sealed: bool = False
    """It knows no certificates: a credential that lies sealed here is opened for it."""

    carried: Carried | None = None
    """Steps are sent from here, in the words and with the bytes that were signed; None: permits are handed out."""

    @model_validator(mode="after")
    def _a_user(self) -> Self:
        if self.carried is not None and not self.carried.user and not self.sealed:
            raise ValueError("carried.user: who logs in? Only a sealed credential names its own user")
        return self

    @model_validator(mode="after")
    def _addresses(self) -> Self:
        for number, text in enumerate(self.source_address):
            try:
                ip_network(text)
            except ValueError:
                raise ValueError(f'source_address.{number}: "{text}" is neither an address nor a network') from None
        return self


class Pinned(Frozen):
    """The whole file."""

    ledger: Annotated[tuple[str, ...], Field(min_length=1)]
    """Verifier keys of the one log; two while it is handed from one key to the next."""

    socket: FilePath
    clients: Annotated[tuple[OsUser, ...], Field(min_length=1)]
    """Users of this machine that may ask: the gate's."""

    policy: Limits
    approvers: Annotated[tuple[Approver, ...], Field(min_length=1)]
    escorts: tuple[Escort, ...] = ()
    arrays: Annotated[tuple[PinnedArray, ...], Field(min_length=1)]

    @property
    def keys(self) -> tuple[VerifierKey, ...]:
        """The ledger's keys."""
        return tuple(read_vkey(text) for text in self.ledger)

    @property
    def origin(self) -> str:
        """The one log's name."""
        return self.keys[0].name

    @property
    def people(self) -> Mapping[str, Person]:
        """The approvers by id."""
        return {approver.id: approver.person for approver in self.approvers}

    @property
    def signers(self) -> tuple[Approver | Escort, ...]:
        """Everybody whose signatures count for anything."""
        return (*self.approvers, *self.escorts)

    @property
    def escorting(self) -> Mapping[str, Person]:
        """Who may say go by id: the escorts, and the approvers, who hold seats."""
        return {one.id: one.person for one in self.signers}

    def without(self, revoked: Collection[str]) -> "Pinned":
        """The same without the keys of these fingerprints; a seat that has no key left is filled by nobody."""

        def left(one: Signer) -> Signer:
            keys = tuple(key for key in one.keys if fingerprint(key) not in revoked)
            return one.model_copy(update={"keys": keys})

        signers = {"approvers": tuple(map(left, self.approvers)), "escorts": tuple(map(left, self.escorts))}
        return self.model_copy(update=signers) if revoked else self

    def array(self, name: str) -> PinnedArray | None:
        """Return the array of that id, if permits are made for it."""
        return next((one for one in self.arrays if one.id == name), None)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        for number, text in enumerate(self.ledger):
            try:
                read_vkey(text)
            except ValueError as problem:
                raise ValueError(f"ledger.{number}: {problem}") from None
        if len({key.name for key in self.keys}) > 1:
            raise ValueError("ledger: keys of two logs; a keyholder follows one")
        _once("approvers and escorts", [one.id for one in self.signers])
        _once("arrays", [one.id for one in self.arrays])
        # One key in two names would let one person fill two seats.
        _once("approvers.keys and escorts.keys", [key for one in self.signers for key in one.person.keys])
        held = {seat for one in self.approvers for seat in one.seats}
        for seat in self.policy.seats:
            if seat not in held:
                raise ValueError(f"policy.seats: nobody among the approvers holds the seat {seat}")
        return self


def _once(place: str, names: list[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f'{place}: "{twice[0]}" is there twice')
