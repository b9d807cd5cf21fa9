"""Lines to real SSH servers: always a Reply, one connection a target, and a dropped one is opened again."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from gate import keys
from gate.evidence import ReplyState
from gate.gather.lines import Lines
from gate.hostkeys import HostKeys
from gate.ssh.pins import read_host_keys
from gate.ssh.wire import Timeouts
from tests.gather.conftest import Site

QUICK = Timeouts(connect_s=5, banner_s=5, login_s=60)
SYSTEM = "lssystem -delim !"


def open_lines(site: Site, user: str = "monitor", pinned: HostKeys | None = None) -> Lines:
    return Lines(
        site.settings.config.inventory,
        user=user,
        key=keys.read(site.settings.keys / user),
        pinned=read_host_keys(site.settings.known_hosts) if pinned is None else pinned,
        timeouts=QUICK,
        deadline_s=60,
        limit_bytes=100_000,
    )


@pytest.fixture
def lines(site: Site) -> Iterator[Lines]:
    with open_lines(site) as opened:
        yield opened


def test_a_question_is_answered_with_its_exact_bytes(lines: Lines) -> None:
    reply = lines.ask("west-1", SYSTEM)
    assert (reply.state, reply.exit_status, reply.target) == (ReplyState.ANSWERED, 0, "west-1")
    assert b"0000020420E00021" in reply.stdout


def test_many_questions_at_once_to_one_target_all_get_their_own_answer(lines: Lines) -> None:
    commands = [SYSTEM, "lsupdate -delim !", "lsdrive -delim !"] * 6
    with ThreadPoolExecutor(6) as pool:
        replies = list(pool.map(lambda command: lines.ask("west-1", command), commands))
    assert [reply.command for reply in replies] == commands
    assert len({reply.stdout for reply in replies}) == 3


def test_a_target_whose_key_is_not_pinned_is_unreachable_and_the_problem_names_it(site: Site) -> None:
    with open_lines(site, pinned=HostKeys()) as lines:
        reply = lines.ask("west-1", SYSTEM)
    assert (reply.state, reply.exit_status, reply.stdout) == (ReplyState.UNREACHABLE, None, b"")
    assert reply.problem.startswith("the host key was refused: no host key is pinned for west-1")


@pytest.mark.parametrize("fault", ["changed-host-key", "offline", "hang-banner", "refuse"])
def test_a_target_that_cannot_be_logged_in_to_is_unreachable(site: Site, lines: Lines, fault: str) -> None:
    site.lab.fault("west-1", fault)
    reply = lines.ask("west-1", SYSTEM)
    assert reply.state is ReplyState.UNREACHABLE
    assert "west-1" in reply.problem


def test_a_connection_that_has_ended_since_is_opened_again(site: Site, lines: Lines) -> None:
    assert lines.ask("west-1", SYSTEM).state is ReplyState.ANSWERED
    site.lab.fault("west-1", "offline")
    assert lines.ask("west-1", SYSTEM).state is not ReplyState.ANSWERED
    site.lab.clear("west-1", "offline")
    assert lines.ask("west-1", SYSTEM).state is ReplyState.ANSWERED
    lines.hang_up()
    assert lines.ask("west-1", SYSTEM).state is ReplyState.ANSWERED


def test_a_target_that_was_away_between_two_questions_is_asked_again(site: Site, lines: Lines) -> None:
    assert lines.ask("west-1", SYSTEM).state is ReplyState.ANSWERED
    site.lab.fault("west-1", "offline")
    site.lab.clear("west-1", "offline")
    assert lines.ask("west-1", SYSTEM).state is ReplyState.ANSWERED


def test_a_reply_that_breaks_off_is_lost_and_never_half_an_answer(site: Site, lines: Lines) -> None:
    site.lab.fault("west-1", "close-mid-reply")
    assert lines.ask("west-1", SYSTEM).state is ReplyState.LOST


def test_a_flood_is_cut_off(site: Site, lines: Lines) -> None:
    site.lab.fault("west-1", "flood", "1")
    assert lines.ask("west-1", SYSTEM).state is ReplyState.TOO_LONG


def test_a_name_outside_the_inventory_is_not_asked(lines: Lines) -> None:
    with pytest.raises(KeyError):
        lines.ask("elsewhere", SYSTEM)


def test_the_read_only_user_writes_nowhere_and_the_rehearsing_user_only_below_the_scratch(
    site: Site, lines: Lines
) -> None:
    assert lines.ask("bk-1", "mkdir -p /scratch/rehearsal/x").exit_status != 0
    with open_lines(site, "rehearse") as rehearser:
        assert rehearser.ask("bk-1", "rm -rf /backup/sidekick").exit_status != 0
        assert rehearser.ask("bk-1", "rm -rf /scratch/rehearsal/x").exit_status == 0
