"""Where a command works: its configuration, its data directory, its server. Read when first needed."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gate.assembly import Installation
    from gate.cli.client import Client
    from gate.settings import Settings


@dataclass(frozen=True)
class Place:
    """The three options before the noun."""

    config: Path | None = None
    data: Path | None = None
    server: str = ""

    @property
    def config_file(self) -> Path:
        """The file named, else ./config.yaml, else the one that is shipped."""
        from gate.settings import shipped

        if self.config is not None:
            return self.config
        here = Path("config.yaml")
        return here if here.is_file() else shipped("config.yaml")

    def settings(self) -> "Settings":
        """Return the settings, read once; with the shipped configuration the data directory is ./data."""
        return self._settings

    @cached_property
    def _settings(self) -> "Settings":
        from gate.settings import load

        file, data = self.config_file, self.data
        if data is None and self.config is None and file != Path("config.yaml"):
            data = Path("data")
        return load(file, data)

    def installation(self) -> "Installation":
        """Assemble the gate on this data directory; where no pins lie an empty file is made, which lets nobody in."""
        from gate.assembly import assemble, make_private

        settings = self.settings()
        make_private(settings)
        settings.known_hosts.touch(mode=0o600)
        return assemble(settings)

    def compared(self) -> "Installation":
        """Assemble it and ask the witnesses first: what is behind them is read and exported, and takes no entry."""
        installation = self.installation()
        installation.witnessing.ask()
        return installation

    def address(self) -> str:
        """Return the serving process's address, without a slash at its end."""
        return (self.server or f"http://{self.settings().config.server.listen}").rstrip("/")

    def client(self) -> "Client":
        """Return a client that carries the kept token of this server, if there is one."""
        from gate.cli.client import Client
        from gate.cli.tokens import kept

        address = self.address()
        return Client(address, kept(address))


def path_of(change_id: str, verb: str = "") -> str:
    """Return the API's path of a change, or of something done to it."""
    from urllib.parse import quote

    return f"/changes/{quote(change_id, safe='')}" + (f"/{verb}" if verb else "")
