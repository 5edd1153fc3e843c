"""Walk a pickled or live `nn.Module` as a row of layers, without the trainer's classes.

A module is a record whose state is its `__dict__`: `_modules`, `_parameters`, `_buffers`, and plain
attributes. Only containers that run their parts in the stored order are entered.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gatec.errors import ModelError
from gatec.frontends.files.records import Record, Symbol, shown
from gatec.frontends.files.tensors import Array

_MAX_DEPTH = 20
_MAX_MODULES = 100_000

SEQUENTIAL = "torch.nn.modules.container.Sequential"
# Wrappers with one part, which they run as it is.
_WRAPPERS = {
    "torch.nn.parallel.data_parallel.DataParallel": "module",
    "torch.nn.parallel.distributed.DistributedDataParallel": "module",
    "torchlogix.models.conv.CNN": "model",
    "llnn.lutnn.LUTNN": "model",
}
# Nothing happens in these when a net is evaluated on a row of bits.
FLATTEN = "torch.nn.modules.flatten.Flatten"
_PASSIVE = frozenset(
    {
        FLATTEN,
        "torch.nn.modules.linear.Identity",
        "torch.nn.modules.dropout.Dropout",
    }
)


@dataclass(frozen=True, eq=False)
class Module:
    """One module of a model.

    Attributes
    ----------
    path
        Dotted path in the model, as in a state dict's keys.
    kind
        Full class name.
    values
        Parameters, buffers and plain attributes by name.
    children
        Records of its parts by name.
    """

    path: str
    kind: str
    values: dict[str, Any]
    children: dict[str, Any]

    @property
    def name(self) -> str:
        """Class name without its module."""
        return self.kind.rpartition(".")[2]

    @property
    def place(self) -> str:
        """What messages call it."""
        return f"module {self.path or '(root)'} ({self.name})"

    def child(self, name: str) -> Module | None:
        """Return a part, or None."""
        record = self.children.get(name)
        if not isinstance(record, Record) or not is_module(record):
            return None
        return as_module(record, f"{self.path}.{name}")


def is_module(value: Any) -> bool:
    """Return whether a value is the record of an `nn.Module`."""
    return (
        isinstance(value, Record)
        and isinstance(value.state, dict)
        and isinstance(value.state.get("_modules"), dict)
    )


def as_module(record: Record, path: str) -> Module:
    """Return the module that a record describes."""
    values: dict[str, Any] = {}
    for key, value in record.state.items():
        if key in ("_parameters", "_buffers") and isinstance(value, dict):
            values.update((k, v) for k, v in value.items() if isinstance(k, str))
        elif isinstance(key, str) and not key.startswith("_"):
            values[key] = value
    children = {k: v for k, v in record.state["_modules"].items() if isinstance(k, str)}
    return Module(path, record.path, values, children)


def all_modules(record: Any) -> Iterator[Module]:
    """Yield a module and all its parts, each once, in no promised order."""
    seen: set[int] = set()
    queue = [("", 0, record)]
    while queue and len(seen) < _MAX_MODULES:
        path, depth, value = queue.pop()
        if not is_module(value) or id(value) in seen or depth > _MAX_DEPTH:
            continue
        seen.add(id(value))
        module = as_module(value, path)
        yield module
        queue.extend((_join(path, k), depth + 1, v) for k, v in module.children.items())


def layers(
    record: Record,
    *,
    file: str,
    path: str = "",
    whole: frozenset[str] = frozenset(),
    keep: frozenset[str] = frozenset(),
) -> list[Module]:
    """Return the modules of a model in the order in which it runs them.

    Flatten, Identity and Dropout are left out: they do nothing to a row of bits.

    Parameters
    ----------
    path
        Of `record` in the model.
    whole
        Class names of layers that are not entered although they have parts.
    keep
        Full class names that are not left out.

    Raises `ModelError` at a container whose order of execution is not in the file.
    """
    walk = _Walk(file, whole, keep)
    walk.enter(record, path, 0)
    return walk.found


@dataclass(eq=False)
class _Walk:
    """The modules met so far, and how many visits that took."""

    file: str
    whole: frozenset[str]
    keep: frozenset[str]
    found: list[Module] = field(default_factory=list)
    visits: int = 0

    def enter(self, record: Any, path: str, depth: int) -> None:
        """Append the modules that `record` runs."""
        self.visits += 1
        if record is None:
            return
        if not is_module(record) or depth > _MAX_DEPTH or self.visits > _MAX_MODULES:
            raise ModelError(
                "not a module",
                file=self.file,
                place=path or "root",
                expected=f"layers, nested at most {_MAX_DEPTH} deep",
            )
        module = as_module(record, path)
        if module.kind in _PASSIVE - self.keep:
            return
        if module.kind in _WRAPPERS:
            self.enter(module.children.get(_WRAPPERS[module.kind]), path, depth + 1)
        elif _is_sequence(module):
            for name, part in module.children.items():
                self.enter(part, _join(path, name), depth + 1)
        elif module.children and not (module.name in self.whole or _is_layer(module)):
            raise ModelError(
                f"the file does not tell in which order {module.name} runs its parts",
                file=self.file,
                place=module.place,
                expected="an nn.Sequential of layers (save that part of the model)",
            )
        else:
            self.found.append(module)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _is_sequence(module: Module) -> bool:
    # torchlogix's own models subclass Sequential and leave its forward alone.
    return module.kind == SEQUENTIAL or (
        module.kind.startswith("torchlogix.models.")
        and list(module.children) == [str(i) for i in range(len(module.children))]
    )


def _is_layer(module: Module) -> bool:
    return any(isinstance(value, np.ndarray) for value in module.values.values())


def array(module: Module, name: str, *, file: str) -> Array:
    """Return an array attribute; raise `ModelError` when it is not one."""
    value = module.values.get(name)
    if not isinstance(value, np.ndarray):
        raise ModelError(f"no tensor {name}", file=file, place=module.place)
    return value


def integer(module: Module, name: str, *, file: str) -> int:
    """Return a positive integer attribute."""
    value = module.values.get(name)
    if type(value) is not int or not 0 < value < 1 << 31:
        raise ModelError(
            f"{name} is {shown(value)}",
            file=file,
            place=module.place,
            expected="a positive integer",
        )
    return value


def number(module: Module, name: str, *, default: float | None = None, file: str) -> float | None:
    """Return a number attribute, also one that is a tensor of one element."""
    value = module.values.get(name, default)
    if isinstance(value, np.ndarray) and value.size == 1:
        value = value.reshape(()).item()
    if value is None:
        return None
    if not isinstance(value, int | float) or abs(value) > 1e300:
        raise ModelError(
            f"{name} is {shown(value)}", file=file, place=module.place, expected="a number"
        )
    return float(value)


def from_live(module: Any) -> Record:
    """Return a live `torch.nn.Module` as the record that its pickle would have given."""
    import torch

    def convert(value: Any, depth: int) -> Any:
        if isinstance(value, torch.nn.Module):
            return record(value, depth)
        if isinstance(value, torch.Tensor):
            plain = value.detach().to("cpu")
            return (plain.float() if plain.dtype == torch.bfloat16 else plain).numpy()
        if isinstance(value, str | bytes | int | float | bool | None):
            return value
        if isinstance(value, list | tuple) and depth < _MAX_DEPTH:
            return type(value)(convert(part, depth + 1) for part in value)
        return Record(Symbol(type(value).__module__, type(value).__name__))

    def record(part: Any, depth: int) -> Record:
        kind = type(part)
        symbol = Symbol(kind.__module__, kind.__qualname__)
        # A subclass that keeps Sequential's forward is one.
        if isinstance(part, torch.nn.Sequential) and kind.forward is torch.nn.Sequential.forward:
            symbol = Symbol(*SEQUENTIAL.rsplit(".", 1))
        state = {}
        for key, value in vars(part).items():
            if key in ("_modules", "_parameters", "_buffers"):
                state[key] = {name: convert(item, depth + 1) for name, item in value.items()}
            elif not key.startswith("_"):
                state[key] = convert(value, depth + 1)
        return Record(symbol, (), state)

    return record(module, 0)
