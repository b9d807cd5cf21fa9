"""Sweep the targets with parallel-ssh over libssh2: cold, then again over the connections kept."""

import json
import resource
import sys
import time
from pathlib import Path

from pssh.clients import ParallelSSHClient

PARALLEL = 64


def main() -> None:
    """Print one JSON object."""
    given = json.loads(Path(sys.argv[1]).read_text())
    client = ParallelSSHClient(
        given["targets"],
        user=given["user"],
        port=given["port"],
        pkey=given["key"],
        pool_size=PARALLEL,
        allow_agent=False,
        identity_auth=False,
    )
    told = {}
    for name in ("cold", "kept"):
        began, used, right = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF), 0
        for command in given["commands"]:
            for output in client.run_command(command):
                right += list(output.stdout) == [command[5:]]
        after = resource.getrusage(resource.RUSAGE_SELF)
        told[f"{name}_right"] = right
        told[f"{name}_s"] = time.perf_counter() - began
        told[f"{name}_cpu"] = after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime
    print(json.dumps(told))


if __name__ == "__main__":
    main()
