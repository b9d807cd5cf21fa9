"""
Trust policies (C2SP tlog-policy): whose logs, whose witnesses, and how many of them must have cosigned.

    log gate.example.com/ledger/1+4bbc6a5e+ASlX…
    witness backup-team witness.example.com/backup+17a3c8d0+BDXy…
    group both all backup-team security-team
    quorum both

A policy is what an auditor holds and nobody else can change, so it is read strictly.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass, field

from gate.ledger.note import COSIGNATURE, VerifierKey, read_vkey

NONE = "none"
LINES_MAX = 1000
"""The specification recommends at least 32 logs, witnesses and groups (implementation limits)."""


@dataclass(frozen=True)
class Log:
    """A log that is believed; `url` means something to programs only."""

    key: VerifierKey
    url: str = ""


@dataclass(frozen=True)
class Witness:
    """A witness by the name that the policy gives it."""

    name: str
    key: VerifierKey
    url: str = ""


@dataclass(frozen=True)
class Group:
    """At least `need` of the members, which are witnesses or earlier groups."""

    name: str
    need: int
    members: tuple[str, ...]


@dataclass(frozen=True)
class Policy:
    """What `read` finds and `write` spells."""

    logs: tuple[Log, ...]
    witnesses: tuple[Witness, ...] = ()
    groups: tuple[Group, ...] = ()
    quorum: str = NONE
    """Name of a witness or group, or `none`."""

    about: tuple[str, ...] = field(default=(), compare=False)
    """Comment lines for the top, without the sign."""

    @property
    def keys(self) -> tuple[VerifierKey, ...]:
        """The keys of the logs."""
        return tuple(log.key for log in self.logs)

    @property
    def wanted(self) -> str:
        """The quorum in words."""
        group = next((one for one in self.groups if one.name == self.quorum), None)
        return f"{group.need} of {', '.join(group.members)}" if group else self.quorum

    def met(self, cosigned: Collection[VerifierKey]) -> bool:
        """Say whether these witnesses are a quorum."""
        counted = {witness.name for witness in self.witnesses if witness.key in cosigned}
        for group in self.groups:
            if len(counted.intersection(group.members)) >= group.need:
                counted.add(group.name)
        return self.quorum == NONE or self.quorum in counted


def of(
    key: VerifierKey, witnesses: Collection[Witness] = (), need: str = "any", *, older: tuple[VerifierKey, ...] = ()
) -> Policy:
    """Return the policy of one log: `need` (`any`, `all` or a number) of its witnesses, `none` when it has none."""
    logs = tuple(Log(one) for one in (*older, key))
    if not witnesses:
        return Policy(logs)
    names = tuple(witness.name for witness in witnesses)
    return Policy(logs, tuple(witnesses), (Group("witnesses", _need(need, len(names)), names),), "witnesses")


def write(policy: Policy) -> str:
    """Spell a policy."""
    lines = [f"# {line}" for line in policy.about]
    lines += [f"log {log.key} {log.url}".rstrip() for log in policy.logs]
    lines += [f"witness {one.name} {one.key} {one.url}".rstrip() for one in policy.witnesses]
    lines += [f"group {group.name} {group.need} {' '.join(group.members)}" for group in policy.groups]
    return "\n".join([*lines, f"quorum {policy.quorum}", ""])


def read(text: str) -> Policy:
    """Read a policy; ValueError names the line that is wrong."""
    if any(char < " " and char not in "\t\n" for char in text) or text.count("\n") > LINES_MAX:
        raise ValueError("a policy is text without control characters, and not endless")
    reading = _Reading()
    for number, line in enumerate(text.split("\n"), 1):
        words = [word for word in re.split("[ \t]+", line) if word]
        if words and not words[0].startswith("#"):
            try:
                reading.take(words)
            except ValueError as problem:
                raise ValueError(f"line {number} of the policy: {problem}") from None
    if not reading.logs or not reading.quorum:
        raise ValueError("a policy names at least one log and exactly one quorum")
    return Policy(tuple(reading.logs), tuple(reading.witnesses), tuple(reading.groups), reading.quorum)


class _Reading:
    """The lines that were read so far."""

    def __init__(self) -> None:
        self.logs: list[Log] = []
        self.witnesses: list[Witness] = []
        self.groups: list[Group] = []
        self.quorum = ""
        self._names: set[str] = set()
        self._free: set[str] = set()
        """Names that are in no group yet: each counts in one way only."""

    def take(self, words: list[str]) -> None:
        match words:
            case ["log", vkey, *url] if len(url) <= 1:
                key = read_vkey(vkey)
                if any(log.key.public == key.public for log in self.logs):
                    raise ValueError("a log that is there already")
                self.logs.append(Log(key, "".join(url)))
            case ["witness", name, vkey, *url] if len(url) <= 1:
                key = read_vkey(vkey, COSIGNATURE)
                if any(witness.key.public == key.public for witness in self.witnesses):
                    raise ValueError("a witness that is there already")
                self._define(name)
                self.witnesses.append(Witness(name, key, "".join(url)))
            case ["group", name, need, *members] if members:
                strange = [member for member in members if member not in self._free]
                if strange or len(set(members)) != len(members):
                    raise ValueError("a group has members that are defined above it, each of them once")
                self._define(name)
                self._free -= set(members)
                self.groups.append(Group(name, _need(need, len(members)), tuple(members)))
            case ["quorum", name] if not self.quorum and (name == NONE or name in self._names):
                self.quorum = name
            case _:
                raise ValueError("not a line that a policy can have here")

    def _define(self, name: str) -> None:
        if name in self._names or name == NONE:
            raise ValueError("a name that is taken")
        self._names.add(name)
        self._free.add(name)


def _need(word: str, members: int) -> int:
    need = {"any": 1, "all": members}.get(word)
    if need is None:
        need = int(word) if re.fullmatch("[1-9][0-9]{0,3}", word) else 0
    if not 1 <= need <= members:
        raise ValueError(f"of {members} there cannot be {word[:20]}")
    return need
