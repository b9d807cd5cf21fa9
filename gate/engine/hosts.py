"""
What the hosts above the arrays see: paths, sessions, disks, ports and RAID, before the change and while it soaks.

Each host of data or of copies is asked under the read-only credential. What it told well before the change must be well
when the soak ends; what it could not tell then is never asked of it again. So a host's word can refuse, and never opens
anything.
"""

from gate.canonical import Json
from gate.change import Plan
from gate.engine.hands import Hands
from gate.engine.heard import raw_reply
from gate.engine.next import BASELINE
from gate.evidence import Reply
from gate.families.family import Unreadable
from gate.families.linux_facts import Fact, State
from gate.families.linux_probes import QUESTIONS, READERS
from gate.finding import Outcome
from gate.inventory import Inventory
from gate.judgement import ON_HOSTS
from gate.ledger.entry import GATE, Draft
from gate.standing import Standing
from gate.store import Ledger

STATIC = ("paths.queues_for_ever", "disk.revision")
"""How a host was set up, or what a good update changes: neither says whether it lost something."""

MOST_TOLD = 4000
"""Characters of one probe's answer; a host with more paths is compared by those that fit."""


def concerned(inventory: Inventory, canary: str) -> tuple[str, ...]:
    """Return the hosts of data and copies that hang on a fabric of the canary, or of which nobody says on which."""
    fabrics = frozenset(inventory.array(canary).plane.fabrics)
    used = {dataset.host for dataset in inventory.datasets} | {one.host for one in inventory.protections}
    hang = {host.id: host.fabrics for host in inventory.hosts if host.id in used}
    return tuple(name for name, said in hang.items() if not fabrics or said is None or not fabrics.isdisjoint(said))


def host_probes(ledger: Ledger, hands: Hands, plan: Plan, standing: Standing, number: int) -> list[Draft]:
    """Ask every host concerned; after the baseline only what it told well then."""
    drafts = []
    for host in concerned(hands.inventory, plan.canary):
        for name, question in ON_HOSTS.items():
            before = _before(standing, host, name)
            if number > BASELINE and not before:
                continue
            reply = hands.ask(host, QUESTIONS[question])
            outcome, said = _answer(question, reply, before)
            data: dict[str, Json] = {"array": host, "role": "host", "name": name, "outcome": outcome.value}
            blob = raw_reply(ledger, reply)
            data |= {"value": said, "unit": "", "round": number}
            drafts.append(Draft("probe.finished", GATE, standing.change, data, (blob,) if blob else ()))
    return drafts


def _before(standing: Standing, host: str, name: str) -> tuple[str, ...]:
    """Return what was well at the baseline; the last of a list that was cut is not known whole, and left out."""
    asked = (host, name, BASELINE, Outcome.PASSED)
    told = next((one.because for one in standing.probes if (one.array, one.name, one.round, one.outcome) == asked), "")
    parts = tuple(part for part in told.split("; ") if part)
    return parts if len(told) < MOST_TOLD else parts[:-1]


def _answer(question: str, reply: Reply, before: tuple[str, ...]) -> tuple[Outcome, str]:
    try:
        facts = {_key(fact): fact for fact in READERS[question](reply) if fact.name not in STATIC}
    except Unreadable as error:
        return Outcome.UNKNOWN, str(error)[:500]
    well = [key for key, fact in facts.items() if fact.state is State.OK]
    if not before:
        return (Outcome.PASSED, "; ".join(well)[:MOST_TOLD]) if well else (Outcome.UNKNOWN, "it tells nothing well")
    lost = {key: facts.get(key) for key in before if key not in well}
    if not lost:
        return Outcome.PASSED, f"all {len(before)} that were well before are well"
    told = ", ".join(f"{key} is {fact.value or fact.state if fact else 'gone'}" for key, fact in lost.items())
    doubtful = all(fact is not None and fact.state is State.UNKNOWN for fact in lost.values())
    return Outcome.UNKNOWN if doubtful else Outcome.FAILED, told[:500]


def _key(fact: Fact) -> str:
    return f"{fact.name} {fact.object}".replace("; ", " ")
