"""
Deciding from stored evidence: every check for every array of fleets of growing size, and one usual change in each.

    PYTHONPATH=. python benchmarks/bench_decisions.py [--arrays 1000 5000 10000] [--each] [--as-one] [--in-turn 200]
        [--maintenance 5000] [--gathered]

Each array carries 50 datasets, each dataset has two protections: a repository on an array of another site, and an
object store. Everything is well, which is the longest way through every check. Each array is decided as a change of its
own, one after the other over what is known of the fleet, and its findings are dropped before the next. `--as-one`
decides the whole fleet as one change besides, which nobody could open (a change has at most 200 targets).
`--in-turn` asks whether a protection costs the same in a larger fleet: it decides so many arrays of each fleet, spread
evenly, one of each in turn, so that whatever else the machine does falls on all sizes alike.

`--maintenance` has the inventory tell of so many works, all of them long over. `--gathered` measures, and nothing else,
what a gathering does for every protection beside asking: it stands each read beside the five before it, and finds out
when maintenance was over.

Seconds are of this process's processor, since the machine is shared; the garbage collector is off while it counts. Work
beside it makes even those longer, so a yardstick is measured all along: a plain loop of Python, which takes 150 ns a
turn on this machine at rest. The last column is what a protection would have cost at rest.
"""

import argparse
import gc
import resource
import statistics
import sys
import time
from collections import Counter
from dataclasses import dataclass, replace
from datetime import timedelta

from gate.change import Kind, Purpose
from gate.checks import EXPECTED
from gate.checks.case import Case
from gate.checks.fleet import Fleet
from gate.evidence import Evidence, RecordState, Trace, Volume
from gate.finding import Outcome, When
from gate.gather.known import maintained, reads, with_earlier
from gate.inventory import Dataset, Inventory, Maintenance, Protection
from gate.landscape import Map
from gate.verdict import decide
from tests import cases

DATASETS = 50
USUAL = 6
"""Targets of a usual change: the demo's."""

TURNS = 10_000
AT_REST_NS = 150.0
CHANGED = EXPECTED[(Kind.FIRMWARE, Purpose.FORWARD)]

PERSONS = {"window-open", "no-conflict", "image-approved", "back-out-ready", "restore-planned"}
"""Questions about the change and its plan, which do not grow with the fleet; asked all the same."""


def fleet(arrays: int, works: int = 0) -> tuple[Inventory, Evidence]:
    """Return an inventory and its evidence. Models are copied, not read: reading files is not what is measured."""
    model, dataset, near, far = cases.array("a-0"), cases.dataset(), cases.protection(), cases.offsite()
    names = [f"a-{number}" for number in range(arrays)]
    vaults = [f"v-{number}" for number in range(max(1, arrays // 10))]
    site = model.plane, cases.array("vault-1").plane
    every = [
        model.model_copy(update={"id": name, "serial": f"SERIAL-{name}", "plane": site[name in kept], "scratch": None})
        for kept in [set(vaults)]
        for name in (*names, *vaults)
    ]
    every = [one.model_copy(update={"site": "west" if one.id.startswith("v-") else "east"}) for one in every]
    datasets: list[Dataset] = []
    protections: list[Protection] = []
    traces: dict[str, Trace] = {}
    repositories: dict[str, Trace] = {}
    volumes: dict[str, list[Volume]] = {name: [] for name in (*names, *vaults)}
    for number, (array, one) in enumerate((array, one) for array in names for one in range(DATASETS)):
        of, vault = f"d-{number}", vaults[number % len(vaults)]
        datasets.append(dataset.model_copy(update={"id": of}))
        protections.append(near.model_copy(update={"id": f"near-{number}", "dataset": of}))
        protections.append(far.model_copy(update={"id": f"far-{number}", "dataset": of}))
        data, kept = f"6005{number:028x}", f"6006{number:028x}"
        traces[of] = cases.trace(array, data)
        repositories[f"near-{number}"] = cases.trace(vault, kept, host="bk-1", path="/backup")
        repositories[f"far-{number}"] = cases.bucket()
        volumes[array].append(Volume(str(one), f"volume-{one}", data, 4096))
        volumes[vault].append(Volume(str(number), f"copy-{number}", kept, 4096))
    tools = {name: cases.trace(vaults[0], f"600700000000000000000000000000{n}a") for n, name in enumerate(TOOLS)}
    volumes[vaults[0]] += [Volume(name, name, one.leaves[0].lun, 4096) for name, one in tools.items()]
    inventory = Inventory.model_construct(
        sites=("east", "west"),
        arrays=tuple(every),
        hosts=(cases.host("db-1", "east"), cases.host("bk-1", "west")),
        datasets=tuple(datasets),
        protections=tuple(protections),
        appliances=(),
        recovery_tools=(cases.recovery_tool(),),
        gate_on=None,
        unprotected=(),
        maintenance=tuple(
            Maintenance(on=vaults[one % len(vaults)], opens=last - timedelta(hours=2), closes=last, reason="new fans")
            for last in [cases.NOON - timedelta(days=60)]
            for one in range(works)
        ),
    )
    kept_by = [(one.id, repositories[one.id].place or "") for one in protections]
    of_all = {"protection": "", "place": ""}
    read, rehearsed, fast = (
        cases.verification(**of_all),
        cases.rehearsal(**of_all),
        cases.immutability(),
    )
    scratch = tools[cases.recovery_tool().id]
    return inventory, Evidence(
        at=cases.NOON,
        arrays={name: cases.reading(name, volumes=tuple(volumes[name])) for name in (*names, *vaults)},
        datasets=traces,
        repositories=repositories,
        backups={name: cases.backups(name) for name, _ in kept_by},
        verifications=tuple(replace(read, protection=name, place=place) for name, place in kept_by),
        rehearsals=tuple(replace(rehearsed, protection=name, place=place) for name, place in kept_by),
        immutability={name: replace(fast, protection=name) for name, _ in kept_by if name.startswith("far-")},
        access={name: cases.access(name) for name, _ in kept_by},
        tools=tools,
        scratches={name: scratch for name, _ in kept_by},
        settled=dict.fromkeys((*names, *vaults, *(name for name, _ in kept_by)), cases.NOON - timedelta(days=30)),
        record=RecordState(cases.NOON - timedelta(minutes=1), 100),
        image=cases.image_reading(),
        host_keys=cases.HOST_KEYS,
        prechecks={name: cases.prechecked(name) for name in names},
    )


TOOLS = tuple(cases.evidence().tools)


def case(like: Case, targets: tuple[str, ...]) -> Case:
    """Return a change of these targets, each a stage of its own."""
    asked = like.request.model_copy(update={"targets": targets})
    stages = tuple(cases.Stage(name, (name,)) for name in targets)
    return replace(like, request=asked, plan=cases.plan(targets=(), stages=stages))


def ask(asked: Case, each: Counter[str] | None = None) -> float:
    """
    Ask every check that this change has once, each finding dropped before the next; return the seconds.

    The clock is read once for each check only where `each` wants to know: that takes as long as a small question.
    """
    began = last = time.process_time()
    outcomes = []
    for module in CHANGED:
        outcomes.append(module.check(asked).outcome)
        if each is not None:
            now = time.process_time()
            each[module.CHECK.name] += now - last
            last = now
    spent = time.process_time() - began
    for module, outcome in zip(CHANGED, outcomes, strict=True):
        if module.CHECK.name not in PERSONS and outcome is not Outcome.PASSED:
            raise SystemExit(f"{module.CHECK.name}: {module.check(asked).because[:300]}")
    return spent


class Yardstick:
    """How long a turn of a plain loop takes while something else is measured, in nanoseconds."""

    def __init__(self) -> None:
        self._turns, self._spent = 0, 0.0

    def measure(self) -> None:
        """Take it once, which costs one or two milliseconds."""
        began, number = time.process_time(), 0
        for one in range(TURNS):
            number += one
            kept = {"a": number}
            _ = kept, number
        self._spent += time.process_time() - began
        self._turns += TURNS

    @property
    def slower(self) -> float:
        """How many times slower than at rest it was on average."""
        return self._spent / self._turns * 1e9 / AT_REST_NS


@dataclass
class Found:
    """What one fleet cost."""

    spent: Counter[str]
    """Seconds by check, where each was timed, and for finding what is at risk."""

    whole_s: float
    known_s: float
    told_s: float
    yardstick: Yardstick


def stream(like: Case, arrays: int, *, each: bool) -> Found:
    """Decide every array, one after the other; tell everything of every hundredth, as a decision does."""
    found = Found(Counter(), 0.0, 0.0, 0.0, Yardstick())
    like, found.known_s = known(like)
    found.whole_s = found.known_s
    for number in range(arrays):
        began = time.process_time()
        asked = case(like, (f"a-{number}",))
        _ = asked.reliances
        at_risk = time.process_time() - began
        found.spent["what is at risk"] += at_risk
        found.whole_s += at_risk + ask(asked, found.spent if each else None)
        if number % 100 == 0:
            began = time.process_time()
            findings = tuple(module.check(asked).told() for module in CHANGED)
            decide(tuple(module.CHECK for module in CHANGED), findings, When.START)
            found.told_s += (time.process_time() - began) / len(range(0, arrays, 100))
        if number % 5 == 0:
            found.yardstick.measure()
    return found


def likely(arrays: int, works: int) -> Case:
    """Return what every change of a new fleet of this size has in common."""
    inventory, evidence = fleet(arrays, works)
    request = cases.request().model_copy(update={"restore_plan": None})
    return cases.case(evidence, inventory=inventory, request=request, plan=cases.plan(targets=()))


def known(like: Case) -> tuple[Case, float]:
    """Find what is known of its whole fleet; return the case that has it, and the seconds."""
    began = time.process_time()
    shared = Fleet(like.inventory, like.evidence, like.policy, like.now)
    _ = shared.lying, shared.uses, shared.reads, shared.rehearsals
    return replace(like, shared=shared), time.process_time() - began


def in_turn(sizes: list[int], many: int, works: int) -> None:
    """Decide so many arrays of each fleet in turn; print what a protection costs in each, and against the first."""
    every = [known(likely(arrays, works)) for arrays in sizes]
    gc.collect()
    gc.freeze()
    gc.disable()
    spent: list[list[float]] = [[] for _ in sizes]
    for number in range(many):
        for (like, _), arrays, seconds in zip(every, sizes, spent, strict=True):
            began = time.process_time()
            asked = case(like, (f"a-{number * arrays // many}",))
            _ = asked.reliances
            at_risk = time.process_time() - began
            seconds.append(at_risk + ask(asked))
    for (like, known_s), arrays, seconds in zip(every, sizes, spent, strict=True):
        protections = len(like.inventory.protections)
        against = statistics.median(one / other for one, other in zip(seconds, spent[0], strict=True))
        sys.stdout.write(
            f"{arrays} arrays, {protections} protections: {sum(seconds) / many / DATASETS / 2 * 1e6:.1f} µs each, "
            f"{against:.3f} of what it is among {sizes[0]} (median of {many} arrays); the map of the fleet "
            f"{known_s / protections * 1e6:.1f} µs each\n"
        )


def gathered(like: Case) -> None:
    """Print what a gathering finds out for every protection beside asking."""
    inventory, evidence = like.inventory, like.evidence
    known = tuple(
        replace(one, at=one.at - timedelta(days=days)) for days in range(5, 0, -1) for one in evidence.verifications
    )
    where = Map(evidence.arrays, inventory)
    for trace in evidence.repositories.values():
        where.locate(trace)
    began = time.process_time()
    stood = with_earlier(evidence.verifications, reads(known))
    between = time.process_time()
    over = maintained(inventory, dict(evidence.repositories), where, cases.NOON)
    ended = time.process_time()
    many = len(inventory.protections)
    sys.stdout.write(
        f"{many} protections, {len(known)} reads before, {len(stood)} stand; {len(inventory.maintenance)} works, over "
        f"for {len(over)}: {(between - began) / many * 1e6:.1f} and {(ended - between) / many * 1e6:.1f} µs each\n"
    )


def main() -> None:
    """Print one line for each size."""
    options = argparse.ArgumentParser(description="deciding from stored evidence")
    options.add_argument("--arrays", type=int, nargs="+", default=[1000, 5000, 10_000])
    options.add_argument("--each", action="store_true", help="also each check's share")
    options.add_argument("--as-one", action="store_true", help="also the whole fleet as one change")
    options.add_argument("--in-turn", type=int, default=0, help="decide so many arrays of each fleet in turn, no more")
    options.add_argument("--maintenance", type=int, default=0, help="so many works that are over")
    options.add_argument("--gathered", action="store_true", help="what a gathering does beside asking, and no more")
    given = options.parse_args()
    if given.in_turn:
        in_turn(given.arrays, given.in_turn, given.maintenance)
        return
    for arrays in given.arrays:
        like = likely(arrays, given.maintenance)
        inventory = like.inventory
        if given.gathered:
            gathered(like)
            continue
        gc.collect()
        gc.freeze()
        gc.disable()
        held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        found = stream(like, arrays, each=given.each)
        names = tuple(one.id for one in inventory.arrays if one.id.startswith("a-"))
        few = ask(case(like, names[:USUAL]))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        one = ask(case(like, names)) if given.as_one else None
        gc.enable()
        protections = len(inventory.protections)
        whole = found.whole_s
        each, slower = whole / protections * 1e6, found.yardstick.slower
        sys.stdout.write(
            f"{arrays} arrays, {protections} protections: {whole:.2f} s, of which {found.known_s:.2f} s for the map of "
            f"the fleet; {each:.1f} µs each; telling everything of one array and its verdict {found.told_s * 1e3:.1f} "
            f"ms; a change of {USUAL} targets alone {few:.3f} s; {held} MiB before, {peak} MiB at most; the machine "
            f"{slower:.2f} times slower than at rest, so {each / slower:.1f} µs each\n"
        )
        if one is not None:
            sys.stdout.write(f"  as one change: {one:.2f} s, {one / protections * 1e6:.1f} µs each\n")
        if given.each:
            for name, seconds in found.spent.most_common():
                sys.stdout.write(f"  {name:24} {seconds / slower / protections * 1e6:6.2f} µs a protection, at rest\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
