"""The path of the data through a shell, followed wire by wire.

Every wire that carries data gets the net that it holds and the number of ranks that the net has
passed. Swapped wires therefore give another netlist, not an error: the comparison with the model
finds them. What must hold of any correct text is an error here: equal numbers of registers on all
paths, all of them enabled by `advance`, or `take` in front of a sequence.

The phase and the state of a sequence are nets of their own, of the rank of its stage, so that no
other stage reads them. The netlist of one phase is then unrolled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from gatec.backends.checker import Function, Values, choose
from gatec.backends.control import Control
from gatec.backends.rom_text import Rom, rom_gates
from gatec.backends.shell import FLIP_FLOPS, Cell
from gatec.backends.subset import Body
from gatec.bits import Words
from gatec.blocks import IntArray
from gatec.errors import DifferentError
from gatec.netlist import FIRST_INPUT, Netlist, Port, make_ports
from gatec.tables import Tables
from gatec.unroll import PHASE_PORT, unrolled

_UNKNOWN = -1
# The rank of a constant: it fits any.
_ANY = -1

Bits = npt.NDArray[np.int64]


class DataPath:
    """The nets and ranks of all data wires.

    Parameters
    ----------
    control
        Of the same shell, checked.
    bodies
        The stage modules.
    roms
        The memories.

    Attributes
    ----------
    stage_inputs, first_gates
        Of each stage module, the nets of its inputs, and that of its first gate.
    num_roms, looked_up
        How many memories there are, and how many gates stand for them.
    phases
        With a sequence, `int32[phases, nets]`: where the nets of one phase are in the netlist.
    """

    def __init__(
        self, control: Control, bodies: Mapping[str, Body], roms: Mapping[str, Rom] | None = None
    ) -> None:
        self.control = control
        self.roms = roms or {}
        self.stage_inputs: dict[str, IntArray] = {}
        self.first_gates: dict[str, int] = {}
        self.num_roms = self.looked_up = 0
        self.phases: IntArray | None = None
        self.shell = control.shell
        self.shape = control.shape
        self.bodies = bodies
        self.place = f"module {self.shape.top}"
        size = 2 + max(bit for bits in self.shell.names.values() for bit in bits)
        size = max([size, *(bit + 1 for bit in self.shell.driver)])
        self.net: Bits = np.full(size, _UNKNOWN)
        self.rank: Bits = np.full(size, _ANY)
        self.net[:2] = 0, 1
        self.fanin: list[IntArray] = []
        self.tables: list[Tables] = []
        self.next_net = FIRST_INPUT + self.shape.input_bits
        for bits in (control.phase, control.state):
            self.net[bits] = self.next_net + np.arange(len(bits))
            self.next_net += len(bits)

    def netlist(self) -> Netlist:
        """Return what the core computes, as a combinational netlist with ports `x` and `y`.

        Raises
        ------
        DifferentError
            The input register is not fed as the protocol says, a path has a register too many or
            too few, or a data register has another enable than `advance`.
        """
        self._collect()
        sequence = self.shape.sequence
        if sequence is not None:
            self.rank[[*self.control.phase, *self.control.state]] = sequence.stage
        self._follow()
        outputs = self._serial_outputs() if self.shape.beats_out > 1 else self._outputs()
        columns = max((rows.shape[1] for rows in self.fanin), default=1)
        fanin = [np.pad(rows, ((0, 0), (0, columns - rows.shape[1]))) for rows in self.fanin]
        ports = [("x", self.shape.input_bits)]
        if sequence is not None:
            ports.append((PHASE_PORT, sequence.phase_bits))
        net = Netlist(
            self.shape.top,
            make_ports(*ports),
            (Port("y", outputs),),
            np.concatenate([np.zeros((0, columns), dtype=np.int32), *fanin]),
            np.concatenate([np.zeros(0, dtype=np.uint64), *self.tables]),
        )
        if sequence is None:
            return net
        start = [digit == "1" for digit in sequence.state]
        net = net.replace(register_d=self._next_state(), register_init=start)
        net.verify()
        flat = unrolled(net, sequence.phases)
        self.phases = flat.nets
        return flat.netlist

    def _next_state(self) -> IntArray:
        """Check how `state` starts, moves and waits, and return the nets that it takes."""
        control = self.control
        result = []
        for number, bit in enumerate(control.state):
            flip_flop = control.flip_flop(f"state[{number}]", bit)
            found = [
                source
                for source in self.shell.support(flip_flop.sources(), control.cuts)
                if self.net[source] != _UNKNOWN and source != bit
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
        data = control.vector[: shape.input_bits]
        self.net[data] = FIRST_INPUT + np.arange(len(data))
        self.rank[data] = 0

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

    def _follow(self) -> None:
        """Spread nets and ranks from `vector` through stages and ranks, until nothing is new."""
        kinds = {*FLIP_FLOPS, *self.bodies, *self.roms}
        waiting = [cell for cell in self.shell.cells if cell.kind in kinds]
        done = {id(self.shell.flip_flops[bit].cell) for bit in self._not_ranks()}
        waiting = [cell for cell in waiting if id(cell) not in done]
        while waiting:
            ready = [cell for cell in waiting if self._known(cell)]
            if not ready:
                return
            for cell in ready:
                if cell.kind in FLIP_FLOPS:
                    self._pass_rank(cell)
                elif cell.kind in self.roms:
                    self._pass_rom(cell)
                else:
                    self._pass_stage(cell)
            taken = {id(cell) for cell in ready}
            waiting = [cell for cell in waiting if id(cell) not in taken]

    def _not_ranks(self) -> list[int]:
        control = self.control
        result = control.wire("result", self.shape.output_bits) if self.shape.beats_out > 1 else []
        found = [control.full, *control.valid, *control.vector, *control.beat_in, *control.beat_out]
        found += [*control.phase, *control.state, *control.early]
        return [*found, *(bit for bit in result if bit in self.shell.flip_flops)]

    def _known(self, cell: Cell) -> bool:
        pin = "D" if cell.kind in FLIP_FLOPS else "i"
        return bool((self.net[list(cell.pins[pin])] != _UNKNOWN).all())

    def _pass_rank(self, cell: Cell) -> None:
        """A register: the same nets, one rank on."""
        source, target = list(cell.pins["D"]), list(cell.pins["Q"])
        if min(source) < FIRST_INPUT:
            raise DifferentError("a data register takes a literal", place=self.place)
        enables = {self.control.enable(stage) for stage in self.rank[source].tolist()}
        if (
            cell.kind != "$dffe"
            or enables != set(cell.pins["EN"])
            or cell.parameters["EN_POLARITY"] != 1
        ):
            raise DifferentError("a data register does not move by advance", place=self.place)
        self.net[target] = self.net[source]
        self.rank[target] = self.rank[source] + 1

    def _pass_rom(self, cell: Cell) -> None:
        """A memory: what it holds, as gates of its address, one rank on."""
        rom = self.roms[cell.kind]
        rank = self._rank_of(cell, rom.ports * rom.address_bits, rom.ports * rom.data_bits)
        if list(cell.pins["en"]) != [self.control.enable(rank)]:
            raise DifferentError("a memory does not move by advance", place=self.place)
        if list(cell.pins["clk"]) != [self.control.clk]:
            raise DifferentError("a memory has another clock", place=self.place)
        addresses = self.net[list(cell.pins["i"])].reshape(rom.ports, -1)
        data = np.reshape(cell.pins["o"], (rom.ports, -1))
        for address, bits in zip(addresses, data, strict=True):
            fanin, tables, nets = rom_gates(rom, address.astype(np.int32), self.next_net)
            self.fanin.append(fanin)
            self.tables.append(tables)
            self.next_net += len(tables)
            self.looked_up += len(tables)
            self.net[bits] = nets
            self.rank[bits] = rank + 1
        self.num_roms += 1

    def _rank_of(self, cell: Cell, inputs: int, outputs: int) -> int:
        """Return the one rank of a module's inputs, which must be as wide as said."""
        bits = np.array(cell.pins["i"])
        if len(bits) != inputs or len(cell.pins["o"]) != outputs:
            raise DifferentError(f"{cell.kind} is connected to other widths", place=self.place)
        ranks = np.unique(self.rank[bits])
        ranks = ranks[ranks != _ANY]
        if len(ranks) > 1:
            raise DifferentError(
                f"{cell.kind} reads nets of ranks {ranks.tolist()}", place=self.place
            )
        if not len(ranks):
            raise DifferentError(f"{cell.kind} reads literals alone", place=self.place)
        return int(ranks[0])

    def _pass_stage(self, cell: Cell) -> None:
        """A stage: its gates join the netlist, its outputs have the rank of its inputs."""
        body = self.bodies[cell.kind]
        rank = self._rank_of(cell, body.inputs, len(body.outputs))
        bits = np.array(cell.pins["i"])
        self.stage_inputs[cell.kind] = self.net[bits].astype(np.int32)
        self.first_gates[cell.kind] = self.next_net
        gates = self.next_net + np.arange(len(body.tables))
        nets = np.concatenate([[0, 1], self.net[bits], gates])
        self.fanin.append(nets[body.fanin].astype(np.int32))
        self.tables.append(body.tables)
        self.next_net += len(gates)
        outputs = nets[body.outputs]
        self.net[list(cell.pins["o"])] = outputs
        # A constant is computed anew for each vector, so it has a rank as any other net.
        self.rank[list(cell.pins["o"])] = rank

    def _outputs(self) -> IntArray:
        """Return the nets of `o_payload`, which must come from the last rank."""
        bits = self.control.wire("o_payload", self.shape.out_beat_bits)
        data, padding = bits[: self.shape.output_bits], bits[self.shape.output_bits :]
        if any(padding):
            raise DifferentError("o_payload is not padded with 0", place=self.place)
        self._check_registers(data, 0)
        return self.net[data].astype(np.int32)

    def _check_registers(self, bits: Sequence[int], more: int) -> None:
        """Check that `bits`, with `more` registers behind, have passed one for each stage."""
        ranks = self.rank[list(bits)]
        wrong = (self.net[list(bits)] == _UNKNOWN) | (
            (ranks != _ANY) & (ranks + more != self.shape.num_stages)
        )
        if wrong.any():
            number = int(wrong.argmax())
            rank = (
                "no path from the input" if ranks[number] < 0 else f"{ranks[number] + more} ranks"
            )
            raise DifferentError(
                f"output bit {number} has {rank}",
                place=self.place,
                expected=f"{self.shape.num_stages} ranks behind the input register",
            )

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
                if self.net[source] != _UNKNOWN and source not in control.vector
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
