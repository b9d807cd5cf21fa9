"""A dry run asks what the playbook asks, once, and sends nothing else; what it could not read is no yes."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from gate.change import Phase
from gate.evidence import Reply, ReplyState
from gate.families import FAMILIES
from gate.gather.asking import Put
from gate.gather.dry_run import GIVEN_UP, DryRun, Would, dry_run
from gate.inventory import BEHIND_A_HOST, Array, ArrayFamily
from gate.lab.array import Array as Simulated
from gate.step import Step
from tests.cases import NOON, array, plane
from tests.lab.dialects.simulated import NAME
from tests.lab.dialects.test_playbooks import BEFORE, TOLD, Bench, bench


@pytest.fixture(params=TOLD)
def made(request: pytest.FixtureRequest) -> Iterator[Bench]:
    one = bench(request.param)
    yield one
    one.array.stop()


def tried(made: Bench) -> tuple[DryRun, list[str]]:
    """Try all three phases; return what came of it, and every word that was sent."""
    sent: list[str] = []

    def put(words: str, _: float | None) -> Reply:
        sent.append(words)
        said = made.array.answer(words, admin=True)  # even where the user could change something
        return Reply(NAME, words, ReplyState.ANSWERED, NOON, NOON, said.status, said.out, said.err)

    words = made.words
    phases = ((Phase.FORWARD, words.forward), (Phase.COMMIT, words.commit), (Phase.BACK_OUT, words.back_out))
    return dry_run(of(made.family), phases, put), sent


def of(family: ArrayFamily) -> Array:
    """An array or switch of that family, as the inventory has it."""
    apart = plane("storage-operations", "corporate", "west", fabrics=("west-a",))
    return array("west-2", family=family, plane=apart, unit="lab" if family in BEHIND_A_HOST else None)


def question(words: str = "lsupdate -delim !", **fields: object) -> Step:
    step = Step("ask", "Ask.", mutates=False, command=words, reader="update", expect=(("status", ("success",)),))
    return replace(step, **fields)  # type: ignore[arg-type]


def one(step: Step, put: Put) -> DryRun:
    return dry_run(of(ArrayFamily.STORAGE_VIRTUALIZE), ((Phase.FORWARD, (step,)),), put)


def said(text: str) -> Put:
    return lambda words, _: Reply(NAME, words, ReplyState.ANSWERED, NOON, NOON, 0, text.encode())


def state(simulated: Simulated) -> tuple[object, ...]:
    return simulated.version, simulated.update_word, dict(simulated.accepted)


def test_every_shipped_playbook_holds_on_a_well_array_and_nothing_but_questions_was_sent(made: Bench) -> None:
    before = state(made.array)
    run, sent = tried(made)
    assert run.result is Would.HOLDS, run.because
    assert state(made.array) == before
    assert len(sent) == len(set(sent))
    assert all(FAMILIES[made.family].may_ask(words) for words in sent)
    changing = [one for one in run.tried if one.step.mutates]
    assert changing
    assert {one.would for one in changing} == {Would.NOT_SENT}
    assert not {one.step.command for one in changing} & set(sent)


@pytest.mark.parametrize("fault", BEFORE)
def test_what_the_array_holds_against_an_update_is_found_without_beginning_one(made: Bench, fault: str) -> None:
    made.array.set_fault(fault, "")
    run, _ = tried(made)
    if (made.family, fault) == (ArrayFamily.ONTAP, "refuses-precheck"):
        (validate,) = [one for one in run.tried if (one.phase, one.step.id) == (Phase.FORWARD, "precheck")]
        assert validate.would is Would.LATER  # it needs the package, which a dry run does not put there
        return
    assert run.result is Would.STOPS
    assert run.because


def test_words_off_the_list_are_never_put_whatever_calls_them_a_question() -> None:
    def never(words: str, _: float | None) -> Reply:
        raise AssertionError(words)

    for words in ("applysoftware -abort", "lsupdate -delim ! ; applysoftware -abort", ""):
        run = one(question(words), never)
        assert run.result is Would.UNKNOWN
        assert "not on the list" in run.because
    changing = replace(question("applysoftware -abort"), mutates=True, look_command="rm -rf /", look_reader="update")
    assert one(changing, never).tried[0].would is Would.UNKNOWN


def test_an_array_that_does_not_answer_is_asked_no_more_and_is_unknown() -> None:
    asked: list[str] = []

    def silent(words: str, _: float | None) -> Reply:
        asked.append(words)
        return Reply(NAME, words, ReplyState.UNREACHABLE, NOON, NOON, problem="refused")

    made = bench(ArrayFamily.STORAGE_VIRTUALIZE)
    made.array.stop()
    run = dry_run(of(made.family), ((Phase.FORWARD, made.words.forward),), silent)
    assert (run.result, len(asked)) == (Would.UNKNOWN, GIVEN_UP)
    assert Would.HOLDS not in {each.would for each in run.tried}


@pytest.mark.parametrize(
    ("text", "would", "result"),
    [
        ("status!success\n", Would.HOLDS, Would.HOLDS),
        ("status!system_stalled\n", Would.STOPS, Would.STOPS),
        ("", Would.UNKNOWN, Would.UNKNOWN),
        ("\x1b[2J", Would.UNKNOWN, Would.UNKNOWN),
    ],
)
def test_an_answer_is_judged_as_in_a_run(text: str, would: Would, result: Would) -> None:
    run = one(question(), said(text))
    assert (run.tried[0].would, run.result) == (would, result)


def test_what_would_be_waited_for_is_no_yes_yet() -> None:
    waits = question(expect=(), until=(("status", ("success",)),))
    run = one(waits, said("status!system_updating\n"))
    assert (run.tried[0].would, run.result) == (Would.WAITS, Would.UNKNOWN)


def test_no_step_at_all_is_no_yes() -> None:
    assert dry_run(of(ArrayFamily.STORAGE_VIRTUALIZE), (), said("")).result is Would.UNKNOWN
