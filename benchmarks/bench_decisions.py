"""
Deciding from stored evidence: every check over fleets of growing size, and one usual change in each of them.

    PYTHONPATH=. python benchmarks/bench_decisions.py [--arrays 1000 5000 10000] [--each]

Each array carries 50 datasets, each dataset has two protections: a repository on an array of another site, and an
object store. Everything is well, which is the longest way through every check. The whole fleet as one case is no
change that anybody could open (a change has at most 200 targets); it shows what a protection costs. Seconds are of this
process's processor, since the machine is shared; the garbage collector is off while it counts.
"""

import argparse
import gc
import resource
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from gate.checks import CHECKS
from gate.checks.case import Case
from gate.evidence import Evidence, RecordState, Trace, Volume
from gate.finding import Outcome
from gate.inventory import Dataset, Inventory, Protection
from tests import cases

DATASETS = 50
USUAL = 6
"""Targets of a usual change: the demo's."""

PERSONS = {"window-open", "no-conflict", "image-approved", "back-out-ready", "restore-planned"}
"""Questions about the change and its plan, which do not grow with the fleet; asked all the same."""


def fleet(arrays: int) -> tuple[Inventory, Evidence]:
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
    )


TOOLS = tuple(cases.evidence().tools)


def case(inventory: Inventory, evidence: Evidence, targets: int) -> Case:
    """Return a change of so many targets, each a stage of its own; the restore plan is left out."""
    names = tuple(one.id for one in inventory.arrays if one.id.startswith("a-"))[:targets]
    asked = cases.request().model_copy(update={"targets": names, "restore_plan": None})
    plan = cases.plan(targets=(), stages=tuple(cases.Stage(name, (name,)) for name in names))
    return cases.case(evidence, inventory=inventory, request=asked, plan=plan)


def timed(asked: Case) -> Iterator[tuple[str, float]]:
    """Ask every check once, each finding dropped before the next; what all of them share counts for the first."""
    for module in CHECKS:
        began = time.process_time()
        outcome = module.check(asked).outcome
        yield module.CHECK.name, time.process_time() - began
        if module.CHECK.name not in PERSONS and outcome is not Outcome.PASSED:
            raise SystemExit(f"{module.CHECK.name}: {module.check(asked).because[:300]}")


def main() -> None:
    """Print one line for each size."""
    options = argparse.ArgumentParser(description="deciding from stored evidence")
    options.add_argument("--arrays", type=int, nargs="+", default=[1000, 5000, 10_000])
    options.add_argument("--each", action="store_true", help="also each check's share")
    given = options.parse_args()
    for arrays in given.arrays:
        inventory, evidence = fleet(arrays)
        gc.collect()
        gc.freeze()
        gc.disable()
        spent = dict(timed(case(inventory, evidence, arrays)))
        few = sum(seconds for _, seconds in timed(case(inventory, evidence, USUAL)))
        gc.enable()
        protections, whole = len(inventory.protections), sum(spent.values())
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        sys.stdout.write(
            f"{arrays} arrays, {protections} protections: {whole:.2f} s, {whole / protections * 1e6:.1f} µs each; "
            f"a change of {USUAL} targets among them {few:.3f} s; peak {peak} MiB\n"
        )
        if given.each:
            for name, seconds in sorted(spent.items(), key=lambda pair: -pair[1]):
                sys.stdout.write(f"  {name:24} {seconds:7.3f} s\n")


if __name__ == "__main__":
    main()
