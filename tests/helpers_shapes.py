"""Random circuits of many shapes, many side by side in one netlist, and faults to put into them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from helpers import random_layers_model, random_netlist
from helpers_passes import with_extras

from gatec.bits import Words, all_inputs, random_words
from gatec.blocks import IntArray
from gatec.lowering.model import lower
from gatec.netlist import FIRST_INPUT, Netlist, Port, make_ports
from gatec.tables import VARIABLE, Tables, flip, swap

# Up to this many inputs and state bits, all vectors are tried: 4,096.
EXHAUSTIVE_BITS = 12
_WORDS = (1 << EXHAUSTIVE_BITS) // 64
Rng = np.random.Generator


# --- shapes --------------------------------------------------------------------------------------


def _anything(rng: Rng, registers: bool) -> Netlist:
    """Gates of up to k inputs with every redundancy, a cut, and some inputs as registers."""
    inputs = int(rng.integers(1, 13)) if rng.random() < 0.8 else int(rng.integers(13, 101))
    net = random_netlist(
        rng, inputs, int(rng.integers(0, 80)), int(rng.integers(1, 9)), int(rng.integers(1, 7))
    )
    extended = with_extras(net, rng)
    if registers:
        return extended
    return extended.replace(inputs=net.inputs, register_d=[], register_init=[])


def _wide(rng: Rng, registers: bool) -> Netlist:
    """Few gates, many outputs: constants, inputs, and the same net many times."""
    return random_netlist(rng, int(rng.integers(1, 101)), int(rng.integers(0, 20)), 200)


def _gateless(rng: Rng, registers: bool) -> Netlist:
    return random_netlist(rng, int(rng.integers(1, 20)), 0, int(rng.integers(1, 20)))


def _net_with_head(rng: Rng, registers: bool) -> Netlist:
    """A layered net with popcounts, and mostly an argmax behind them."""
    classes = int(rng.integers(2, 6))
    widths = [classes * int(rng.integers(1, 13)) for _ in range(rng.integers(1, 4))]
    inputs = int(rng.integers(1, 13)) if rng.random() < 0.7 else int(rng.integers(13, 60))
    model = random_layers_model(rng, inputs, widths, classes, fanin=int(rng.integers(1, 7)))
    return lower(model.with_output("scores" if rng.random() < 0.3 else "argmax")).netlist


def _doubled(rng: Rng, registers: bool) -> Netlist:
    """A net and its disguised copy, f and not f, fed into one more layer."""
    net = _anything(rng, registers)
    fanin, tables = _disguised(rng, net.fanin, net.tables)
    if not net.num_gates:
        return net
    inverted = rng.random(net.num_gates) < 0.5
    copy = np.where(fanin >= net.first_gate, fanin + net.num_gates, fanin)
    for slot in range(fanin.shape[1]):
        read = fanin[:, slot] - net.first_gate
        rows = (read >= 0) & inverted[np.maximum(read, 0)]
        tables = np.where(rows, flip(tables, slot), tables)
    pairs = np.arange(net.num_gates) + net.first_gate
    top = np.zeros_like(net.fanin)
    top[:, 0] = pairs
    if fanin.shape[1] > 1:
        top[:, 1] = pairs + net.num_gates
    mixed = VARIABLE[0] ^ (VARIABLE[1] if fanin.shape[1] > 1 else np.uint64(0))
    ends = np.concatenate(
        [net.output_nets, pairs[:20] + 2 * net.num_gates, pairs[:5] + net.num_gates]
    )
    return net.replace(
        fanin=np.concatenate([net.fanin, copy, top]),
        tables=np.concatenate(
            [net.tables, np.where(inverted, ~tables, tables), np.full(net.num_gates, mixed)]
        ),
        outputs=(Port("y", ends),),
    )


def _disguised(rng: Rng, fanin: IntArray, tables: Tables) -> tuple[IntArray, Tables]:
    """Return the same gates with their slots in another order."""
    order = rng.permutation(fanin.shape[1])
    fanin, tables = fanin.copy(), tables.copy()
    for slot, other in enumerate(order):
        if slot != other:
            fanin[:, [slot, other]] = fanin[:, [other, slot]]
            tables = swap(tables, slot, int(other))
    return fanin, tables


def _chain(rng: Rng, registers: bool) -> Netlist:
    """Deep: each gate reads the one before it; many are buffers and inverters."""
    gates, inputs = int(rng.integers(1, 50)), int(rng.integers(1, 6))
    before = np.arange(gates) + FIRST_INPUT + inputs - 1
    fanin = np.stack([before, rng.integers(0, FIRST_INPUT + inputs, size=gates)], axis=1)
    tables = rng.choice(np.array([0xAA, 0x55, 0x66, 0x88, 0xEE], dtype=np.uint64), size=gates)
    ports = make_ports(("x", inputs))
    tables = tables * np.uint64(0x0101_0101_0101_0101)
    return Netlist("chain", ports, (Port("y", [before[-1] + 1, before[0]]),), fanin, tables)


SHAPES: dict[str, tuple[float, Callable[[Rng, bool], Netlist]]] = {
    "anything": (0.4, _anything),
    "popcounts and argmax": (0.25, _net_with_head),
    "f and not f": (0.2, _doubled),
    "chain": (0.07, _chain),
    "wide": (0.04, _wide),
    "no gates": (0.04, _gateless),
}


def random_shape(rng: Rng, registers: bool) -> tuple[str, Netlist]:
    """Return a random net and the name of its shape."""
    names = list(SHAPES)
    name = str(rng.choice(names, p=[SHAPES[name][0] for name in names]))
    return name, SHAPES[name][1](rng, registers)


# --- side by side --------------------------------------------------------------------------------


def side_by_side(nets: list[Netlist]) -> Netlist:
    """Return one netlist that holds all of them: their inputs are one port, and so on."""
    first_register = FIRST_INPUT + sum(net.num_inputs for net in nets)
    first_gate = first_register + sum(net.num_registers for net in nets)
    width = max(net.fanin.shape[1] for net in nets)
    starts = [FIRST_INPUT, first_register, first_gate]
    outputs, cuts, fanin, next_state = [], [], [], []
    for net in nets:
        counts = [net.num_inputs, net.num_registers, net.num_gates]
        own = [np.arange(start, start + count) for start, count in zip(starts, counts, strict=True)]
        number = np.concatenate([[0, 1], *own]).astype(np.int32)
        starts = [start + count for start, count in zip(starts, counts, strict=True)]
        outputs.append(number[net.output_nets])
        cuts.append(number[net.cut_nets])
        next_state.append(number[net.register_d])
        fanin.append(np.pad(number[net.fanin], ((0, 0), (0, width - net.fanin.shape[1]))))
    return Netlist(
        "batch",
        make_ports(("x", first_register - FIRST_INPUT)),
        (Port("y", np.concatenate(outputs)),),
        np.concatenate(fanin),
        np.concatenate([net.tables for net in nets]),
        register_d=np.concatenate(next_state),
        register_init=np.concatenate([net.register_init for net in nets]),
        cuts=(Port("c", np.concatenate(cuts)),),
    )


def taken_out(batch: Netlist, nets: list[Netlist]) -> list[Netlist]:
    """Return of each net what a batch makes of it: inputs and states to outputs, cuts, next states.

    `nets` gives the widths; each result has one port `x` and one port `y`.
    """
    owner = _owners(batch, nets)
    ends = [
        np.concatenate(parts)
        for parts in zip(
            np.split(batch.output_nets, _ends([net.num_outputs for net in nets])),
            np.split(batch.cut_nets, _ends([len(net.cut_nets) for net in nets])),
            np.split(batch.register_d, _ends([net.num_registers for net in nets])),
            strict=True,
        )
    ]
    gates = owner[batch.first_gate :]
    sides = []
    for place, net in enumerate(nets):
        sources = np.flatnonzero(owner[: batch.first_gate] == place)
        # Gates of nobody are constant, and may be shared.
        own = np.flatnonzero((gates == place) | (gates == _NOBODY))
        number = np.zeros(batch.num_nets, dtype=np.int32)
        number[1] = 1
        number[sources] = np.arange(FIRST_INPUT, FIRST_INPUT + len(sources))
        first = FIRST_INPUT + len(sources)
        number[batch.first_gate + own] = np.arange(first, first + len(own))
        port = Port("y", number[ends[place]])
        ports = make_ports(("x", len(sources)))
        sides.append(Netlist(net.name, ports, (port,), number[batch.fanin[own]], batch.tables[own]))
    return sides


_NOBODY = -1


def _owners(batch: Netlist, nets: list[Netlist]) -> npt.NDArray[np.int64]:
    """Return whose each net of a batch is."""
    owner = np.full(batch.num_nets, _NOBODY)
    places = np.arange(len(nets))
    owner[batch.first_input : batch.first_register] = places.repeat([n.num_inputs for n in nets])
    owner[batch.first_register : batch.first_gate] = places.repeat([n.num_registers for n in nets])
    for start, stop in batch.blocks:
        read = owner[batch.fanin[start:stop]]
        owner[batch.first_gate + start : batch.first_gate + stop] = read.max(axis=1, initial=-1)
    return owner


def _ends(widths: list[int]) -> npt.NDArray[np.int64]:
    return np.cumsum(widths)[:-1]


def vectors(nets: list[Netlist], rng: Rng) -> Words:
    """Return 4,096 vectors for a batch's inputs, then its states: all there are, or random ones."""
    rows = [_vectors(net.num_inputs + net.num_registers, rng) for net in nets]
    inputs = [words[: net.num_inputs] for net, words in zip(nets, rows, strict=True)]
    states = [words[net.num_inputs :] for net, words in zip(nets, rows, strict=True)]
    return np.concatenate(inputs + states)


def _vectors(bits: int, rng: Rng) -> Words:
    if bits > EXHAUSTIVE_BITS:
        return random_words(rng, bits, _WORDS)
    words = all_inputs(bits)
    return np.tile(words, (1, _WORDS // words.shape[1]))


# --- faults --------------------------------------------------------------------------------------


def _table_bit(net: Netlist, rng: Rng) -> Netlist:
    gate = rng.integers(net.num_gates)
    tables = net.tables.copy()
    used = [slot for slot in range(net.fanin.shape[1]) if net.fanin[gate, slot]]
    address = sum(1 << slot for slot in used if rng.random() < 0.5)
    free = sum(1 << slot for slot in range(6) if slot not in used)
    for row in range(64):
        if row & ~free & 63 == address:
            tables[gate] ^= np.uint64(1) << np.uint64(row)
    return net.replace(tables=tables)


def _swapped(net: Netlist, rng: Rng) -> Netlist:
    gate = rng.integers(net.num_gates)
    one, other = rng.integers(net.fanin.shape[1], size=2)
    return _with_fanin(net, gate, [(one, net.fanin[gate, other]), (other, net.fanin[gate, one])])


def _moved_wire(net: Netlist, rng: Rng) -> Netlist:
    gate = rng.integers(net.num_gates)
    slot = rng.integers(net.fanin.shape[1])
    return _with_fanin(net, gate, [(slot, rng.integers(net.first_gate + gate))])


def _dropped_wire(net: Netlist, rng: Rng) -> Netlist:
    """A carry, say, that does not arrive."""
    gate = rng.integers(net.num_gates)
    return _with_fanin(net, gate, [(rng.integers(net.fanin.shape[1]), rng.integers(2))])


def _stuck(net: Netlist, rng: Rng) -> Netlist:
    tables = net.tables.copy()
    tables[rng.integers(net.num_gates)] = np.uint64(0) if rng.random() < 0.5 else ~np.uint64(0)
    return net.replace(tables=tables)


def _moved_output(net: Netlist, rng: Rng) -> Netlist:
    nets = net.output_nets.copy()
    nets[rng.integers(len(nets))] = rng.integers(net.num_nets)
    return net.replace(outputs=(Port("y", nets),))


def _with_fanin(net: Netlist, gate: int, changes: list[tuple[int, int]]) -> Netlist:
    fanin = net.fanin.copy()
    for slot, source in changes:
        fanin[gate, slot] = source
    return net.replace(fanin=fanin)


FAULTS: dict[str, Callable[[Netlist, Rng], Netlist]] = {
    "table bit flipped": _table_bit,
    "fan-ins swapped": _swapped,
    "wire moved": _moved_wire,
    "wire dropped": _dropped_wire,
    "gate stuck": _stuck,
    "output moved": _moved_output,
}


def random_fault(net: Netlist, rng: Rng) -> tuple[str, Netlist]:
    """Return the name of a fault and the netlist with it; a net without gates has only outputs."""
    has_gates = net.num_gates and net.fanin.shape[1]
    name = str(rng.choice(list(FAULTS))) if has_gates else "output moved"
    return name, FAULTS[name](net, rng)
