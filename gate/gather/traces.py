"""Where datasets and repositories really lie, from the mount point on their host down to LUN and target ports."""

from collections.abc import Callable
from datetime import datetime

from gate.backups import s3_place
from gate.backups.answers import Asking
from gate.evidence import Trace
from gate.families import linux
from gate.gather.interview import interview
from gate.gather.lines import Lines
from gate.inventory import Dataset, Medium, Protection, RecoveryTool
from gate.ssh.wire import utc_now
from gate.store import Ledger


class Traces:
    """Asks hosts under the read-only credential."""

    def __init__(self, lines: Lines, ledger: Ledger, clock: Callable[[], datetime] = utc_now) -> None:
        self._lines = lines
        self._ledger = ledger
        self._clock = clock

    def dataset(self, dataset: Dataset) -> Trace:
        """Return where production of a dataset lies."""
        return self._trace(dataset.host, dataset.path, dataset.mount)

    def repository(self, protection: Protection) -> Trace:
        """Return where the repository of a protection lies."""
        if protection.medium is Medium.OBJECT_SERVICE and protection.object_store is not None:
            return self._follow(s3_place.trace(protection, self._clock()), protection.host, protection.repository)
        return self._trace(protection.host, protection.repository, protection.mount)

    def scratch(self, protection: Protection) -> Trace:
        """Return where restores of a protection are rehearsed; the directory itself is made for each rehearsal."""
        host, mount = protection.rehearsal_host, protection.rehearsal_mount
        if mount is None:
            return Trace(host, protection.rehearsal_scratch, self._clock(), problem="the inventory names no mount")
        return self._trace(host, mount, mount)

    def tool(self, tool: RecoveryTool) -> Trace:
        """Return where something lies that a recovery needs besides the copies."""
        return self._trace(tool.host, tool.path, tool.mount)

    def _trace(self, host: str, path: str, mount: str) -> Trace:
        return self._follow(linux.trace(host, path, mount, self._clock()), host, path)

    def _follow(self, asking: Asking[Trace], host: str, path: str) -> Trace:
        def lost(why: str) -> Trace:
            return Trace(host, path, self._clock(), problem=why)

        return interview(asking, lambda command: self._lines.ask(host, command), self._ledger, lost).found
