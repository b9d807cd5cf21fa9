"""What every test run does: steady examples, cheap passwords, long files first, and at its end what was left out."""

from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from argon2 import PasswordHasher
from hypothesis import HealthCheck, settings

from tests.parts import LEFT_OUT, PARTS

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter

FIRST = ("stories", "crash", "real", "backups", "browser")
"""Folders whose files take longest, most of it waiting: begun last, they would keep one process busy at the end."""

CHECKS = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture)
settings.register_profile("steady", derandomize=True, database=None, deadline=None, suppress_health_check=CHECKS)
settings.load_profile("steady")  # the same examples in every run, however slow the machine is


@pytest.fixture(scope="session", autouse=True)
def cheap_passwords() -> Iterator[None]:
    """A hash of the library's cost is a third of a second of processor, for each person and each sign-in of a test."""
    cheap = partial(PasswordHasher, time_cost=1, memory_cost=8, parallelism=1)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("gate.people.accounts.PasswordHasher", cheap)
        yield


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    items.sort(key=lambda item: item.path.relative_to(here).parts[0] not in FIRST)


def pytest_terminal_summary(terminalreporter: "TerminalReporter") -> None:
    reasons = [str(report.longrepr) for report in terminalreporter.stats.get("skipped", ())]
    sentences = {part: LEFT_OUT.format(part=part, package=package) for part, package in PARTS.items()}
    missing = Counter(part for reason in reasons for part, sentence in sentences.items() if sentence in reason)
    if not missing:
        return
    terminalreporter.section("not run on this machine")
    for part, count in sorted(missing.items()):
        terminalreporter.write_line(f"{part}: {count} test{'s' if count > 1 else ''} (apt install {PARTS[part]})")
    packages = " ".join(sorted({PARTS[part] for part in missing}))
    terminalreporter.write_line(f"all of it: apt install --no-install-recommends {packages}")
