"""Does everything that hangs on a switch keep another fabric, which nobody touches meanwhile?"""

from collections.abc import Iterator
from dataclasses import dataclass

from gate.checks.case import Case, stale
from gate.finding import FAILED, PASSED, UNKNOWN, Check, Finding, Outcome, Weight, When, worst
from gate.inventory import Array

CHECK = Check(
    name="fabrics-apart",
    question="Does every host and array on the fabric of a switch keep another fabric, well, that no change touches?",
    meaning="Storage survives the restart of a switch over its other fabric. Two changes at once can take both.",
    way_out="Let the change of the other fabric end first, move one window, or say in the inventory what hangs where.",
    threshold="none: one array or host without another whole fabric refuses; what others do in the window counts",
    weight=Weight.BLOCK,
    when=When.APPROVE,
    source="Fabric OS Administrator's Guide: one switch after the other; never both fabrics of anything",
)

Said = tuple[Outcome, str]


@dataclass(frozen=True)
class _Holder:
    """An array or host, and the fabrics it hangs on; None where nobody has said."""

    name: str
    fabrics: frozenset[str] | None
    array: bool


@dataclass(frozen=True)
class _Touching:
    """Who takes which fabric away: a switch of this change, or of another one whose window overlaps."""

    fabric: str
    by: str
    ours: bool


def check(case: Case) -> Finding:
    """Ask for everything that hangs on a fabric which this change or one beside it touches."""
    touching = tuple(_touching(case))
    ours = sorted({one.fabric for one in touching if one.ours})
    said = list(_of_switches(case, touching)) if ours else list(_of_arrays(case, touching))
    red = {words: outcome for outcome, words in said if outcome is not PASSED}
    if red:
        return Finding(CHECK.name, worst([*red.values()]), "; ".join(red), evidence=_raw(case, ours))
    if not ours:
        return Finding(CHECK.name, PASSED, "no switch is changed under these arrays")
    kept = f"everything on {', '.join(ours)} keeps another fabric that is well and that no change touches"
    return Finding(CHECK.name, PASSED, kept, {"fabrics": [*ours]}, _raw(case, ours))


def _raw(case: Case, fabrics: list[str]) -> tuple[str, ...]:
    """Return the replies that it rests on: of what hangs on the fabrics, and of all switches."""
    names = case.targets | {one.id for one in case.inventory.arrays if one.fabric} if fabrics else frozenset()
    readings = [case.evidence.arrays[name] for name in sorted(names) if name in case.evidence.arrays]
    return tuple(dict.fromkeys(digest for reading in readings for digest in reading.raw))


def _touching(case: Case) -> Iterator[_Touching]:
    for name in case.request.targets:
        if (switch := _array(case, name)) is not None and switch.fabric:
            yield _Touching(switch.fabric, name, ours=True)
    for work in case.beside:
        for name in sorted(work.on):
            if (switch := _array(case, name)) is not None and switch.fabric:
                yield _Touching(switch.fabric, f"{name} ({work.words})", ours=False)


def _array(case: Case, name: str) -> Array | None:
    return case.inventory.array(name) if case.inventory.has_array(name) else None


def _of_arrays(case: Case, touching: tuple[_Touching, ...]) -> Iterator[Said]:
    """An array that is changed needs all its paths: while a controller restarts, the other one carries everything."""
    for name in case.request.targets:
        array = _array(case, name)
        for one in touching:
            if array is not None and one.fabric in array.plane.fabrics:
                yield FAILED, f"{name} hangs on {one.fabric}, whose switch {one.by} is changed meanwhile"


def _of_switches(case: Case, touching: tuple[_Touching, ...]) -> Iterator[Said]:
    ours = {one.fabric for one in touching if one.ours}
    changed = {name: work.words for work in case.beside for name in work.on}
    hanging = frozenset(fabric for holder in _holders(case) for fabric in holder.fabrics or ())
    for fabric in sorted(ours - hanging):
        yield Outcome.UNKNOWN, f"nothing is said to hang on {fabric}: is it spelled so everywhere?"
    for holder in _holders(case):
        if holder.fabrics is None:
            yield UNKNOWN, f"nobody says on which fabrics {holder.name} hangs"
        elif ours & holder.fabrics:
            yield _apart(holder, touching)
            if holder.name in changed:
                yield FAILED, f"somebody works on {holder.name} meanwhile: {changed[holder.name]}"
            if holder.array:
                yield _well(case, holder.name, "hangs on the fabric")
            left = holder.fabrics - {one.fabric for one in touching}
            yield from (_other_fabric(case, fabric, holder.name) for fabric in sorted(left))


def _holders(case: Case) -> Iterator[_Holder]:
    for array in case.inventory.arrays:
        if not array.fabric:
            yield _Holder(array.id, frozenset(array.plane.fabrics) or None, array=True)
    for host in case.inventory.hosts:
        yield _Holder(host.id, None if host.fabrics is None else frozenset(host.fabrics), array=False)


def _apart(holder: _Holder, touching: tuple[_Touching, ...]) -> Said:
    """Name the pair that would take both fabrics of one thing."""
    takes = {one.fabric: one.by for one in reversed(touching) if one.fabric in (holder.fabrics or ())}
    if len(takes) > 1:
        both = " and ".join(f"{by} ({fabric})" for fabric, by in sorted(takes.items()))
        return FAILED, f"{holder.name} would lose both fabrics to {both}"
    if not holder.fabrics or len(holder.fabrics) < 2:
        return FAILED, f"{holder.name} hangs on {', '.join(takes)} alone"
    return PASSED, ""


def _other_fabric(case: Case, fabric: str, holder: str) -> Said:
    """The fabric that carries everything meanwhile must be known, and every switch of it well."""
    switches = case.inventory.switches_of(fabric)
    if not switches:
        return UNKNOWN, f"no switch of {fabric} is in the inventory, over which {holder} is reached meanwhile"
    answers = [_well(case, switch.id, "must carry everything meanwhile") for switch in switches]
    return max(answers, key=lambda said: (PASSED, UNKNOWN, FAILED).index(said[0]))


def _well(case: Case, name: str, role: str) -> Said:
    reading = case.evidence.arrays.get(name)
    if reading is None or reading.problems is None or reading.update_state is None:
        return UNKNOWN, f"whether {name} is well could not be measured"
    if reading.problems or reading.update_state != "idle":
        told = ", ".join(reading.problems) or f"its update state is {reading.update_state}"
        return FAILED, f"{name} {role} and is not well: {told}"
    if old := stale(case, reading.at):
        return UNKNOWN, f"{name}: {old}"
    return PASSED, ""
