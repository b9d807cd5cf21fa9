"""One keyholder: what it has pinned, its memory, its CA key, its seal; and one conversation with whoever asks."""

import secrets
import socket
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_ssh_public_key

from gate.canonical import Json, utc
from gate.change import Grant, Plan, Purpose
from gate.errors import BadInput, Outside, Refused
from gate.keyholder.carrying import Carriers, Login, Waiting
from gate.keyholder.memory import Memory
from gate.keyholder.sealing import Credential, Seal
from gate.keyholding import krl, rule, words
from gate.keyholding.following import Head, follow, why_not
from gate.keyholding.pinned import Pinned, PinnedArray
from gate.ledger import note
from gate.ledger.entry import Entry
from gate.permits.office import SKEW, Narrowing, PermitOffice
from gate.step import Step

Clock = Callable[[], datetime]


class Keyholder:
    """Answers one conversation at a time."""

    def __init__(
        self,
        pinned: Pinned,
        memory: Memory,
        office: PermitOffice,
        seal: Seal,
        revoked: Path,
        carriers: Carriers,
        clock: Clock,
    ) -> None:
        """`revoked` is where the list of revoked permits is written for OpenSSH; `carriers` send steps from here."""
        self.pinned = pinned
        self.memory = memory
        self._office = office
        self._seal = seal
        self._revoked = revoked
        self._carriers = carriers
        self._clock = clock
        self.write_revoked()

    @property
    def ca(self) -> str:
        """The CA's public line."""
        return self._office.public_line()

    def accept(
        self, head: Head, pending: list[Entry], stopped: Collection[str], taken: Mapping[str, str], signed: str
    ) -> None:
        """
        Take over what was followed; Refused when the checkpoint is not that of these entries.

        A key that was `taken` away counts here no more, whatever this keyholder's own file says. What was made for a
        change that has ended, or whose contractor was `stopped`, ends now, whatever the gate says.
        """
        known = self.memory.head()
        because = why_not(head, known, signed, self.pinned.keys)
        if because:
            if _truly_signed(signed, self.pinned):
                self.memory.keep_misfit(signed, self._clock())
            hint = "was an old copy of the ledger put back, or does somebody else append to it?"
            raise Refused(f"the ledger is not the one that was followed: {because}", hint=hint)
        now = self._clock()
        with self.memory.turn():
            over = {**dict.fromkeys(self.memory.keep(pending), "ended"), **dict.fromkeys(stopped, "stopped")}
            for change, because in over.items():
                self.memory.revoke(self.memory.live(change, now - SKEW), because, now)
            self.memory.take_keys(taken, now)
            self.memory.move(head, signed)
        for change, because in over.items():
            if because == "ended":
                self._carriers.ended(change)
        if over:
            self.write_revoked()

    def permit(self, wish: words.PermitWish) -> dict[str, Json]:
        """Return the answer to a wish; Refused with the sentence why not."""
        now, memory = self._clock(), self.memory
        if memory.asked_before(wish.public_key):
            raise Refused("a permit was made for this very key before: a wish is granted once")
        mind = rule.Memory(
            memory.made(wish.change),
            memory.others(wish.array, wish.change),
            memory.hold(),
            memory.closed(wish.change),
            memory.spent(wish.change),
        )
        entries = memory.entries(wish.change)
        pinned = self.pinned.without(memory.taken_keys())
        grant = rule.decide(pinned, entries, wish, mind, now)
        array = self.pinned.array(wish.array)
        if isinstance(grant, str) or array is None:
            raise Refused(str(grant))
        plan = rule.PLAN.validate_json(wish.plan)
        step, go = plan.steps(wish.phase)[wish.number], rule.go_of(entries) if plan.contractor else ""
        if step.attended:
            with memory.turn():
                serial = secrets.randbits(63)
                memory.keep_permit(grant, wish.phase, wish.number, serial, wish.public_key, now, now)
                memory.spend(wish.change, go)
            return {"serial": str(serial), "expires": utc(now), "certificate": ""}
        if array.carried is not None:
            return self._carry_later(array, grant, plan, wish, go, now)
        credential = self._unsealed(array)
        narrowing = Narrowing(",".join(array.source_address), _words(step) if array.exact_words else "", array.bastion)
        serial, expires, certificate = self._office.certify(grant, now, _public(wish.public_key), narrowing)
        with memory.turn():
            memory.keep_permit(grant, wish.phase, wish.number, serial, wish.public_key, now, expires)
            memory.spend(wish.change, go)
        told: dict[str, Json] = {"serial": str(serial), "expires": utc(expires), "certificate": certificate}
        if credential is not None:
            told |= {"user": credential.user, "password": credential.password, "pem": credential.pem}
        return told

    def _carry_later(
        self, array: PinnedArray, grant: Grant, plan: Plan, wish: words.PermitWish, go: str, now: datetime
    ) -> dict[str, Json]:
        """
        Make a permit that stays here until its intent is on record. What leaves opens a bastion, where there is one.

        Should the array trust our CA too, that certificate runs nothing on it: `force-command` binds shells,
        commands and subsystems, and leaves the forwarding alone.
        """
        if lacking := self._carriers.not_uploaded(plan, wish.phase, wish.number):
            raise Refused(f"step {lacking} comes first, and nobody here saw its image taken whole")
        memory, held, credential = self.memory, array.carried, self._unsealed(array)
        key, addresses = Ed25519PrivateKey.generate(), ",".join(array.source_address)
        narrowing = Narrowing(addresses, _words(plan.steps(wish.phase)[wish.number]) if array.exact_words else "")
        serial, expires, certificate = self._office.certify(grant, now, key.public_key(), narrowing)
        opens = ""
        if array.bastion:
            way = Narrowing(addresses, "false", forwarding=True)
            _, _, opens = self._office.certify(grant, now, _public(wish.public_key), way, serial)
        with memory.turn():
            memory.keep_permit(grant, wish.phase, wish.number, serial, wish.public_key, now, expires)
            memory.spend(wish.change, go)
        if credential is None:
            pem = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
            login = Login(held.user if held else "", certificate, pem=pem)
        else:
            login = Login(credential.user, password=credential.password, pem=credential.pem)
        keys = held.host_keys if held else ()
        waiting = Waiting(plan, wish.phase, wish.number, grant.purpose, expires, keys, login)
        self._carriers.keep(str(serial), waiting, now)
        return {"serial": str(serial), "expires": utc(expires), "certificate": opens, "carried": True}

    def carry(self, serial: str, peer: socket.socket, handed: Sequence[int]) -> None:
        """Have the step of a permit that stayed here sent; whoever sends it answers. Refused: nothing is sent."""
        now = self._clock()
        if int(serial) in self.memory.revoked(now - SKEW):
            raise Refused("this permit was revoked")
        waiting = self._carriers.waiting(serial)
        if waiting.purpose is Purpose.FORWARD and (held := self.memory.hold()):
            raise Refused(f"the keyholder lets nothing begin: {held}")
        self._carriers.begin(serial, self.memory.entries(waiting.plan.change), now, peer, handed)

    def close(self) -> None:
        """End what is sent from here, and the memory."""
        self._carriers.close()
        self.memory.close()

    def _unsealed(self, array: PinnedArray) -> Credential | None:
        if not array.sealed:
            return None
        box = self.memory.sealed(array.id)
        if box is None:
            hint = f"sangate keyholder seal {array.id} --user NAME"
            raise Refused(f"no credential is sealed for {array.id}", hint=hint)
        return self._seal.open(array.id, box)

    def over(self, serial: str) -> None:
        """Revoke a permit that is not needed any more."""
        self._carriers.forget(serial)
        with self.memory.turn():
            self.memory.revoke((serial,), "used", self._clock())
        self.write_revoked()

    def write_revoked(self) -> None:
        """Write the list of revoked permits that would still be valid, for `RevokedKeys`."""
        write_revoked(self.memory, self.ca, self._revoked, self._clock())


def write_revoked(memory: Memory, ca: str, path: Path, now: datetime) -> None:
    """
    Write the list anew, whole or not at all.

    Serving process and administrator may both write; in turns, so that no list lacks what an earlier one had.
    """
    begun = path.with_name(path.name + ".part")
    with memory.turn():
        content = krl.write(ca, memory.revoked(now - SKEW), int(now.timestamp()), int(now.timestamp()))
        try:
            begun.write_bytes(content)
            begun.chmod(0o644)
            begun.replace(path)
        except OSError as error:
            raise Outside(f"the list of revoked permits cannot be written: {error.strerror}") from None


class Conversation:
    """One connection: it may tell how the ledger grew, and then wish for permits."""

    def __init__(self, keyholder: Keyholder) -> None:
        self._keyholder = keyholder
        self._head = keyholder.memory.head()
        self._pending: list[Entry] = []
        self._taken: dict[str, str] = {}
        """Keys that were taken away, by fingerprint, with whose they were."""

        self._stopped: set[str] = set()
        """Changes whose contractor was stopped: kept apart, because of a change that ended only its end is pending."""

        self._accepted = False
        self.made: Grant | None = None

    def answer(self, asked: words.Asked, peer: socket.socket, handed: Sequence[int]) -> dict[str, Json] | None:
        """Answer one frame; GateError is the answer no, and None: another process answers, and this one has ended."""
        match asked:
            case words.Where():
                return {"size": self._head.size, "ca": self._keyholder.ca}
            case words.Follow(start=start, bodies=bodies):
                return self._follow(start, bodies)
            case words.Head(checkpoint=signed):
                self._keyholder.accept(self._head, self._pending, self._stopped, self._taken, signed)
                self._pending, self._stopped, self._taken, self._accepted = [], set(), {}, True
                return {"size": self._head.size}
            case words.PermitWish():
                self._up_to_date()
                return self._keyholder.permit(asked)
            case words.Carry(serial=serial):
                self._up_to_date()
                self._keyholder.carry(serial, peer, handed)
                return None
            case words.Over(serial=serial):
                self._keyholder.over(serial)
                return {}

    def _up_to_date(self) -> None:
        if not self._accepted or self._pending:
            raise BadInput("first the ledger as it is now, with its checkpoint; then a wish")

    def _follow(self, start: int, bodies: tuple[str, ...]) -> dict[str, Json]:
        if start != self._head.size:
            raise BadInput(f"entries from {start} on, and the next one is {self._head.size}")
        self._accepted = False
        self._head, found = follow(self._head, (body.encode() for body in bodies))
        self._pending += (one for one in found if one.change is not None)
        of_keys = (one.data for one in found if one.change is None)
        self._taken |= {str(data.get("fingerprint")): str(data.get("person")) for data in of_keys}
        self._stopped |= {str(one.change) for one in found if one.kind == "escort.stopped"}
        ended = {one.change for one in found if one.kind == "change.closed"}
        if ended:  # of a change that has ended only its end is kept, so that a long ledger needs little room
            self._pending = [one for one in self._pending if one.change not in ended or one.kind == "change.closed"]
        return {"size": self._head.size}


def _words(step: Step) -> str:
    """Return what OpenSSH is asked to run for a step."""
    if step.by:
        return "internal-sftp"
    return f"scp -t {step.send}" if step.send else step.command


def _public(line: str) -> Ed25519PublicKey:
    try:
        key = load_ssh_public_key(line.encode())
    except ValueError:
        raise BadInput("the key to be certified is none") from None
    if not isinstance(key, Ed25519PublicKey):
        raise BadInput("the key to be certified is not an Ed25519 key")
    return key


def _truly_signed(signed: str, pinned: Pinned) -> bool:
    try:
        note.verify_any(signed, pinned.keys)
    except ValueError:
        return False
    return True
