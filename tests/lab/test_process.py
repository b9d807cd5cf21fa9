"""A whole lab in its own process: start, control channel, faults on the wire, jobs that outlive their caller."""

import contextlib
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import paramiko
import pytest

from gate.errors import BadInput, Outside
from gate.lab.client import Lab, is_locked
from gate.lab.images import listing
from gate.lab.process import start
from tests.lab.certs import certify, loaded
from tests.lab.fleets import GATE, SERIALS, Pair, Terminal, eventually, pair, small_fleet, terminal
from tests.places import network

NETWORK = network(24)
MONITOR, REHEARSE, AUTHORITY, HOLDER = pair(), pair(), pair(), pair()


def begin(directory: Path, net: str = NETWORK) -> Lab:
    return start(
        small_fleet(net),
        directory,
        monitor_key=MONITOR.line,
        rehearse_key=REHEARSE.line,
        ca_key=AUTHORITY.line,
        gate_initiator=GATE,
        pace=0.2,
    )


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    running = begin(tmp_path_factory.mktemp("a-directory-whose-name-is-too-long-for-the-address-of-a-unix-socket"))
    yield running
    running.stop()


@pytest.fixture(autouse=True)
def no_faults(lab: Lab) -> Iterator[None]:
    yield
    for name in ("east-1", "west-2", "vault-1", "db-1", "bk-1"):
        lab.clear(name)


def place(name: str) -> str:
    return f"{NETWORK}.{ {**SERIALS, 'db-1': '41', 'bk-1': '42'}[name] }"


@contextlib.contextmanager
def monitor(lab: Lab, name: str, key: Pair = MONITOR) -> Iterator[Terminal]:
    with terminal(place(name), "monitor", key, lab.known_hosts) as opened:
        yield opened


def test_the_lab_says_that_it_simulates_and_tells_nobody_but_its_owner(lab: Lab) -> None:
    assert "SIMULATION" in (lab.directory / "lab.log").read_text()
    assert lab.status()["simulated"] is True
    assert stat.S_IMODE((lab.directory / "control.sock").stat().st_mode) == 0o600
    assert all(stat.S_IMODE(key.stat().st_mode) == 0o600 for key in (lab.directory / "hostkeys").iterdir())


def test_every_listed_image_lies_in_the_directory_of_images(lab: Lab) -> None:
    assert sorted(path.name for path in lab.images.iterdir()) == sorted(file for file, _, _ in listing())


def test_a_second_lab_in_the_same_directory_is_refused(lab: Lab) -> None:
    with pytest.raises(BadInput, match="already running"):
        begin(lab.directory)


def test_addresses_that_others_could_reach_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"192\.0\.2\.\d+ is not a loopback address"):
        begin(tmp_path, "192.0.2")


def test_a_port_that_is_taken_is_told_by_the_start(tmp_path: Path) -> None:
    net = network(25)
    with socket.create_server((f"{net}.22", 3260)), pytest.raises(Outside, match=r"did not start: .*in use"):
        begin(tmp_path, net)


def test_whoever_started_the_lab_may_die(tmp_path: Path) -> None:
    net = network(26)
    program = (
        "import os, signal, sys; from pathlib import Path; from tests.lab.test_process import begin;"
        "begin(Path(sys.argv[1]), sys.argv[2]); os.killpg(os.getpgid(0), signal.SIGKILL)"
    )
    root = str(Path(__file__).parents[2])
    words = [sys.executable, "-c", program, str(tmp_path), net]
    done = subprocess.run(words, cwd=root, env={**os.environ, "PYTHONPATH": root}, start_new_session=True, check=False)
    assert done.returncode == -signal.SIGKILL
    running = Lab(tmp_path)
    try:
        assert running.status()["simulated"] is True
    finally:
        running.stop()
    with pytest.raises(Outside):
        running.status()


def test_the_repository_moves_and_a_backup_lands_where_it_is_mounted(lab: Lab) -> None:
    find = "find /backup/sidekick -mindepth 2 -maxdepth 2 -name manifest.json"
    trace = "findmnt -J -T /backup/sidekick -o TARGET,SOURCE"
    with monitor(lab, "bk-1") as host:
        assert lab.status()["repository_on"] == "east-1"
        assert '"/dev/sdb"' in host.run(trace).text
        assert host.run(find).text
        lab.move_repository("vault-1")
        assert '"/dev/sdc"' in host.run(trace).text
        made = lab.backup_now()
        assert f"/backup/sidekick/{made}/manifest.json" in host.run(find).text
        recorded = host.run(f"cat /backup/sidekick/{made}/manifest.json").text
        assert host.run(f"sha256sum /backup/sidekick/{made}/sidekick.db").text[:64] in recorded
        lab.unmount_repository()
        assert '"target": "/"' in host.run("findmnt -J -T /backup -o TARGET,SOURCE").text
        assert host.run(find).status == 1
        with pytest.raises(BadInput, match="not mounted"):
            lab.backup_now()
        lab.move_repository("east-1")
        with pytest.raises(BadInput, match="no repository volume"):
            lab.move_repository("west-2")


def test_two_backups_in_one_second_get_ids_of_their_own(lab: Lab) -> None:
    assert lab.backup_now() != lab.backup_now()


def test_a_job_goes_on_when_its_caller_is_gone_and_is_counted_once(lab: Lab) -> None:
    before = lab.array_counters()["west-2"].get("apply", 0)
    key = loaded(certify(AUTHORITY, HOLDER, "west-2"), HOLDER)
    with terminal(place("west-2"), "fwadmin", key, lab.known_hosts) as admin:
        image = (lab.images / "lab-8.7.0.4.img").read_bytes()
        assert admin.upload("lab-8.7.0.4.img", image) == b"\0"
        assert "lab-8.7.0.4.img" in admin.run("lsdumps -prefix /upgrade -delim !").text
        lab.fault("west-2", "lose-reply")
        assert admin.run("applysoftware -file lab-8.7.0.4.img").status == -1
    arrays = lab.status()["arrays"]
    assert isinstance(arrays, dict)
    assert eventually(lambda: _update(lab, "west-2") == "system_completion_required")
    assert lab.array_counters()["west-2"]["apply"] == before + 1
    with monitor(lab, "west-2") as reader:
        assert "code_level!8.7.0.4 " in reader.run("lssystem -delim !").text
        assert "status!system_completion_required" in reader.run("lsupdate -delim !").text


def _update(lab: Lab, name: str) -> str:
    arrays = lab.status()["arrays"]
    assert isinstance(arrays, dict)
    return str(arrays[name]["update"])


def test_uploads_are_for_the_administrator_and_one_directory(lab: Lab) -> None:
    with monitor(lab, "east-1") as reader:
        assert b"CMMVC7016E" in reader.upload("x.img", b"x")
    key = loaded(certify(AUTHORITY, HOLDER, "east-1"), HOLDER)
    with terminal(place("east-1"), "fwadmin", key, lab.known_hosts) as admin:
        assert b"Permission denied" in admin.upload("x.img", b"x", "/etc")
        assert b"protocol error" in admin.upload("../x.img", b"x")
    assert lab.array_counters()["east-1"].get("upload", 0) == 0


def test_faults_show_on_the_wire_and_go_again(lab: Lab) -> None:
    ask = "lssystem -delim !"
    with monitor(lab, "east-1") as reader:
        plain = reader.run(ask).out
        lab.fault("east-1", "bad-utf8")
        assert b"\xff\xfe" in reader.run(ask).out
        lab.clear("east-1", "bad-utf8")
        lab.fault("east-1", "escapes")
        assert reader.run(ask).out.startswith(b"\x1b[2J")
        lab.clear("east-1")
        lab.fault("east-1", "flood", "1")
        assert len(reader.run(ask).out) > 1_000_000
        lab.clear("east-1")
        lab.fault("east-1", "close-mid-reply")
        cut = reader.run(ask)
        assert (len(cut.out) < len(plain), cut.status) == (True, -1)
        lab.clear("east-1")
    with monitor(lab, "east-1") as reader:
        assert reader.run(ask).out == plain


def test_an_array_that_hangs_refuses_or_shows_another_key_lets_nobody_in(lab: Lab) -> None:
    lab.fault("vault-1", "refuse")
    with pytest.raises(paramiko.AuthenticationException), monitor(lab, "vault-1"):
        pass
    lab.clear("vault-1")
    lab.fault("vault-1", "changed-host-key")
    with pytest.raises(paramiko.BadHostKeyException), monitor(lab, "vault-1"):
        pass
    lab.clear("vault-1")
    lab.fault("vault-1", "hang-banner")
    with socket.create_connection((place("vault-1"), 2222), 5) as plain:
        plain.settimeout(0.3)
        with pytest.raises(TimeoutError):
            plain.recv(1)
    lab.clear("vault-1")
    for name in ("vault-1", "bk-1"):
        lab.fault(name, "offline")
        with pytest.raises(OSError, match=r"refused|Unable to connect"), monitor(lab, name):
            pass
        lab.clear(name)
        with monitor(lab, name):
            pass


def test_a_fault_that_is_not_known_or_does_not_fit_is_refused(lab: Lab) -> None:
    with pytest.raises(BadInput, match="no fault"):
        lab.fault("east-1", "meteor")
    with pytest.raises(BadInput, match="cannot have eio"):
        lab.fault("db-1", "eio")
    with pytest.raises(BadInput, match="cannot do that"):
        lab.fault("east-1", "slow", "very")


def test_bad_code_of_the_array_reaches_the_files_of_the_host(lab: Lab) -> None:
    with monitor(lab, "db-1") as host:
        whole = host.run("sha256sum /data/sidekick.db").text
        lab.fault("east-1", "eio")
        failed = host.run("sha256sum /data/sidekick.db")
        assert (failed.status, failed.out) == (1, b"")
        assert b"Input/output error" in failed.err
        lab.clear("east-1")
        assert host.run("sha256sum /data/sidekick.db").text == whole


def test_a_connection_without_a_shell_gets_none(lab: Lab) -> None:
    with monitor(lab, "east-1") as reader:
        transport = reader.client.get_transport()
        assert transport is not None
        with pytest.raises(paramiko.SSHException):
            transport.open_session(timeout=5).invoke_shell()
        with pytest.raises(paramiko.ChannelException):
            transport.open_channel("direct-tcpip", ("127.0.0.1", 22), ("127.0.0.1", 0), timeout=5)


def test_a_lab_that_was_killed_is_no_obstacle_and_nothing_else_is_killed_for_it(tmp_path: Path) -> None:
    net = network(28)
    running = begin(tmp_path, net)
    pins = running.known_hosts.read_text()
    os.kill(running.pid, signal.SIGKILL)
    assert eventually(lambda: not is_locked(tmp_path))
    (tmp_path / "lab.pid").write_text(f"{os.getpid()}\n")  # the number has gone to somebody else meanwhile
    running.stop()
    again = begin(tmp_path, net)
    try:
        assert again.status()["repository_on"] == "east-1"
        assert again.known_hosts.read_text() == pins
    finally:
        again.stop()
