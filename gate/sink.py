"""Where the ledger is sent on without being asked: the sinks of config.yaml."""

import re
from enum import StrEnum
from ipaddress import ip_address
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from gate.duration import Duration
from gate.inventory import Frozen

SinkName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
KeyFile = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
Address = Annotated[str, StringConstraints(pattern=r"^([A-Za-z0-9.-]{1,253}|\[[0-9a-f:]{2,39}\]):[0-9]{1,5}$")]
HookUrl = Annotated[str, StringConstraints(pattern=r"^https?://[^\s@#]{1,500}$")]
MailAddress = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._+-]{1,64}@[A-Za-z0-9.-]{1,253}$")]
Login = Annotated[str, StringConstraints(pattern=r"^[!-~]{0,200}$")]
PlainPath = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9/][A-Za-z0-9._/-]{0,511}$")]


def on_this_machine(address: str) -> bool:
    """Say whether `host:port` is this machine: by the whole host, since `127.example.com` is anybody's."""
    host = address.partition("/")[0]
    host = re.sub(r":[0-9]{1,5}$", "", host).strip("[]")
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


class Webhook(Frozen):
    """Each entry as one signed CloudEvent over HTTPS."""

    kind: Literal["webhook"]
    name: SinkName
    url: HookUrl
    signed_with: KeyFile
    ca: PlainPath | None = None
    timeout: Duration = Field(default="10s", validate_default=True)

    @model_validator(mode="after")
    def _over_tls(self) -> Self:
        if self.url.startswith("http:") and not on_this_machine(self.url.removeprefix("http://")):
            raise ValueError("url: the record goes over plain HTTP to this machine only; write https://")
        return self


class Syslog(Frozen):
    """Each entry as an RFC 5424 message over TLS, framed by its length."""

    kind: Literal["syslog"]
    name: SinkName
    address: Address
    tls: bool = True
    ca: PlainPath | None = None
    timeout: Duration = Field(default="10s", validate_default=True)

    @model_validator(mode="after")
    def _over_tls(self) -> Self:
        if not self.tls and not on_this_machine(self.address):
            raise ValueError("tls: without it the record goes to this machine only")
        return self


class LogFile(Frozen):
    """Each entry as a line of a file, for a collector that follows it."""

    kind: Literal["file"]
    name: SinkName
    path: PlainPath
    format: Literal["jsonl", "ocsf", "cef", "rfc5424"] = "jsonl"


class MailTls(StrEnum):
    """How a connection to a mail server is protected."""

    STARTTLS = "starttls"
    """In the clear until the server has agreed to TLS; without its agreement nothing is sent."""

    TLS = "tls"
    """From the first byte."""

    NONE = "none"
    """Not at all."""


class Mail(Frozen):
    """The signed checkpoint, and no entry, to people who keep it: at most one mail in each interval."""

    kind: Literal["mail"]
    name: SinkName
    address: Address
    sender: MailAddress
    to: Annotated[tuple[MailAddress, ...], Field(min_length=1, max_length=20)]
    tls: MailTls = MailTls.STARTTLS
    ca: PlainPath | None = None
    user: Login = ""
    password_file: KeyFile | None = None
    every: Duration = Field(default="24h", validate_default=True)
    timeout: Duration = Field(default="30s", validate_default=True)

    @model_validator(mode="after")
    def _over_tls(self) -> Self:
        if self.tls is MailTls.NONE and not on_this_machine(self.address):
            raise ValueError("tls: without it mail goes to this machine only")
        if bool(self.user) != bool(self.password_file):
            raise ValueError("user: a name and the file of its password go together")
        return self


Sink = Annotated[Webhook | Syslog | LogFile | Mail, Field(discriminator="kind")]


def _once(sinks: tuple[Sink, ...]) -> tuple[Sink, ...]:
    names = [sink.name for sink in sinks]
    if len(set(names)) < len(names):
        raise ValueError("two have the same name, and each needs a cursor of its own")
    return sinks


Sinks = Annotated[tuple[Sink, ...], AfterValidator(_once)]
