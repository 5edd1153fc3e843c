"""What could be gained where only the class is wanted: don't-cares through the argmax.

    python tests/bench/argmax_cares.py [--tables N] [NAME ...]

Each table in front of the carry chains, as `-O2` maps it, is flipped on inputs on which two classes
are within a vote of each other and no class is above both: there a vote more or less is another
class. A search finds these: bits are flipped at random, and what brings two classes drawn at random
nearer to that remains. With what only the class shows, a table could go if it were constant, or any
other signal, or read less. What is counted is an upper bound, for some input that was not tried
may tell; and what is 0 is exactly 0, for every table was seen to matter on an input that is there.

The same counts with all scores shown are beside them: the difference is due to the argmax. And the
look-up tables of the whole net, adder trees and argmax included, which ABC's scripts leave of `-O2
--head tree` where they must keep the scores, and where they need not.

Needs the folder `../shared`.
"""

from __future__ import annotations

import argparse
import sys

import numpy as np
import numpy.typing as npt
from compile_nets import NETS, SHARED

import gatec
from gatec.bits import Words, pack
from gatec.chains import NO_CHAIN
from gatec.console import Progress
from gatec.driver import read_any
from gatec.lowering.model import SCORES_CUT, lower
from gatec.mapping import map_model
from gatec.model import ModelGraph
from gatec.netlist import CONST0_NET, CONST1_NET, Netlist
from gatec.options import CompileOptions
from gatec.passes import PIPELINES
from gatec.passes.runner import run_passes
from gatec.synth.lut_moves import best_signal, divide, start_cells
from gatec.synth.lut_state import LutState, make_lut_state, observe_lut
from gatec.synth.luts import from_netlist
from gatec.tables import cofactor

# Of all of these nets.
_CLASSES = 10
# Samples that walk side by side, steps until they are near a tie, and how often they are taken on
# the way from there on.
_WALKERS = 4096
_STEPS = 1200
_TAKEN = 15
_MOST_FLIPS = 4


def apart(scores: npt.NDArray[np.int64], pair: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return how far samples are from a tie of two classes at the top; `pair` is `[2, samples]`."""
    one, other = np.take_along_axis(scores, pair, axis=0)
    others = scores.copy()
    np.put_along_axis(others, pair, -1, axis=0)
    above = np.maximum(0, others.max(axis=0) - np.minimum(one, other))
    return np.abs(one - other) + 2 * above


def near_ties(model: ModelGraph, classes: int) -> Words:
    """Return inputs, `[num_inputs, words]`, on most of which one vote may decide."""
    rng = np.random.default_rng(1)
    shape = (_WALKERS, model.num_inputs)
    # Images have few pixels or many.
    bits = rng.random(shape) < rng.uniform(0.02, 0.98, (_WALKERS, 1))
    words = pack(bits.astype(np.uint8))
    pair = np.argsort(rng.random((classes, _WALKERS)), axis=0)[:2]
    distance = apart(model.engine.scores(words, _WALKERS), pair)
    taken = [words]
    for step in range(1, 2 * _STEPS + 1):
        flips = np.zeros(shape, dtype=np.uint8)
        for _ in range(rng.integers(1, _MOST_FLIPS + 1)):
            flips[np.arange(_WALKERS), rng.integers(model.num_inputs, size=_WALKERS)] = 1
        moved = words ^ pack(flips)
        found = apart(model.engine.scores(moved, _WALKERS), pair)
        better = (found <= distance) | (found <= 1)
        chosen = pack(better[:, None].astype(np.uint8))
        words = words & ~chosen | moved & chosen
        distance = np.where(better, found, distance)
        if step > _STEPS and step % (_STEPS // _TAKEN) == 0:
            taken.append(words)
    return np.concatenate(taken, axis=1)


def could_go(state: LutState, tables: npt.NDArray[np.int64]) -> list[int]:
    """Return how many tables could be constant, another signal, or read less by what was tried."""
    place = {int(lut): at for at, lut in enumerate(state.order[: state.size[0]])}
    constant = equal = less = 0
    for table in tables.tolist():
        observe_lut(state, place[table])
        if not start_cells(state, state.on, state.off):
            constant += 1
            continue
        signal = best_signal(state, 0, 1, 0.0)
        equal += divide(state, 0, signal) == 0
        less += reads_in_vain(state, table)
    return [constant, equal, less]


def reads_in_vain(state: LutState, table: int) -> bool:
    """Return whether one of a table's inputs need not be read."""
    width = int(state.width[table])
    for slot in range(width):
        live, count = start_cells(state, state.on, state.off), 0
        for other in range(width):
            if other != slot and live:
                live = divide(state, count, state.fanin[table, other])
                count += 1
        if not live:
            return True
    return False


def in_front(net: Netlist) -> npt.NDArray[np.int64]:
    """Return the gates that chains read, directly or not."""
    assert net.chains is not None
    on_chain = net.chains.chain != NO_CHAIN
    reached = np.zeros(net.num_nets, dtype=np.bool_)
    reached[net.fanin[on_chain].ravel()] = True
    for gate in range(net.num_gates - 1, -1, -1):
        if reached[net.first_gate + gate] and not on_chain[gate]:
            reached[net.fanin[gate]] = True
    return np.flatnonzero(reached[net.first_gate :] & ~on_chain)


def without_ones(net: Netlist) -> Netlist:
    """Return a netlist, gate for gate, whose gates do not read constant 1."""
    fanin, tables = net.fanin.copy(), net.tables.copy()
    for slot in range(fanin.shape[1]):
        rows = fanin[:, slot] == CONST1_NET
        tables[rows] = cofactor(tables[rows], slot, 1)
        fanin[rows, slot] = CONST0_NET
    return net.replace(fanin=fanin, tables=tables)


def measure(name: str, most: int) -> list[int]:
    """Return the columns of one net."""
    file, inputs, more = NETS[name]
    reading = gatec.ReadOptions(inputs=inputs, classes=_CLASSES, **more)  # type: ignore[arg-type]
    model, _ = read_any(SHARED / file, reading)
    options = CompileOptions(optimise=2, head="carry")
    net = map_model(model, 4, options, Progress(), chains=True).netlist
    gates = in_front(net)
    drawn = np.random.default_rng(2).permutation(gates)[:most]
    words = near_ties(model, _CLASSES)
    row = [len(gates), len(drawn)]
    (cut,) = (port for port in net.cuts if port.name == SCORES_CUT)
    for outputs in ((cut,), net.outputs):
        shown = net.replace(outputs=outputs, cuts=(), chains=None)
        state = make_lut_state(from_netlist(without_ones(shown)), 1, patterns=words)
        row += could_go(state, 1 + net.num_inputs + drawn)
    reference = lower(model.with_output(options.output)).netlist
    for kept in (reference, reference.replace(cuts=())):
        row.append(run_passes(kept, PIPELINES[2](4))[0].num_gates)
    return row


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", type=int, default=1000, help="at most so many, drawn at random")
    parser.add_argument("names", nargs="*", default=list(NETS)[:3])
    arguments = parser.parse_args()
    if not SHARED.is_dir():
        sys.exit("skipped: ../shared is absent")
    print("| net | tables in front | tried | scores: constant | another | read less ", end="")
    print("| class: constant | another | read less | LUT4, scores kept | class only |")
    print("|---" * 11 + "|")
    for name in arguments.names:
        print(f"| {name} | " + " | ".join(map(str, measure(name, arguments.tables))) + " |")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
