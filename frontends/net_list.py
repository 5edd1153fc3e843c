"""Gates and wires, joined in any order, that become a netlist in the end."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

import numpy as np

from gatec import limits
from gatec.errors import ModelError
from gatec.levels import level_order
from gatec.netlist import CONST0_NET, CONST1_NET, FIRST_INPUT, Netlist, Port, make_ports
from gatec.tables import AND2, MAX_FANIN, MUX, OR2, VARIABLE, XOR2

_ONES = (1 << 64) - 1
_NOT = int(~VARIABLE[0])
TABLES = {"&": int(AND2), "|": int(OR2), "^": int(XOR2)}


class Nets:
    """Nets by number, 0 and 1 constant, and what drives each: a gate, another net, a register."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._starts, self._names = [0], ["a constant"]
        self._count = 2
        self._driver: dict[int, tuple[str, int]] = {}
        self._fanin: list[Sequence[int]] = []
        self._tables: list[int] = []
        self._read: set[int] = set()
        self._shared: dict[tuple[int, tuple[int, ...]], int] = {}

    def declare(self, name: str, width: int) -> range:
        """Return new nets, lowest bit first; `name` is for messages."""
        start = self._count
        limits.check_limit(start + width, limits.MAX_GATES, "nets", file=self._file)
        self._starts.append(start)
        self._names.append(name)
        self._count += width
        return range(start, self._count)

    def join(self, target: int, source: int, place: str, *, register: bool = False) -> None:
        """Let one net take its value from another, at once or one clock cycle later."""
        if target in self._driver or target < 2:
            raise ModelError(f"{self.name(target)} is driven twice", file=self._file, place=place)
        self._driver[target] = ("register" if register else "wire", source)
        self._read.add(source)

    def gate(self, table: int, fanin: Sequence[int]) -> int:
        """Return the net of a gate, the same for the same gate."""
        key = (table & _ONES, tuple(fanin))
        if key not in self._shared:
            (net,) = self.declare("a gate", 1)
            self._driver[net] = ("gate", len(self._tables))
            self._tables.append(key[0])
            self._fanin.append(key[1])
            self._read.update(key[1])
            self._shared[key] = net
        return self._shared[key]

    def invert(self, net: int) -> int:
        """Return the complement of a net."""
        return 1 - net if net < 2 else self.gate(_NOT, [net])

    def both(self, op: str, a: int, b: int) -> int:
        """Return `a op b`, one of `& | ^`."""
        return self.gate(TABLES[op], [a, b])

    def reduce(self, op: str, nets: Sequence[int]) -> int:
        """Return all nets joined by one of `& | ^`, as a tree; of none at all 0."""
        level = list(nets) or [0]
        while len(level) > 1:
            pairs = zip(level[::2], level[1::2], strict=False)
            level = [self.both(op, a, b) for a, b in pairs] + level[len(level) // 2 * 2 :]
        return level[0]

    def choose(self, select: int, one: int, other: int) -> int:
        """Return `one` where `select` is 1, else `other`."""
        return self.gate(int(MUX), [other, one, select])

    def table(self, values: Sequence[int], fanin: Sequence[int]) -> int:
        """Return a table of any number of inputs: bit `j` of the address is `fanin[j]`."""
        size = min(len(values), 1 << MAX_FANIN)
        leaves = []
        for start in range(0, len(values), size):
            table = sum(bit << address for address, bit in enumerate(values[start : start + size]))
            span = size
            while span < 1 << MAX_FANIN:
                table |= table << span
                span *= 2
            leaves.append(self.gate(table, fanin[:MAX_FANIN]))
        for slot in fanin[MAX_FANIN:]:
            pairs = zip(leaves[::2], leaves[1::2], strict=True)
            leaves = [low if low == high else self.choose(slot, high, low) for low, high in pairs]
        return leaves[0]

    def reads(self, net: int) -> bool:
        """Return whether anything takes its value from a net."""
        return net in self._read

    def name(self, net: int) -> str:
        """Return what a message calls a net."""
        where = bisect_right(self._starts, net) - 1
        return f"{self._names[where]}[{net - self._starts[where]}]"[:80]

    def source(self, net: int, inputs: dict[int, int]) -> tuple[int, int]:
        """Return the input, gate or constant that a net follows, and how many registers later."""
        delay, path = 0, []
        while net > 1 and net not in inputs:
            kind, driver = self._driver.get(net, ("", 0))
            if kind == "gate":
                break
            if not kind:
                raise ModelError(f"nothing drives {self.name(net)}", file=self._file)
            path.append(net)
            if len(path) > len(self._driver):
                raise ModelError(f"a loop through {self.name(net)}", file=self._file)
            delay += kind == "register"
            net = driver
        return net, delay

    def netlist(self, inputs: Sequence[int], outputs: Sequence[int]) -> tuple[Netlist, int]:
        """Return the circuit between nets, and how many registers are on each of its paths.

        Raises `ModelError` at a cycle, and where paths of unequal delay meet: the circuit is then
        no function of one input vector.
        """
        known = {net: FIRST_INPUT + i for i, net in enumerate(inputs)}
        used = self._reachable(outputs, known)
        index = {gate: i for i, gate in enumerate(used)}
        first = FIRST_INPUT + len(inputs)

        def number(net: int) -> int:
            base, _ = self.source(net, known)
            if base < 2:
                return (CONST0_NET, CONST1_NET)[base]
            return known.get(base) or first + index[self._driver[base][1]]

        width = max((len(self._fanin[gate]) for gate in used), default=1)
        fanin = np.zeros((len(used), width), dtype=np.int32)
        for row, gate in zip(fanin, used, strict=True):
            row[: len(self._fanin[gate])] = [number(net) for net in self._fanin[gate]]
        placed = level_order(fanin, first)
        if placed is None:
            raise ModelError(
                "a combinational cycle, or registers in a loop",
                file=self._file,
                expected="a circuit without feedback; with it, BLIF or AIGER",
            )
        renamed = np.arange(first + len(used), dtype=np.int32)
        renamed[first + placed] = np.arange(first, len(renamed), dtype=np.int32)
        delay = self._delays([used[i] for i in placed.tolist()], outputs, known)
        ends = renamed[np.array([number(net) for net in outputs], dtype=np.int32)]
        tables = np.array([self._tables[gate] for gate in used], dtype=np.uint64)
        ports = make_ports(("x", len(inputs)))
        net = Netlist("circuit", ports, (Port("y", ends),), renamed[fanin[placed]], tables[placed])
        net.verify()
        return net, delay

    def _reachable(self, outputs: Sequence[int], known: dict[int, int]) -> list[int]:
        """Return the gates that outputs depend on."""
        seen: set[int] = set()
        stack = [self.source(net, known)[0] for net in outputs]
        while stack:
            net = stack.pop()
            kind, gate = self._driver.get(net, ("", 0))
            if net in known or kind != "gate" or gate in seen:
                continue
            seen.add(gate)
            stack += [self.source(source, known)[0] for source in self._fanin[gate]]
        return sorted(seen)

    def _delays(self, gates: Sequence[int], outputs: Sequence[int], known: dict[int, int]) -> int:
        """Return the registers from inputs to outputs, the same on every path."""
        of_gate: dict[int, int | None] = {}

        def delay(net: int, place: str, wanted: int | None) -> int | None:
            base, later = self.source(net, known)
            if base < 2:
                return wanted
            before = 0 if base in known else of_gate[self._driver[base][1]]
            if before is None:
                return wanted
            if wanted not in (None, before + later):
                raise ModelError(
                    f"paths with {wanted} and {before + later} registers meet", file=self._file,
                    place=place, expected="as many on every path",
                )  # fmt: skip
            return before + later

        for gate in gates:
            found: int | None = None
            for net in self._fanin[gate]:
                found = delay(net, self.name(net), found)
            of_gate[gate] = found
        last: int | None = None
        for net in outputs:
            last = delay(net, self.name(net), last)
        return last or 0
