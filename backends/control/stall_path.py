"""The path of the data through the shell that stalls: how it begins, moves and leaves.

All ranks are enabled by `advance`, or by `take` in front of a sequence. The phase and the state of
a sequence are nets of their own, of the rank of its stage, so that no other stage reads them. The
netlist of one phase is then unrolled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from gatec.backends.control.checker import Function, Values, choose
from gatec.backends.control.datapath import UNKNOWN, DataPath
from gatec.backends.control.stall import Control
from gatec.backends.readback.rom_text import Rom
from gatec.backends.readback.shell import Cell
from gatec.backends.readback.subset import Body
from gatec.bits import Words
from gatec.blocks import IntArray
from gatec.errors import DifferentError
from gatec.netlist import Netlist
from gatec.unroll import PHASE_PORT, unrolled


class StallPath(DataPath):
    """The data path of a shell whose ranks wait for the output."""

    control: Control

    def __init__(
        self, control: Control, bodies: Mapping[str, Body], roms: Mapping[str, Rom] | None = None
    ) -> None:
        super().__init__(control, bodies, roms)
        for bits in (control.phase, control.state):
            self.net[bits] = self.next_net + np.arange(len(bits))
            self.next_net += len(bits)

    def netlist(self) -> Netlist:
        """Return what the core computes; with a sequence, its phases in a row."""
        net = super().netlist()
        sequence = self.shape.sequence
        if sequence is None:
            return net
        start = [digit == "1" for digit in sequence.state]
        net = net.replace(register_d=self._next_state(), register_init=start)
        net.verify()
        flat = unrolled(net, sequence.phases)
        self.phases = flat.nets
        return flat.netlist

    def _more_ports(self) -> list[tuple[str, int]]:
        sequence = self.shape.sequence
        return [] if sequence is None else [(PHASE_PORT, sequence.phase_bits)]

    def _next_state(self) -> IntArray:
        """Check how `state` starts, moves and waits, and return the nets that it takes."""
        control = self.control
        result = []
        for number, bit in enumerate(control.state):
            flip_flop = control.flip_flop(f"state[{number}]", bit)
            found = [
                source
                for source in self.shell.support(flip_flop.sources(), control.cuts)
                if self.net[source] != UNKNOWN and source != bit
            ]
            if len(found) != 1 or self.rank[found[0]] != self.rank[bit]:
                raise DifferentError(f"state[{number}] takes another bit", place=self.place)
            control.compare(
                f"the next state[{number}]",
                flip_flop.sources(),
                flip_flop.next_value,
                control.spec_state(number, found[0]),
            )
            result.append(self.net[found[0]])
        return np.array(result, dtype=np.int32)

    def _collect(self) -> None:
        """Check that `vector` takes accepted beats, and give its bits the input nets."""
        control, shape = self.control, self.shape
        if shape.early is None:
            fed = [*control.vector[shape.beat_bits :], *control.payload][-shape.vector_bits :]
            if shape.beats_in == 1:
                fed = control.payload[: shape.vector_bits]
            self._check_taken("vector", control.vector, fed, [control.accept] * len(fed))
        else:
            held = len(control.early)
            enables = [bit for bit in control.write for _ in range(shape.beat_bits)]
            payload = control.payload * shape.beats_in
            self._check_taken("early", control.early, payload[:held], enables[:held])
            fed = [*control.early, *payload[held:]]
            enables[:held] = [control.write[shape.early]] * held
            self._check_taken("vector", control.vector, fed, enables)
        self._begin(control.vector)
        if shape.sequence is not None:
            self.rank[[*control.phase, *control.state]] = shape.sequence.stage

    def _check_taken(
        self, name: str, bits: Sequence[int], fed: Sequence[int], enables: Sequence[int]
    ) -> None:
        """Check that each bit takes one other while its enable is 1, and nothing else."""
        for number, (bit, source, enable) in enumerate(zip(bits, fed, enables, strict=True)):
            flip_flop = self.control.flip_flop(f"{name}[{number}]", bit)
            cell = flip_flop.cell
            if (
                cell.kind != "$dffe"
                or cell.parameters["EN_POLARITY"] != 1
                or list(cell.pins["EN"]) != [enable]
                or flip_flop.d != source
            ):
                raise DifferentError(f"{name}[{number}] takes another bit", place=self.place)

    def _not_ranks(self) -> list[int]:
        control = self.control
        result = control.wire("result", self.shape.output_bits) if self.shape.beats_out > 1 else []
        found = [control.full, *control.valid, *control.vector, *control.beat_in, *control.beat_out]
        found += [*control.phase, *control.state, *control.early]
        return [*found, *(bit for bit in result if bit in self.shell.flip_flops)]

    def _check_enable(self, cell: Cell) -> None:
        """Check when a rank moves."""
        enables = {self.control.enable(stage) for stage in self.rank[cell.pins["D"]].tolist()}
        if (
            cell.kind != "$dffe"
            or enables != set(cell.pins["EN"])
            or cell.parameters["EN_POLARITY"] != 1
        ):
            raise DifferentError("a data register does not move by advance", place=self.place)

    def _leaving(self) -> IntArray:
        """Return the nets that leave through `o_payload`."""
        return self._serial_outputs() if self.shape.beats_out > 1 else self._outputs()

    def _outputs(self) -> IntArray:
        """Return the nets of `o_payload`, which must come from the last rank."""
        bits = self.control.wire("o_payload", self.shape.out_beat_bits)
        data, padding = bits[: self.shape.output_bits], bits[self.shape.output_bits :]
        if any(padding):
            raise DifferentError("o_payload is not padded with 0", place=self.place)
        self._check_registers(data, 0)
        return self.net[data].astype(np.int32)

    def _serial_outputs(self) -> IntArray:
        """Check that `result` loads and shifts, and return the nets that it loads."""
        control, beat = self.control, self.shape.out_beat_bits
        result = control.wire("result", self.shape.output_bits)
        if control.wire("o_payload", beat) != result[:beat]:
            raise DifferentError("o_payload is not the low end of result", place=self.place)
        loads = []
        for number, bit in enumerate(result):
            flip_flop = control.flip_flop(f"result[{number}]", bit)
            found = [
                source
                for source in self.shell.support(flip_flop.sources())
                if self.net[source] != UNKNOWN and source not in control.vector
            ]
            if len(found) != 1:
                raise DifferentError(f"result[{number}] has {len(found)} sources", place=self.place)
            above = result[number + beat] if number + beat < len(result) else 0
            control.compare(
                f"the next result[{number}]",
                flip_flop.sources(),
                flip_flop.next_value,
                self._spec(bit, found[0], above),
                # `advance` is no free variable here: what it excludes must not happen.
                cuts=set(),
            )
            loads += found
        self._check_registers(loads, 1)
        return self.net[loads].astype(np.int32)

    def _spec(self, bit: int, load: int, above: int) -> Function:
        """Return the next value of a bit of `result`."""
        control = self.control

        def spec(values: Values) -> Words:
            shifted = choose(control.spec_leave(values), values[above], values[bit])
            return choose(values[control.advance], values[load], shifted)

        return spec
