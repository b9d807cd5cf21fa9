"""A command that asks something back: only what is on the list is answered, so many times, in time."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import paramiko
import pytest

from gate.evidence import Reply, ReplyState
from gate.ssh import prompts
from gate.ssh.prompts import Answer
from gate.ssh.session import Session
from tests.test_ssh import Handler, device, end, serve

__all__ = ("device", "serve")

PROCEED = "Would you like to proceed with update ? {y|n}:"


class Asking:
    """A device that asks each line in turn, says what was typed, and ends well if all was as it likes."""

    def __init__(self, *lines: str, ends: str = "\n", before: float = 0.0, error: bool = False) -> None:
        self.lines = lines
        self.typed: list[str] = []
        self.ends = ends
        self.before = before
        self.error = error

    def __call__(self, channel: paramiko.Channel, command: str, transport: paramiko.Transport) -> None:
        """Ask, one after the other."""
        for line in self.lines:
            time.sleep(self.before)
            (channel.sendall_stderr if self.error else channel.sendall)(f"{line} ".encode())
            typed = b""
            while not typed.endswith(self.ends.encode()):
                got = channel.recv(1)
                if not got:
                    return
                typed += got
            self.typed.append(typed.decode().strip())
        channel.sendall(b"done\n")
        end(channel)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prompts, "WAITS", 0.8)


def run(session: Session, *answers: Answer, within: float = 60, terminal: bool = False, act: float = 60) -> Reply:
    before = datetime.now(UTC) + timedelta(seconds=act)
    return session.run("update", deadline_s=within, act_before=before, answers=answers, terminal=terminal)


Device = Callable[[Handler], Session]


@pytest.mark.parametrize("error", [False, True])
def test_a_prompt_on_the_list_is_answered(device: Device, error: bool) -> None:
    asks = Asking(PROCEED, error=error)
    with device(asks) as session:
        reply = run(session, Answer(PROCEED, "y", 1))
    assert (reply.state, reply.exit_status, asks.typed) == (ReplyState.ANSWERED, 0, ["y"])


def test_two_prompts_are_each_answered_with_their_own_word(device: Device) -> None:
    asks = Asking("Enter the name of the partner:", "Continue (y/n)?")
    with device(asks) as session:
        reply = run(session, Answer("Continue (y/n)?", "y", 1), Answer("Enter the name of the partner:", "b", 1))
    assert (reply.state, asks.typed) == (ReplyState.ANSWERED, ["b", "y"])


def test_under_a_terminal_a_line_ends_with_a_return(device: Device) -> None:
    asks = Asking(PROCEED, ends="\r")
    with device(asks) as session:
        reply = run(session, Answer(PROCEED, "y", 1), terminal=True)
    assert (reply.state, asks.typed) == (ReplyState.ANSWERED, ["y"])


@pytest.mark.parametrize(
    "asked",
    [
        "Your password expires in 3 days. Change it now (y/n)?",
        "Erase all data. Would you like to proceed with update ? {y|n}:",
        "Would you like to proceed with update ? {y|n|force}:",
        "cluster1::>",
    ],
)
def test_anything_else_that_waits_is_no_answer_and_nothing_is_typed(device: Device, asked: str) -> None:
    asks = Asking(asked)
    with device(asks) as session:
        reply = run(session, Answer(PROCEED, "y", 1))
        assert not session.alive
    assert (reply.state, reply.exit_status, asks.typed) == (ReplyState.PROMPTED, None, [])
    assert asked in reply.problem
    assert "nothing was typed" in reply.problem


def test_without_any_answer_a_prompt_is_found_out_as_well(device: Device) -> None:
    with device(Asking("Continue (y/n)?")) as session:
        assert run(session).state is ReplyState.PROMPTED


def test_a_prompt_more_often_than_agreed_is_not_answered_again(device: Device) -> None:
    asks = Asking(PROCEED, PROCEED, PROCEED)
    with device(asks) as session:
        reply = run(session, Answer(PROCEED, "y", 2))
    assert (reply.state, asks.typed) == (ReplyState.PROMPTED, ["y", "y"])
    assert "once more than 2 times" in reply.problem


def test_a_prompt_after_the_time_to_act_is_not_answered(device: Device) -> None:
    asks = Asking(PROCEED, before=4.5)
    with device(asks) as session:
        reply = run(session, Answer(PROCEED, "y", 1), within=60, act=4.0)
    assert (reply.state, asks.typed) == (ReplyState.PROMPTED, [])
    assert "the time was over" in reply.problem


def test_a_star_stands_for_what_comes_before_a_prompt(device: Device) -> None:
    asks = Asking("Node lab-a-01 restarts. Continue (y/n)?")
    with device(asks) as session:
        assert run(session, Answer("*Continue (y/n)?", "y", 1)).state is ReplyState.ANSWERED


@pytest.mark.parametrize("error", [False, True])
@pytest.mark.parametrize(
    "before", ["All unwritten cache will be lost.", "WARNING: this ERASES every volume", "It cannot be undone"]
)
def test_a_loss_told_of_on_a_line_before_makes_of_a_known_prompt_a_question(
    device: Device, before: str, error: bool
) -> None:
    asks = Asking(f"{before}\r\nand more\r\n{PROCEED}", error=error)
    with device(asks) as session:
        reply = run(session, Answer(PROCEED, "y", 1))
    assert (reply.state, asks.typed) == (ReplyState.PROMPTED, [])
    assert before in reply.problem


def test_what_an_array_always_says_before_its_prompt_is_no_loss(device: Device) -> None:
    asks = Asking(f"Activating this bundle restarts both controllers.\r\nWARNING: see the checks\r\n{PROCEED}")
    with device(asks) as session:
        assert run(session, Answer(PROCEED, "y", 1)).state is ReplyState.ANSWERED


def test_a_line_that_goes_on_is_no_prompt(device: Device) -> None:
    def slow(channel: paramiko.Channel, command: str, transport: paramiko.Transport) -> None:
        for part in ("Working", " ...", "\rWorking ...", " done\n"):
            channel.sendall(part.encode())
            time.sleep(0.9)
        end(channel)

    with device(slow) as session:
        assert run(session, Answer(PROCEED, "y", 1), within=60).state is ReplyState.ANSWERED


def test_a_prompt_at_the_deadline_is_told_as_one(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prompts, "WAITS", 60)
    with device(Asking("Continue (y/n)?")) as session:
        assert run(session, within=5).state is ReplyState.PROMPTED


def test_a_question_under_the_read_only_credential_is_only_waited_for(device: Device) -> None:
    asks = Asking(PROCEED)
    with device(asks) as session:
        reply = session.run("ls", deadline_s=1.5)
    assert (reply.state, asks.typed) == (ReplyState.TIMED_OUT, [])
