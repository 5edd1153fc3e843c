"""Learned circuits: AIGER with and without latches, PLA covers, truth tables, `.bench`.

Inputs and outputs are in the file's order. A circuit with latches is a recurrent net
(`gatec.frontends.recurrence`): it is unrolled over `--steps N` and puts out each step's outputs,
one step after the other; with `--classes` the last step's. A latch must say with which value it
starts. Where a `.pla` leaves an output open, it is 0: `gatec synth` makes use of don't-cares.

`--parameters FILE` fixes the last inputs of a circuit whose parameters are bits, as those learned
by reverse derivative ascent (`gatec.frontends.parameters`): a text of 0 and 1, or an array
`parameters`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gatec.aig import Aig, to_netlist
from gatec.aiger import read_sequential
from gatec.blocks_circuit import Circuit
from gatec.errors import ModelError
from gatec.frontends.draft import Draft, DraftBlock
from gatec.frontends.files.content import Content
from gatec.frontends.options import ReadOptions
from gatec.frontends.parameters import fix_inputs, given_parameters
from gatec.frontends.recurrence import Recurrence
from gatec.frontends.wiring import refuse_wiring
from gatec.netlist import Netlist
from gatec.synth.read_gates import read_bench
from gatec.synth.read_tables import read_pla, read_truth

CONTAINERS = ("aiger", "pla", "truth", "bench")


def matches(content: Content) -> bool:
    """Return whether the file is a circuit of one of these forms."""
    return content.container in CONTAINERS


def draft(content: Content, options: ReadOptions) -> Draft:
    """Return the circuit, and how its steps hang together when it has latches."""
    file = content.label
    if content.container not in CONTAINERS:
        raise ModelError(
            "is no circuit", file=file, expected="AIGER, .pla, a truth table, or .bench"
        )
    notes: dict[str, str] = {}
    aig, start = _read(content, notes)
    return circuit_draft(to_netlist(aig), start, options, notes, file=file)


def circuit_draft(
    net: Netlist, start: Sequence[int], options: ReadOptions, notes: dict[str, str], *, file: str
) -> Draft:
    """Return the draft of a circuit between inputs and latches, and outputs and next values.

    Parameters
    ----------
    net
        Its last inputs are the latches, and its last outputs their next values.
    start
        The first value of each latch.
    """
    refuse_wiring(options, file=file)
    state = len(start)
    inputs, leaving = net.num_inputs - state, net.num_outputs - state
    if not leaving:
        raise ModelError("no outputs", file=file, expected="a circuit with outputs")
    if not inputs:
        raise ModelError("no inputs", file=file, expected="a circuit with inputs")
    recurrence = None
    if state:
        init = np.array(start, dtype=np.uint8)
        every_step = options.classes is None
        following = np.arange(leaving, leaving + state)
        recurrence = Recurrence(state, following, np.arange(leaving), init, every_step)
        notes["latches"] = f"{state}, all stepped together"
    layers: list[DraftBlock] = [DraftBlock("the circuit", Circuit("circuit", net))]
    parameters = given_parameters(options)
    if parameters is None:
        return Draft(layers, inputs, notes=notes, recurrence=recurrence)
    left = inputs - len(parameters)
    if left < 1:
        raise ModelError(
            f"{len(parameters)} parameters for {inputs} inputs", file=file, expected="fewer"
        )
    notes["parameters"] = f"{len(parameters)} bits, the last of {inputs} inputs"
    fixed = fix_inputs(layers, left, parameters, state)
    return Draft(fixed, left, notes=notes, recurrence=recurrence)


def _read(content: Content, notes: dict[str, str]) -> tuple[Aig, list[int]]:
    file, value = content.label, content.value
    if content.container == "aiger":
        return read_sequential(value, file)
    if content.container == "bench":
        return read_bench(value, file), []
    reader = read_pla if content.container == "pla" else read_truth
    function = reader(value, content.stem, file)
    if function.cares is not None:
        notes["don't-cares"] = "taken as 0; gatec synth finds what is best instead"
    return function.aig, []
