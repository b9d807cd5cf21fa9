"""What every test run does: long files first; at its end it says what it could not run and what would bring it."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from tests.parts import LEFT_OUT, PARTS

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter

FIRST = ("stories", "crash", "real", "backups", "browser")
"""Folders whose files take longest, most of it waiting: begun last, they would keep one process busy at the end."""

CHECKS = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture)
settings.register_profile("steady", derandomize=True, database=None, deadline=None, suppress_health_check=CHECKS)
settings.load_profile("steady")  # the same examples in every run, however slow the machine is


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
