"""
A health sweep: five commands on each of 500 SSH targets, by the gate's connections and by others, in one run.

    PYTHONPATH=. python benchmarks/bench_sweep.py [--peers PYTHON] [--targets 500] [--rounds 3] [--only NAME…]

Needs root and OpenSSH: it moves into a network namespace of its own, where one sshd answers on 127.7.0.0/16 with one
address a target. All clients show one Ed25519 key and compare the host key, except parallel-ssh, which compares none.
`--peers` names a Python in which requirements/peers.txt is installed (`make bench` makes .venv/peers). The processor
seconds are the client's alone, with everything it started; interpreter and imports count in "whole", not in the sweeps.
"""

import argparse
import ctypes
import json
import os
import resource
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

HERE = Path(__file__).resolve().parent
INSIDE = "SANGATE_SWEEP_INSIDE"
COMMANDS = [f"echo {word}" for word in ("identity", "nodes", "drives", "ports", "events")]
PR_SET_CHILD_SUBREAPER = 36
Told = dict[str, float]


def written(path: Path) -> str:
    """Make a key there and return its public line."""
    key = Ed25519PrivateKey.generate()
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    path.chmod(0o600)
    return key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def served(place: Path, port: int) -> tuple["subprocess.Popen[bytes]", str]:
    """Start sshd; return it and its host key."""
    host_key = written(place / "hostkey")
    (place / "authorized").write_text(written(place / "key") + "\n")
    (place / "sshd_config").write_text(
        f"ListenAddress 0.0.0.0:{port}\nHostKey {place}/hostkey\nPidFile none\nUsePAM no\nStrictModes no\n"
        f"PermitRootLogin prohibit-password\nAuthorizedKeysFile {place}/authorized\nMaxStartups 1000\nMaxSessions 100\n"
        "LogLevel ERROR\n"
        # bash under sshd reads .bashrc unless it believes to be an inner shell; whatever stands there is not measured
        "SetEnv SHLVL=2\n"
    )
    Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    process = subprocess.Popen([shutil.which("sshd") or "/usr/sbin/sshd", "-D", "-e", "-f", str(place / "sshd_config")])
    until = time.monotonic() + 10
    while time.monotonic() < until:
        with socket.socket() as sock:
            if sock.connect_ex(("127.0.0.1", port)) == 0:
                return process, host_key
        time.sleep(0.05)
    sys.exit("sshd does not answer")


def used() -> float:
    """Processor seconds of every child that has ended."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def ended(sshd: int) -> None:
    """Wait for everything that the last client left behind, so that its processor seconds are counted."""
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    while left := [int(pid) for pid in children.read_text().split() if int(pid) != sshd]:
        for pid in left:
            os.waitpid(pid, 0)


def python(program: str, interpreter: str) -> Callable[[Path], list[str]]:
    """A client written in Python, which measures its own sweeps."""
    return lambda place: [interpreter, str(HERE / "sweep" / program), str(place / "given.json")]


def openssh(place: Path) -> list[str]:
    """OpenSSH's client, one shared connection a target, 64 targets at once."""
    given = json.loads((place / "given.json").read_text())
    options = (
        f"-F none -i {place}/key -p {given['port']} -o UserKnownHostsFile={place}/known -o BatchMode=yes "
        f"-o KexAlgorithms=curve25519-sha256 -o Ciphers=aes128-gcm@openssh.com "
        f"-o ControlMaster=auto -o ControlPersist=2 -o ControlPath={place}/c/%h"
    )
    each = "; ".join(f"ssh {options} {given['user']}@$0 {command}" for command in given["commands"])
    return ["sh", "-c", f"printf '%s\\n' {' '.join(given['targets'])} | xargs -P64 -n1 sh -c '{each}'"]


def ansible(place: Path, peers: str) -> list[str]:
    """ansible-core with pipelining, shared connections, 50 forks and the free strategy."""
    return [
        *(str(Path(peers).parent / "ansible-playbook"), "-i", str(place / "hosts.ini")),
        *("-f", "50", str(place / "sweep.yaml")),
    ]


def prepared(place: Path, port: int, targets: list[str], host_key: str) -> None:
    """Write what the clients read."""
    given = {"targets": targets, "port": port, "user": "root", "key": f"{place}/key", "host_key": host_key}
    (place / "given.json").write_text(json.dumps(given | {"commands": COMMANDS}))
    (place / "known").write_text("".join(f"[{address}]:{port} {host_key}\n" for address in targets))
    (place / "c").mkdir()
    (place / "hosts.ini").write_text("".join(f"{address} ansible_port={port}\n" for address in targets))
    tasks = "".join(f"    - ansible.builtin.raw: {command}\n" for command in COMMANDS)
    (place / "sweep.yaml").write_text(f"- hosts: all\n  gather_facts: false\n  strategy: free\n  tasks:\n{tasks}")
    (place / "ansible.cfg").write_text(
        "[defaults]\nremote_user = root\ninterpreter_python = /usr/bin/python3\ncallback_result_format = json\n"
        f"private_key_file = {place}/key\nlocal_tmp = {place}/ansible\n[ssh_connection]\npipelining = true\n"
        f"control_path_dir = {place}/ac\n"
        f"ssh_args = -F none -C -o ControlMaster=auto -o ControlPersist=2 -o UserKnownHostsFile={place}/known "
        "-o KexAlgorithms=curve25519-sha256 -o Ciphers=aes128-gcm@openssh.com\n"
    )


def measured(words: list[str], place: Path, sshd: int) -> Told:
    """Run one client; its clock ends with its first process, its processor seconds with its last."""
    before, began = used(), time.perf_counter()
    env = {**os.environ, "ANSIBLE_CONFIG": str(place / "ansible.cfg"), "PYTHONPATH": str(HERE.parent)}
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=env)
    seconds = time.perf_counter() - began
    ended(sshd)
    told: Told = {"whole_s": seconds, "whole_cpu": used() - before}
    if done.returncode:
        sys.exit(f"{words[0]} ended with {done.returncode}: {done.stderr[-500:]}{done.stdout[-500:]}")
    if done.stdout.startswith("{"):
        return told | json.loads(done.stdout)
    words_said = [command[5:] for command in COMMANDS]
    right = sum(text.strip() in words_said for text in done.stdout.splitlines())
    recap = done.stdout.count(f" ok={len(COMMANDS)} ") * len(COMMANDS)  # ansible tells how many tasks went well
    return told | {"cold_right": right or recap}


def line(name: str, rounds: list[Told], ours: Told) -> str:
    """One client's medians, and its processor seconds as a multiple of the gate's."""
    middle = {key: statistics.median(one[key] for one in rounds) for key in rounds[0]}
    cold = f"{middle['cold_s']:.1f} s, {middle['cold_cpu']:.2f} s of processor" if "cold_s" in middle else "-"
    kept = f"{middle['kept_s']:.2f} s, {middle['kept_cpu']:.2f} s of processor" if "kept_s" in middle else "-"
    memory = f", {middle['cold_kib']:.0f} + {middle['kept_kib']:.0f} KiB a target" if "cold_kib" in middle else ""
    ratio = f"{middle['whole_s'] / ours['whole_s']:.2f} / {middle['whole_cpu'] / ours['whole_cpu']:.2f}"
    whole = f"{middle['whole_s']:.1f} s, {middle['whole_cpu']:.1f} s of processor"
    return f"{name:22} whole {whole} (x {ratio}) | cold {cold} | kept {kept}{memory} | {middle['cold_right']:.0f} right"


def sweep(options: argparse.Namespace) -> None:
    """Measure all clients in turn, as many rounds as asked for."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)  # noqa: S607  # wherever iproute2 is
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    targets = [f"127.7.{at // 250}.{at % 250 + 1}" for at in range(options.targets)]
    clients: dict[str, Callable[[Path], list[str]]] = {"sangate": python("sweep_sangate.py", sys.executable)}
    if options.peers:
        clients |= {
            "asyncssh": python("sweep_asyncssh.py", options.peers),
            "parallel-ssh": python("sweep_parallel.py", options.peers),
            "OpenSSH ControlPersist": openssh,
            "ansible-core": lambda place: ansible(place, options.peers),
        }
    if options.only:
        clients = {name: words for name, words in clients.items() if name in ("sangate", *options.only)}
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        place = Path(name)
        sshd, host_key = served(place, 2222)
        try:
            prepared(place, 2222, targets, host_key)
            rounds: dict[str, list[Told]] = {client: [] for client in clients}
            for turn in range(options.rounds):
                order = list(clients.items())
                for client, words in order[turn % len(order) :] + order[: turn % len(order)]:
                    rounds[client].append(measured(words(place), place, sshd.pid))
        finally:
            sshd.send_signal(signal.SIGTERM)
            sshd.wait()
    ours = {key: statistics.median(one[key] for one in rounds["sangate"]) for key in rounds["sangate"][0]}
    for client, found in rounds.items():
        print(line(client, found, ours))


def main() -> None:
    """Print a line for each client."""
    options = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    options.add_argument("--targets", type=int, default=500)
    options.add_argument("--rounds", type=int, default=3)
    usual = Path(sys.prefix) / "peers" / "bin" / "python"
    options.add_argument("--peers", default=str(usual) if usual.exists() else "", help="without it: only sangate")
    options.add_argument("--only", nargs="*", default=[], help="these of the others, by name")
    given = options.parse_args()
    if os.environ.get(INSIDE):
        sweep(given)
    elif os.geteuid() != 0:
        print("left out: a network namespace of its own needs root")
    else:
        words = ["unshare", "--net", sys.executable, *sys.argv]
        os.execvpe(words[0], words, os.environ | {INSIDE: "1"})  # noqa: S606  # nothing of it is from outside


if __name__ == "__main__":
    main()
