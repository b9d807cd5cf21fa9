"""
config.yaml as values, and the layout of the data directory.

No secret is a setting: keys are files below the data directory, which this module names and never opens.
Files given by people are read with a limit and without waiting; what is wrong with one is a `BadInput` sentence.
"""

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, StringConstraints, ValidationError, model_validator

import gate
from gate.canonical import digest
from gate.change import AllowedImage, AllowedPart
from gate.custody import Custody
from gate.document import read
from gate.duration import Duration
from gate.errors import BadInput
from gate.inventory import Frozen, Inventory, Iqn
from gate.keyholding.pinned import PermitSettings
from gate.policy import Policy
from gate.sink import Sinks
from gate.tree import SIZE_MAX, compose, show
from gate.trust import Witnesses

Listen = Annotated[str, StringConstraints(pattern=r"^([0-9.]{7,15}|\[[0-9a-f:]{2,39}\]|localhost):[0-9]{1,5}$")]
Url = Annotated[str, StringConstraints(pattern=r"^https?://[A-Za-z0-9.:\[\]-]{1,255}$")]
Origin = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9./-]{2,199}$")]
"""Name of a log as C2SP checkpoints write it: no space, no `+`, and no other log anywhere has it."""

FilePath = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9/][A-Za-z0-9._/ -]{0,511}$")]
User = Annotated[str, StringConstraints(pattern=r"^[a-z_][a-z0-9_-]{0,31}$")]
Network = Annotated[str, StringConstraints(pattern=r"^127\.[0-9]{1,3}\.[0-9]{1,3}$")]

PLAYBOOK_NAME = re.compile(r"[a-z0-9-]{1,63}/[a-z0-9-]{1,63}")


class Server(Frozen):
    """The serving process: pages, API, and what the command line talks to."""

    listen: Listen = "127.0.0.1:8420"
    public_url: Url = "http://127.0.0.1:8420"
    threads: Annotated[int, Field(ge=4, le=512)] = 32
    connection_limit: Annotated[int, Field(ge=16, le=10_000)] = 1000
    session_lifetime: Duration = Field(default="8h", validate_default=True)
    token_lifetime: Duration = Field(default="12h", validate_default=True)

    @property
    def host(self) -> str:
        """Address to bind, without brackets."""
        return self.listen.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        """Port to bind; 0 lets the system choose."""
        return int(self.listen.rpartition(":")[2])

    @model_validator(mode="after")
    def _is_a_port(self) -> Self:
        if self.port > 65535:
            raise ValueError(f'listen: "{self.port}" is not a port')
        return self


class LedgerSettings(Witnesses, Custody):
    """The append-only record."""

    origin: Origin


class SshSettings(Frozen):
    """How arrays and hosts are reached."""

    known_hosts: FilePath = "known_hosts"
    monitor_user: User = "monitor"
    mutate_user: User = "fwadmin"
    rehearse_user: User = "rehearse"
    connect_timeout: Duration = Field(default="5s", validate_default=True)
    command_timeout: Duration = Field(default="30s", validate_default=True)
    reply_limit: Annotated[int, Field(ge=4096, le=64 * 1024 * 1024)] = 4 * 1024 * 1024
    parallel: Annotated[int, Field(ge=1, le=64)] = 8
    legacy_python: Annotated[str, StringConstraints(pattern=r"^([A-Za-z0-9./_-]{1,300})?$")] = ""


class IscsiSettings(Frozen):
    """How the gate reaches its own scratch objects and asks LUNs who they are."""

    initiator: Iqn = "iqn.2026-11.example.sangate:gate"
    timeout: Duration = Field(default="10s", validate_default=True)


class Images(Frozen):
    """Where firmware images lie, and which of them may be used at all."""

    directory: FilePath = "images"
    server: Annotated[str, StringConstraints(pattern=r"^([A-Za-z0-9][A-Za-z0-9.-]{0,199}(:[0-9]{1,5})?)?$")] = ""
    allowed: tuple[AllowedImage, ...] = ()

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        files = [image.file for image in self.allowed]
        for number, name in enumerate(files):
            if name in files[:number]:
                raise ValueError(f'allowed.{number}.file: "{name}" is there twice')
        return self


class LabSettings(Frozen):
    """The built-in pretend fleet; nothing in it acts outside `sangate lab` and `sangate demo`."""

    network: Network = "127.77.0"
    pace: Annotated[float, Field(gt=0, le=100)] = 1.0
    demo_policy: dict[str, str | tuple[str, ...]] = Field(default_factory=dict)


class Config(Frozen):
    """The whole of config.yaml."""

    server: Server = Server()
    ledger: LedgerSettings
    ssh: SshSettings = SshSettings()
    permits: PermitSettings = PermitSettings()
    iscsi: IscsiSettings = IscsiSettings()
    images: Images = Images()
    allowed_parts: tuple[AllowedPart, ...] = ()
    policy: Policy
    inventory: Inventory
    sinks: Sinks = ()
    lab: LabSettings = LabSettings()

    @model_validator(mode="after")
    def _demo_policy_is_a_policy(self) -> Self:
        try:
            Policy.model_validate(self.policy.model_dump() | self.lab.demo_policy)
        except ValidationError as error:
            first = error.errors()[0]
            spot = ".".join(str(part) for part in first["loc"])
            raise ValueError(f"lab.demo_policy.{spot}: {first['msg'].removeprefix('Value error, ')}") from None
        return self


@dataclass(frozen=True)
class Settings:
    """What one installation runs with: its configuration and where its files lie."""

    config: Config
    path: Path
    """The file that was read; its directory is the base of `playbooks/`."""

    data: Path
    """Everything that the gate writes lies below."""

    @property
    def base(self) -> Path:
        """Directory of the configuration file."""
        return self.path.parent

    @property
    def policy_digest(self) -> str:
        """Digest of all limits, however they were written."""
        return digest(self.config.policy.model_dump(mode="json"))

    @property
    def ledger_db(self) -> Path:
        """The ledger's own database file."""
        return self.data / "ledger.db"

    @property
    def working_db(self) -> Path:
        """People, sessions, projections: what can be lost without losing the truth about a change."""
        return self.data / "working.db"

    @property
    def sinks_db(self) -> Path:
        """How far each sink has come."""
        return self.data / "sinks.db"

    @property
    def blobs(self) -> Path:
        """Plans, replies and transcripts, by digest."""
        return self.data / "blobs"

    @property
    def keys(self) -> Path:
        """Private keys, mode 0600 in a directory of mode 0700."""
        return self.data / "keys"

    @property
    def ledger_key(self) -> Path:
        """The key that signs checkpoints."""
        return self.keys / self.config.ledger.file

    @property
    def monitor_key(self) -> Path:
        """The key that may ask arrays and hosts."""
        return self.keys / "monitor"

    @property
    def rehearse_key(self) -> Path:
        """The key that may write below the scratch directory of a rehearsal host."""
        return self.keys / "rehearse"

    @property
    def ca_key(self) -> Path:
        """The SSH certificate authority behind permits."""
        return self.keys / "permits"

    @property
    def revoked(self) -> Path:
        """What the gate's own office has revoked, for `RevokedKeys`; a keyholder's list lies with the keyholder."""
        return self.data / "revoked.krl"

    @property
    def known_hosts(self) -> Path:
        """The pinned host keys."""
        return self.data / self.config.ssh.known_hosts

    @property
    def legacy_python(self) -> Path | None:
        """The Python of the legacy runner, beside the configuration; None where it is not installed."""
        return self.base / self.config.ssh.legacy_python if self.config.ssh.legacy_python else None

    @property
    def images(self) -> Path:
        """Directory of firmware images; a relative one lies in the data directory."""
        return self.data / self.config.images.directory

    @property
    def lab(self) -> Path:
        """What the lab keeps: its disks, its keys, its control file."""
        return self.data / "lab"

    @property
    def playbooks(self) -> Path:
        """The folder beside the configuration where there is one, else what is shipped."""
        beside = self.base / "playbooks"
        return beside if beside.is_dir() else shipped("playbooks")

    def read_playbook(self, name: str) -> bytes:
        """Return the bytes of `family/name`; BadInput when there is no such playbook or it is no plain file."""
        if not PLAYBOOK_NAME.fullmatch(name):
            raise BadInput(f'"{show(name)}" is not a playbook', hint="a playbook is family/name")
        return read_file(self.playbooks / f"{name}.yaml")


def load(path: Path, data: Path | None = None) -> Settings:
    """Return the settings in `path`; without `data` the data directory lies beside the file."""
    config = read(read_file(path), str(path), Config)
    whole = path.absolute()
    return Settings(config, whole, data.absolute() if data else whole.parent / "data")


def read_file(path: Path, limit: int = SIZE_MAX) -> bytes:
    """Return a plain file of at most `limit` bytes; BadInput for anything else, and never a wait for a pipe."""
    place = show(path)
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            kind = os.fstat(file.fileno()).st_mode
            if not stat.S_ISREG(kind):
                what = "a directory" if stat.S_ISDIR(kind) else "not a plain file"
                raise BadInput(f"this is {what}", place=place)
            found = file.read(limit + 1)
    except FileNotFoundError:
        raise BadInput("there is no such file", place=place, hint="is the path right?") from None
    except IsADirectoryError:
        raise BadInput("this is a directory", place=place) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no file can have this name"
        raise BadInput(f"the file cannot be read: {reason}", place=place) from None
    if len(found) > limit:
        raise BadInput(f"the file has more than {limit} bytes", place=place)
    return found


def shipped(name: str) -> Path:
    """Return where `config.yaml`, `playbooks`, `static` or `templates` lies: inside the package, or beside it."""
    inside = (package := Path(gate.__file__).parent) / name
    return inside if inside.exists() else package.parent / name


def schema() -> dict[str, Any]:
    """Return the JSON Schema of config.yaml, for editors."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Config.model_json_schema()}


def relocate(text: str, network: str) -> str:
    """Return a configuration's text with its lab on another loopback network such as `127.78.0`."""
    config = read(text.encode(), "config.yaml", Config)
    if not re.fullmatch(r"127(\.[0-9]{1,3}){2}", network):
        raise BadInput(f'"{show(network)}" is not a loopback network', hint="write the first three numbers: 127.78.0")
    return re.sub(rf"(?<![0-9.]){re.escape(config.lab.network)}(?![0-9])", network, text)


def demo_text(text: str) -> str:
    """Return a configuration's text with the demo's limits in force, each beside the one it replaces."""
    config = read(text.encode(), "config.yaml", Config)
    written = compose(text.encode(), "config.yaml")
    lines = text.split("\n")
    for key, value in config.lab.demo_policy.items():
        shown = value if isinstance(value, str) else f"[{', '.join(value)}]"
        number, column = written.position(("policy", key), key=False)
        old = lines[number - 1][column - 1 :].partition("  #")[0].strip()
        lines[number - 1] = f"{lines[number - 1][: column - 1]}{shown}  # for the demo; {old} in config.yaml"
    changed = "\n".join(lines)
    read(changed.encode(), "config.yaml", Config)
    return changed
