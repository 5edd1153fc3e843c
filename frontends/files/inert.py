"""Read a pickle as data: nothing that it names is imported, called or built.

A class or function becomes an inert `Symbol`, a call or an object an inert `Record`. Only the few
symbols that the caller passes as `meanings` (tensors, ordered dictionaries) are turned into values.
Opcodes come from the standard library's `pickletools`, which decodes without executing.
"""

from __future__ import annotations

import io
import pickletools
import struct
import warnings
from collections.abc import Callable, Mapping
from typing import Any

from gatec import limits
from gatec.errors import LimitError, ModelError
from gatec.frontends.files.records import Record, Symbol, as_key

Meanings = Mapping[str, Callable[..., Any]]

# Longer integers are not found in model files, and Python refuses to print them.
_MAX_INTEGER_BITS = 8192


def read_pickle(
    stream: io.BytesIO,
    *,
    file: str,
    meanings: Meanings | None = None,
    persistent: Callable[[Any], Any] | None = None,
) -> Any:
    """Return the value that one pickle holds, with records in place of objects.

    Parameters
    ----------
    stream
        Positioned at the pickle; afterwards behind it.
    file
        For messages.
    meanings
        Functions by `module.name`, called with the pickled arguments.
    persistent
        Resolves persistent ids; without it they become records.

    Raises
    ------
    ModelError
        The bytes are no pickle, or one that needs a registry or buffers outside of the file.
    LimitError
        Above a bound of `gatec.limits`.
    """
    machine = _Machine(file, dict(meanings or {}), persistent)
    try:
        with warnings.catch_warnings():
            # Python 2 strings with odd escapes warn; they are data here.
            warnings.simplefilter("ignore")
            return machine.run(stream)
    except (ValueError, IndexError, KeyError, TypeError, OverflowError, struct.error) as error:
        # Some of these messages quote the data, which may be long.
        raise ModelError(f"broken pickle: {str(error)[:120]}", file=file) from None


class _Machine:
    """The stack machine of the pickle protocol, over inert values."""

    def __init__(self, file: str, meanings: dict[str, Callable[..., Any]], persistent: Any) -> None:
        self.file = file
        self.meanings = meanings
        self.persistent = persistent
        self.stack: list[Any] = []
        self.marks: list[list[Any]] = []
        self.memo: dict[int, Any] = {}

    def run(self, stream: io.BytesIO) -> Any:
        """Interpret opcodes up to STOP and return the value on top."""
        start = stream.tell()
        for count, (opcode, arg, position) in enumerate(pickletools.genops(stream)):
            size = (position or 0) - start
            if count > limits.MAX_PICKLE_OPCODES or size > limits.MAX_PICKLE_BYTES:
                self.too_large(count, size)
            if opcode.name == "STOP":
                return self.stack.pop()
            action = _ACTIONS.get(opcode.name)
            if action is None:
                raise ModelError(
                    f"pickle opcode {opcode.name}",
                    file=self.file,
                    place=f"byte {position}",
                    expected="a pickle that stands alone",
                )
            action(self, arg)
        raise ModelError("pickle without end", file=self.file)

    def too_large(self, count: int, size: int) -> None:
        limits.check_limit(count, limits.MAX_PICKLE_OPCODES, "pickle opcodes", file=self.file)
        limits.check_limit(size, limits.MAX_PICKLE_BYTES, "pickle bytes", file=self.file)

    # Values.

    def push(self, value: Any) -> None:
        if isinstance(value, int) and value.bit_length() > _MAX_INTEGER_BITS:
            raise ModelError(f"integer of {value.bit_length()} bits", file=self.file)
        self.stack.append(value)

    def pop_mark(self) -> list[Any]:
        items = self.stack
        self.stack = self.marks.pop()
        return items

    def discard(self) -> None:
        self.pop_mark()

    def mark(self) -> None:
        self.marks.append(self.stack)
        self.stack = []
        if len(self.marks) > limits.MAX_PICKLE_DEPTH:
            raise LimitError(
                f"pickle depth: {len(self.marks)}",
                file=self.file,
                expected=f"at most {limits.MAX_PICKLE_DEPTH}",
            )

    def tuple_of(self, count: int) -> None:
        if len(self.stack) < count:
            raise IndexError("stack is empty")
        items = tuple(self.stack[-count:])
        del self.stack[-count:]
        self.push(items)

    # Objects.

    def symbol(self, module: Any, name: Any) -> None:
        if not (isinstance(module, str) and isinstance(name, str)):
            raise TypeError("a class name is not text")
        self.push(Symbol(module, name))

    def call(self, symbol: Any, args: Any) -> None:
        meaning = self.meanings.get(symbol.path) if isinstance(symbol, Symbol) else None
        if meaning is not None and isinstance(args, tuple):
            self.push(meaning(*args))
        else:
            self.push(Record(symbol, args))

    def reduce(self) -> None:
        args = self.stack.pop()
        self.call(self.stack.pop(), args)

    def new_object(self, *, keywords: bool) -> None:
        extra = self.stack.pop() if keywords else None
        args = self.stack.pop()
        symbol = self.stack.pop()
        if keywords:
            self.push(Record(symbol, (args, extra)))
        else:
            self.call(symbol, args)

    def call_marked(self) -> None:
        symbol, *args = self.pop_mark()
        self.push(Record(symbol, tuple(args)))

    def instance(self, arg: str) -> None:
        args = tuple(self.pop_mark())
        module, _, name = arg.partition(" ")
        self.push(Record(Symbol(module, name), args))

    def build(self) -> None:
        state = self.stack.pop()
        target = self.stack[-1]
        # A dictionary's or tensor's attributes say nothing that gatec reads.
        if isinstance(target, Record):
            target.state = state

    def persist(self, identifier: Any) -> None:
        if self.persistent is None:
            self.push(Record(Symbol("pickle", "persistent_id"), (identifier,)))
        else:
            self.push(self.persistent(identifier))

    # Containers.

    def append(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if isinstance(target, list):
            target.extend(items)
        elif isinstance(target, Record):
            target.items.extend(items)
        else:
            raise TypeError(f"append to {type(target).__name__}")

    def set_items(self, flat: list[Any]) -> None:
        if len(flat) % 2:
            raise ValueError("a key without a value")
        target = self.stack[-1]
        pairs = list(zip(flat[::2], flat[1::2], strict=True))
        if isinstance(target, dict):
            target.update((as_key(key), value) for key, value in pairs)
        elif isinstance(target, Record):
            target.pairs.extend(pairs)
        else:
            raise TypeError(f"item of {type(target).__name__}")

    def pop_two(self) -> list[Any]:
        value = self.stack.pop()
        return [self.stack.pop(), value]

    def dictionary(self) -> None:
        flat = self.pop_mark()
        self.push({})
        self.set_items(flat)

    def collection(self, name: str) -> None:
        self.push(Record(Symbol("builtins", name), (), None, self.pop_mark()))

    def pop(self) -> None:
        if self.stack:
            self.stack.pop()
        else:
            self.pop_mark()

    def remember(self, key: int | None = None) -> None:
        self.memo[len(self.memo) if key is None else int(key)] = self.stack[-1]

    def recall(self, key: int) -> None:
        self.push(self.memo[int(key)])

    def global_text(self, arg: str) -> None:
        module, _, name = arg.partition(" ")
        self.symbol(module, name)

    def global_stack(self) -> None:
        self.symbol(*self.pop_two())


# What each opcode does with its argument.
_ACTIONS: dict[str, Callable[[_Machine, Any], None]] = {
    "PROTO": lambda m, a: None,
    "FRAME": lambda m, a: None,
    "NONE": lambda m, a: m.push(None),
    "NEWTRUE": lambda m, a: m.push(True),
    "NEWFALSE": lambda m, a: m.push(False),
    "MARK": lambda m, a: m.mark(),
    "POP": lambda m, a: m.pop(),
    "POP_MARK": lambda m, a: m.discard(),
    "DUP": lambda m, a: m.push(m.stack[-1]),
    "EMPTY_TUPLE": lambda m, a: m.push(()),
    "TUPLE": lambda m, a: m.push(tuple(m.pop_mark())),
    "TUPLE1": lambda m, a: m.tuple_of(1),
    "TUPLE2": lambda m, a: m.tuple_of(2),
    "TUPLE3": lambda m, a: m.tuple_of(3),
    "EMPTY_LIST": lambda m, a: m.push([]),
    "LIST": lambda m, a: m.push(m.pop_mark()),
    "APPEND": lambda m, a: m.append([m.stack.pop()]),
    "APPENDS": lambda m, a: m.append(m.pop_mark()),
    "EMPTY_DICT": lambda m, a: m.push({}),
    "DICT": lambda m, a: m.dictionary(),
    "SETITEM": lambda m, a: m.set_items(m.pop_two()),
    "SETITEMS": lambda m, a: m.set_items(m.pop_mark()),
    "EMPTY_SET": lambda m, a: m.push(Record(Symbol("builtins", "set"))),
    "ADDITEMS": lambda m, a: m.append(m.pop_mark()),
    "FROZENSET": lambda m, a: m.collection("frozenset"),
    "PUT": lambda m, a: m.remember(a),
    "BINPUT": lambda m, a: m.remember(a),
    "LONG_BINPUT": lambda m, a: m.remember(a),
    "MEMOIZE": lambda m, a: m.remember(),
    "GET": lambda m, a: m.recall(a),
    "BINGET": lambda m, a: m.recall(a),
    "LONG_BINGET": lambda m, a: m.recall(a),
    "GLOBAL": lambda m, a: m.global_text(a),
    "STACK_GLOBAL": lambda m, a: m.global_stack(),
    "REDUCE": lambda m, a: m.reduce(),
    "BUILD": lambda m, a: m.build(),
    "INST": lambda m, a: m.instance(a),
    "OBJ": lambda m, a: m.call_marked(),
    "NEWOBJ": lambda m, a: m.new_object(keywords=False),
    "NEWOBJ_EX": lambda m, a: m.new_object(keywords=True),
    "PERSID": lambda m, a: m.persist(a),
    "BINPERSID": lambda m, a: m.persist(m.stack.pop()),
}
_LITERALS = (
    "INT BININT BININT1 BININT2 LONG LONG1 LONG4 FLOAT BINFLOAT STRING BINSTRING "
    "SHORT_BINSTRING BINBYTES SHORT_BINBYTES BINBYTES8 BYTEARRAY8 UNICODE BINUNICODE "
    "SHORT_BINUNICODE BINUNICODE8"
)
_ACTIONS |= dict.fromkeys(_LITERALS.split(), _Machine.push)
