"""Production's own credential tried over a real ssh at a real sshd: from the gate's question to the check's answer."""

import shlex
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gate import production
from gate.backups.access import over_ssh
from gate.checks import production_refused
from gate.evidence import AccessTest, Reply, ReplyState
from gate.finding import Outcome
from gate.inventory import ProductionAccess, Ssh
from tests import cases
from tests.backups.local import drive
from tests.parts import need
from tests.real.sshd import USER, Server, private, servers

PROTECTION = cases.protection(production=ProductionAccess(account="sidekick", user=USER))
AS_PRODUCTION = "sudo -n -u sidekick ssh "
"""What the gate has run on production's host; here ssh itself runs, with production's key and this server's."""


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    with servers(tmp_path) as begin:
        yield begin


def tried(server: Server, key: Ed25519PrivateKey, port: int = 0, known: str = "") -> AccessTest:
    """Ask as the gate does; `port` and `known` are those of the server itself unless others are given."""
    line = f"[127.0.0.1]:{server.port} {known or server.host_line}\n"
    (server.home / "known_hosts").write_text(line)
    files = [f"UserKnownHostsFile={server.home}/known_hosts", "StrictHostKeyChecking=yes", "IdentitiesOnly=yes"]
    options = [word for one in files for word in ("-o", one)]
    words = [need("ssh"), "-F", "none", "-i", str(private(server.home / "production", key)), *options]

    def ask(command: str) -> Reply:
        assert command.startswith(AS_PRODUCTION)
        at = datetime.now(UTC)
        ran = subprocess.run(
            [*words, *shlex.split(command.removeprefix(AS_PRODUCTION))],
            capture_output=True,
            timeout=30,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        done = datetime.now(UTC)
        return Reply("db-1", command, ReplyState.ANSWERED, at, done, ran.returncode, ran.stdout, ran.stderr)

    at = Ssh(host="127.0.0.1", port=port or server.port)
    trial = production.over_ssh(PROTECTION, cases.fleet(protections=(PROTECTION,)))
    assert trial is not None
    return drive(over_ssh(PROTECTION, at, trial.words), ask)


def judged(found: AccessTest) -> Outcome:
    told = replace(cases.evidence(), access={"nightly": replace(found, at=cases.NOON)})
    inventory = cases.fleet(protections=(PROTECTION,))
    return production_refused.check(cases.case(told, inventory=inventory)).outcome


def test_a_key_that_the_backup_host_does_not_know_is_refused_and_passes(start: Callable[..., Server]) -> None:
    found = tried(start(), Ed25519PrivateKey.generate())
    assert (found.refused, "Permission denied (publickey" in found.answer) == (True, True)
    assert judged(found) is Outcome.PASSED


@pytest.mark.parametrize("options", ["", 'command="borg serve --append-only",restrict'])
def test_a_key_that_is_let_in_fails_also_where_a_forced_command_waits(
    start: Callable[..., Server], options: str
) -> None:
    server = start(options=options)
    found = tried(server, server.key)
    assert found.refused is False
    assert "was let in" in found.answer
    assert judged(found) is Outcome.FAILED


def test_a_closed_port_and_a_strange_host_key_are_no_refusal(start: Callable[..., Server]) -> None:
    server = start()
    closed = tried(server, Ed25519PrivateKey.generate(), port=1)
    strange = tried(server, Ed25519PrivateKey.generate(), known=start().host_line)
    for found in (closed, strange):
        assert found.refused is None
        assert judged(found) is Outcome.UNKNOWN
