"""Netlist: the flat, array-only IR that passes work on.

Nets are numbered. Net 0 is constant 0 and net 1 constant 1; then come the input bits, the state
registers' outputs, and the gates' outputs, in that order. A gate reads only nets of a lower number,
so the order is topological and a combinational cycle cannot be written down. One kind of gate: a
truth table of up to six inputs (`gatec.tables`, slot 0 is the least significant address bit). Slots
that a gate does not use hold net 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from gatec.blocks import IntArray, frozen
from gatec.chains import ChainError, Chains, check_chains
from gatec.groups import group_levels
from gatec.roms import RomError, Roms, check_roms
from gatec.tables import MAX_FANIN, Tables, depends

CONST0_NET = 0
CONST1_NET = 1
FIRST_INPUT = 2
# Input ports of a staged netlist with state registers: the second counts phases (`gatec.unroll`).
_WITH_PHASE = 2


class NetlistError(Exception):
    """A netlist that breaks an invariant: a bug of the pass that made it."""


@dataclass(frozen=True, eq=False)
class Port:
    """A named bundle of nets.

    Attributes
    ----------
    name
        A legal Verilog identifier.
    nets
        `int32[width]`, bit 0 first.
    encoding
        What the bits mean: `bits`, `unsigned` (one number, LSB first), `unsigned xN` (numbers of
        N bits one after the other, LSB first).
    """

    name: str
    nets: IntArray
    encoding: str = "bits"

    def __post_init__(self) -> None:
        object.__setattr__(self, "nets", frozen(self.nets, np.int32))

    @property
    def width(self) -> int:
        """Number of bits."""
        return len(self.nets)


def _no_gates() -> IntArray:
    return np.zeros(0, dtype=np.int32)


def _no_flags() -> npt.NDArray[np.bool_]:
    return np.zeros(0, dtype=np.bool_)


@dataclass(frozen=True, eq=False)
class Netlist:
    """A circuit of truth tables.

    Attributes
    ----------
    name
        What the emitted module is called after.
    inputs
        Input ports; their nets are consecutive from net 2.
    outputs
        Output ports; any nets.
    fanin
        `int32[gates, K]`, K <= 6: the net in each slot.
    tables
        `uint64[gates]`: expanded truth tables.
    register_d, register_init
        `int32[registers]` and `bool[registers]`: next-state net and initial value of each state
        register (recurrent nets).
    cuts
        Named inner points that passes keep, such as the scores in front of an argmax.
    stage
        `int32[gates]`, the pipeline stage of each gate, or None for a netlist without stages. A net
        that is read in a later stage than its own passes one register for each boundary between,
        and every output leaves the last stage through a register: latency is `num_stages` cycles.
    chains
        Which gates are the logic cells of carry chains, or None. To everything that asks for the
        function they are gates like others; passes, which move gates, come before them.
    roms
        Which gates are looked up in block RAMs, or None; the same holds of them.
    """

    name: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    fanin: IntArray
    tables: Tables
    register_d: IntArray = field(default_factory=_no_gates)
    register_init: npt.NDArray[np.bool_] = field(default_factory=_no_flags)
    cuts: tuple[Port, ...] = ()
    stage: IntArray | None = None
    chains: Chains | None = None
    roms: Roms | None = None

    def __post_init__(self) -> None:
        for key, dtype in (
            ("fanin", np.int32),
            ("tables", np.uint64),
            ("register_d", np.int32),
            ("register_init", np.bool_),
        ):
            object.__setattr__(self, key, frozen(getattr(self, key), dtype))
        if self.stage is not None:
            object.__setattr__(self, "stage", frozen(self.stage, np.int32))

    @cached_property
    def num_inputs(self) -> int:
        """Number of input bits."""
        return sum(port.width for port in self.inputs)

    @property
    def num_outputs(self) -> int:
        """Number of output bits."""
        return sum(port.width for port in self.outputs)

    @property
    def num_registers(self) -> int:
        """Number of state registers."""
        return len(self.register_d)

    @property
    def num_gates(self) -> int:
        """Number of gates."""
        return len(self.tables)

    @property
    def num_nets(self) -> int:
        """Number of nets, constants included."""
        return self.first_gate + self.num_gates

    @property
    def first_input(self) -> int:
        """The first input's net."""
        return FIRST_INPUT

    @property
    def first_register(self) -> int:
        """The first state register's output net."""
        return FIRST_INPUT + self.num_inputs

    @property
    def first_gate(self) -> int:
        """The first gate's output net."""
        return self.first_register + self.num_registers

    @property
    def num_stages(self) -> int:
        """Number of pipeline stages; 0 without stages."""
        if self.stage is None:
            return 0
        return int(self.stage.max(initial=0)) + 1

    @property
    def output_nets(self) -> IntArray:
        """The nets of all output bits, ports in order."""
        return _concatenate(self.outputs)

    @property
    def cut_nets(self) -> IntArray:
        """The nets of all cut bits, ports in order."""
        return _concatenate(self.cuts)

    @property
    def root_nets(self) -> IntArray:
        """Every net that something outside the gates reads: outputs, cuts, next states."""
        return np.concatenate([self.output_nets, self.cut_nets, self.register_d])

    @cached_property
    def blocks(self) -> list[tuple[int, int]]:
        """Gate ranges `[start, stop)` in which no gate reads another, as long as can be."""
        reach = self.fanin.max(axis=1, initial=0) - self.first_gate
        return _independent_ranges(reach)

    @cached_property
    def levels(self) -> IntArray:
        """`int32[nets]`: gates on the longest path up to and with each net; sources are 0.

        A carry counts nothing: it passes along its chain in a fraction of a LUT's delay. A read of
        a block RAM counts as many as it takes time.
        """
        if self.chains is not None or self.roms is not None:
            return group_levels(self)
        level = np.zeros(self.num_nets, dtype=np.int32)
        for start, stop in self.blocks:
            above = level[self.fanin[start:stop]].max(axis=1, initial=0)
            level[self.first_gate + start : self.first_gate + stop] = above + 1
        return level

    @property
    def depth(self) -> int:
        """Number of gates on the longest path to an output or register."""
        return int(self.levels[self.root_nets].max(initial=0))

    @cached_property
    def arity(self) -> npt.NDArray[np.int64]:
        """`int64[gates]`: how many slots each gate's table depends on."""
        return np.sum(
            [depends(self.tables, j) for j in range(self.fanin.shape[1])], axis=0, dtype=np.int64
        ) + np.zeros(self.num_gates, dtype=np.int64)

    def replace(self, **changes: object) -> Netlist:
        """Return a copy with some attributes changed."""
        return replace(self, **changes)  # type: ignore[arg-type]

    def verify(self) -> None:
        """Raise `NetlistError`, naming the first culprit, when an invariant does not hold."""
        _verify_ports(self)
        _verify_gates(self)
        _verify_stages(self)
        try:
            if self.chains is not None:
                check_chains(self, self.chains)
            if self.roms is not None:
                check_roms(self, self.roms)
        except (ChainError, RomError) as error:
            raise NetlistError(f"{self.name}: {error}") from None

    def __repr__(self) -> str:
        from gatec.text import to_text

        return to_text(self, limit=64)


def make_ports(*widths: tuple[str, int] | tuple[str, int, str]) -> tuple[Port, ...]:
    """Return input ports of the given `(name, width[, encoding])`, on consecutive nets from 2."""
    ports, net = [], FIRST_INPUT
    for name, width, *encoding in widths:
        ports.append(Port(name, np.arange(net, net + width, dtype=np.int32), *encoding))
        net += width
    return tuple(ports)


def _concatenate(ports: Sequence[Port]) -> IntArray:
    return np.concatenate([_no_gates(), *(port.nets for port in ports)])


def _independent_ranges(reach: npt.NDArray[np.integer]) -> list[tuple[int, int]]:
    """Cut `range(len(reach))` greedily where `reach[g]`, the last gate that `g` reads, enters.

    Raises `NetlistError` where a gate does not read gates before it only.
    """
    ranges, start, count = [], 0, len(reach)
    while start < count:
        size = 1024
        stop = start
        while stop < count:
            window = reach[stop : stop + size] >= start
            if window.any():
                stop += int(window.argmax())
                break
            stop = min(stop + size, count)
            size *= 2
        if stop == start:
            raise NetlistError(f"gate {start} reads itself or a gate behind it")
        ranges.append((start, stop))
        start = stop
    return ranges


def _verify_ports(net: Netlist) -> None:
    names = [port.name for port in (*net.inputs, *net.outputs)]
    if len(set(names)) != len(names):
        raise NetlistError(f"{net.name}: two ports have one name: {sorted(names)}")
    nets = _concatenate(net.inputs)
    if not np.array_equal(nets, np.arange(FIRST_INPUT, net.first_register)):
        raise NetlistError(f"{net.name}: input nets are not consecutive from {FIRST_INPUT}")
    for port in (*net.outputs, *net.cuts, Port("registers", net.register_d)):
        bad = (port.nets < 0) | (port.nets >= net.num_nets)
        if bad.any():
            bit = int(bad.argmax())
            raise NetlistError(f"{net.name}: {port.name}[{bit}] is net {port.nets[bit]}")
    if net.register_d.shape != net.register_init.shape:
        raise NetlistError(f"{net.name}: register_d and register_init differ in length")


def _verify_gates(net: Netlist) -> None:
    if net.fanin.ndim != 2 or net.fanin.shape[1] > MAX_FANIN:
        raise NetlistError(f"{net.name}: fanin of shape {net.fanin.shape}")
    if net.tables.shape != (len(net.fanin),):
        raise NetlistError(f"{net.name}: {net.tables.size} tables for {len(net.fanin)} gates")
    own = np.arange(net.first_gate, net.num_nets)[:, None]
    bad = ((net.fanin < 0) | (net.fanin >= own)).any(axis=1)
    if bad.any():
        gate = int(bad.argmax())
        raise NetlistError(
            f"{net.name}: gate {gate} reads a net that is not before it: "
            f"fanin {net.fanin[gate].tolist()}"
        )
    for slot in range(net.fanin.shape[1], MAX_FANIN):
        if depends(net.tables, slot).any():
            raise NetlistError(f"{net.name}: a table reads slot {slot}, which it does not have")


def _verify_stages(net: Netlist) -> None:
    if net.stage is None:
        return
    if net.stage.shape != net.tables.shape:
        raise NetlistError(f"{net.name}: {net.stage.size} stages for {net.num_gates} gates")
    if net.num_registers and len(net.inputs) != _WITH_PHASE:
        raise NetlistError(f"{net.name}: pipeline stages around state registers without a phase")
    if net.stage.min(initial=0) < 0:
        raise NetlistError(f"{net.name}: negative stage")
    stage_of_net = np.concatenate([np.zeros(net.first_gate, dtype=np.int32), net.stage])
    bad = (stage_of_net[net.fanin] > net.stage[:, None]).any(axis=1)
    if bad.any():
        raise NetlistError(f"{net.name}: gate {int(bad.argmax())} reads a later stage")
