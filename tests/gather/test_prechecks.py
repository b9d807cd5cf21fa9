"""The vendor's own look as evidence: which families have one, what it finds, and what is not known without its file."""

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import pytest

from gate.canonical import sha256
from gate.change import Image as Asked
from gate.change import Phase
from gate.errors import BadInput
from gate.evidence import Prechecked, Reply, ReplyState
from gate.families import FAMILIES
from gate.gather.dry_run import Would, dry_run
from gate.gather.lines import Lines
from gate.gather.prechecks import Prechecks
from gate.inventory import ArrayFamily
from gate.playbook import kickstart_beside, parse, parse_either, parse_precheck, render_precheck
from gate.settings import load, shipped
from gate.step import Step
from gate.store import Ledger
from tests.cases import NOON, reading, request
from tests.gather.test_dry_run import of
from tests.lab.dialects.test_playbooks import Bench, bench

BOOKS = shipped("playbooks")
TOLD = [family for family in FAMILIES if FAMILIES[family].prechecked]
SV = ArrayFamily.STORAGE_VIRTUALIZE
TEXT = (BOOKS / SV / "precheck.yaml").read_text()
NOT_IN_THE_LAB = {ArrayFamily.ONTAP}
"""What the lab's fault holds against an update is told here only once the image is on the array."""


def steps_of(made: Bench) -> tuple[tuple[Step, ...], tuple[Step, ...]]:
    book = parse_precheck((BOOKS / made.family / "precheck.yaml").read_bytes(), "precheck.yaml", FAMILIES)
    values = {"image": made.image.file, "kickstart": kickstart_beside(made.image.file), "version": made.image.version}
    return render_precheck(book, {name: values[name] for name in book.slots}, FAMILIES)


@pytest.fixture(params=[family for family in TOLD if (BOOKS / family / "upgrade.yaml").exists()])
def made(request: pytest.FixtureRequest) -> Iterator[Bench]:
    one = bench(request.param)
    yield one
    one.array.stop()


def result(made: Bench) -> Would:
    def put(words: str, _: float | None) -> Reply:
        said = made.array.answer(words, admin=False)
        return Reply("west-2", words, ReplyState.ANSWERED, NOON, NOON, said.status, said.out, said.err)

    return dry_run(of(made.family), ((Phase.FORWARD, steps_of(made)[0]),), put).result


def test_a_family_has_a_precheck_where_its_vendor_tells_of_one_and_nowhere_else() -> None:
    assert {path.parent.name for path in BOOKS.glob("*/precheck.yaml")} == {family.value for family in TOLD}


def test_the_look_holds_nothing_against_a_well_array_and_finds_what_the_array_holds_against_it(made: Bench) -> None:
    assert result(made) is Would.HOLDS
    fault = "partner-dead" if made.family in NOT_IN_THE_LAB else "refuses-precheck"
    made.array.set_fault(fault, "")
    assert result(made) is Would.STOPS


def test_what_needs_the_image_on_the_array_is_asked_by_the_shipped_playbook_before_it_applies(made: Bench) -> None:
    staged = steps_of(made)[1]
    assert bool(staged) == (made.family in NOT_IN_THE_LAB)
    before = []
    for step in made.words.forward:
        if step.mutates and not step.send and step.again != "safe":
            break
        before.append((step.command, step.reader, step.expect))
    assert {(step.command, step.reader, step.expect) for step in staged} <= set(before)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("ask: lsupdate -delim !", "ask: rmvdisk 0", "not on the list"),
        ("steps:", "commit:", 'unknown key "commit"'),
        ("    expect:\n      status: success\n", "    until: {status: success}\n    every: 1s\n    within: 2s\n",
         "waits for nothing"),
        ("    within: 10m\n", "    disconnects: expected\n", "waits for nothing"),
        (TEXT[TEXT.index("steps:"):], "steps: []\n", "asks nothing"),
        ("{version}", "{image}", "not declared"),
        ("kind: precheck", "kind: firmware", "precheck.yaml"),
    ],
)  # fmt: skip
def test_a_precheck_that_does_more_than_ask_is_refused(old: str, new: str, words: str) -> None:
    assert old in TEXT
    with pytest.raises(BadInput) as refused:
        parse_precheck(TEXT.replace(old, new, 1).encode(), "precheck.yaml", FAMILIES)
    assert words in str(refused.value)
    assert re.match(r"precheck\.yaml:\d+:\d+", refused.value.place)


@pytest.mark.parametrize(
    ("family", "fault", "words"),
    [(SV, "warns-precheck", "The cache will be off."), (ArrayFamily.THREE_PAR, "upgrade-check", "Task 12 still runs")],
)
def test_what_an_array_says_besides_comes_before_people_and_stops_nothing(
    home: Path, family: ArrayFamily, fault: str, words: str
) -> None:
    lab = bench(family)
    lab.array.set_fault(fault, words)

    class Speaks(Silent):
        def ask(self, target: str, command: str, *, deadline_s: float | None = None) -> Reply:
            said = lab.array.answer(command, admin=False)
            return Reply(target, command, ReplyState.ANSWERED, NOON, NOON, said.status, said.out, said.err)

    try:
        found, _ = looked(home, family, Speaks(), version=lab.array.version)
    finally:
        lab.array.stop()
    assert (found.found, found.unknown) == ((), ())
    assert words in found.remarks[0]


def test_a_precheck_is_no_playbook_of_a_change_and_either_is_told_from_the_other() -> None:
    with pytest.raises(BadInput):
        parse(TEXT.encode(), "precheck.yaml", FAMILIES)
    assert type(parse_either(TEXT.encode(), "x", FAMILIES)).__name__ == "Precheck"
    upgrade = (BOOKS / SV / "upgrade.yaml").read_bytes()
    assert type(parse_either(upgrade, "x", FAMILIES)).__name__ == "Playbook"
    for wrong in (b"", b"- a\n", b"kind: [precheck]\n"):
        with pytest.raises(BadInput):
            parse_either(wrong, "x", FAMILIES)


@dataclass
class Silent:
    """Whoever asks, and is not answered."""

    asked: int = 0

    def ask(self, target: str, command: str, *, deadline_s: float | None = None) -> Reply:
        """Ask."""
        assert deadline_s is None or deadline_s > 0
        self.asked += 1
        return Reply(target, command, ReplyState.TIMED_OUT, NOON, NOON, problem="no answer")


class Keeps:
    """The part of a ledger that keeps raw replies."""

    def put_blob(self, data: bytes) -> str:
        """Forget it."""
        return sha256(data)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    shutil.copy(shipped("config.yaml"), tmp_path)
    shutil.copytree(BOOKS, tmp_path / "playbooks")
    return tmp_path


def looked(home: Path, family: ArrayFamily = SV, voice: Silent | None = None, **told: Any) -> tuple[Prechecked, int]:
    """Look at one array that never answers, with the playbooks of that place."""
    settings, voice = load(home / "config.yaml"), voice or Silent()
    fleet = tuple(replace_family(one.id, family) for one in settings.config.inventory.arrays)
    config = settings.config.model_copy(
        update={"inventory": settings.config.inventory.model_copy(update={"arrays": fleet})}
    )
    prechecks = Prechecks(replace(settings, config=config), cast(Lines, voice), cast(Ledger, Keeps()), lambda: NOON)
    asked = request(targets=("east-1",), image=Asked(file="lab.img", version="8.7.0.4", sha256="sha256:" + "a" * 64))
    return prechecks.read(asked, {"east-1": reading("east-1", **told)}, print)["east-1"], voice.asked


def test_the_file_is_read_once_for_all_arrays_of_its_family(home: Path) -> None:
    settings, book = load(home / "config.yaml"), home / "playbooks" / SV / "precheck.yaml"

    class TakesTheFileAway(Silent):
        def ask(self, target: str, command: str, *, deadline_s: float | None = None) -> Reply:
            book.unlink(missing_ok=True)
            return super().ask(target, command, deadline_s=deadline_s)

    one_by_one = settings.config.model_copy(update={"ssh": settings.config.ssh.model_copy(update={"parallel": 1})})
    voice = TakesTheFileAway()
    prechecks = Prechecks(replace(settings, config=one_by_one), cast(Lines, voice), cast(Ledger, None), lambda: NOON)
    names = ("east-1", "west-2", "west-3")
    asked = request(targets=names, image=Asked(file="lab.img", version="8.7.0.4", sha256="sha256:" + "a" * 64))
    found = prechecks.read(asked, {name: reading(name) for name in names}, print)
    assert (set(found), voice.asked) == (set(names), 6)
    assert len({one.playbook_sha256 for one in found.values()}) == 1


def replace_family(name: str, family: ArrayFamily):  # type: ignore[no-untyped-def]
    return of(family).model_copy(update={"id": name})


def test_an_array_that_does_not_answer_is_not_known(home: Path) -> None:
    found, asked = looked(home)
    assert (found.offered, found.held, found.found, asked) == (True, (), (), 2)
    assert found.unknown[0].startswith("nothing-running: status is unknown (no answer (timed_out)")
    assert "utility" in found.way_out


def test_an_array_that_did_not_tell_what_it_runs_is_not_asked_again(home: Path) -> None:
    found, asked = looked(home, version=None)
    assert (found.offered, found.held, asked) == (True, (), 0)
    assert found.unknown == ("it did not tell what it runs, so its own look was not asked for",)


@pytest.mark.parametrize("text", ["", "format: [", TEXT.replace("ask: lsupdate", "ask: rmvdisk"),
                                  TEXT.replace("storage-virtualize", "dothill", 1),
                                  TEXT.replace('"[0-9]{1,4}([.][0-9]{1,4}){1,4}"', '"[0-9]{2}"')])  # fmt: skip
def test_a_file_that_is_wrong_is_not_known_and_nothing_is_asked(home: Path, text: str) -> None:
    (home / "playbooks" / SV / "precheck.yaml").write_text(text)
    found, asked = looked(home)
    assert (found.offered, found.held, asked) == (True, (), 0)
    assert found.unknown


def test_a_file_that_was_taken_away_is_not_the_same_as_a_vendor_who_offers_none(home: Path) -> None:
    (home / "playbooks" / SV / "precheck.yaml").unlink()
    found, asked = looked(home)
    assert (found.offered, asked) == (True, 0)
    assert found.unknown == ("playbooks/storage-virtualize/precheck.yaml is missing",)
    assert looked(home, ArrayFamily.PURITY)[0] == Prechecked("east-1", NOON, offered=False, version="8.7.0.4")
