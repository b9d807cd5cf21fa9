"""Since when a thing is as it is now: the first sighting of something else is an entry, and nothing else is one."""

from dataclasses import replace

import pytest

from gate.evidence import software_of
from gate.gather.sightings import LONGEST, Sightings
from gate.store import Ledger
from tests.cases import VAULT_LUN, backups, fleet, protection, reading, trace

ARRAYS = {"vault-1": reading("vault-1")}
PLACES = {"nightly": trace("vault-1", VAULT_LUN)}
TOLD = {"nightly": backups(tool_version="0.14.0")}
NAMES = {"vault-1", "nightly", software_of("nightly")}


def test_what_stays_as_it_is_keeps_its_date_and_enters_nothing_more(ledger: Ledger) -> None:
    first = Sightings(ledger).settled(ARRAYS, PLACES, TOLD)
    assert set(first) == NAMES
    size = ledger.size()
    assert Sightings(ledger).settled(ARRAYS, PLACES, TOLD) == first
    assert ledger.size() == size


def test_another_firmware_place_or_program_begins_anew_and_the_rest_stays(ledger: Ledger) -> None:
    seen = Sightings(ledger)
    first = seen.settled(ARRAYS, PLACES, TOLD)
    for name, arrays, places, told in (
        ("vault-1", {"vault-1": reading("vault-1", version="9.9.9.9")}, PLACES, TOLD),
        ("nightly", ARRAYS, {"nightly": trace("vault-1", "60ff")}, TOLD),
        (software_of("nightly"), ARRAYS, PLACES, {"nightly": backups(tool_version="0.18.0")}),
    ):
        size = ledger.size()
        now = seen.settled(arrays, places, told)
        assert next(entry.data["name"] for entry in ledger.entries(size)) == name
        assert now[name] > first[name]
        first = seen.settled(ARRAYS, PLACES, TOLD)


def test_what_was_not_seen_has_no_date(ledger: Ledger) -> None:
    silent = {"vault-1": reading("vault-1", version=None)}
    lost = {"nightly": replace(PLACES["nightly"], problem="not mounted")}
    assert Sightings(ledger).settled(silent, lost, {"nightly": backups()}) == {}


def test_a_place_of_very_many_luns_is_not_new_each_time(ledger: Ledger) -> None:
    leaves = tuple(trace("vault-1", f"{number:032x}").leaves[0] for number in range(40))
    wide = {"nightly": trace("vault-1", "x", leaves=leaves)}
    assert len(wide["nightly"].place or "") > LONGEST
    first = Sightings(ledger).settled({}, wide)
    size = ledger.size()
    assert Sightings(ledger).settled({}, wide) == first
    assert ledger.size() == size


def test_an_array_and_a_protection_of_one_name_would_be_one_sighting_and_are_refused() -> None:
    with pytest.raises(ValueError, match="arrays and protections: 'vault-1' is there twice"):
        fleet(protections=(protection("vault-1"),))
