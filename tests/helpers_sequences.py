"""Random circuits that work on each vector for several cycles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from helpers import random_tables

from gatec.backends.verilog import Emitted, emit
from gatec.netlist import Netlist, Port, make_ports

_WIDTH = 12
_LATE = 4


@dataclass(frozen=True)
class Machine:
    """A staged netlist with state, and what it is emitted with."""

    net: Netlist
    phases: int
    beat_bits: int
    out_beat_bits: int

    def emitted(self) -> Emitted:
        return emit(
            self.net,
            style="ice40",
            beat_bits=self.beat_bits,
            out_beat_bits=self.out_beat_bits,
            phases=self.phases,
        )


def random_machine(seed: int, inputs: int = 8, outputs: int = 4) -> Machine:
    """Return up to four stages of random gates, one of which has five state registers."""
    rng = np.random.default_rng(seed)
    phases, registers = int(rng.integers(2, 9)), 5
    ports = make_ports(("x", inputs), ("phase", (phases - 1).bit_length()))
    first_late = int(ports[1].nets[0])
    first_gate = int(ports[1].nets[-1]) + 1 + registers
    stages = int(rng.integers(1, 5))
    sequence = int(rng.integers(0, stages))
    # What a stage may read: all before it; behind the sequence, nothing from before it.
    known = [0, 1, *ports[0].nets.tolist()]
    fanin, stage, state = [], [], np.zeros(0)
    for number in range(stages):
        own: list[int] = []
        late = list(range(first_late, first_gate)) if number == sequence else []
        for gate in range(_WIDTH):
            slots = rng.choice(known + late + own, size=4)
            if gate < _LATE and late:
                slots[0] = rng.choice(late)
            own.append(first_gate + len(fanin))
            fanin.append(slots)
            stage.append(number)
        if number == sequence:
            state = rng.choice(own, size=registers)
            known = [0, 1]
        known += own
    net = Netlist(
        "machine",
        ports,
        (Port("y", np.array(own[-outputs:], dtype=np.int32)),),
        np.array(fanin),
        random_tables(rng, 4, len(fanin)),
        register_d=state,
        register_init=rng.integers(0, 2, registers) != 0,
        stage=np.array(stage),
    )
    net.verify()
    return Machine(net, phases, int(rng.choice([inputs, 3, 1])), int(rng.choice([outputs, 2])))
