"""Plan which bits of a class's sum are added by reads of block RAMs that hold tables of sums.

A read takes up to so many bits of given weights as an address and gives their sum as data: twelve
bits of one weight become a number of four bits. Each read is a step in time, and a later one may
take what an earlier one gave. All classes are counted alike, so the two ports of a block RAM, which
share its contents, serve two classes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gatec.devices.fabrics import BlockRam

# Look-up tables of four inputs for a full adder, and for a half adder, of which a mapper can merge
# some with what is beside them.
_FULL_ADDER, _HALF_ADDER = 2.0, 1.5
# A read that saves fewer look-up tables is not worth the registers that wait for it.
_LEAST_GAIN = 5.0


@dataclass(frozen=True)
class Read:
    """One read, of each class.

    Attributes
    ----------
    bits
        The bits of the pool that are its address, lowest first.
    weights
        The logarithm of the weight of each.
    layer
        How many reads follow one another up to and with this one.
    """

    bits: tuple[int, ...]
    weights: tuple[int, ...]
    layer: int

    @property
    def base(self) -> int:
        """The logarithm of the weight of its lowest data bit."""
        return min(self.weights)

    @property
    def table(self) -> tuple[int, ...]:
        """What its contents depend on: the weights relative to the lowest."""
        return tuple(weight - self.base for weight in self.weights)

    @property
    def width(self) -> int:
        """Number of data bits."""
        return _width(self.table)


@dataclass(frozen=True)
class RomPlan:
    """How the bits of each class are counted with reads of block RAMs.

    The bits of a class are a pool: first those of the group that reads take, then the count of the
    others, lowest bit first, then the data bits of each read.

    Attributes
    ----------
    group
        How many bits a class has.
    loose
        How many of them, the last ones, are counted by look-up tables before all reads.
    reads
        Layer by layer.
    """

    group: int
    loose: int
    reads: tuple[Read, ...]

    @cached_property
    def weights(self) -> tuple[int, ...]:
        """The logarithm of the weight of each bit of the pool."""
        found = [0] * (self.group - self.loose) + list(range(self.loose.bit_length()))
        for read in self.reads:
            found += range(read.base, read.base + read.width)
        return tuple(found)

    @property
    def left(self) -> tuple[int, ...]:
        """The bits of the pool that no read takes: look-up tables add them."""
        taken = {bit for read in self.reads for bit in read.bits}
        return tuple(bit for bit in range(len(self.weights)) if bit not in taken)

    @property
    def layers(self) -> int:
        """The most reads that follow one another."""
        return max((read.layer for read in self.reads), default=0)

    @property
    def cost(self) -> float:
        """About how many look-up tables a class takes beside its reads."""
        left = Counter(self.weights[bit] for bit in self.left)
        behind = [left[weight] for weight in range(max(self.weights) + 1)]
        return _cost([self.loose]) + _cost(behind)

    def recorded(self) -> list[list[int]]:
        """Return it as rows of numbers, for the manifest: the layer of each read, then its bits."""
        return [[read.layer, *read.bits] for read in self.reads]

    @classmethod
    def restored(cls, group: int, recorded: Sequence[Sequence[int]]) -> RomPlan | None:
        """Return the plan for a group that `recorded` describes; None where it makes no sense."""
        taken = sum(len(row) - 1 for row in recorded if row[:1] == [1])
        if taken > group:
            return None
        plan = cls(group, group - taken, ())
        for row in recorded:
            layer, bits = (row[0], tuple(row[1:])) if row else (0, ())
            ready = plan.first_data(sum(read.layer < layer for read in plan.reads))
            free = {bit for bit in plan.left if bit < (ready if layer > 1 else taken)}
            if not bits or not free.issuperset(bits) or len(set(bits)) != len(bits):
                return None
            if not max(1, plan.layers) <= layer <= plan.layers + 1:
                return None
            weights = tuple(plan.weights[bit] for bit in bits)
            plan = cls(group, plan.loose, (*plan.reads, Read(bits, weights, layer)))
        return plan if plan.reads else None

    def first_data(self, read: int) -> int:
        """Return where in the pool the data bits of a read begin."""
        before = sum(other.width for other in self.reads[:read])
        return self.group - self.loose + self.loose.bit_length() + before


def plan_reads(group: int, classes: int, ram: BlockRam, most_rams: int) -> RomPlan:
    """Return a plan that takes at most `most_rams` block RAMs, and as many bits away as it finds.

    Layer by layer, the read that takes most bits away goes first. With 56 block RAMs of 4,096 x 4
    bits and two ports, ten classes of 80 bits are counted by seven reads of twelve bits, then two
    of eleven, then one, and what is left to look-up tables are two or three full adders.
    """
    first = _first_layer(group, classes, ram, most_rams)
    taken = sum(len(read.bits) for read in first)
    plan = RomPlan(group, group - taken, tuple(first))
    layer = 1
    while True:
        layer += 1
        more = _next_layer(plan, layer, classes, ram, most_rams)
        if not more:
            return plan
        plan = RomPlan(group, group - taken, (*plan.reads, *more))


def count_rams(reads: Sequence[Read], classes: int, ram: BlockRam) -> int:
    """Return how many block RAMs hold the tables of some reads of each class."""
    tables = Counter((read.layer, read.table) for read in reads)
    return sum(-(-count * classes // ram.ports) for count in tables.values())


def _first_layer(group: int, classes: int, ram: BlockRam, most: int) -> list[Read]:
    found: list[Read] = []
    at = 0
    while at < group:
        chosen = _best([group - at], ram)
        if chosen is None:
            break
        size = chosen[1][0]
        read = Read(tuple(range(at, at + size)), (0,) * size, 1)
        if count_rams([*found, read], classes, ram) > most:
            break
        found.append(read)
        at += size
    return found


def _next_layer(plan: RomPlan, layer: int, classes: int, ram: BlockRam, most: int) -> list[Read]:
    waiting: list[list[int]] = [[] for _ in range(max(plan.weights, default=0) + 1)]
    for bit in plan.left:
        waiting[plan.weights[bit]].append(bit)
    found: list[Read] = []
    while (chosen := _best([len(bits) for bits in waiting], ram)) is not None:
        base, counts = chosen
        bits, weights = [], []
        for weight, count in enumerate(counts, base):
            bits += waiting[weight][:count]
            weights += [weight] * count
        read = Read(tuple(bits), tuple(weights), layer)
        if count_rams([*plan.reads, *found, read], classes, ram) > most:
            break
        found.append(read)
        for weight, count in enumerate(counts, base):
            del waiting[weight][:count]
    return found


def _best(waiting: Sequence[int], ram: BlockRam) -> tuple[int, tuple[int, ...]] | None:
    """Return the read that saves most: its lowest weight, and how many bits of each weight.

    Of equally good ones, that with the fewest address bits, then with the lowest weights.
    """
    best, key = None, (_LEAST_GAIN, -np.inf)
    before = _cost(waiting)
    most = max(address for address, _ in ram.shapes)
    for base in range(len(waiting)):
        for counts in _choices(waiting[base:], most):
            address, largest = sum(counts), sum(n << w for w, n in enumerate(counts))
            width = largest.bit_length()
            if not counts[0] or not ram.holds(address, width):
                continue
            gain = before - _cost(_after(waiting, base, counts, width))
            if (gain, -address) > key:
                best, key = (base, counts), (gain, -address)
    return best


def _choices(waiting: Sequence[int], most: int) -> Iterator[tuple[int, ...]]:
    """Yield how many bits of each weight a read of at most `most` bits can take."""
    if not waiting:
        yield ()
        return
    for count in range(min(waiting[0], most) + 1):
        for others in _choices(waiting[1:], most - count):
            yield (count, *others)


def _after(waiting: Sequence[int], base: int, counts: Sequence[int], width: int) -> list[int]:
    """Return how many bits of each weight there are behind a read."""
    left = [*waiting, *[0] * (base + width - len(waiting))]
    for weight, count in enumerate(counts, base):
        left[weight] -= count
    for weight in range(base, base + width):
        left[weight] += 1
    return left


def _cost(waiting: Sequence[int]) -> float:
    """Return about how many look-up tables add so many bits of each weight up."""
    cost, carries, weight = 0.0, 0, 0
    while weight < len(waiting) or carries:
        bits = carries + (waiting[weight] if weight < len(waiting) else 0)
        weight += 1
        full, half = divmod(max(0, bits - 1), 2)
        cost += full * _FULL_ADDER + half * _HALF_ADDER
        carries = full + half
    return cost


def _width(table: Sequence[int]) -> int:
    """Return the bits of the largest sum of bits of such weights."""
    return sum(1 << weight for weight in table).bit_length()
