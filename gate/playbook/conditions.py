"""When a condition over the facts of a reply holds."""

from collections.abc import Mapping

from gate.tree import show

Condition = tuple[tuple[str, tuple[str, ...]], ...]


def holds(condition: Condition, facts: Mapping[str, str]) -> bool:
    """True when every named fact is there and is one of its values; an empty condition holds never (promise 1)."""
    return bool(condition) and all(_is_one_of(facts.get(name), values) for name, values in condition)


def any_holds(condition: Condition, facts: Mapping[str, str]) -> bool:
    """True when at least one named fact is there and is one of its values: the reading of `refuse`."""
    return any(_is_one_of(facts.get(name), values) for name, values in condition)


def why_not(condition: Condition, facts: Mapping[str, str]) -> str:
    """Return in one sentence which facts do not hold; empty when all do."""
    if not condition:
        return "nothing was expected, so nothing is fulfilled"
    missing = facts.get("unreadable") or "it was not told"
    words = []
    for name, values in condition:
        value = facts.get(name)
        if not _is_one_of(value, values):
            wanted = " or ".join(f'"{each}"' for each in values)
            told = f"unknown ({show(missing)})" if value is None else f'"{show(value)}"'
            words.append(f"{name} is {told}, not {wanted}")
    return "; ".join(words)


def _is_one_of(value: str | None, patterns: tuple[str, ...]) -> bool:
    return value is not None and any(_matches(value, pattern) for pattern in patterns)


def _matches(value: str, pattern: str) -> bool:
    core = pattern.strip("*")
    if pattern.startswith("*") and pattern.endswith("*") and core:
        return core in value
    if pattern.startswith("*") and core:
        return value.endswith(core)
    if pattern.endswith("*") and core:
        return value.startswith(core)
    return value == pattern
