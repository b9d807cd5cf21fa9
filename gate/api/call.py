"""One request as a route sees it, what it answers, and the row of the table that joins the two."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from gate.control.door import Control
from gate.control.views import View
from gate.person import Person
from gate.settings import Settings

JSON = "application/json"


@dataclass(frozen=True)
class Call:
    """A request that was let in: its path and query are checked, its body is bounded and read."""

    control: Control
    settings: Settings
    actor: Person
    """Whose token it is; nobody's roles on a route that is open."""

    secret: str
    path: Mapping[str, str]
    query: Any
    body: Any
    raw: bytes
    media_type: str


@dataclass(frozen=True)
class Answer:
    """What goes back: a value as JSON, or bytes of another media type."""

    value: View | list[View] | None = None
    content: bytes | Iterable[bytes] = b""
    headers: Mapping[str, str] = field(default_factory=dict)


Handler = Callable[[Call], Answer]


@dataclass(frozen=True)
class Route:
    """One row of the table from which routing, checking and the OpenAPI document are made."""

    name: str
    method: str
    path: str
    """With `{id}` slots, below /api/v1."""

    say: str
    handler: Handler
    shape: str
    """Name of the answer's schema; empty where `media_type` is no JSON."""

    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    status: int = 200
    media_type: str = JSON
    document: bool = False
    """The body is a change file, YAML or JSON, handed on as it came."""

    open: bool = False
    """No token is asked for."""

    decides: bool = False
    """`If-Match` is honoured: the answer to what was read, not to what it has become."""
