"""The compiled walk that orders nodes so that values are read soon after they are computed."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache

from llvmlite import ir

from gatec.sim.kernel_build import I8, I32, I64, PTR, Function, compiled, i64
from gatec.sim.operations import OPERANDS

Walk = Callable[..., None]
_NO, _YES = ir.Constant(I8, 0), ir.Constant(I8, 1)


@cache
def load_walk() -> Walk:
    """Return `walk(nodes, fanin, starts, readers, cursor, missing, done, stack, trail, order)`.

    All but the first are addresses, of:

    - `int32[nodes, 3]` fanin: the nodes that a node reads, -1 where it reads none;
    - `int32[nodes + 1]` starts and `int32[...]` readers: the readers of node `k` are
      `readers[starts[k] : starts[k + 1]]`, once for each time they read it;
    - `int32[nodes]` cursor, a copy of the starts, and missing, how many of a node's operands are
      nodes: both are used up;
    - `uint8[nodes]` done, zeros; `int32[8 * nodes]` stack and `int32[nodes]` trail, of any content;
    - `int32[nodes]` order: what comes out.

    A node comes as soon as its last operand is there. When none is ready, the walk makes ready a
    reader of the node that came last (of those that have readers left), operands first.
    """
    module = ir.Module("gatec_order")
    _Walk(module)
    engine = compiled(module)
    prototype = ctypes.CFUNCTYPE(None, ctypes.c_int64, *[ctypes.c_void_p] * 9)
    walk = prototype(engine.get_function_address("walk"))
    walk.engine = engine  # type: ignore[attr-defined]  # the code lives as long as this does
    return walk


class _Stack:
    """A stack of node numbers in an array, in a function under construction."""

    def __init__(self, f: Function, base: ir.Value) -> None:
        self._f, self._base = f, base
        self._height = f.variable()

    def height(self) -> ir.Value:
        """Return how many numbers there are."""
        return self._f.build.load(self._height, typ=I64)

    def push(self, number: ir.Value) -> None:
        """Put a number on top."""
        height = self.height()
        self._f.store(self._f.build.trunc(number, I32), self._base, height)
        self._f.build.store(self._f.build.add(height, i64(1)), self._height)

    def top(self) -> ir.Value:
        """Return the number on top."""
        return self._f.load(self._base, self._f.build.sub(self.height(), i64(1)), I32)

    def drop(self) -> None:
        """Take the number on top away."""
        self._f.build.store(self._f.build.sub(self.height(), i64(1)), self._height)


class _Walk:
    """The function of that name, under construction."""

    def __init__(self, module: ir.Module) -> None:
        self.f = f = Function(module, "walk", [I64, *[PTR] * 9])
        count, fanin, starts, readers, cursor, missing, done, stack, trail, order = f.args
        self.fanin, self.starts, self.readers = fanin, starts, readers
        self.cursor, self.missing, self.done = cursor, missing, done
        self.stack, self.trail, self.order = (_Stack(f, base) for base in (stack, trail, order))
        with f.loop(i64(0), count) as seed:
            self.push_if_new(seed)
            with f.repeat() as stop_if:
                waiting = f.build.icmp_signed(">", self.stack.height(), i64(0))
                readers_left = f.build.icmp_signed(">", self.trail.height(), i64(0))
                stop_if(f.build.not_(f.build.or_(waiting, readers_left)))
                with f.build.if_else(waiting) as (work, search):
                    with work:
                        node = self.stack.top()
                        self.stack.drop()
                        with f.build.if_then(self.is_new(node)):
                            self.visit(node)
                    with search:
                        self.look_back()
        f.finish()

    def is_new(self, node: ir.Value) -> ir.Value:
        """Return whether a node has not been computed."""
        return self.f.build.icmp_signed("==", self.f.load(self.done, node, I8), _NO)

    def push_if_new(self, node: ir.Value) -> None:
        """Put a node on the stack unless it has been computed."""
        with self.f.build.if_then(self.is_new(node)):
            self.stack.push(node)

    def visit(self, node: ir.Value) -> None:
        """Compute a node, or put it on the stack under what it needs first."""
        f, b = self.f, self.f.build
        ready = b.icmp_signed("==", f.load(self.missing, node, I32), i64(0))
        with b.if_else(ready) as (now, later):
            with now:
                self.compute(node)
            with later:
                self.stack.push(node)
                with f.loop(i64(0), i64(OPERANDS)) as slot:
                    place = b.add(b.mul(node, i64(OPERANDS)), slot)
                    operand = f.load(self.fanin, place, I32)
                    with b.if_then(b.icmp_signed(">=", operand, i64(0))):
                        self.push_if_new(operand)

    def compute(self, node: ir.Value) -> None:
        """Put a node out, and on the stack those of its readers that now have all they read."""
        f, b = self.f, self.f.build
        f.store(_YES, self.done, node)
        self.order.push(node)
        self.trail.push(node)
        stop = f.load(self.starts, b.add(node, i64(1)), I32)
        with f.loop(f.load(self.starts, node, I32), stop) as place:
            reader = f.load(self.readers, place, I32)
            left = b.sub(f.load(self.missing, reader, I32), i64(1))
            f.store(b.trunc(left, I32), self.missing, reader)
            with b.if_then(b.icmp_signed("==", left, i64(0))):
                self.stack.push(reader)

    def look_back(self) -> None:
        """Put the next reader of the trail's last node on the stack, or shorten the trail."""
        f, b = self.f, self.f.build
        last = self.trail.top()
        place = f.load(self.cursor, last, I32)
        end = f.load(self.starts, b.add(last, i64(1)), I32)
        with b.if_else(b.icmp_signed("==", place, end)) as (read_up, more):
            with read_up:
                self.trail.drop()
            with more:
                f.store(b.trunc(b.add(place, i64(1)), I32), self.cursor, last)
                self.push_if_new(f.load(self.readers, place, I32))
