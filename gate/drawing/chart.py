"""
The latency chart: reads of canary and control before and after the change, with the limit of the plan.

Geometry only; templates/parts/latency.html draws it. Reads are put into at most forty groups a side; a bar runs from
the quickest to the slowest of its group and a dot marks the median, so that an outlier is never averaged away.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from statistics import median
from typing import Any

WIDTH, HEIGHT = 560, 190
LEFT, RIGHT, TOP, BOTTOM = 58, 14, 16, 30
GROUPS = 40
"""Most groups on one side of the change."""


@dataclass(frozen=True)
class Group:
    """Some reads in a row: where they stand, quickest, slowest and median as y, and whether one is over the limit."""

    x: float
    low: float
    high: float
    middle: float
    over: bool
    cut: bool
    """The slowest lies above the drawing."""


@dataclass(frozen=True)
class Chart:
    """One array's reads."""

    array: str
    role: str
    sentence: str
    before: tuple[Group, ...]
    after: tuple[Group, ...]
    change_x: float
    limit_y: float
    limit: int
    base_y: float
    ticks: tuple[tuple[float, str], ...]
    width: int = WIDTH
    height: int = HEIGHT


def charts(run: Mapping[str, Any], thresholds: Mapping[str, Any]) -> list[Chart]:
    """Draw canary and control on one scale; an array without reads before the change has no chart."""
    known = {item["array"]: item for item in run["latencies"] if item["before"]}
    timed = [(known[run[role]], role) for role in ("canary", "control") if run[role] in known]
    if not timed:
        return []
    limits = {item["array"]: _limit(item["before"], thresholds) for item, _ in timed}
    slow = max(median(item["after"]) for item, _ in timed if item["after"]) if any(i["after"] for i, _ in timed) else 0
    top = max(1.25 * max(limits.values()), 1.15 * slow)
    return [_chart(item, role, limits[item["array"]], top) for item, role in timed]


def _limit(before: Sequence[int], thresholds: Mapping[str, Any]) -> int:
    """The greatest median that would not be called slower: the rule of gate/judgement.py."""
    base = median(before)
    rise = max(thresholds["latency_increase_floor_us"], round(base * thresholds["latency_increase_max_percent"] / 100))
    return round(base) + int(rise)


def _chart(item: Mapping[str, Any], role: str, limit: int, top: float) -> Chart:
    before, after = _groups(item["before"]), _groups(item["after"])
    room = WIDTH - LEFT - RIGHT
    pitch = room / max(8, len(before) + len(after) + 1)

    def y(value: float) -> float:
        return round(HEIGHT - BOTTOM - min(value, top) / top * (HEIGHT - BOTTOM - TOP), 1)

    def place(groups: list[Sequence[int]], start: float) -> tuple[Group, ...]:
        return tuple(
            Group(
                round(start + (number + 0.5) * pitch, 1),
                y(min(group)),
                y(max(group)),
                y(median(group)),
                median(group) > limit,
                max(group) > top,
            )
            for number, group in enumerate(groups)
        )

    change_x = round(LEFT + (len(before) + 0.5) * pitch, 1)
    base = median(item["before"])
    return Chart(
        item["array"],
        role,
        _sentence(item, role, limit),
        place(before, LEFT),
        place(after, LEFT + (len(before) + 1) * pitch),
        change_x,
        y(limit),
        limit,
        y(base),
        tuple((y(value), _spelled(value)) for value in _ticks(top)),
    )


def _groups(points: Sequence[int]) -> list[Sequence[int]]:
    size = max(1, ceil(len(points) / GROUPS))
    return [points[start : start + size] for start in range(0, len(points), size)]


def _ticks(top: float) -> list[float]:
    step = next(step for step in _steps() if top / step <= 4)
    return [step * number for number in range(int(top / step) + 1)]


def _steps() -> list[int]:
    return [factor * 10**power for power in range(10) for factor in (1, 2, 5)]


def _spelled(value: float) -> str:
    return f"{value / 1000:g} ms" if value >= 1000 else f"{value:g} µs"


def _sentence(item: Mapping[str, Any], role: str, limit: int) -> str:
    base = f"{item['array']} ({role}): median read {_spelled(round(median(item['before'])))} before"
    if not item["after"]:
        return f"{base}; none timed since."
    now = round(median(item["after"]))
    ordered = sorted(item["after"])
    p95, p99 = (_spelled(ordered[ceil(len(ordered) * percent / 100) - 1]) for percent in (95, 99))
    tail = f"95 of 100 within {p95}, 99 within {p99}, slowest {_spelled(ordered[-1])}"
    return f"{base}, {_spelled(now)} since; limit {_spelled(limit)}. Of {len(ordered)} reads since, {tail}."
