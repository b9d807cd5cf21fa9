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
) -> Choice:
    """
    Choose by DESIGN section 7: alike with those it stands for, least critical, no repository, no partner among the
    targets, well now, and one matching control that stays untouched in this stage.

    `repositories` and `datasets` name the arrays on which a repository or a dataset was found. Ties go to an array
    without a dataset, then to the later name, so that the choice is the same every time.
    """
    arrays = {name: inventory.array(name) for name in targets}
    barred = {name: _barred(array, arrays, readings, repositories) for name, array in arrays.items()}
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
    control = _control(canary, inventory, readings, targets)
    if control is None:
        because = f"{canary} has no well array of the same model and firmware beside it to compare with"
        return Choice(None, None, because, _explain(targets, None, None, barred, arrays, because))
    because = f"lowest criticality ({arrays[canary].criticality}) among the targets that can be it"
    return Choice(canary, control, because, _explain(targets, canary, control, barred, arrays, because))


def stages(canary: str, targets: tuple[str, ...], inventory: Inventory) -> tuple[Stage, ...]:
    """Draw the stages: the canary, then one wave a site, the canary's own site first; partners are never together."""
    sites = sorted({inventory.array(name).site for name in targets}, key=lambda s: (s != inventory.array(canary).site, s))
    waves: list[list[str]] = []
    for site in sites:
        first: list[str] = []
        second: list[str] = []
        for name in targets:
            array = inventory.array(name)
            if name != canary and array.site == site:
                (second if array.partner in first else first).append(name)
        waves += [wave for wave in (first, second) if wave]
    drawn = [Stage("canary", (canary,))]
    drawn += [Stage(f"wave-{number}", tuple(wave)) for number, wave in enumerate(waves, start=1)]
    return tuple(drawn)


def _likeness(array: Array, readings: Mapping[str, ArrayReading]) -> tuple[str, str, str | None]:
    reading = readings.get(array.id)
    return array.family, array.model, reading.version if reading else None


def _barred(
    array: Array, targets: Mapping[str, Array], readings: Mapping[str, ArrayReading], repositories: frozenset[str]
) -> str:
    reading = readings.get(array.id)
    if reading is None or reading.version is None or reading.serial != array.serial:
        return "what it runs or who it is could not be measured"
    if reading.problems is None or reading.unknown:
        return "its health could not be measured"
    if reading.problems:
        return f"it is not well: {', '.join(reading.problems)}"
    if array.id in repositories:
        return "it holds a backup repository"
    if array.partner in targets:
        return f"it is the partner of {array.partner}, which is a target too"
    if array.scratch is None:
        return "it has no scratch object for known-answer data"
    return ""


def _control(
    canary: str, inventory: Inventory, readings: Mapping[str, ArrayReading], targets: tuple[str, ...]
) -> str | None:
    """Prefer another target, least critical first: it is alike and stays untouched while the canary is watched."""
    likeness = _likeness(inventory.array(canary), readings)
    fit = [
        array
        for array in inventory.arrays
        if array.id != canary
        and array.scratch is not None
        and _likeness(array, readings) == likeness
        and (reading := readings.get(array.id)) is not None
        and reading.problems == ()
        and not reading.unknown
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
            role = "it is the control" if name == control else "as fit as the canary; the choice fell by dataset and name"
            explained.append(PassedOver(name, False, role))
        else:
            more = f"criticality {arrays[name].criticality}, the canary's is {arrays[canary].criticality}"
            explained.append(PassedOver(name, False, more + ("; it is the control" if name == control else "")))
    return tuple(explained)
