"""Sweep the targets with the gate's own connections: cold, then again over the connections kept."""

import json
import os
import resource
import sys
import time
from pathlib import Path

from gate.evidence import ReplyState
from gate.gather.interview import side_by_side
from gate.gather.lines import Lines
from gate.hostkeys import parse
from gate.inventory import Host, HostFamily, Ssh
from gate.keys import own
from gate.settings import load, shipped

PARALLEL = 32


def memory_kib() -> int:
    """Resident size now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024


def main() -> None:
    """Print one JSON object."""
    given = json.loads(Path(sys.argv[1]).read_text())
    inventory = load(shipped("config.yaml")).config.inventory
    hosts = tuple(
        Host(
            id=f"target-{at}",
            site=inventory.sites[0],
            family=HostFamily.LINUX,
            ssh=Ssh(host=address, port=given["port"]),
        )
        for at, address in enumerate(given["targets"])
    )
    pinned = parse("".join(f"[{h.ssh.host}]:{h.ssh.port} {given['host_key']}\n" for h in hosts), "known_hosts")
    lines = Lines(
        inventory.model_copy(update={"arrays": (), "hosts": hosts}),
        user=given["user"],
        key=own(Path(given["key"])),
        pinned=pinned,
    )

    def ask(host: Host) -> int:
        replies = [lines.ask(host.id, command) for command in given["commands"]]
        return sum(r.state is ReplyState.ANSWERED and r.text().strip() == r.command[5:] for r in replies)

    told: dict[str, float] = {}
    with lines:
        for name in ("cold", "kept"):
            before, began, used = memory_kib(), time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
            right = sum(side_by_side(ask, hosts, PARALLEL))
            after = resource.getrusage(resource.RUSAGE_SELF)
            told |= {
                f"{name}_s": time.perf_counter() - began,
                f"{name}_cpu": after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime,
                f"{name}_kib": (memory_kib() - before) / len(hosts),
                f"{name}_right": right,
            }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
