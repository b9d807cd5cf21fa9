"""What every test run does: it says at its end what it could not run and what would bring it."""

from typing import TYPE_CHECKING

from tests import parts

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter


def pytest_terminal_summary(terminalreporter: "TerminalReporter") -> None:
    if not parts.missing:
        return
    terminalreporter.section("not run on this machine")
    for part, count in sorted(parts.missing.items()):
        terminalreporter.write_line(f"{part}: {count} test{'s' if count > 1 else ''} (apt install {parts.PARTS[part]})")
    packages = " ".join(sorted({parts.PARTS[part] for part in parts.missing}))
    terminalreporter.write_line(f"all of it: apt install --no-install-recommends {packages}")
