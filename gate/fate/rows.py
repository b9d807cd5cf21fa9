"""What the rules found of data and copy, in the words of a table: one row a dimension."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial

from gate.evidence import Provenance
from gate.fate.pair import PLANES, Pair, said
from gate.fate.rules import RULES, cluster_of, machine_of
from gate.isolation import SAME, UNKNOWN, Relation, copied
from gate.landscape import Place


@dataclass(frozen=True)
class Row:
    """One dimension: what the dataset has, what the copy has, and whether that is one thing."""

    dimension: str
    source: str
    backup: str
    verdict: Relation
    provenance: Provenance
    because: str = ""


def shared_fate(pair: Pair, dimensions: Iterable[str] | None = None) -> tuple[Row, ...]:
    """Compare data and copy in these dimensions, or in every one; KeyError for a dimension that is none."""
    return tuple(ROWS[name](pair, RULES[name](pair)) for name in (RULES if dimensions is None else dimensions))


def _array_row(pair: Pair, verdict: Relation) -> Row:
    here, there = pair.here, pair.there
    words = here.words or "not known", there.words or "not known"
    return Row("array", *words, verdict, _weakest(here, there), pair.isolation.because)


def _change_set_row(pair: Pair, verdict: Relation) -> Row:
    here, there = pair.here, pair.there
    both = [sorted(place.arrays & pair.change.targets) for place in (here, there)]
    told = f"the change touches {' and '.join(both[1])}" if both[1] else ""
    words = [", ".join(one) or "not touched" for one in both]
    return Row("change-set", words[0], words[1], verdict, _weakest(here, there), told)


def _wave_row(pair: Pair, verdict: Relation) -> Row:
    here, there, change = pair.here, pair.there, pair.change
    stages = [sorted(change.stages_of(place)) for place in (here, there)]
    words = [", ".join(_stage(number) for number in one) or "in no stage" for one in stages]
    return Row("wave", words[0], words[1], verdict, _weakest(here, there), "" if change.waves else "no plan is sealed")


def _stage(number: int) -> str:
    return "canary" if number == 0 else f"wave-{number}"


def _copy_row(pair: Pair, verdict: Relation) -> Row:
    data, kept = pair.luns
    nobody = "no array lists the volumes, so that one is no copy of the other is not known"
    because = copied(data, kept, pair.around.where) or (nobody if verdict is UNKNOWN else "")
    return Row("replication", ", ".join(data), ", ".join(kept), verdict, Provenance.TOOL_REPORTED, because)


def _partner_row(pair: Pair, verdict: Relation) -> Row:
    partners = pair.under_data.partners, pair.under_copy.partners
    paired = [(one, other) for one, other in partners[0].items() if other in pair.there.arrays]
    paired += [(other, one) for one, other in partners[1].items() if other in pair.here.arrays]
    words = [", ".join(filter(None, one.values())) or "none" for one in partners]
    told = f"{paired[0][0]} and {paired[0][1]} are a pair: what befalls one is carried to the other" if paired else ""
    return Row("partner", words[0], words[1], verdict, Provenance.INVENTORY, told)


def _software_row(pair: Pair, verdict: Relation) -> Row:
    told = "; ".join(f"{work.words} touches {' and '.join(on)} in the same window" for work, on in pair.worked_on)
    nobody = "others work in the same window, and where all of it lies is not known" if verdict is UNKNOWN else ""
    return Row("backup-software", "", pair.protection.tool, verdict, Provenance.DECLARED, told or nobody)


def _firmware_row(pair: Pair, verdict: Relation) -> Row:
    levels = pair.under_data.levels, pair.under_copy.levels
    words = [", ".join(sorted(f"{model or '?'} {version or '?'}" for model, version in one)) for one in levels]
    return Row("firmware", words[0], words[1], verdict, Provenance.MEASURED)


def _hosts_row(pair: Pair, verdict: Relation) -> Row:
    here, there = pair.dataset.host, pair.protection.host
    if because := machine_of(pair):
        return Row("host", here, there, verdict, Provenance.INVENTORY, because)
    if cluster := cluster_of(pair):
        return Row("host", here, there, verdict, Provenance.DECLARED, f"both run on the cluster {cluster}")
    nobody = "no host key is known of one of them, so they could be one machine" if verdict is UNKNOWN else ""
    return Row("host", here, there, verdict, Provenance.INVENTORY, nobody)


def _plane_row(dimension: str, name: str, pair: Pair, verdict: Relation) -> Row:
    here, there, system = pair.under_data.planes[name], pair.under_copy.planes[name], said(pair.protection, name)
    return _declared(dimension, here.names, there.names.union(system), verdict)


def _site_row(pair: Pair, verdict: Relation) -> Row:
    return _declared("site", pair.under_data.sites.names, pair.under_copy.sites.names, verdict)


def _declared(dimension: str, here: frozenset[str], there: frozenset[str], verdict: Relation) -> Row:
    words = [", ".join(sorted(one)) or "not declared" for one in (here, there)]
    told = f"both have {' and '.join(sorted(here & there))}" if verdict is SAME else ""
    nobody = "not everything that has one declares it" if verdict is UNKNOWN else ""
    return Row(dimension, words[0], words[1], verdict, Provenance.DECLARED, told or nobody)


def _weakest(*places: Place) -> Provenance:
    order = list(Provenance)
    found = [order.index(one.provenance) for place in places for one in place.elements]
    return order[max(found, default=len(order) - 1)]


ROWS: Mapping[str, Callable[[Pair, Relation], Row]] = {
    "array": _array_row,
    "change-set": _change_set_row,
    "wave": _wave_row,
    "replication": _copy_row,
    "partner": _partner_row,
    "backup-software": _software_row,
    "firmware": _firmware_row,
    **{dimension: partial(_plane_row, dimension, field) for dimension, field in PLANES.items()},
    "site": _site_row,
    "host": _hosts_row,
}
"""Every dimension, and what tells of it."""
