"""An emitted core as proved gate-level Verilog, with its timing and power."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
import numpy.typing as npt

from gatec.backends.asic.cells import CellNetlist
from gatec.backends.asic.equal import prove_machines
from gatec.backends.asic.machine import Machine, live_registers
from gatec.backends.asic.map import adder_choices, map_machine
from gatec.backends.asic.readback import GateText, read_gates
from gatec.backends.asic.reference import reference_machine
from gatec.backends.asic.source import source_machine
from gatec.backends.asic.sta import Timing, analyse
from gatec.backends.asic.text import net_names, write_gates
from gatec.backends.core import CoreShape
from gatec.backends.verilog import Emitted
from gatec.errors import DifferentError, UnprovedError
from gatec.liberty.arcs import Arcs
from gatec.liberty.load import Library
from gatec.proof.verdict import Proof, Verdict

# The shares of a clock period that the mapper sizes for, one after the other until the timing
# analysis, which knows the flip-flops too, finds the clock met.
_MUX_INPUTS = 3
_LOGIC_SHARES = (0.9, 0.75, 0.6)


@dataclass(frozen=True, eq=False)
class Gates:
    """A core in cells.

    Attributes
    ----------
    netlist
        Its cells.
    text
        As Verilog.
    read
        What the text was found to be.
    proof
        Of the text against the core.
    timing
        None where the library has none.
    script
        Of ABC, the one that won.
    """

    netlist: CellNetlist
    text: str
    read: GateText
    proof: Proof
    timing: Timing | None
    script: str


def implement(
    emitted: Emitted,
    library: Library,
    arcs: Arcs,
    scripts: Sequence[str],
    *,
    period_ns: float,
    timeout: float,
    allow_unproved: bool = False,
    clock_gates: bool = False,
) -> Gates:
    """Map a core to cells, and prove the text of what comes out.

    Parameters
    ----------
    period_ns
        The clock to size for.
    timeout
        Seconds for the proof.
    clock_gates
        Gate the clock of registers of one enable, where that is smaller; the library has a cell.

    Raises
    ------
    DifferentError, UnprovedError
        The text is not the core, or that was not decided in time and is not allowed.
    """
    source = source_machine(emitted, gate_from=_gate_from(library) if clock_gates else None)
    netlist, script, timing = _best(source, library, arcs, scripts, period_ns)
    header = [
        f"Gate-level netlist of {emitted.top}, in cells of {library.name}.",
        f"{netlist.num_instances} cells, area {netlist.area:.3f}. Has the ports of the core.",
    ]
    text = write_gates(netlist, header)
    read, proof = prove_gates(text, emitted.text, emitted.shape, library, timeout)
    if proof.verdict is not Verdict.EQUIVALENT and not allow_unproved:
        raise UnprovedError(
            f"equivalence of the gates is {proof.verdict.value} after {timeout:g} s",
            file=emitted.top,
            expected="a larger --proof-timeout, or --allow-unproved",
        )
    return Gates(netlist, text, read, proof, timing, script)


def _gate_from(library: Library) -> int:
    """Return how many registers of one enable make a clock gate smaller than what it replaces.

    That is a multiplexer at each, which takes at least a gate of three inputs.
    """
    gate = library.clock_gate()
    assert gate is not None
    least = next(cell.area for cell in library.gates() if len(cell.inputs) == _MUX_INPUTS)
    return max(2, ceil(gate.area / least))


def _best(
    source: Machine, library: Library, arcs: Arcs, scripts: Sequence[str], period_ns: float
) -> tuple[CellNetlist, str, Timing | None]:
    """Return the smallest mapping that meets the clock; the fastest where none does."""
    kept = adder_choices(library)
    if not arcs.has_timing:
        found = map_machine(source, library, scripts, target_ps=None, kept=kept)
        netlist, script = min(found, key=lambda pair: pair[0].area)
        return netlist, script, None
    fastest = None
    for share in _LOGIC_SHARES:
        target = 1000 * share * period_ns
        mapped = map_machine(source, library, scripts, target_ps=target, kept=kept)
        timed = [(netlist, script, analyse(netlist, arcs)) for netlist, script in mapped]
        met = [found for found in timed if found[2].period_ns <= period_ns]
        if met:
            return min(met, key=lambda found: found[0].area)
        fastest = min(
            [*timed, *([] if fastest is None else [fastest])], key=lambda found: found[2].period_ns
        )
    assert fastest is not None
    return fastest


def prove_gates(
    text: str, core: str, shape: CoreShape, library: Library, timeout: float
) -> tuple[GateText, Proof]:
    """Read a gate-level text and compare it with the core's text.

    Raises `DifferentError` when it is not the core.
    """
    read = read_gates(text, shape.top, library)
    # Flip-flops in front of latches hold nothing of the core's.
    held = live_registers(read.machine)
    proof = prove_machines(reference_machine(core, shape), held, timeout)
    if proof.verdict is Verdict.DIFFERENT:
        raise DifferentError(f"the gates are not the core: {proof.counterexample}", file=shape.top)
    return read, proof


def net_rates(
    gates: Gates, counts: npt.NDArray[np.int64], ones: npt.NDArray[np.int64], steps: int
) -> npt.NDArray[np.float64]:
    """Return the changes per cycle of each net of the cells, from counts on the read machine.

    Parameters
    ----------
    counts, ones
        By net of `gates.read.machine.netlist`: how often it changes, and in how many cycles it is
        1. A gated clock rises and falls in each cycle for which its gate is enabled.
    steps
        Cycles that were counted, of all samples together.
    """
    rates = np.zeros(gates.netlist.num_nets)
    for net, name in enumerate(net_names(gates.netlist)):
        if name in gates.read.nets:
            rates[net] = counts[gates.read.nets[name]] / steps
        elif name in gates.read.gated:
            rates[net] = 2 * ones[gates.read.gated[name]] / steps
    return rates
