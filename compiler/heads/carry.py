"""Map the additions of a popcount to carry chains, several to a chain.

A chain begins with a constant, so a carry-in from outside takes a cell of its own there; and a last
carry leaves through the LUT of one more cell. Where one addition follows another on a chain, one
cell does both: its LUT takes the last carry `p` out as `not p`, and its carry gate is the majority
of `p`, `not p` and the next carry-in `x`, which is `x`. (The majority of `p`, `x` and `x` would do
too, but nextpnr's router never ends on a net that reaches a cell twice.) So additions of inverted
bits are needed in turn: a full adder of three inverted bits gives the inverted sum and carry, and
the LUTs of a chain give its results inverted once more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from gatec.chains import CARRY, NO_CHAIN, Chains
from gatec.heads.tree import NONE, HeadPlan
from gatec.netlist import CONST0_NET, CONST1_NET, Netlist, Port, make_ports
from gatec.tables import VARIABLE

# More additions on a chain save cells and cost levels: each passes one more LUT.
MOST_ADDS = 3

_SUM = VARIABLE[1] ^ VARIABLE[2] ^ VARIABLE[3]
_CONSTANT = (CONST0_NET, CONST1_NET)
_LUT, _CARRY_GATE = 0, 1


@dataclass(frozen=True)
class CarryHead:
    """The mapped additions.

    Attributes
    ----------
    netlist
        One input port: the leaves' bits; one output port: the scores, class by class.
    inverted
        `bool[leaf bits]`: the leaves' bits that it wants inverted.
    """

    netlist: Netlist
    inverted: npt.NDArray[np.bool_]


@dataclass
class _Cells:
    """Gates of all chains, in any order; a gate's net is `first_gate` plus its place here."""

    first_gate: int
    rows: list[tuple[int, int, int, int]] = field(default_factory=list)
    tables: list[int] = field(default_factory=list)
    # (height, position in the chain, LUT or carry gate): sorted by it, gates are in order.
    keys: list[tuple[int, int, int]] = field(default_factory=list)
    chain: list[int] = field(default_factory=list)

    def put(
        self, key: tuple[int, int, int], chain: int, table: np.uint64, slots: Sequence[int]
    ) -> int:
        """Add a gate that reads `slots` in slots 1 to 3 and return its net."""
        self.rows.append((CONST0_NET, slots[0], slots[1], slots[2]))
        self.tables.append(int(table))
        self.keys.append(key)
        self.chain.append(chain)
        return self.first_gate + len(self.rows) - 1


def carry_head(plan: HeadPlan, name: str, most_adds: int = MOST_ADDS) -> CarryHead:
    """Return the additions of a plan as carry chains of at most `most_adds` additions each."""
    classes = len(plan.order)
    widths = plan.widths
    ports = make_ports(("x", classes * sum(widths)))
    # numbers[i][c]: the nets of number i in class c.
    leaf_nets = np.split(ports[0].nets.reshape(-1, classes), np.cumsum(widths)[:-1])
    numbers: list[list[list[int]]] = [nets.T.tolist() for nets in leaf_nets]
    numbers += [[[] for _ in range(classes)] for _ in plan.adds]
    wanted = plan.wanted_inverted
    cells = _Cells(ports[0].width + 2)
    chain = 0
    for height in range(1, plan.height + 1):
        inverted = plan.takes_inverted(height)
        jobs = [
            (number, each)
            for number, add in enumerate(plan.adds, len(widths))
            if add.height == height
            for each in range(classes)
        ]
        # Only the last addition on a chain can give its last carry as it likes.
        last = [job for job in jobs if wanted[job[0]] == inverted]
        others = [job for job in jobs if wanted[job[0]] != inverted]
        while last or others:
            ends = [last.pop()] if last else []
            # A running total takes no last carry out, so nothing can follow it for nothing.
            alone = plan.running and height == plan.height
            room = 0 if alone else most_adds - len(ends)
            taken, others = others[:room], others[room:]
            _Chain(cells, plan, numbers, wanted, chain, height).write([*taken, *ends])
            chain += 1
    scores = np.array(numbers[-1]).reshape(-1)
    inverted_bits = np.repeat([wanted[leaf] for leaf in range(len(widths))], widths)
    return CarryHead(_netlist(cells, name, ports, scores, chain), np.repeat(inverted_bits, classes))


@dataclass
class _Chain:
    """One chain being written: additions of one height, one behind the other.

    `jobs` are (number, class) of each; the sums join `numbers`.
    """

    cells: _Cells
    plan: HeadPlan
    numbers: list[list[list[int]]]
    wanted: Sequence[bool]
    index: int
    height: int
    position: int = 0
    carry: int | None = None

    def write(self, jobs: Sequence[tuple[int, int]]) -> None:
        """Write all cells of the chain."""
        inverted = self.plan.takes_inverted(self.height)
        zero = _CONSTANT[inverted]
        before: tuple[int, int] | None = None
        for number, each in jobs:
            add = self.plan.adds[number - len(self.plan.widths)]
            extra = zero if add.carry_in == NONE else self.numbers[add.carry_in][each][0]
            self._carry_in(extra, zero, before)
            a, b = self.numbers[add.a][each], self.numbers[add.b][each]
            table = _SUM if self.wanted[number] == inverted else ~_SUM
            self._add(a, [*b, *[zero] * (len(a) - len(b))], table, self.numbers[number][each])
            before = number, each
        assert before is not None
        if self._capped:
            return
        number, each = before
        same = self.wanted[number] == inverted
        self._take_out(VARIABLE[3] if same else ~VARIABLE[3], self.numbers[number][each])

    @property
    def _capped(self) -> bool:
        """Whether this adds to a running total, which has room for what comes."""
        return self.plan.running > 0 and self.height == self.plan.height

    def _put(self, kind: int, table: np.uint64, slots: Sequence[int]) -> int:
        return self.cells.put((self.height, self.position, kind), self.index, table, slots)

    def _take_out(self, table: np.uint64, number: list[int]) -> int:
        assert self.carry is not None
        number.append(self._put(_LUT, table, (CONST0_NET, CONST0_NET, self.carry)))
        return number[-1]

    def _carry_in(self, extra: int, zero: int, before: tuple[int, int] | None) -> None:
        """Make `extra` the carry, and take the last one out for the addition before."""
        if before is not None:
            number, each = before
            out = self._take_out(~VARIABLE[3], self.numbers[number][each])
            assert self.carry is not None
            self.carry = self._put(_CARRY_GATE, CARRY, (extra, out, self.carry))
        elif extra == zero:
            self.carry = zero
            return
        else:
            # The majority of it, 0 and 1.
            self.carry = self._put(_CARRY_GATE, CARRY, (extra, CONST0_NET, CONST1_NET))
        self.position += 1

    def _add(self, a: list[int], b: list[int], table: np.uint64, total: list[int]) -> None:
        """Write a cell for each bit."""
        for one, other in zip(a, b, strict=True):
            assert self.carry is not None
            slots = (one, other, self.carry)
            total.append(self._put(_LUT, table, slots))
            if not (self._capped and len(total) == len(a)):
                self.carry = self._put(_CARRY_GATE, CARRY, slots)
            self.position += 1


def _netlist(
    cells: _Cells, name: str, ports: tuple[Port, ...], scores: npt.NDArray[np.int64], chains: int
) -> Netlist:
    """Return the netlist of all cells, sorted: chains of a height side by side."""
    keys = np.array(cells.keys, dtype=np.int64).reshape(-1, 3)
    order = np.lexsort(keys.T[::-1])
    moved = np.arange(cells.first_gate + len(order), dtype=np.int32)
    moved[cells.first_gate + order] = np.arange(len(order)) + cells.first_gate
    rows = np.array(cells.rows, dtype=np.int32).reshape(-1, 4)[order]
    chain = np.array(cells.chain, dtype=np.int32)[order]
    assert NO_CHAIN not in chain and chain.max(initial=0) < max(1, chains)
    return Netlist(
        name,
        ports,
        (Port("y", moved[scores]),),
        moved[rows],
        np.array(cells.tables, dtype=np.uint64)[order],
        chains=Chains(chain, keys[order, 2] == _CARRY_GATE),
    )
