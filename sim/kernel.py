"""The compiled loops of the LLVM engine, generic in the net: they interpret its tables.

One LLVM module serves every net, so nothing is compiled for a net and start-up does not grow with
it. A *block* is the 512 samples that go through the whole net together, one line for each net. The
IR names no instruction set: LLVM makes AVX-512, AVX2 or NEON of it, whatever the machine has.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache

from llvmlite import ir

from gatec.sim.kernel_build import (
    I32,
    I64,
    LINE,
    LINE_BYTES,
    LINE_WORDS,
    ONES,
    PTR,
    ZEROS,
    Function,
    compiled,
    i64,
    read_ref,
)
from gatec.sim.kernel_head import add_head, add_sum
from gatec.sim.operations import OPS

# The fields of a job, an `int64` each: the addresses and numbers that `process` reads.
_ADDRESSES = (
    "values",  # line[slots]: the thread's own
    "rows",  # int32[loads]: the input row of slots 1, 2, ...
    "nodes",  # [rows, 4], "ops" and "ends", int32[runs]: see Program
    "ops",
    "ends",
    "refs",  # int32[stores]: twice a slot, plus one for its complement
    "initial",  # int32[2 * classes]
    "counts",  # line[2 * classes * planes + class_planes]: the thread's own
    "words",  # uint64[inputs, stride]
    "out",  # whole lines; bits: uint64[stores, out_stride]; else int64[classes or 1, out_stride]
)
_NUMBERS = (
    "loads",
    "runs",
    "stores",
    "classes",
    "planes",  # bits of a count
    "class_planes",  # bits of a class number
    "stride",
    "out_stride",
)
FIELDS = (*_ADDRESSES, *_NUMBERS)
# What `process` writes: the refs' bits, the score of each class, or the class with the largest.
BITS, SCORES, CLASSES = range(3)

Process = Callable[[int, int, int, int], None]


@cache
def load_process(index_bits: int) -> Process:
    """Return `process(address of a job, kind, first word, stop word)`, compiled for this machine.

    Words are whole blocks: `stop - first` is a multiple of 8. It holds no lock of Python's. The
    job's nodes are numbers of 16 or 32 bits.
    """
    engine = compiled(_write(ir.IntType(index_bits)))
    prototype = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 4)
    process = prototype(engine.get_function_address("process"))
    process.engine = engine  # type: ignore[attr-defined]  # the code lives as long as this does
    return process


def _write(index: ir.Type) -> ir.Module:
    """Return the module with `process` and the functions that it calls."""
    module = ir.Module("gatec")
    parts = {
        "load": _load_inputs(module),
        "evaluate": _evaluate(module, index),
        "store": _store_outputs(module),
        **add_head(module),
    }
    for function in module.functions:
        function.linkage = "internal"
    _process(module, parts)
    return module


def _process(module: ir.Module, parts: dict[str, ir.Function]) -> None:
    """Take blocks through the net: (job, kind, first word, stop word)."""
    f = Function(module, "process", [PTR, I64, I64, I64])
    job, kind, first, stop = f.args
    field = {
        name: f.load(job, i64(k), PTR if name in _ADDRESSES else I64)
        for k, name in enumerate(FIELDS)
    }

    def call(part: str, names: str, *more: ir.Value) -> None:
        f.build.call(parts[part], [*(field[name] for name in names.split()), *more])

    with f.loop(first, stop, LINE_WORDS) as word:
        call("load", "values rows loads words stride", word)
        call("begin", "initial classes planes counts")
        call("evaluate", "values nodes ops ends runs counts planes")
        sample = f.build.shl(word, i64(6))
        is_bits = f.build.icmp_signed("==", kind, i64(BITS))
        with f.build.if_else(is_bits) as (bits, numbers):
            with bits:
                call("store", "values refs stores out out_stride", word)
            with numbers:
                call("subtract", "counts classes planes")
                is_scores = f.build.icmp_signed("==", kind, i64(SCORES))
                with f.build.if_else(is_scores) as (scores, choice):
                    with scores, f.loop(i64(0), field["classes"]) as number:
                        plane = f.build.mul(number, field["planes"])
                        place = f.build.add(f.build.mul(number, field["out_stride"]), sample)
                        call("expand", "counts planes out", plane, place)
                    with choice:
                        call("argmax", "counts classes planes class_planes")
                        plane = f.build.mul(field["classes"], field["planes"])
                        call("expand", "counts class_planes out", plane, sample)
    f.finish()


def _load_inputs(module: ir.Module) -> ir.Function:
    """Copy the block's inputs to slots 1 and up: (values, rows, loads, words, stride, word)."""
    f = Function(module, "load_inputs", [PTR, PTR, I64, PTR, I64, I64])
    values, rows, loads, words, stride, word = f.args
    with f.loop(i64(0), loads) as k:
        row = f.build.mul(f.load(rows, k, I32), stride)
        source = f.build.gep(words, [f.build.add(row, word)], source_etype=I64)
        f.store(f.build.load(source, typ=LINE, align=8), values, f.build.add(k, i64(1)))
    return f.finish()


def _store_outputs(module: ir.Module) -> ir.Function:
    """Copy the block's outputs: (values, refs, stores, out, out_stride, word).

    Each line goes to another row: past the caches, which would first fetch what is written over.
    """
    f = Function(module, "store_outputs", [PTR, PTR, I64, PTR, I64, I64])
    values, refs, stores, out, stride, word = f.args
    with f.loop(i64(0), stores) as k:
        row = f.build.mul(k, stride)
        target = f.build.gep(out, [f.build.add(row, word)], source_etype=I64)
        stored = f.build.store(read_ref(f, values, refs, k), target, align=LINE_BYTES)
        stored.set_metadata("nontemporal", module.add_metadata([ir.Constant(I32, 1)]))
    return f.finish()


def _evaluate(module: ir.Module, index: ir.Type) -> ir.Function:
    """Run all rows: (values, nodes, ops, ends, runs, counts, planes).

    The rows of a run do the same: what that is is decided once for the run.
    """
    add = add_sum(module, index)
    f = Function(module, "evaluate", [PTR, PTR, PTR, PTR, I64, PTR, I64])
    values, nodes, ops, ends, runs, counts, planes = f.args
    b = f.build
    start = f.variable()
    with f.loop(i64(0), runs) as run:
        first, end = b.load(start, typ=I64), f.load(ends, run, I32)
        b.store(end, start)
        what = f.load(ops, run, I32)
        counting, done = (f.function.append_basic_block() for _ in range(2))
        switch = b.switch(what, counting)
        b.position_at_end(counting)
        plane = b.mul(b.sub(what, i64(len(OPS))), planes)
        b.call(add, [values, nodes, first, end, b.gep(counts, [plane], source_etype=LINE), planes])
        b.branch(done)
        for op, (table, arity) in enumerate(OPS):
            case = f.function.append_basic_block()
            switch.add_case(i64(op), case)
            b.position_at_end(case)
            with f.loop(first, end) as node:
                base = b.shl(node, i64(2))
                *slots, result = (
                    f.load(nodes, b.add(base, i64(j)), index) for j in [*range(arity), 3]
                )
                operands = [f.load(values, slot, LINE) for slot in slots]
                f.store(formula(b, table, operands), values, result)
            b.branch(done)
        b.position_at_end(done)
    return f.finish()


def formula(build: ir.IRBuilder, table: int, operands: list[ir.Value]) -> ir.Value:
    """Return the value of a truth table of `2**len(operands)` bits, by Shannon's expansion.

    LLVM makes of it what the machine has: with AVX-512, instructions with three operands.
    """
    if not operands:
        return ONES if table & 1 else ZEROS
    *others, choose = operands
    half = 1 << len(others)
    mask = (1 << half) - 1
    low, high = table & mask, table >> half & mask
    if low == high:
        return formula(build, low, others)
    if low == high ^ mask:
        return build.xor(choose, formula(build, low, others))
    if low == 0:
        return build.and_(choose, formula(build, high, others))
    if high == 0:
        return build.and_(build.xor(choose, ONES), formula(build, low, others))
    zero, one = formula(build, low, others), formula(build, high, others)
    return build.xor(zero, build.and_(choose, build.xor(zero, one)))
