"""
What it costs to start: the command line, the serving process to its first page, and the memory of the demo.

    python benchmarks/bench_start.py [--rounds N] [--no-demo]

Processor seconds are the operating system's own account of each finished process: they depend less than the clock on
what else the machine does. Memory is the largest resident size of any one process.
"""

import argparse
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from gate.settings import shipped

SANGATE = (sys.executable, "-c", "from gate.cli.main import main; main()")
PATIENCE_S = 60


def spent(process: "subprocess.Popen[bytes]") -> tuple[float, float, int]:
    """Wait for the end; return processor seconds, peak memory in MiB, and exit code."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, process.returncode


def helped() -> float:
    """Processor seconds of `sangate --help`."""
    seconds, _, code = spent(subprocess.Popen([*SANGATE, "--help"], stdout=subprocess.DEVNULL))
    if code:
        sys.exit("sangate --help failed")
    return seconds


def answers(address: str) -> bool:
    """Say whether the page comes."""
    try:
        with urllib.request.urlopen(address, timeout=PATIENCE_S) as answer:  # noqa: S310  # our own address
            return bool(answer.read())
    except OSError:
        return False


def served() -> tuple[float, float, float]:
    """Seconds from the start of `sangate serve` to its first page; processor seconds and peak MiB until it ended."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        spot = f"127.0.0.1:{found.getsockname()[1]}"
    with tempfile.TemporaryDirectory() as name:
        config = Path(name) / "config.yaml"
        config.write_text(shipped("config.yaml").read_text(encoding="utf-8").replace("127.0.0.1:8420", spot))
        start = time.perf_counter()
        process = subprocess.Popen([*SANGATE, "--config", str(config), "serve"], stderr=subprocess.DEVNULL)
        while not answers(f"http://{spot}/"):
            if process.poll() is not None or time.perf_counter() - start > PATIENCE_S:
                process.kill()
                sys.exit("sangate serve shows no page")
            time.sleep(0.01)
        seconds = time.perf_counter() - start
        process.send_signal(signal.SIGINT)
        used, memory, _ = spent(process)
    return seconds, used, memory


def told() -> tuple[float, float, float, int]:
    """Seconds of the whole demo, processor seconds and peak MiB of its largest process, and its exit code."""
    with tempfile.TemporaryDirectory() as name:
        words = [
            "--data",
            str(Path(name) / "data"),
            "demo",
            "--no-serve",
            "--summary",
            str(Path(name) / "summary.json"),
        ]
        start = time.perf_counter()
        used, memory, code = spent(subprocess.Popen([*SANGATE, *words], stdout=subprocess.DEVNULL))
        return time.perf_counter() - start, used, memory, code


def line(found: list[float], unit: str) -> str:
    """Median and range."""
    return f"{statistics.median(found):.2f} ({min(found):.2f}-{max(found):.2f}) {unit}"


def main() -> None:
    """Print a line for each."""
    options = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    options.add_argument("--rounds", type=int, default=7)
    options.add_argument("--no-demo", action="store_true")
    given = options.parse_args()
    helped()
    print(f"sangate --help: {line([helped() for _ in range(given.rounds)], 's of processor')}")
    starts = [served() for _ in range(given.rounds)]
    print(f"sangate serve, start to first page: {line([one[0] for one in starts], 's')}")
    print(f"sangate serve, start to end: {line([one[1] for one in starts], 's of processor')}")
    print(f"sangate serve, peak memory: {max(one[2] for one in starts):.0f} MiB")
    if not given.no_demo:
        seconds, used, memory, code = told()
        print(f"sangate demo --no-serve: {seconds:.0f} s, {used:.1f} s of processor, exit code {code}")
        print(f"sangate demo, largest process: {memory:.0f} MiB")


if __name__ == "__main__":
    main()
