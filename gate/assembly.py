"""The only file that knows every concrete class: settings in, one installation out."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from gate.control.desk import Desk
from gate.control.door import Control
from gate.control.lists import Lists
from gate.custody import AGENT
from gate.engine.crew import Crew
from gate.engine.hands import Hands
from gate.engine.local import Driver
from gate.errors import LedgerUnavailable, Outside
from gate.gather.gather import Gathering, timeouts_of
from gate.gather.schedule import Schedule
from gate.keys import own, public_line
from gate.ledger.entry import GATE, Draft
from gate.ledger.note import Signer, read_vkey
from gate.ledger.policy import write
from gate.people import People
from gate.permits import Office
from gate.permits.asking import KeyholderOffice
from gate.permits.following import Following
from gate.permits.office import PermitOffice
from gate.permits.register import Register
from gate.policy import Policy
from gate.settings import Settings
from gate.ssh.pins import read_host_keys
from gate.store import Ledger
from gate.store.keys import create, load
from gate.store.restore import newest_key
from gate.store.rings import Rings
from gate.store.signers import AgentKey, CommandKey
from gate.store.sqlite import open_ledger
from gate.streaming.outlets import streaming_of
from gate.streaming.runner import Streaming
from gate.trust import WitnessDemand, older_keys
from gate.witnessing.stamping import Stamping
from gate.witnessing.watch import Witnessing

Clock = Callable[[], datetime]
_log = logging.getLogger("gate.assembly")


def now() -> datetime:
    """The wall clock, aware."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Installation:
    """Everything one data directory runs with. `start` takes the driver's lock; `close` ends all of it."""

    settings: Settings
    ledger: Ledger
    people: People
    control: Control
    driver: Driver
    gathering: Gathering
    schedule: Schedule
    streaming: Streaming
    witnessing: Witnessing
    stamping: Stamping | None = None
    beside_office: Following | Register | None = None
    """Who tells the keyholder of entries; where permits are made in this process, what of them is revoked."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> None:
        """
        Begin to drive changes; Outside when another process already does.

        A ledger that is behind what a witness knows is served for reading: nothing is appended and nothing driven.
        """
        self.witnessing.start()
        if self.behind:
            _log.error("read-only: %s", self.behind)
            return
        self.control.settle_keys()
        self.driver.start()
        self.schedule.start()
        self.streaming.start()
        for one in (self.stamping, self.beside_office):
            if one is not None:
                one.start()
        self.ledger.append(Draft("config.loaded", GATE, None, {"policy": self.settings.policy_digest}))

    @property
    def behind(self) -> str:
        """Why the ledger is only read, by what a witness has shown; empty when it is written."""
        return self.ledger.stopped

    @property
    def doubted(self) -> str:
        """What a witness says against the ledger without a proof; empty when none does."""
        return self.witnessing.state().claim

    def close(self) -> None:
        """End between two steps and let go of every file and connection."""
        self.driver.stop()
        self.schedule.stop()
        self.streaming.stop()
        self.witnessing.close()
        for one in (self.stamping, self.beside_office):
            if one is not None:
                one.close()
        self.gathering.close()
        self.ledger.close()


def open_record(settings: Settings, clock: Clock = now, beginning: Sequence[Draft] = ()) -> Ledger:
    """Open the ledger, made with its key on first use; `beginning` are the first entries of one that is new."""
    make_private(settings)
    return open_ledger(
        settings.ledger_db,
        signer=signer_of(settings),
        clock=clock,
        blobs=settings.blobs,
        seen=settings.ledger_key.with_name(settings.ledger_key.name + ".seen"),
        private=settings.config.ledger.outside,
        beginning=beginning,
    )


def ask_witnesses(settings: Settings, ledger: Ledger, clock: Clock = now) -> None:
    """Have the witnesses say whether the ledger is behind them, before a command appends to it."""
    custody = settings.config.ledger
    Witnessing(ledger, custody.trust(read_vkey(ledger.vkey)), custody, clock).ask()


def signer_of(settings: Settings) -> Signer:
    """
    Return whoever signs for the ledger; a key file is made on first use.

    LedgerUnavailable when there is a ledger and its key file is gone: another key would not be taken for it.
    """
    custody, origin, key = settings.config.ledger, settings.config.ledger.origin, settings.ledger_key
    if custody.command:
        return CommandKey(origin, custody.command, custody.vkey)
    if custody.fingerprint:
        return AgentKey(origin, custody.fingerprint)
    following = successor_file(settings)
    if following.exists() and str(load(following, origin).vkey) == newest_key(settings.ledger_db):
        following.replace(key)  # the log was handed to this key, and whoever did that was stopped
    if key.exists():
        return load(key, origin)
    if settings.ledger_db.exists():
        hint = "put it back from its own backup; if it is lost: sangate ledger recover --new-epoch"
        raise LedgerUnavailable(f"the ledger's key {key} is missing", hint=hint)
    return create(key, origin)


def successor_of(settings: Settings, to: str = "") -> Signer:
    """Return the key to which the log is to be handed: `agent:SHA256:…`, or a new file beside the old one."""
    origin, following = settings.config.ledger.origin, successor_file(settings)
    if to:
        return AgentKey(origin, to.removeprefix(AGENT))
    return load(following, origin) if following.exists() else create(following, origin)


def successor_file(settings: Settings) -> Path:
    """Where the next key lies while the log is handed to it."""
    return settings.ledger_key.with_name(settings.ledger_key.name + ".next")


def office_of(settings: Settings, ledger: Ledger, clock: Clock) -> tuple[Office, Following | Register]:
    """Return whoever makes permits, and what begins with it: who tells the keyholder of entries, or our register."""
    named = settings.config.permits
    if named.keyholder:
        asked = KeyholderOffice(ledger, settings.data / named.keyholder, named.answer_within.total_seconds())
        return asked, Following(asked, ledger)
    key, memory = own(settings.ca_key), settings.ca_key.with_name(settings.ca_key.name + ".live")
    register = Register(public_line(key, "sangate-ca"), memory, settings.revoked, clock)
    through = [array.id for array in settings.config.inventory.arrays if array.via]
    return PermitOffice(key, settings.config.policy.permit_lifetime, through, register), register


def witnesses_of(settings: Settings, ledger: Ledger, clock: Clock) -> tuple[Witnessing, Stamping | None]:
    """Return who asks the witnesses and who asks for time stamps; the ledger then hands out the policy of both."""
    config, key = settings.config.ledger, read_vkey(ledger.vkey)
    ledger.policy = write(config.trust(key))
    witnessing = Witnessing(ledger, config.trust(*older_keys(key, ledger.rotations()), key), config, clock)
    return witnessing, Stamping(ledger, config.tsa, settings.base, clock) if config.tsa else None


def make_private(settings: Settings) -> None:
    """Make the data directory, its keys and its images directory, for the owner alone."""
    try:
        for folder in (settings.data, settings.keys, settings.images):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        settings.data.chmod(0o700)
        settings.keys.chmod(0o700)
    except OSError as error:
        raise Outside(f"the data directory cannot be made: {error.strerror}", place=str(settings.data)) from None


def crew_of(policy: Policy, ledger: Ledger, hands: Hands, office: Office, people: People) -> Crew:
    """Return what a driver needs, with the policy's limits."""
    return Crew(
        ledger=ledger,
        hands=hands,
        office=office,
        people=people.all,
        approvals=policy.approvals,
        permit_lifetime=policy.permit_lifetime,
        evidence_max_age=policy.evidence_max_age,
        settle=policy.settle,
    )


def assemble(settings: Settings, clock: Clock = now) -> Installation:
    """Put one installation together; nothing is asked and nothing moves before `start`."""
    config, policy = settings.config, settings.config.policy
    ledger = open_record(settings, clock)
    rings = Rings(ledger)
    people = People(settings.working_db, clock, ring=rings.now)
    own(settings.monitor_key)
    own(settings.rehearse_key)
    gathering = Gathering(settings, ledger, clock)
    hands = Hands(
        inventory=config.inventory,
        asker=gathering.monitor,
        arrays=gathering.arrays,
        known_answers=gathering.known_answers,
        pinned=read_host_keys(settings.known_hosts),
        mutate_user=config.ssh.mutate_user,
        timeouts=timeouts_of(settings),
        images=settings.images,
        clock=clock,
        legacy_python=settings.legacy_python,
    )
    office, beside = office_of(settings, ledger, clock)
    witnessing, stamping = witnesses_of(settings, ledger, clock)
    crew = crew_of(policy, ledger, hands, office, people)
    if witnessing.demand is WitnessDemand.REQUIRED:
        crew = replace(crew, covered=witnessing.covers)
    desk = Desk(
        settings=settings,
        ledger=ledger,
        people=people,
        lists=Lists(settings.working_db, ledger),
        gathering=gathering,
        clock=clock,
        ring=rings.now,
        witnessed=witnessing.state,
        settled=witnessing.settle,
        stamped=stamping.state if stamping else None,
    )
    driver = Driver(crew, desk.sealed_plan, settings.data / "driver.lock")
    streaming = streaming_of(settings, ledger, clock)
    schedule = Schedule(config.inventory, policy, gathering.rehearsals, ledger, clock)
    return Installation(
        settings, ledger, people, Control(desk), driver, gathering, schedule, streaming, witnessing, stamping, beside
    )
