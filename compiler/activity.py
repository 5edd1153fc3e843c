"""What goes on inside a net while it runs on data: toggle counts, and waves of chosen signals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from gatec.backends.readback.core import read_back
from gatec.backends.readback.subset import read_body, split_modules
from gatec.bits import Bits, num_words, pack, unpack
from gatec.errors import ModelError
from gatec.folder import OutputFolder
from gatec.frontends.clocked import ClockedModel
from gatec.lowering.model import INPUT_PORT, OUTPUT_PORT, lower
from gatec.model import ModelGraph
from gatec.netlist import Netlist
from gatec.publish import replacing
from gatec.sim.clocked import frames
from gatec.sim.sequence import Machine
from gatec.sim.signals import Signal, choose, net_names
from gatec.sim.toggles import cycle_toggles, stream_toggles
from gatec.sim.wavefile import open_waves
from gatec.sim.waves import WaveWriter, variables
from gatec.verify import core_shape


@dataclass(frozen=True)
class Inside:
    """A netlist with names for what is in it.

    Attributes
    ----------
    netlist
        Combinational, or with state registers.
    signals
        Its named bundles: `x`, `y`, and what is between them.
    cycles
        How many each sample takes; one for the combinational.
    once
        Whether the sample comes in the first cycle, and nothing in the others.
    """

    netlist: Netlist
    signals: list[Signal]
    cycles: int = 1
    once: bool = False


def inside_model(model: ModelGraph) -> Inside:
    """Return a model gate by gate, as it was read; bundles are its blocks."""
    lowering = lower(model)
    netlist = lowering.netlist
    named = {INPUT_PORT: netlist.inputs[0].nets, OUTPUT_PORT: netlist.outputs[0].nets}
    blocks = {name: nets for name, nets in lowering.block_nets.items() if name != model.input.name}
    return Inside(
        netlist, [Signal(name, nets.reshape(-1)) for name, nets in (named | blocks).items()]
    )


def inside_clocked(model: ClockedModel, step: Netlist | None = None) -> Inside:
    """Return the step of a clocked net; bundles are its ports and its registers, `state`.

    `step` is a netlist of it; as it was read when None.
    """
    net = model.netlist if step is None else model.registered(step)
    signals = [
        Signal(INPUT_PORT, net.inputs[0].nets),
        Signal(OUTPUT_PORT, net.outputs[0].nets),
        Signal("state", np.arange(net.first_register, net.first_gate, dtype=np.int32)),
    ]
    assert model.steps is not None
    return Inside(net, signals, model.steps, model.from_input)


def inside_folder(folder: OutputFolder) -> Inside:
    """Return the circuit of an output folder, as its Verilog is written; bundles are its stages."""
    text, shape = folder.verilog, core_shape(folder)
    back = read_back(text, shape)
    netlist = back.netlist
    signals = [
        Signal(INPUT_PORT, netlist.inputs[0].nets),
        Signal(OUTPUT_PORT, netlist.outputs[0].nets),
    ]
    if shape.sequence is not None:
        # One cycle of a stage is many gates here, or none.
        nets = np.arange(netlist.first_gate, netlist.num_nets, dtype=np.int32)
        return Inside(netlist, [*signals, Signal("gates", nets)])
    modules = split_modules(text)
    for stage in range(shape.num_stages):
        name = f"{shape.top}_stage{stage}"
        gates = len(read_body(name, modules[name]).tables)
        nets = np.arange(gates, dtype=np.int32) + back.first_gates[name]
        signals.append(Signal(f"stage{stage}", nets))
    return Inside(netlist, signals)


class Recorder(Protocol):
    """Sees the input vectors of a run in their order."""

    def see(self, bits: Bits) -> None:
        """Take the next `uint8[samples, num_inputs]`."""


@contextmanager
def record_toggles(inside: Inside, path: Path) -> Iterator[Recorder]:
    """Count how often each net changes from one sample to the next; write a table at the end.

    Of a clocked net, from one cycle to the next of the same sequence. The table is text:
    `net,name,toggles,rate`, the rate per step. Zero delay, so that a net changes at most once in a
    step: glitches are not counted.
    """
    with replacing(path) as file:
        counter = _Toggles(inside)
        yield counter
        file.write(counter.table().encode())


class _Toggles:
    def __init__(self, inside: Inside) -> None:
        self._inside = inside
        self._counts = np.zeros(inside.netlist.num_nets, dtype=np.int64)
        self._last = np.zeros((0, inside.netlist.num_inputs), dtype=np.uint8)
        self._samples = 0

    def see(self, bits: Bits) -> None:
        net, cycles = self._inside.netlist, self._inside.cycles
        self._samples += len(bits)
        if net.num_registers:
            steps = frames(bits, cycles, self._inside.once)
            self._counts += cycle_toggles(net, steps, len(bits))
            return
        # The last sample of the chunk before comes first: the step between them counts too.
        rows = np.concatenate([self._last, bits])
        self._counts += stream_toggles(net, pack(rows), len(rows))
        self._last = rows[-1:]

    def table(self) -> str:
        cycles = self._inside.cycles
        sequences = self._inside.netlist.num_registers > 0
        steps = self._samples * (cycles - 1) if sequences else self._samples - 1
        if steps < 1:
            found = f"{self._samples} samples" + (f" of {cycles} cycles" if sequences else "")
            raise ModelError(found, expected="2 or more with --toggles")
        names = net_names(self._inside.signals, len(self._counts))
        rows = zip(names, self._counts.tolist(), strict=True)
        lines = (f"{net},{name},{n},{n / steps:.6f}\n" for net, (name, n) in enumerate(rows))
        return "".join(["net,name,toggles,rate\n", *lines])


@contextmanager
def record_waves(inside: Inside, path: Path, patterns: Sequence[str]) -> Iterator[Recorder]:
    """Write waves of chosen signals: a step of 10 ns for each sample, or cycle of one.

    See `gatec.sim.signals.choose` for the patterns, `gatec.sim.wavefile` for the formats. Raises
    `UsageError` at a pattern that matches nothing.
    """
    signals = choose(inside.signals, patterns)
    with open_waves(path, inside.netlist.name, variables(signals)) as file:
        writer = WaveWriter(file, signals)
        yield _Waves(inside, signals, writer)
        writer.close()


class _Waves:
    def __init__(self, inside: Inside, signals: list[Signal], writer: WaveWriter) -> None:
        self._machine = Machine(inside.netlist, 0, watch=signals)
        self._inside = inside
        self._writer = writer

    def see(self, bits: Bits) -> None:
        self._machine.reset(num_words(len(bits)))
        cycles = self._inside.cycles
        sequence = frames(bits, cycles, self._inside.once)
        steps = [unpack(self._machine.step(frame), len(bits)) for frame in sequence]
        # One sequence after the other.
        self._writer.add(np.stack(steps, axis=1).reshape(len(bits) * cycles, -1))
