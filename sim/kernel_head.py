"""The compiled class sums of the LLVM engine: count, compare and number, 512 samples at a time.

Counts are bit-sliced: plane `k` of a count is a line with bit `k` of 512 samples' counts. Full
adders reduce 16 rows to one carry before it ripples through the higher planes (Harley and Seal's
carry-save popcount, in Warren, Hacker's Delight, 5-1).
"""

from __future__ import annotations

from llvmlite import ir

from gatec.sim.kernel_build import I8, I32, I64, LINE, ONES, PTR, ZEROS, Function, i64
from gatec.sim.summands import MIN_PLANES, ROUND


def add_head(module: ir.Module) -> dict[str, ir.Function]:
    """Write the functions of the head that run once in a block."""
    return {
        "begin": _begin(module),
        "subtract": _subtract(module),
        "argmax": _argmax(module),
        "expand": _expand(module),
    }


def _begin(module: ir.Module) -> ir.Function:
    """Set the counts to what they begin at: (initial, classes, planes, counts)."""
    f = Function(module, "begin", [PTR, I64, I64, PTR])
    initial, classes, planes, counts = f.args
    b = f.build
    with f.loop(i64(0), b.shl(classes, i64(1))) as number:
        base = b.mul(number, planes)
        start = f.load(initial, number, I32)
        with f.loop(i64(0), planes) as k:
            bit = b.and_(b.lshr(start, k), i64(1))
            f.store(f.splat(b.sub(i64(0), bit)), counts, b.add(base, k))
    return f.finish()


def add_sum(module: ir.Module, index: ir.Type) -> ir.Function:
    """Write what adds rounds to a count: (values, rows, first, end, count, planes).

    A round is four rows of four slots, which are of type `index`; the first and last row are given,
    and the address of the count's lowest plane.
    """
    f = Function(module, "sum", [PTR, PTR, I64, I64, PTR, I64])
    values, table, begin, end, count, planes = f.args
    b = f.build
    low = [b.alloca(LINE) for _ in range(MIN_PLANES)]
    carry = b.alloca(LINE)
    for j, place in enumerate(low):
        b.store(f.load(count, i64(j), LINE), place)
    with f.loop(b.shl(begin, i64(2)), b.shl(end, i64(2)), ROUND) as first:
        rows = [
            f.load(values, f.load(table, b.add(first, i64(j)), index), LINE) for j in range(ROUND)
        ]
        for place in low:
            total = b.load(place, typ=LINE)
            carries = []
            for one, other in zip(rows[::2], rows[1::2], strict=True):
                total, over = _full_adder(b, total, one, other)
                carries.append(over)
            b.store(total, place)
            rows = carries
        b.store(rows[0], carry)
        with f.loop(i64(MIN_PLANES), planes) as plane:
            old, more = f.load(count, plane, LINE), b.load(carry, typ=LINE)
            f.store(b.xor(old, more), count, plane)
            b.store(b.and_(old, more), carry)
    for j, place in enumerate(low):
        f.store(b.load(place, typ=LINE), count, i64(j))
    return f.finish()


def _subtract(module: ir.Module) -> ir.Function:
    """Put each class's first count less its second in its place: (counts, classes, planes)."""
    f = Function(module, "subtract", [PTR, I64, I64])
    counts, classes, planes = f.args
    b = f.build
    borrow = b.alloca(LINE)
    with f.loop(i64(0), classes) as number:
        place = b.mul(number, planes)
        plus = b.shl(place, i64(1))
        minus = b.add(plus, planes)
        b.store(ZEROS, borrow)
        with f.loop(i64(0), planes) as k:
            one, less = (f.load(counts, b.add(base, k), LINE) for base in (plus, minus))
            differ, before = b.xor(one, less), b.load(borrow, typ=LINE)
            b.store(_choose(b, differ, less, before), borrow)
            f.store(b.xor(differ, before), counts, b.add(place, k))
    return f.finish()


def _full_adder(
    b: ir.IRBuilder, x: ir.Value, y: ir.Value, z: ir.Value
) -> tuple[ir.Value, ir.Value]:
    """Return sum and carry."""
    differ = b.xor(x, y)
    return b.xor(differ, z), b.or_(b.and_(x, y), b.and_(differ, z))


def _argmax(module: ir.Module) -> ir.Function:
    """Write the class number's planes behind the counts: (counts, classes, planes, class_planes).

    The best so far stays in class 0's planes. A later class wins only with a greater count.
    """
    f = Function(module, "argmax", [PTR, I64, I64, I64])
    counts, classes, planes, class_planes = f.args
    b = f.build
    number = b.mul(classes, planes)
    greater = b.alloca(LINE)
    with f.loop(i64(0), class_planes) as k:
        f.store(ZEROS, counts, b.add(number, k))
    with f.loop(i64(1), classes) as rival:
        base = b.mul(rival, planes)
        b.store(ZEROS, greater)
        with f.loop(i64(0), planes) as k:
            best, new = f.load(counts, k, LINE), f.load(counts, b.add(base, k), LINE)
            b.store(_choose(b, b.xor(best, new), new, b.load(greater, typ=LINE)), greater)
        wins = b.load(greater, typ=LINE)
        with f.loop(i64(0), planes) as k:
            best, new = f.load(counts, k, LINE), f.load(counts, b.add(base, k), LINE)
            f.store(_choose(b, wins, new, best), counts, k)
        with f.loop(i64(0), class_planes) as k:
            bit = b.trunc(b.lshr(rival, k), ir.IntType(1))
            old = f.load(counts, b.add(number, k), LINE)
            f.store(_choose(b, wins, b.select(bit, ONES, ZEROS), old), counts, b.add(number, k))
    return f.finish()


def _choose(b: ir.IRBuilder, where: ir.Value, one: ir.Value, zero: ir.Value) -> ir.Value:
    return b.xor(zero, b.and_(where, b.xor(zero, one)))


def _expand(module: ir.Module) -> ir.Function:
    """Write 512 numbers from their planes: (lines, planes, out, first plane, first number)."""
    f = Function(module, "expand", [PTR, I64, PTR, I64, I64])
    lines, planes, out, plane, start = f.args
    b = f.build
    total = b.alloca(LINE)
    with f.loop(i64(0), i64(64)) as octet:
        b.store(ZEROS, total)
        with f.loop(i64(0), planes) as k:
            line = b.add(plane, k)
            bits = f.load(lines, b.add(b.shl(line, i64(6)), octet), I8)
            lanes = b.zext(b.bitcast(bits, ir.VectorType(ir.IntType(1), 8)), LINE)
            placed = b.shl(lanes, f.splat(k))
            b.store(b.or_(b.load(total, typ=LINE), placed), total)
        target = b.gep(out, [b.add(start, b.shl(octet, i64(3)))], source_etype=I64)
        b.store(b.load(total, typ=LINE), target, align=8)
    return f.finish()
