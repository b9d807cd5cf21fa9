"""
Did the canary hold? `held`, `failed` or `inconclusive`, and only `held` goes on.

Zero-tolerance probes come first: one failure on the canary is enough. Then the canary's reads before and after are
compared, with the control beside it. Missing data and too few points are inconclusive, never held.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import median

from gate.finding import Outcome


class Held(StrEnum):
    """The three answers."""

    HELD = "held"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"


ZERO_TOLERANCE = ("known-answer", "write-read", "deadline", "identity", "version", "health")
"""Each must have been answered on the canary in every round, and every answer must be `passed`."""

ON_CONTROL = ZERO_TOLERANCE
"""The control's `version` is that it has not moved."""


ON_HOSTS: Mapping[str, str] = {
    "host-paths": "maps",
    "host-sessions": "sessions",
    "host-disks": "disks",
    "host-ports": "adapters",
    "host-raid": "raid",
    "host-own-disks": "own-disks",
    "host-firmware": "firmware",
}
"""Probe of a host → what it is asked. One that passed before the change must have passed when the soak ends."""

WATCHES = ("host-paths", "host-sessions", "host-disks")
"""What tells of a host's way to the arrays: whoever told nothing of it well cannot see what the change does."""

OWN_DISKS = "host-own-disks"
OF_ITSELF = (OWN_DISKS, "host-firmware")
"""What says nothing of the canary, and all the more of the host: its own disks and its own firmware."""

FIT = (*OF_ITSELF, "host-ports", "host-raid")
"""A host that is not well itself before the change by one of these is no witness of it."""


def lost_of(probe: str) -> str:
    """Name the probe that tells what a host had lost before, where a failed part is replaced: it must come back."""
    return f"{probe}-lost"


LOST = frozenset(map(lost_of, ON_HOSTS))


@dataclass(frozen=True)
class Probe:
    """One answer of one probe on one array in one round; round 0 is before the change."""

    array: str
    name: str
    round: int
    outcome: Outcome
    because: str


@dataclass(frozen=True)
class Latencies:
    """Single 4 KiB reads of one array in microseconds, before and after."""

    array: str
    before: tuple[int, ...]
    after: tuple[int, ...]


@dataclass(frozen=True)
class Limits:
    """From policy, sealed in the plan."""

    points_min: int
    increase_max_percent: int
    increase_floor_us: int


@dataclass(frozen=True)
class Judgement:
    """The answer with its sentences, the decisive ones first."""

    result: Held
    because: tuple[str, ...]


def distribution(points: Sequence[int]) -> str:
    """Tell the percentiles of reads in microseconds, nearest rank: none of them is a number that was not measured."""
    ordered = sorted(points)

    def rank(percent: int) -> int:
        return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]

    if not ordered:
        return "no read was answered"
    told = ", ".join(f"p{percent} {rank(percent)} µs" for percent in (50, 95, 99))
    return f"{len(ordered)} reads: {told}, slowest {ordered[-1]} µs"


def judge(
    canary: str, control: str, rounds: int, probes: Iterable[Probe], latencies: Iterable[Latencies], limits: Limits
) -> Judgement:
    """
    Judge after `rounds` rounds of probes, numbered 1 … rounds.

    Hosts have until the last round: paths come back one after the other. What a host tells can refuse, and opens
    nothing: one that told nothing well before the change is not judged. What a failed part had taken from a host must
    be there again. Of a host that is not well itself nobody can say whether the canary or the host has failed: that is
    a doubt, and no failure.
    """
    answers = tuple(probes)
    ill = _ill(answers, rounds)
    hosts = {(one.array, one.name) for one in answers if _due_after(one)}
    ends = [one for one in answers if one.round == rounds > 0 and (one.array, one.name) in hosts]
    broken = [
        f"{canary}: {probe.name}: {probe.because}"
        for probe in answers
        if probe.array == canary and probe.round > 0 and probe.outcome is Outcome.FAILED
    ]
    lost = [one for one in ends if one.outcome is Outcome.FAILED]
    broken += [f"{one.array}: {one.name}: {one.because}" for one in lost if one.array not in ill]
    if broken:
        return Judgement(Held.FAILED, tuple(broken))
    every = range(1, rounds + 1)
    doubts = _doubts(canary, ZERO_TOLERANCE, every, answers) + _doubts(control, ON_CONTROL, every, answers)
    for host, name in sorted(hosts):
        doubts += _doubts(host, (name,), range(rounds, rounds + 1), answers)
    doubts += [f"{host} is no witness of it: {ill[host]}" for host in sorted({one.array for one in lost} & set(ill))]
    doubts += [left] if (left := no_witness_left(answers, ill)) else []
    if rounds < 1:
        doubts.append("no round of probes was made")
    slower, unsure, seen = _latency(canary, control, tuple(latencies), limits)
    if slower:
        return Judgement(Held.FAILED, (slower,))
    doubts += [unsure] if unsure else []
    if doubts:
        return Judgement(Held.INCONCLUSIVE, tuple(doubts))
    said = [f"{rounds} rounds of {', '.join(ZERO_TOLERANCE)} passed on {canary}", seen]
    if watched := sorted({host for host, _ in hosts} - set(ill)):
        said.append(f"{', '.join(watched)} saw in the end what they saw before")
    said += [f"{host} was no witness of it: {why}" for host, why in sorted(ill.items())]
    return Judgement(Held.HELD, tuple(said))


def _due_after(probe: Probe) -> bool:
    """Whether a host's answer before the change asks for one after it: what was well, and what a failed part took."""
    well = probe.name in ON_HOSTS and probe.outcome is Outcome.PASSED
    return probe.round == 0 and (well or (probe.name in LOST and probe.outcome is Outcome.FAILED))


def no_witness_left(probes: Iterable[Probe], ill: Mapping[str, str] | None = None) -> str:
    """
    Say why no host is left that could see what the change does; empty while there is one, or none ever told.

    One that told only of itself, its firmware or its own disks, saw nothing of the arrays and is none.
    """
    answers = tuple(probes)
    unfit = _ill(answers, 0) if ill is None else ill
    told = {one.array for one in answers if _watched_before(one)} | set(unfit)
    if not told or told - set(unfit):
        return ""
    return "no host is left that could be a witness: " + "; ".join(
        f"{one}: {why}" for one, why in sorted(unfit.items())
    )


def _ill(answers: tuple[Probe, ...], rounds: int) -> dict[str, str]:
    """Return the hosts that are not well themselves, before the change or when the soak ends, and why."""
    found: dict[str, str] = {}
    for one in answers:
        before = one.round == 0 and one.name in FIT
        after = one.round == rounds > 0 and one.name in OF_ITSELF
        if (before or after) and one.outcome is Outcome.FAILED:
            found.setdefault(one.array, f"{one.name}: {one.because}")
    return found


def _watched_before(probe: Probe) -> bool:
    return probe.name in WATCHES and probe.round == 0 and probe.outcome is Outcome.PASSED


def _doubts(array: str, names: tuple[str, ...], rounds: range, answers: tuple[Probe, ...]) -> list[str]:
    """Every answer counts: a second one of the same round does not hide the first."""
    doubts = []
    for number in rounds:
        for name in names:
            given = [probe for probe in answers if (probe.array, probe.name, probe.round) == (array, name, number)]
            if not given:
                doubts.append(f"{array}: {name} was not answered in round {number}")
            doubts += [
                f"{array}: {name} in round {number}: {probe.because}"
                for probe in given
                if probe.outcome is not Outcome.PASSED
            ]
    return doubts


def _latency(canary: str, control: str, timed: tuple[Latencies, ...], limits: Limits) -> tuple[str, str, str]:
    """Return (failed, inconclusive, what was seen); the first two are empty when they do not apply."""
    known = {array: _joined(array, timed) for array in (canary, control)}
    for array, points in known.items():
        fewest = min(len(points.before), len(points.after))
        if fewest < max(1, limits.points_min):
            return "", f"{array}: {fewest} reads timed, {limits.points_min} are needed on each side", ""
        if min(points.before + points.after) < 1:
            return "", f"{array}: a read that took no time was not timed", ""
    rise, allowed = _rise(known[canary], limits)
    control_rise, control_allowed = _rise(known[control], limits)
    said = f"{canary} reads {rise:+d} µs against before ({control} {control_rise:+d} µs)"
    if rise <= allowed:
        return "", "", f"{said}; a rise of up to {allowed} µs would not have been called slower"
    if control_rise > control_allowed:
        return "", f"{said}: both became slower, so it cannot be laid to the change", ""
    return f"{said}, limit {allowed} µs", "", ""


def _joined(array: str, timed: tuple[Latencies, ...]) -> Latencies:
    mine = [item for item in timed if item.array == array]
    before = tuple(point for item in mine for point in item.before)
    return Latencies(array, before, tuple(point for item in mine for point in item.after))


def _rise(points: Latencies, limits: Limits) -> tuple[int, int]:
    before, after = median(points.before), median(points.after)
    allowed = max(limits.increase_floor_us, round(before * limits.increase_max_percent / 100))
    return round(after - before), allowed
