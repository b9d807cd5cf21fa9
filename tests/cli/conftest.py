"""A serving process without a lab, and the command line as people type it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from werkzeug.serving import make_server

from gate.api.routes import blueprint
from gate.assembly import assemble
from gate.cli.main import main
from gate.person import Role
from gate.policy import Seat
from gate.settings import load, relocate, shipped
from gate.store import Ledger

PASSWORD = "correct horse battery"


@dataclass
class Served:
    """Where the server is, and what it was given."""

    address: str
    config: Path
    ledger: Ledger


@contextmanager
def serving(directory: Path, *, rotated: bool = False) -> Iterator[Served]:
    """Serve what lies in `directory`, a new place; `rotated`: after its log was handed to another key."""
    config = directory / "config.yaml"
    config.write_text(relocate(shipped("config.yaml").read_text(), "127.96.0"))
    (directory / "data").mkdir()
    (directory / "data" / "known_hosts").write_text("")
    settings = load(config)
    with assemble(settings) as installation:
        installation.control.add_person(None, "engineer", PASSWORD, [Role.REQUESTER, Role.PERFORMER])
        installation.control.add_person(None, "lead", PASSWORD, [], [Seat.STORAGE])
    if rotated:
        words = ["--config", str(config), "ledger", "rotate-key", "--reason", "once a year"]
        assert CliRunner().invoke(main, words).exit_code == 0
    with assemble(settings) as installation:
        app = Flask("served")
        app.register_blueprint(blueprint(installation.control, settings))
        server = make_server("127.0.0.1", 0, app, threaded=True)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield Served(f"http://127.0.0.1:{server.server_port}", config, installation.ledger)
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("served")) as found:
        yield found


Typed = Callable[..., Result]


@pytest.fixture
def sangate(tmp_path: Path, served: Served) -> Typed:
    """Type a command; tokens are kept below this test's own directory."""

    def typed(*words: object, stdin: str = "", config: Path | None = None, server: str = "") -> Result:
        before = ["--config", str(config or served.config), "--server", server or served.address]
        env = {"XDG_STATE_HOME": str(tmp_path / "state"), "COLUMNS": "200"}
        return CliRunner().invoke(main, [*before, *map(str, words)], input=stdin, env=env, prog_name="sangate")

    return typed


@pytest.fixture
def engineer(sangate: Typed) -> Typed:
    assert sangate("login", "engineer", "--password-file", "-", stdin=PASSWORD + "\n").exit_code == 0
    return sangate


@pytest.fixture
def lead(sangate: Typed) -> Typed:
    assert sangate("login", "lead", "--password-file", "-", stdin=PASSWORD + "\n").exit_code == 0
    return sangate
