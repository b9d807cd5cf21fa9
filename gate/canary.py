"""Choose the one array that is changed first, one to compare it with, and say why not each of the others."""

from collections.abc import Mapping
from dataclasses import dataclass

from gate.change import PassedOver, Stage
from gate.evidence import ArrayReading
from gate.inventory import Array, Criticality, Inventory

RANK = {criticality: rank for rank, criticality in enumerate(Criticality)}


@dataclass(frozen=True)
class Choice:
    """The canary and its control, or the sentence that says why there is none; every target is explained."""

    canary: str | None
    control: str | None
    because: str
    explained: tuple[PassedOver, ...]


def choose(
    targets: tuple[str, ...],
    inventory: Inventory,
    readings: Mapping[str, ArrayReading],
    repositories: frozenset[str],
    datasets: frozenset[str],
    mended: frozenset[str] = frozenset(),
) -> Choice:
    """
    Choose by DESIGN section 7: alike with those it stands for, least critical, no repository, no partner among the
    targets, well now, and one matching control that stays untouched in this stage.

    `repositories` and `datasets` name the arrays on which a repository or a dataset was found; `mended` those of which
    nothing is wrong but the failed part that this change replaces: such a one can be the canary, never the control.
    Ties go to an array without a dataset, then to the later name, so that the choice is the same every time.
    """
    if lost := set(targets) - {array.id for array in inventory.arrays}:
        because = f"{', '.join(sorted(lost))}: not in the inventory"
        return Choice(None, None, because, tuple(PassedOver(name, False, because) for name in targets))
    arrays = {name: inventory.array(name) for name in targets}
    barred = {name: _barred(array, arrays, readings, repositories, mended) for name, array in arrays.items()}
    kinds = {_likeness(array, readings) for array in arrays.values()}
    if len(kinds) > 1:
        because = "the targets differ in model or running firmware: one canary cannot stand for them, split the change"
        return Choice(None, None, because, _explain(targets, None, None, barred, arrays, because))
    fit = sorted((name for name in targets if not barred[name]), reverse=True)
    fit.sort(key=lambda name: (RANK[arrays[name].criticality], name in datasets))
    if not fit:
        because = "no target can be the canary"
        return Choice(None, None, because, _explain(targets, None, None, barred, arrays, because))
    canary = fit[0]
    control = _control(arrays[canary], inventory, readings, targets)
    if control is None:
        because = f"{canary} has no well array of the same model and firmware beside it to compare with"
        return Choice(None, None, because, _explain(targets, None, None, barred, arrays, because))
    because = f"lowest criticality ({arrays[canary].criticality}) among the targets that can be it"
    return Choice(canary, control, because, _explain(targets, canary, control, barred, arrays, because))


def stages(canary: str, targets: tuple[str, ...], inventory: Inventory) -> tuple[Stage, ...]:
    """Draw the stages: the canary, then one wave a site, the canary's own site first; partners are never together."""
    first = inventory.array(canary).site
    sites = sorted({inventory.array(name).site for name in targets}, key=lambda site: (site != first, site))
    waves: list[list[str]] = []
    for site in sites:
        here: list[list[str]] = []
        for array in (inventory.array(name) for name in targets if name != canary):
            if array.site != site:
                continue
            free = (wave for wave in here if not any(_partners(array, inventory.array(name)) for name in wave))
            wave = next(free, None)
            if wave is None:
                here.append([array.id])
            else:
                wave.append(array.id)
        waves += here
    drawn = [Stage("canary", (canary,))]
    drawn += [Stage(f"wave-{number}", tuple(wave)) for number, wave in enumerate(waves, start=1)]
    return tuple(drawn)


def _likeness(array: Array, readings: Mapping[str, ArrayReading]) -> tuple[str, str, str | None]:
    reading = readings.get(array.id)
    return array.family, array.model, reading.version if reading else None


def _partners(one: Array, other: Array) -> bool:
    """One of the two naming the other is enough: a pair that is entered on one side only is a pair."""
    return one.partner == other.id or other.partner == one.id


def _unfit(array: Array, readings: Mapping[str, ArrayReading], mended: frozenset[str] = frozenset()) -> str:
    """Say why this array can be neither canary nor control; empty when it can."""
    reading = readings.get(array.id)
    if reading is None or reading.version is None or reading.serial != array.serial:
        return "what it runs or who it is could not be measured"
    if reading.problems is None or reading.unknown:
        return "its health could not be measured"
    if reading.problems and array.id not in mended:
        return f"it is not well: {', '.join(reading.problems)}"
    if reading.update_state != "idle":
        return f"its update state is {reading.update_state or 'not known'}, not idle"
    if array.scratch is None:
        return "it has no scratch object for known-answer data"
    return ""


def _barred(
    array: Array,
    targets: Mapping[str, Array],
    readings: Mapping[str, ArrayReading],
    repositories: frozenset[str],
    mended: frozenset[str],
) -> str:
    if because := _unfit(array, readings, mended):
        return because
    if array.id in repositories:
        return "it holds a backup repository"
    for other in targets.values():
        if _partners(array, other):
            return f"it is the partner of {other.id}, which is a target too"
    return ""


def _control(
    canary: Array, inventory: Inventory, readings: Mapping[str, ArrayReading], targets: tuple[str, ...]
) -> str | None:
    """
    Prefer another target, least critical first: it is alike and stays untouched while the canary is watched.

    The canary's partner is none: it carries the canary's load whenever that restarts.
    """
    likeness = _likeness(canary, readings)
    fit = [
        array
        for array in inventory.arrays
        if array.id != canary.id
        and not _unfit(array, readings)
        and _likeness(array, readings) == likeness
        and not _partners(array, canary)
    ]
    fit.sort(key=lambda array: (array.id not in targets, RANK[array.criticality], array.id))
    return fit[0].id if fit else None


def _explain(
    targets: tuple[str, ...],
    canary: str | None,
    control: str | None,
    barred: Mapping[str, str],
    arrays: Mapping[str, Array],
    because: str,
) -> tuple[PassedOver, ...]:
    explained = []
    for name in targets:
        if name == canary:
            explained.append(PassedOver(name, True, because))
        elif barred[name]:
            explained.append(PassedOver(name, False, barred[name]))
        elif canary is None:
            explained.append(PassedOver(name, False, because))
        elif arrays[name].criticality is arrays[canary].criticality:
            tied = "as fit as the canary; the choice fell by dataset and name"
            role = "it is the control" if name == control else tied
            explained.append(PassedOver(name, False, role))
        else:
            more = f"criticality {arrays[name].criticality}, the canary's is {arrays[canary].criticality}"
            explained.append(PassedOver(name, False, more + ("; it is the control" if name == control else "")))
    return tuple(explained)
