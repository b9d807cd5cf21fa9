"""What has stopped a change is told first, with the answers that are the viewer's; and every entry has its words."""

from typing import Any

from gate.export.selection import KIND_NAMES
from gate.web.stages import signed_for, trouble
from gate.web.words import ACTIONS, ENTRIES

MAY = dict.fromkeys(ACTIONS, "")


def view(**told: Any) -> dict[str, Any]:
    run = {"canary": "west-3", "judgement": "", "judged_because": [], "halted": ""} | told.pop("run", {})
    standing = {"state": "running", "hold": "", "question": "", "closed": "", "may": MAY, "run": run}
    return standing | told


def test_nothing_is_in_the_way_of_what_goes_on_or_has_ended() -> None:
    assert trouble(view()) is None
    assert trouble(view(state="draft") | {"run": None}) is None
    assert trouble(view(hold="the phone rings", closed="held")) is None
    assert trouble(view(hold="the phone rings", state="withdrawn")) is None


def test_a_question_comes_before_a_hold_and_both_are_told() -> None:
    found = trouble(view(question="what now?", hold="the phone rings"))
    assert found is not None
    assert (found.title, found.because) == ("The gate asks a person", ("what now?", "on hold: the phone rings"))
    assert found.way_out.startswith("Look at west-3 first. Resume lets the gate try again.")


def test_only_what_the_viewer_may_answer_is_offered_and_explained() -> None:
    may = MAY | {"back_out": "it is being backed out already", "withdraw": "no"}
    found = trouble(view(hold="the phone rings", may=may))
    assert found is not None
    assert (found.answers, found.way_out) == (("resume",), "Resume lets it go on.")
    nobody = trouble(view(question="what now?", may=dict.fromkeys(ACTIONS, "not you")))
    assert nobody is not None
    assert (nobody.answers, nobody.way_out) == ((), "Look at west-3 first.")


def test_a_halt_without_a_judgement_tells_why_it_halted() -> None:
    found = trouble(view(state="halted", run={"halted": "no permit for forward step apply"}))
    assert found is not None
    assert (found.title, found.because) == ("Halted", ("no permit for forward step apply",))
    judged = {"judgement": "failed", "judged_because": ["west-3: the data differ"], "halted": "the canary failed"}
    found = trouble(view(state="halted", run=judged))
    assert found is not None
    assert (found.title, found.because) == ("The canary failed", ("west-3: the data differ",))
    found = trouble(view(state="halted", run={"judgement": "held", "halted": "the commit was refused"}))
    assert found is not None
    assert found.because == ("the commit was refused",)


def test_before_anything_has_begun_a_hold_is_lifted_and_nothing_is_backed_out() -> None:
    found = trouble(view(state="open", hold="the phone rings") | {"run": None})
    assert found is not None
    assert found.answers == ("resume",)


def test_who_signed_for_a_red_line_by_name_is_told_with_it() -> None:
    storage = {"state": "filled", "approver": "lead", "signs_for": ["facts-measured"]}
    owner = {"state": "yours", "signs_for": ["facts-measured"]}
    assert signed_for({"seats": [owner]}, "facts-measured") == []
    assert signed_for({"seats": [owner, storage]}, "facts-measured") == ["lead"]
    assert signed_for({"seats": [owner, storage]}, "backup-recent") == []


def test_every_kind_of_entry_has_its_words() -> None:
    assert set(KIND_NAMES) - set(ENTRIES) == set()
