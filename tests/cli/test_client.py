import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest

from gate.cli.client import Client
from gate.cli.say import plain
from gate.errors import BadInput, Outside
from tests.cli.conftest import PASSWORD, Served, Typed


def test_without_a_sign_in_the_gate_refuses_and_says_how(sangate: Typed) -> None:
    result = sangate("change", "list")
    assert result.exit_code == 1
    assert result.stderr.splitlines()[1].startswith("hint: sangate login")


def test_a_wrong_password_is_refused_and_keeps_no_token(sangate: Typed, tmp_path: Path) -> None:
    result = sangate("login", "somebody", "--password-file", "-", stdin="wrong\n")
    assert result.exit_code == 1
    assert "name or password is not right" in result.stderr
    assert not list((tmp_path / "state").rglob("*.token"))


def test_the_password_is_asked_for_and_not_shown(sangate: Typed) -> None:
    result = sangate("login", "engineer", stdin=PASSWORD + "\n")
    assert result.exit_code == 0
    assert "Password of engineer" in result.output
    assert PASSWORD not in result.output


def test_a_token_is_kept_for_its_owner_alone(engineer: Typed, tmp_path: Path) -> None:
    (kept,) = (tmp_path / "state").rglob("*.token")
    assert kept.stat().st_mode & 0o777 == 0o600
    assert kept.parent.stat().st_mode & 0o777 == 0o700
    kept.chmod(0o644)
    result = engineer("change", "list")
    assert result.exit_code == 4
    assert "other users may read this token" in result.stderr


def test_a_token_of_one_server_is_not_shown_to_another(engineer: Typed) -> None:
    other = engineer("change", "list", server="http://127.0.0.1:1")
    assert other.exit_code == 4
    assert "does not answer" in other.stderr


def test_after_the_logout_nobody_is_signed_in(engineer: Typed) -> None:
    assert engineer("logout").stdout == "Signed out.\n"
    assert engineer("change", "list").exit_code == 1
    assert engineer("logout").stdout == "Nobody was signed in.\n"


def test_a_server_that_does_not_answer_is_told_with_a_way_out(sangate: Typed) -> None:
    result = sangate("change", "list", server="http://127.0.0.1:1")
    assert result.exit_code == 4
    assert result.stderr.splitlines()[0] == "http://127.0.0.1:1: the server does not answer: connection refused"
    assert result.stderr.splitlines()[1].startswith("hint: ")


@pytest.mark.parametrize("address", ["http://gate.example.com", "ftp://127.0.0.1", "127.0.0.1:8420", "http://", "x"])
def test_secrets_go_to_this_machine_or_over_tls_only(address: str) -> None:
    with pytest.raises(BadInput):
        Client(address)


class _Strange(http.server.BaseHTTPRequestHandler):
    seen: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        _Strange.seen.append(self.path)
        if self.path == "/api/v1/changes":
            self.send_response(302)
            self.send_header("Location", "/api/v1/elsewhere")
            self.end_headers()
        else:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<html>")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def strange() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Strange)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_redirect_is_not_followed_and_another_page_is_no_answer(strange: str) -> None:
    client = Client(strange, "sgt_secret")
    with pytest.raises(Outside, match="302"):
        client.get("/changes")
    assert "/api/v1/elsewhere" not in _Strange.seen
    with pytest.raises(Outside, match="not JSON"):
        client.get("/seal")


def test_nothing_that_a_terminal_obeys_is_printed() -> None:
    assert plain("a\x1b[2Jb\r\u202ec\x07") == "a�[2Jb��c�"


def test_the_server_is_known_from_the_configuration(served: Served, sangate: Typed, tmp_path: Path) -> None:
    port = served.address.rpartition(":")[2]
    text = served.config.read_text().replace("127.0.0.1:8420", f"127.0.0.1:{port}")
    config = tmp_path / "config.yaml"
    config.write_text(text)
    result = sangate("login", "engineer", "--password-file", "-", "--json", stdin=PASSWORD + "\n", config=config)
    assert result.exit_code == 0
