"""From the replies to a family's questions to one reading: what could not be read is told, never guessed."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from gate.evidence import ArrayReading, Reply, Volume
from gate.families.family import Facts, Unreadable, plain, stumbled

T = TypeVar("T")


class Asked:
    """The replies to one round of questions, and what of them could not be read."""

    def __init__(self, replies: Mapping[str, Reply]) -> None:
        self._replies = replies
        self.unknown: list[str] = []

    def read(self, name: str, reader: Callable[[Reply], T]) -> T | None:
        """Return what a reader finds in one reply; None, and a line in `unknown`, when it cannot be read."""
        try:
            if name not in self._replies:
                raise Unreadable("not asked")
            return reader(self._replies[name])
        except Unreadable as error:
            self.unknown.append(f"{name}: {error}")
        except Exception as error:  # noqa: BLE001  one that stumbles leaves its question unknown, and the others known
            self.unknown.append(f"{name}: {stumbled(error)}")
        return None

    def problems(self, health: Mapping[str, Callable[[Reply], list[str]]]) -> tuple[str, ...] | None:
        """Return what is wrong with every part; None unless every part was read."""
        found = [self.read(name, reader) for name, reader in health.items()]
        known = [one for one in found if one is not None]
        return tuple(plain(line) for one in known for line in one) if len(known) == len(found) else None

    def reading(
        self,
        array: str,
        now: datetime,
        identity: Facts,
        *,
        ports: tuple[str, ...],
        update_state: str | None,
        problems: tuple[str, ...] | None,
        volumes: tuple[Volume, ...] | None = None,
        backends: tuple[str, ...] | None = None,
    ) -> ArrayReading:
        """Return the reading; serial, model and version that are not told are unknown by name."""
        for fact in ("serial", "model", "version"):
            if fact not in identity:
                self.unknown.append(f"identity: it does not tell its {fact}")
        return ArrayReading(
            array=array,
            at=now,
            serial=identity.get("serial"),
            model=identity.get("model"),
            version=identity.get("version"),
            target_ports=ports,
            update_state=update_state,
            problems=problems,
            volumes=volumes,
            backends=backends,
            unknown=tuple(dict.fromkeys(self.unknown)),
            raw=tuple(reply.digest for reply in self._replies.values()),
        )

    def switch(
        self,
        array: str,
        now: datetime,
        identity: Facts,
        update_state: str | None,
        health: Mapping[str, Callable[[Reply], list[str]]],
    ) -> ArrayReading:
        """Return the reading of a switch: it keeps no volumes and offers no target ports, and so it tells none."""
        problems = self.problems(health)
        return self.reading(
            array, now, identity, ports=(), update_state=update_state, problems=problems, volumes=(), backends=()
        )


def at_rest(status: str) -> str:
    """Return `idle` for a download or installation that is done or that there never was, else its own word."""
    return "idle" if status in ("done", "none") else status


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object of JSON; ValueError when a key is there twice."""
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key is there twice")
    return made


def no_constant(name: str) -> None:
    """Refuse NaN and Infinity, which are no JSON."""
    raise ValueError(f"{name} is no JSON")
