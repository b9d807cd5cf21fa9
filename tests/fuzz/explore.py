"""
Fuzz every reader, led by what of its code an input reaches (atheris); findings are kept as files.

    PYTHONPATH=. python -m tests.fuzz.explore [--seconds N] [--only NAME …] [--corpus DIR] [--findings DIR]

Each target runs for N seconds in a process of its own, since libFuzzer ends the process that it fuzzes. An input that
takes more than ten seconds of processor time is a finding too. Without atheris (it exists for Linux on x86-64 alone)
the same targets are fed random mutations of their seeds.
"""

import argparse
import hashlib
import importlib.util
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.fuzz.target import Target

SLOW_S = 10
MEMORY_MB = 2048
NEVER_S = 1_000_000
"""Of libFuzzer's own clock, which counts the wall and ends the process without a word; ours counts processor time."""


def all_targets() -> dict[str, Target]:
    """Import the targets only when they are wanted: atheris must be there before, to see into the code."""
    from tests.fuzz import arrays, pdus, records, texts, tools, ways

    found = (arrays.TARGET, ways.TARGET, tools.TARGET, pdus.TARGET, *texts.TARGETS, *records.TARGETS)
    return {target.name: target for target in found}


def mutated(chance: random.Random, seeds: list[bytes], largest: int) -> bytes:
    """Cut, double, flip and splice, as often as not more than once."""
    data = bytearray(chance.choice(seeds))
    for _ in range(chance.randrange(1, 6)):
        at = chance.randrange(len(data) + 1)
        to = min(len(data), at + chance.choice((1, 1, 2, 8, 64)))
        other = chance.choice(seeds)
        start = chance.randrange(len(other) + 1)
        data[at:to] = chance.choice(
            (b"", bytes(data[at:to]) * 2, bytes([chance.randrange(256)]), other[start : start + 40], b"\n", b"9" * 30)
        )
    return bytes(data[:largest])


class Slow(BaseException):
    """Nothing that a reader may catch."""


def too_slow(number: int, frame: object) -> None:
    raise Slow(f"more than {SLOW_S} s of processor time")


def alone(name: str, words: list[str], findings: Path) -> None:
    """Become libFuzzer over one target; never returns."""
    import atheris  # type: ignore[import-untyped, unused-ignore]

    with atheris.instrument_imports(include=["gate", "tests.fuzz"]):
        target = all_targets()[name]

    def once(data: bytes) -> None:
        signal.setitimer(signal.ITIMER_VIRTUAL, SLOW_S)
        try:
            target.run(data)
        except BaseException as problem:
            keep(findings, name, data, repr(problem))  # libFuzzer may be ended by its own alarm before it writes
            raise
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)

    signal.signal(signal.SIGVTALRM, too_slow)
    atheris.Setup([sys.argv[0], *words], once)
    atheris.Fuzz()


def blindly(target: Target, seconds: float, findings: Path, seed: int) -> tuple[int, int]:
    """Feed random mutations for so long; return executions and findings."""
    chance, seeds, done, wrong = random.Random(seed), list(target.seeds()), 0, 0
    until = time.monotonic() + seconds
    while not done or time.monotonic() < until:
        data = mutated(chance, seeds, target.largest)
        done += 1
        began = time.process_time()
        try:
            target.run(data)
        except BaseException as problem:  # noqa: BLE001  # whatever comes out is what is looked for
            keep(findings, target.name, data, repr(problem))
            wrong += 1
        if time.process_time() - began > SLOW_S:
            keep(findings, target.name, data, "slow")
            wrong += 1
    return done, wrong


def keep(findings: Path, name: str, data: bytes, why: str) -> None:
    digest = hashlib.sha256(data).hexdigest()[:12]
    (findings / f"{name}-{digest}").write_bytes(data)
    sys.stderr.write(f"{name}: {why}\n")


def led(target: Target, seconds: int, corpus: Path, findings: Path) -> tuple[int, int]:
    """Run one target under atheris in a process of its own; return executions and findings."""
    place = corpus / target.name
    place.mkdir(parents=True, exist_ok=True)
    for seed in target.seeds():
        (place / hashlib.sha256(seed).hexdigest()[:16]).write_bytes(seed[: target.largest])
    before = set(findings.iterdir())
    words = [str(place), f"-max_total_time={seconds}", f"-timeout={NEVER_S}", f"-rss_limit_mb={MEMORY_MB}"]
    words += [f"-max_len={target.largest}", f"-artifact_prefix={findings}/{target.name}-", "-print_final_stats=1"]
    command = [sys.executable, "-m", "tests.fuzz.explore", "--alone", target.name]
    command += ["--findings", str(findings), "--", *words]
    log = findings / f"{target.name}.log"
    with log.open("wb") as out:
        done = subprocess.run(command, stdout=out, stderr=subprocess.STDOUT, check=False, env={**os.environ})
    said = log.read_text(errors="replace")
    count = re.search(r"number_of_executed_units: (\d+)", said)
    found = {path for path in set(findings.iterdir()) - before if path != log}
    if done.returncode:
        sys.stderr.write(f"{target.name} ended with status {done.returncode}; {log} says why\n")
    elif not found:
        log.unlink()
    return int(count[1]) if count else 0, max(len(found), int(done.returncode != 0))


def main() -> int:
    """Run the targets one after the other; exit 1 when anything was found."""
    options = argparse.ArgumentParser(description="fuzz every reader")
    options.add_argument("--seconds", type=int, default=60)
    options.add_argument("--only", nargs="*", default=[])
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--corpus", type=Path)
    options.add_argument("--findings", type=Path, default=Path("fuzz-findings"))
    options.add_argument("--alone", default="", help=argparse.SUPPRESS)
    given, rest = options.parse_known_args()
    if given.alone:
        alone(given.alone, [word for word in rest if word != "--"], given.findings)
    given.findings.mkdir(parents=True, exist_ok=True)
    guided = importlib.util.find_spec("atheris") is not None
    total = 0
    with tempfile.TemporaryDirectory() as spare:
        for name, target in all_targets().items():
            if given.only and name not in given.only:
                continue
            if guided:
                done, wrong = led(target, given.seconds, given.corpus or Path(spare), given.findings)
            else:
                done, wrong = blindly(target, given.seconds, given.findings, given.seed)
            total += wrong
            sys.stdout.write(f"{name:12} {given.seconds:6} s {done:10} executions {wrong:3} findings\n")
            sys.stdout.flush()
    if total:
        sys.stdout.write(f"{total} findings in {given.findings}\n")
    elif not any(given.findings.iterdir()):
        given.findings.rmdir()
    return 1 if total else 0


if __name__ == "__main__":
    sys.exit(main())
