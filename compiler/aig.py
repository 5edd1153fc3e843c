"""And-inverter graphs as arrays: what circuits are exchanged and searched as.

Variable 0 is constant 0, then come the inputs, then the AND gates. A literal is twice a variable,
plus 1 for its complement, so 0 and 1 are the constants. A gate reads only lower variables.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from gatec.blocks import IntArray, frozen
from gatec.netlist import FIRST_INPUT, Netlist, Port, make_ports
from gatec.tables import AND2, VARIABLE, flip

# The table of AND with slot 0, slot 1, or both complemented.
_AND = np.array([AND2])
_AND_TABLES = np.concatenate([_AND, flip(_AND, 0), flip(_AND, 1), flip(flip(_AND, 0), 1)])


@dataclass(frozen=True, eq=False)
class Aig:
    """A combinational circuit of two-input AND gates and complemented edges.

    Attributes
    ----------
    num_inputs
        Number of input variables, 1 up to and with this.
    fanin
        `int32[ands, 2]` literals; gate `g` is variable `num_inputs + 1 + g`.
    outputs
        `int32[outputs]` literals.
    input_names, output_names
        One for each, as the file had them, or empty.
    """

    num_inputs: int
    fanin: IntArray
    outputs: IntArray
    input_names: tuple[str, ...] = ()
    output_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "fanin", frozen(self.fanin, np.int32).reshape(-1, 2))
        object.__setattr__(self, "outputs", frozen(self.outputs, np.int32))

    @property
    def num_ands(self) -> int:
        """Number of gates."""
        return len(self.fanin)

    @property
    def num_outputs(self) -> int:
        """Number of outputs."""
        return len(self.outputs)

    @property
    def first_and(self) -> int:
        """The first gate's variable."""
        return self.num_inputs + 1

    @property
    def depth(self) -> int:
        """Number of gates on the longest path to an output."""
        return to_netlist(self, inverters=False).depth

    def named_like(self, other: Aig) -> Aig:
        """Return the same gates under the names of another circuit."""
        return replace(self, input_names=other.input_names, output_names=other.output_names)


def to_netlist(aig: Aig, name: str = "circuit", *, inverters: bool = True) -> Netlist:
    """Return the same circuit as a netlist with ports `i` and `o`.

    Parameters
    ----------
    inverters
        Append one inverter for each complemented output; without them the outputs' polarity is
        lost, which is for counting levels only.
    """
    # Variable v > 0 is net v + 1: net 1 is the constant 1.
    fanin = _nets(aig.fanin)
    kind = (aig.fanin[:, 0] & 1) | (aig.fanin[:, 1] & 1) << 1
    tables = _AND_TABLES[kind]
    outputs = _nets(aig.outputs)
    constant = aig.outputs < 2
    inverted = (aig.outputs & 1 == 1) & ~constant
    if inverters:
        outputs = np.where(constant, aig.outputs, outputs)
        sources, place = np.unique(outputs[inverted], return_inverse=True)
        outputs[inverted] = FIRST_INPUT + aig.num_inputs + aig.num_ands + place
        extra = np.zeros((len(sources), 2), dtype=np.int32)
        extra[:, 0] = sources
        fanin = np.concatenate([fanin, extra])
        tables = np.concatenate([tables, np.full(len(sources), ~VARIABLE[0])])
    ports = make_ports(("i", aig.num_inputs))
    return Netlist(name, ports, (Port("o", outputs.astype(np.int32)),), fanin, tables)


def _nets(literals: IntArray) -> IntArray:
    variables = literals >> 1
    nets: IntArray = np.where(variables == 0, 0, variables + 1).astype(np.int32)
    return nets


def trimmed(aig: Aig) -> Aig:
    """Return the circuit without the gates that no output depends on."""
    alive = np.zeros(aig.first_and + aig.num_ands, dtype=np.bool_)
    frontier = np.unique(aig.outputs >> 1)
    while len(frontier):
        alive[frontier] = True
        gates = frontier[frontier >= aig.first_and] - aig.first_and
        below = np.unique(aig.fanin[gates].ravel() >> 1)
        frontier = below[~alive[below]]
    alive[: aig.first_and] = True
    renamed = np.cumsum(alive, dtype=np.int32) - 1
    keep = alive[aig.first_and :]

    def moved(literals: IntArray) -> IntArray:
        return (renamed[literals >> 1] * 2 + (literals & 1)).astype(np.int32)

    return replace(aig, fanin=moved(aig.fanin[keep]), outputs=moved(aig.outputs))


def fanouts(aig: Aig) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the gates that read each variable, as `(begin, readers)`.

    The readers of variable `v` are the variables `readers[begin[v] : begin[v + 1]]`.
    """
    sources = (aig.fanin >> 1).ravel()
    order = np.argsort(sources, kind="stable")
    readers = aig.first_and + order // 2
    count = np.bincount(sources, minlength=aig.first_and + aig.num_ands)
    return np.concatenate([[0], np.cumsum(count)]), readers.astype(np.int64)
