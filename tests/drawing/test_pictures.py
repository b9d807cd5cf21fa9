"""The drawings: what they show follows from what was measured, and nothing runs out of them."""

from typing import Any

import pytest

from gate.drawing import chart
from gate.drawing.isolation import Picture, landscape, portrait, told

SIDE = {
    "host": "db-1",
    "path": "/data",
    "hops": [{"kind": "disk", "name": "sdb"}],
    "lun": "6005076801a10000000000000000000a",
    "target_ports": ["iqn.1986-03.com.ibm:2145.east-1.node1"],
    "problem": "",
    "known": True,
    "array": "east-1",
    "elements": [{"kind": "array", "name": "east-1"}],
    "serial": "0000020420E00011",
    "site": "east",
}
GONE = {**SIDE, "hops": [], "lun": "", "target_ports": [], "array": "", "serial": ""}
NOWHERE = {**GONE, "host": "", "path": "", "known": False, "elements": [], "problem": "nobody asked"}
SERVICE = {**GONE, "path": "s3://copies", "elements": [{"kind": "object-service", "name": "https://s3.example copies"}]}


def isolation(relation: str, **fields: Any) -> dict[str, Any]:
    given = {
        "dataset": "sidekick",
        "protection": "nightly",
        "relation": relation,
        "because": "measured",
        "shared_ports": [],
        "source": SIDE,
        "backup": {**SIDE, "host": "bk-1", "array": "vault-1"},
    }
    return {**given, **fields}


def arrays(picture: Picture) -> list[str]:
    return [box.title for box in picture.boxes if box.icon == "array"]


@pytest.mark.parametrize("draw", [landscape, portrait])
def test_two_arrays_are_two_boxes_with_a_wall(draw: Any) -> None:
    picture = draw(isolation("different"), 0)
    assert arrays(picture) == ["east-1", "vault-1"]
    assert picture.wall is not None
    assert picture.badge.word == "Apart"


@pytest.mark.parametrize("draw", [landscape, portrait])
def test_a_shared_array_is_one_box_without_a_wall(draw: Any) -> None:
    picture = draw(isolation("same", shared_ports=SIDE["target_ports"]), 0)
    assert arrays(picture) == ["east-1"]
    assert picture.wall is None
    assert picture.badge.word == "Shared fate"


@pytest.mark.parametrize("draw", [landscape, portrait])
def test_what_was_not_measured_is_never_drawn_as_an_array(draw: Any) -> None:
    picture = draw(isolation("unknown", backup=NOWHERE), 0)
    assert arrays(picture) == ["east-1", "Array not known"]
    assert picture.badge.word == "Not known"
    assert "an array that is not known" in told(isolation("unknown", backup=NOWHERE))


@pytest.mark.parametrize("draw", [landscape, portrait])
def test_a_copy_in_an_object_service_is_drawn_as_one_and_not_as_an_unknown_array(draw: Any) -> None:
    picture = draw(isolation("different", backup=SERVICE), 0)
    assert arrays(picture) == ["east-1"]
    assert [box.note for box in picture.boxes if box.title == "Object service"] == ["https://s3.example copies"]
    assert "on object service https://s3.example copies" in told(isolation("different", backup=SERVICE))


@pytest.mark.parametrize("draw", [landscape, portrait])
def test_a_service_that_is_only_half_known_is_an_unknown_array(draw: Any) -> None:
    picture = draw(isolation("unknown", backup={**SERVICE, "known": False}), 0)
    assert arrays(picture) == ["east-1", "Array not known"]


@pytest.mark.parametrize("draw", [landscape, portrait])
@pytest.mark.parametrize("relation", ["same", "different", "unknown"])
def test_everything_lies_inside_the_drawing(draw: Any, relation: str) -> None:
    long = {**SIDE, "path": "/very" * 60, "host": "db-1", "target_ports": ["iqn." + "x" * 200]}
    picture = draw(isolation(relation, source=long, shared_ports=long["target_ports"]), 0)
    for box in picture.boxes:
        assert box.x >= 0
        assert box.x + box.w <= picture.width
        assert box.y + box.h <= picture.height
        assert 48 + 8 * len(box.note) <= box.w + 8
        assert 48 + 6.4 * max((len(line) for line in box.lines), default=0) <= box.w


def run(before: list[int], after: list[int]) -> dict[str, Any]:
    return {
        "canary": "west-3",
        "control": "west-2",
        "latencies": [{"array": name, "before": before, "after": after} for name in ("west-3", "west-2")],
    }


LIMITS = {"latency_increase_max_percent": 50, "latency_increase_floor_us": 500}


def test_reads_over_the_limit_are_marked_and_the_limit_is_the_judgements() -> None:
    canary, _ = chart.charts(run([400] * 60, [400] * 60 + [1200] * 60), LIMITS)
    assert canary.limit == 900
    assert [group.over for group in canary.after].count(True) == len(canary.after) / 2
    assert not any(group.over for group in canary.before)


def test_an_outlier_is_not_averaged_away() -> None:
    canary, _ = chart.charts(run([400] * 400, [400] * 399 + [60_000]), LIMITS)
    assert canary.after[-1].cut
    assert len(canary.after) <= chart.GROUPS


def test_without_reads_before_there_is_no_chart() -> None:
    assert chart.charts(run([], [400]), LIMITS) == []


def test_before_the_first_round_the_sentence_says_so() -> None:
    assert chart.charts(run([400] * 5, []), LIMITS)[0].sentence.endswith("none timed since.")
