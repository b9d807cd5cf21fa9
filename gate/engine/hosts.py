"""
What the hosts above the arrays see: paths, sessions, disks, ports and RAID, before the change and while it soaks.

Each host of data or of copies is asked under the read-only credential. What it told well before the change must be well
when the soak ends; what it could not tell then is never asked of it again. So a host's word can refuse, and never opens
anything.

Where a part is replaced that has failed, hosts are asked for more. No host may have a live path through the part that
the array calls failed: then the array tells of the wrong one, and nothing is begun. And what a host had lost before
must be well when the soak ends.

A host that is not well itself (its own disks, mirror, ports, firmware) is no witness, and where none is left nothing is
begun. Mirror and ports are no sign of that while a failed part is replaced: it may be what took them away.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate

from gate.canonical import Json, encode
from gate.change import Plan
from gate.engine.hands import Hands
from gate.engine.heard import raw_reply
from gate.engine.next import BASELINE
from gate.evidence import Reply
from gate.families.family import Unreadable
from gate.families.linux import follow
from gate.families.linux_drives import own_disks
from gate.families.linux_facts import Fact, State
from gate.families.linux_probes import QUESTIONS, READERS, live_ports, may_ask
from gate.finding import Outcome
from gate.inventory import Inventory
from gate.judgement import FIT, OF_ITSELF, ON_HOSTS, OWN_DISKS, Probe, lost_of, no_witness_left
from gate.ledger.entry import GATE, Draft
from gate.standing import Standing
from gate.store import Ledger

STATIC = ("paths.queues_for_ever", "disk.revision")
"""How a host was set up, or what a good update changes: neither says whether it lost something."""

MOST_TOLD = 12_000
"""Bytes of one probe's answer in its entry (gate.ledger.entry.LARGEST_BODY): some 250 maps, or 600 disks."""

MORE = re.compile(r"and [0-9]+ more that did not fit", re.ASCII)
"""Ends a list that was cut. No fact has such a name."""

WORST_LAST = (State.OK, State.UNKNOWN, State.BAD)
"""Of two facts with one key the worse stays."""

LIVE = "failed-part"
"""Probe of a host that has a live path through the part which the array calls failed."""


@dataclass(frozen=True)
class _Told:
    """What a host answered to one probe: facts by key, or why there are none."""

    facts: Mapping[str, Fact]
    live: frozenset[str]
    """Target ports through which it has a live way."""

    unreadable: str
    replies: tuple[Reply, ...]


Answer = tuple[str, Outcome, str]
"""Probe, how it came out, what it says."""


def concerned(inventory: Inventory, canary: str) -> tuple[str, ...]:
    """Return the hosts of data and copies that hang on a fabric of the canary, or of which nobody says on which."""
    fabrics = frozenset(inventory.array(canary).plane.fabrics)
    used = {dataset.host for dataset in inventory.datasets} | {one.host for one in inventory.protections}
    hang = {host.id: host.fabrics for host in inventory.hosts if host.id in used}
    return tuple(name for name, said in hang.items() if not fabrics or said is None or not fabrics.isdisjoint(said))


def host_probes(ledger: Ledger, hands: Hands, plan: Plan, standing: Standing, number: int) -> list[Draft]:
    """Ask every host concerned; after the baseline only about what it told then."""
    drafts = []
    for host in concerned(hands.inventory, plan.canary):
        asked: dict[str, Reply] = {}
        for name in ON_HOSTS:
            well, lost = _before(standing, host, name, Outcome.PASSED), _before(standing, host, lost_of(name))
            if number > BASELINE and not well and not lost:
                continue
            told = _told(hands, host, name, asked)
            blobs = [blob for reply in told.replies if (blob := raw_reply(ledger, reply)) is not None]
            first = number == BASELINE
            answers = _at_first(plan, name, told) if first else _afterwards(plan, name, told, well, lost)
            for probe, outcome, said in answers:
                data: dict[str, Json] = {"array": host, "role": "host", "name": probe, "outcome": outcome.value}
                data |= {"value": said, "unit": "", "round": number}
                drafts.append(Draft("probe.finished", GATE, standing.change, data, tuple(dict.fromkeys(blobs))))
    return drafts


def unseen(drafts: Iterable[Draft]) -> str:
    """Say why no host could watch what would be begun now; empty while one can, or where none tells anything."""
    said = [{key: str(value) for key, value in draft.data.items()} for draft in drafts]
    return no_witness_left(
        Probe(one["array"], one["name"], BASELINE, Outcome(one["outcome"]), one["value"]) for one in said
    )


def still_alive(drafts: Iterable[Draft]) -> str:
    """Say through which hosts it came out that a part serves which the array calls failed; empty when through none."""
    told = [data for data in (one.data for one in drafts) if data["name"] == LIVE]
    hosts = "; ".join(f"{data['array']} {data['value']}" for data in told)
    return hosts and f"the array calls a part failed that serves: {hosts}"


def _before(standing: Standing, host: str, name: str, outcome: Outcome = Outcome.FAILED) -> tuple[str, ...]:
    """Return what was told at the baseline, with the words at its end that some of it did not fit."""
    asked = (host, name, BASELINE, outcome)
    told = next((one.because for one in standing.probes if (one.array, one.name, one.round, one.outcome) == asked), "")
    return tuple(part for part in told.split("; ") if part)


def _fitting(keys: Iterable[str]) -> str:
    """Join as many keys as an entry takes, and say of how many more nobody will know."""
    every = tuple(keys)
    ends = accumulate(len(encode(key)) for key in every)
    kept = sum(end <= MOST_TOLD for end in ends)
    return "; ".join(every[:kept] + ((f"and {len(every) - kept} more that did not fit",) * (kept < len(every))))


def _unkept(told: tuple[str, ...]) -> tuple[tuple[str, ...], str]:
    """Return the keys of a list, and the words that say that it was cut; "" for one that is whole."""
    return (told[:-1], f", {told[-1]} before") if told and MORE.fullmatch(told[-1]) else (told, "")


def _told(hands: Hands, host: str, name: str, asked: dict[str, Reply]) -> _Told:
    """Put one probe's questions; within one round of one host the same words are put once (`asked`)."""
    question, replies = ON_HOSTS[name], list[Reply]()

    def ask(command: str) -> Reply:
        if not may_ask(command):
            raise Unreadable(f'not asked: "{command[:120]}" is not on the list of questions that change nothing')
        if command not in asked:
            asked[command] = hands.ask(host, command)
        replies.append(asked[command])
        return asked[command]

    try:
        if name in OF_ITSELF and question not in QUESTIONS:
            facts, live = follow(own_disks(), ask), frozenset[str]()
        else:
            reply = ask(QUESTIONS[question])
            facts, live = READERS[question](reply), live_ports(question, reply)
    except Unreadable as error:
        return _Told({}, frozenset(), str(error)[:500], tuple(replies))
    ordered = sorted((fact for fact in facts if fact.name not in STATIC), key=lambda fact: WORST_LAST.index(fact.state))
    return _Told({_key(fact): fact for fact in ordered}, live, "", tuple(replies))


def _at_first(plan: Plan, name: str, told: _Told) -> Iterator[Answer]:
    """Tell what is well; where a failed part is replaced, also what is lost, and what should be lost and is not."""
    if told.unreadable:
        yield name, Outcome.UNKNOWN, told.unreadable
        return
    failed = plan.part is not None and plan.part.failed
    well = _fitting(key for key, fact in told.facts.items() if fact.state is State.OK)
    bad = {key: fact for key, fact in told.facts.items() if fact.state is State.BAD}
    if bad and name in (OF_ITSELF if failed else FIT):
        yield name, Outcome.FAILED, _said(bad)
        return
    yield (name, Outcome.PASSED, well) if well else (name, Outcome.UNKNOWN, "it tells nothing well")
    if plan.part is None or not failed:
        return
    if bad:
        yield lost_of(name), Outcome.FAILED, _fitting(bad)
    if through := sorted(told.live.intersection(plan.part.ports)):
        yield LIVE, Outcome.FAILED, f"has a live path through {', '.join(through)}"[:500]


def _afterwards(plan: Plan, name: str, told: _Told, well: tuple[str, ...], lost: tuple[str, ...]) -> Iterator[Answer]:
    """
    Everything that was well must be well, and what was lost before must be there again.

    An own disk that is gone is no sign that the host is ill: where it was is no longer told. Then
    `host-disks` has lost it too, and has failed. What did not fit at the beginning cannot be compared: a doubt.
    """
    facts = told.facts
    if told.unreadable:
        unread = (name,) * bool(well) + (lost_of(name),) * bool(lost)
        yield from ((probe, Outcome.UNKNOWN, told.unreadable) for probe in unread)
        return
    if well:
        keys, more = _unkept(well)
        gone = _not_well(facts, keys)
        doubtful = all(name == OWN_DISKS if fact is None else fact.state is State.UNKNOWN for fact in gone.values())
        outcome = _doubted(more) if not gone else Outcome.UNKNOWN if doubtful else Outcome.FAILED
        yield name, outcome, _said(gone) or f"all {len(keys)} that were well before are well{more}"
    if lost:
        keys, more = _unkept(lost)
        gone = _not_well(facts, keys)
        mine = plan.part is not None and any(port in key for key in gone for port in plan.part.ports)
        outcome = _doubted(more) if not gone else Outcome.FAILED if mine else Outcome.UNKNOWN
        well_again = f"all {len(keys)} that were lost before are well{more}"
        yield lost_of(name), outcome, (f"lost before, and still: {_said(gone)}" if gone else well_again)[:500]


def _doubted(more: str) -> Outcome:
    """Whatever did not fit into the baseline is not known, so its host's last word is a doubt."""
    return Outcome.UNKNOWN if more else Outcome.PASSED


def _not_well(facts: Mapping[str, Fact], keys: tuple[str, ...]) -> dict[str, Fact | None]:
    known = ((key, facts.get(key)) for key in keys)
    return {key: fact for key, fact in known if fact is None or fact.state is not State.OK}


def _said(gone: Mapping[str, Fact | None]) -> str:
    told = ", ".join(f"{key} is {fact.value or fact.state if fact else 'gone'}" for key, fact in gone.items())
    return told[:500]


def _key(fact: Fact) -> str:
    return f"{fact.name} {fact.object}".replace("; ", " ")
