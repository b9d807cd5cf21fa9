import subprocess
import sys

import click
import pytest

from gate.cli.main import COMMANDS, Sangate, main
from tests.cli.conftest import Typed

HEAVY = {"pydantic", "flask", "paramiko", "cryptography", "yaml", "rich", "urllib.request", "sqlite3", "argon2"}


def test_help_imports_nothing_that_takes_its_time() -> None:
    program = "import sys; from gate.cli.main import main; main(['--help'], standalone_mode=False); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    page, _, loaded = done.stdout.rpartition("\n\n") if "\n\n" in done.stdout else ("", "", done.stdout)
    assert "Commands:" in done.stdout
    assert not HEAVY & set(loaded.split()), page


@pytest.mark.parametrize("name", COMMANDS)
def test_the_line_of_help_is_the_commands_own(name: str) -> None:
    assert isinstance(main, Sangate)
    command = main.get_command(click.Context(main), name)
    assert command is not None
    assert (command.help or "").splitlines()[0] == COMMANDS[name][1]


def _commands(group: click.Group, path: tuple[str, ...]) -> list[tuple[str, ...]]:
    found = []
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        found += _commands(command, (*path, name)) if isinstance(command, click.Group) else [(*path, name)]
    return found


def test_every_command_has_help_and_none_takes_a_secret_as_an_argument(sangate: Typed) -> None:
    paths = _commands(main, ())
    assert len(paths) > 30
    for path in paths:
        result = sangate(*path, "--help")
        assert result.exit_code == 0, path
        assert "--password " not in result.stdout
        assert "--token" not in result.stdout


def test_the_line_of_a_command_is_not_cut_where_the_window_ends(sangate: Typed) -> None:
    for group in {path[:-1] for path in _commands(main, ())}:
        assert "..." not in sangate(*group, "--help").stdout.partition("Commands:")[2], group


def test_what_is_not_a_command_is_bad_input(sangate: Typed) -> None:
    for words in (("chnage",), ("change", "opne"), ("change", "show"), ("change", "show", "x", "--colour")):
        result = sangate(*words)
        assert result.exit_code == 2
        assert "Traceback" not in result.output
    assert "No such command 'chnage'. Did you mean 'change'?" in sangate("chnage").output
    assert "Did you mean" not in sangate("qqqqqq").output
