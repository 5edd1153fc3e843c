"""What an inert pickle is made of beside plain values: names and objects that were not built."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

_SCALARS = (str, bytes, int, float, bool, type(None))


@dataclass(frozen=True, eq=False, slots=True)
class Symbol:
    """The name of a class or function that a pickle refers to.

    Attributes
    ----------
    module, name
        As written in the pickle.
    """

    module: str
    name: str

    @property
    def path(self) -> str:
        """`module.name`."""
        return f"{self.module}.{self.name}"


@dataclass(eq=False, slots=True, repr=False)
class Record:
    """An object that was not built.

    Attributes
    ----------
    symbol
        What would have been called: a `Symbol`, or whatever the pickle put there.
    args
        With what.
    state
        What would have been its `__dict__` or the argument of `__setstate__`.
    items
        What would have been appended.
    pairs
        What would have been set by key.
    """

    symbol: Any
    args: Any = ()
    state: Any = None
    items: list[Any] = field(default_factory=list)
    pairs: list[tuple[Any, Any]] = field(default_factory=list)

    @property
    def path(self) -> str:
        """`module.name` of the class, or `?`."""
        return self.symbol.path if isinstance(self.symbol, Symbol) else "?"


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Opaque:
    """A dictionary key that is no scalar, compared by identity: hashing it could take forever."""

    value: Any


def shown(value: Any) -> str:
    """Return a value for a message: a scalar as written, of anything else the type.

    A container may be shared within itself so often that writing it out never ends.
    """
    return f"{value!r:.60}" if isinstance(value, _SCALARS) else f"a {type(value).__name__}"


def as_key(value: Any) -> Any:
    """Return a dictionary key that hashes in constant time."""
    return value if isinstance(value, _SCALARS) else Opaque(value)
