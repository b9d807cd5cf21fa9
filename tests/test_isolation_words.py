"""How a relation is explained: the plainest thing that both ways share, or what is missing, is named."""

from typing import Any

import pytest

from gate.evidence import Leaf, Share, Trace
from gate.isolation import Relation, copied, relate
from gate.landscape import Map
from tests.cases import SERIALS, fleet, leaf, reading, trace

WHERE = Map({name: reading(name) for name in SERIALS}, fleet())
PORT = "naa.50060e8000000001"
NUMBERS = ("60000970000197802751533030303031", "60000970000197802751533030303032")


def way(*leaves: Leaf, **fields: Any) -> Trace:
    return trace("x", "1", leaves=leaves, **fields)


def bare(lun: str, **fields: Any) -> Leaf:
    return leaf("x", lun, **{"target_ports": (), **fields})


def share(*addresses: str) -> Trace:
    return way(shares=(Share("nfs4", "filer", "/export", addresses),))


@pytest.mark.parametrize(
    ("here", "there", "words", "ports"),
    [
        (
            way(bare("60aa", target_ports=("p2", "p1"))),
            way(bare("60bb", target_ports=("p1", "p2", "p3"))),
            "both are reached through the target ports p1 and p2",
            ("p1", "p2"),
        ),
        (way(bare("60aa")), way(bare("60aa")), "both lie on the LUN 60aa", ()),
        (share("10.0.0.1", "10.0.0.2"), share("10.0.0.2"), "both are served from 10.0.0.2", ()),
        (way(bare("60aa", through=(PORT,))), way(bare("60bb", target_ports=(PORT,))),
         f"both are reached through {PORT}", (PORT,)),
        (way(bare("60aa", devices=("naa.5",))), way(bare("60bb", devices=("naa.5",))),
         "both belong to the target device naa.5", ()),
        (way(bare(NUMBERS[0])), way(bare(NUMBERS[1])),
         "both LUNs carry the array number 000197802751 in their names", ()),
        (way(bare("60aa", devices=(PORT,))), way(bare("60bb", through=(PORT,))), f"both have {PORT} on their way", ()),
    ],
)  # fmt: skip
def test_what_both_share_is_named(here: Trace, there: Trace, words: str, ports: tuple[str, ...]) -> None:
    found = relate(here, there, WHERE)
    assert (found.relation, found.because, found.shared_ports) == (Relation.SAME, words, ports)


def test_an_unknown_relation_names_what_is_missing_and_nothing_that_is_known() -> None:
    found = relate(trace("east-1", "60aa"), trace("nowhere", "60bb"), WHERE)
    assert found.relation is Relation.UNKNOWN
    assert "east-1" not in found.because
    assert found.because.startswith("no array of the inventory tells the target port")


def test_volumes_that_are_copies_of_different_things_are_no_copies_of_one() -> None:
    where = Map({}, fleet())
    where.copy_of = {"60aa": ("60cc",), "60bb": ("60dd",)}
    assert copied(["60aa"], ["60bb"], where) == ""
