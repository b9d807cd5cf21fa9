"""An attribute that is found out when it is first read, and kept: for what follows from values that never change."""

from collections.abc import Callable
from typing import Any, Generic, Self, TypeVar, overload

Found = TypeVar("Found")


class lazy(Generic[Found]):  # noqa: N801  it stands where `property` would
    """
    Like `functools.cached_property`, without its lock, which in Python 3.11 costs more than most of what is found here.

    Two threads may find the same thing twice, so it must follow from the instance alone.
    """

    def __init__(self, find: Callable[[Any], Found]) -> None:
        self.__wrapped__ = find
        self.__doc__ = find.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...

    @overload
    def __get__(self, instance: object, owner: type) -> Found: ...

    def __get__(self, instance: object | None, owner: type) -> Self | Found:
        if instance is None:
            return self
        found = instance.__dict__[self._name] = self.__wrapped__(instance)
        return found
