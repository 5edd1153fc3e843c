"""Synthesise one function: read, search, map, write, prove the written text, publish."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from gatec.aig import Aig, to_netlist, trimmed
from gatec.aiger import read_aiger, write_aiger
from gatec.backends.circuit import write_module
from gatec.blif import read_blif, write_blif
from gatec.console import Progress
from gatec.errors import DifferentError, ToolError, UnprovedError, UsageError
from gatec.netlist import Netlist
from gatec.passes.absorb import absorb
from gatec.passes.fold import fold
from gatec.passes.map_lut import BEST, map_lut
from gatec.passes.prune import prune
from gatec.proof.verdict import Verdict
from gatec.publish import check_file_target, publish_file
from gatec.synth.chain import Chains, lut_links
from gatec.synth.files import read_function
from gatec.synth.function import Function, prove
from gatec.synth.lut_search import by_lut_windows, fewest_luts
from gatec.synth.luts import from_netlist
from gatec.synth.luts import to_netlist as luts_to_netlist
from gatec.synth.partition import partitioned
from gatec.synth.read_gates import read_blif_circuit
from gatec.synth.scripts import decision_start, rewritten
from gatec.synth.search import Clock, Effort, smallest
from gatec.tools.abc import run_abc
from gatec.tools.yosys import run_yosys

# Of the time for look-up tables, what ABC has for restructuring.
_RESTRUCTURING = 0.15
# Of the same for circuits of many inputs, what chains have before windows.
_CHAINS = 0.4
# And for how many tries from the decision diagram: of four seeds, dec maps to 264 with three and to
# 287 with one, after 1 s as after 5.
_DIAGRAM_TRIES = 3
_QUICK_MAP = ("strash; if -K {k} -a",)
MAX_LUT_INPUTS = 6
MAX_SECONDS = 1_000_000


@dataclass(frozen=True)
class SynthOptions:
    """Options of one synthesis.

    Attributes
    ----------
    effort
        Time or steps, walks and seed.
    lut_inputs
        Minimise look-up tables of so many inputs instead of AND gates.
    proof_timeout
        Seconds for the equivalence proof of functions without a table.
    """

    effort: Effort = field(default_factory=Effort)
    lut_inputs: int | None = None
    proof_timeout: float = 600.0

    def __post_init__(self) -> None:
        if not 0 < self.effort.seconds <= MAX_SECONDS:
            raise UsageError(
                f"--effort {self.effort.seconds:g}", expected=f"seconds, up to {MAX_SECONDS}"
            )
        if self.lut_inputs is not None and not 2 <= self.lut_inputs <= MAX_LUT_INPUTS:
            raise UsageError(f"--lut {self.lut_inputs}", expected=f"2 to {MAX_LUT_INPUTS}")


@dataclass(frozen=True)
class Size:
    """Of a circuit: AND gates and their levels, look-up tables and theirs.

    `ands` and `levels` are None for what was made as look-up tables.
    """

    ands: int | None
    levels: int | None
    luts: int
    lut_levels: int


@dataclass(frozen=True)
class SynthResult:
    """A finished synthesis.

    Attributes
    ----------
    name, num_inputs, num_outputs
        Of the function.
    lut_inputs
        What `luts` of the sizes have.
    before, after
        Sizes of the circuit as read and as written.
    proof
        What the written text was proved by.
    circuit
        What was written.
    """

    name: str
    num_inputs: int
    num_outputs: int
    lut_inputs: int
    before: Size
    after: Size
    proof: str
    circuit: Netlist

    def __str__(self) -> str:
        before, after, k = self.before, self.after, self.lut_inputs
        ands = f"ANDs {before.ands} -> {after.ands}, levels {before.levels} -> {after.levels}, "
        return (
            f"{self.name}: {self.num_inputs} inputs, {self.num_outputs} outputs: "
            f"{'' if after.ands is None else ands}"
            f"LUT{k} {before.luts} -> {after.luts}, levels {before.lut_levels} -> "
            f"{after.lut_levels}; equivalent ({self.proof})"
        )


def synthesise(
    source: Path, target: Path, options: SynthOptions, progress: Progress | None = None
) -> SynthResult:
    """Write the smallest circuit found for the function in `source` to `target`.

    The file appears whole and only after its own text, read back, was proved equal.

    Raises
    ------
    GatecError
        The file is not a function, the target cannot be written, or the proof did not end.
    """
    shown = progress or Progress()
    suffix = target.suffix.lower()
    if suffix not in _WRITERS:
        raise UsageError(f"suffix {suffix!r}", file=target, expected=" ".join(_WRITERS))
    if options.lut_inputs and suffix in (".aig", ".aag"):
        raise UsageError("--lut with an AND graph", file=target, expected=".blif or .v")
    check_file_target(target)
    with shown.step(f"read {source.name}"):
        function = read_function(source)
    k = options.lut_inputs or MAX_LUT_INPUTS
    aig = None
    with shown.step(f"search for {options.effort.seconds:g} s"):
        if options.lut_inputs:
            written = search_luts(function, k, options.effort)
        else:
            aig = search(function, options.effort)
            written = to_netlist(aig, function.name)
    with shown.step("write, prove the text"):
        text = _WRITERS[suffix](written, aig, _port_names(function.aig))
        proof = _prove_text(function, suffix, text, options.proof_timeout)
    publish_file(target, text)
    before = _size(function.aig, k)
    after = _size(aig, k) if aig is not None else Size(None, None, written.num_gates, written.depth)
    return SynthResult(
        function.name,
        function.aig.num_inputs,
        function.aig.num_outputs,
        k,
        before,
        after,
        proof,
        written,
    )


def search(function: Function, effort: Effort) -> Aig:
    """Return the smallest circuit of a function that the effort finds.

    Functions with a table are searched whole, the others window by window.
    """
    start = trimmed(function.aig)
    if not function.has_table:
        return partitioned(start, effort)
    return smallest([decision_start(start), start], effort, function.cares)


def search_luts(function: Function, k: int, effort: Effort) -> Netlist:
    """Return the fewest look-up tables of `k` inputs that the effort finds for a function.

    From ABC's mapping of the circuit as read, and for functions with a table of their decision
    diagram and of what `&deepsyn` makes of it: EPFL's dec maps to 272, 320 and 264, cavlc to 113,
    95 and 93. What is larger begins from what chains leave of ABC's mapping.
    """
    clock = Clock(effort)
    start = trimmed(function.aig)
    if not function.has_table:
        return _search_luts_by_windows(to_netlist(start, function.name), k, clock, effort)
    diagram = decision_start(start)
    seconds = None if effort.steps else _RESTRUCTURING * effort.seconds / _DIAGRAM_TRIES
    seeds = range(effort.seed, effort.seed + _DIAGRAM_TRIES)
    starts = [start, diagram, *(rewritten(diagram, seconds, seed) for seed in seeds)]
    mapped = [map_lut(to_netlist(aig, function.name), k, BEST) for aig in starts]
    smallest_start = min(mapped, key=lambda net: net.num_gates)
    luts = from_netlist(fold(smallest_start))
    found = fewest_luts(luts, k, clock, effort, function.cares)
    return luts_to_netlist(found, smallest_start)


def _search_luts_by_windows(net: Netlist, k: int, clock: Clock, effort: Effort) -> Netlist:
    mapped = map_lut(net, k, BEST)
    begin = 0.0 if effort.steps else clock.progress(0)
    chains = lut_chains(mapped, k, effort)
    mapped = chains.advance(mapped, clock, begin, max(begin, _CHAINS))
    found = by_lut_windows(from_netlist(fold(mapped)), k, clock, effort)
    return luts_to_netlist(found, mapped)


def lut_chains(net: Netlist, k: int, effort: Effort) -> Chains[Netlist]:
    """Return chains, one for each walk, towards few tables of at most `k` inputs."""
    flows = [lut_links(effort.seed + 2 * number, k) for number in range(effort.walks)]
    return Chains(net, flows, _run_on_luts, lambda found: found.num_gates)


def _run_on_luts(net: Netlist, script: str, seconds: float) -> Netlist:
    commands = ["read_blif in.blif", script, "write_blif out.blif"]
    inputs = {"in.blif": write_blif(net)}
    run = run_abc(commands, inputs=inputs, outputs=["out.blif"], timeout=seconds)
    return prune(absorb(read_blif(run.files["out.blif"].decode(), net)))


def _size(aig: Aig, k: int) -> Size:
    mapped = map_lut(to_netlist(aig), k, _QUICK_MAP)
    return Size(aig.num_ands, aig.depth, mapped.num_gates, mapped.depth)


Names = tuple[Sequence[str], Sequence[str]]


def _port_names(aig: Aig) -> Names:
    """Return the names of inputs and outputs: the file's where every format takes them."""
    names = (*aig.input_names, *aig.output_names)
    legal = all(
        name.isascii() and name.isprintable() and not set(name) & set(' #\\"') for name in names
    )
    complete = len(set(names)) == aig.num_inputs + aig.num_outputs
    if legal and complete and not any(name.startswith((".", "$")) for name in names):
        return aig.input_names, aig.output_names
    return (
        [f"i{number}" for number in range(aig.num_inputs)],
        [f"o{number}" for number in range(aig.num_outputs)],
    )


def _prove_text(function: Function, suffix: str, text: bytes, timeout: float) -> str:
    """Read the written text back and prove it; return by what."""
    found = _READERS[suffix](text, _port_names(function.aig))
    proof = prove(function, to_netlist(found), timeout)
    if proof.verdict is Verdict.EQUIVALENT:
        return proof.method
    if proof.verdict is Verdict.DIFFERENT:
        raise DifferentError(f"{proof.counterexample} ({proof.method})", file=function.name)
    raise UnprovedError(
        f"{proof.verdict.value} after {proof.method}",
        file=function.name,
        expected="a larger --proof-timeout",
    )


def _read_verilog(text: bytes, names: Names) -> Aig:
    """Read a written module by Yosys, which shares nothing with the writer."""
    commands = ["read_verilog in.v", "proc", "techmap", "opt_clean", "write_blif out.blif"]
    run = run_yosys(commands, inputs={"in.v": text}, outputs=["out.blif"])
    return _ordered(read_blif_circuit(run.files["out.blif"].decode(), "Yosys"), names)


def _ordered(aig: Aig, names: Names) -> Aig:
    """Return a circuit with its inputs and outputs in the order of `names`."""
    inputs, outputs = names
    if set(inputs) != set(aig.input_names) or set(outputs) != set(aig.output_names):
        raise ToolError("has other ports than were written", file="Verilog read back")
    variable = np.arange(aig.first_and + aig.num_ands, dtype=np.int32)
    place = {name: number for number, name in enumerate(inputs, start=1)}
    variable[1 : aig.first_and] = [place[name] for name in aig.input_names]
    row = [aig.output_names.index(name) for name in outputs]
    fanin = 2 * variable[aig.fanin >> 1] + (aig.fanin & 1)
    drivers = aig.outputs[row]
    return Aig(aig.num_inputs, fanin, 2 * variable[drivers >> 1] + (drivers & 1))


def _and_graph(write: Callable[[Aig], bytes]) -> Callable[[Netlist, Aig | None, Names], bytes]:
    def text(_net: Netlist, aig: Aig | None, _names: Names) -> bytes:
        assert aig is not None, "look-up tables in an AIGER file"
        return write(aig)

    return text


_WRITERS: Mapping[str, Callable[[Netlist, Aig | None, Names], bytes]] = {
    ".aig": _and_graph(write_aiger),
    ".aag": _and_graph(partial(write_aiger, binary=False)),
    ".blif": lambda net, _aig, names: write_blif(net, ports=names).encode(),
    ".v": lambda net, _aig, names: write_module(net, *names).encode(),
}
_READERS: Mapping[str, Callable[[bytes, Names], Aig]] = {
    ".aig": lambda text, _names: read_aiger(text, "text read back"),
    ".aag": lambda text, _names: read_aiger(text, "text read back"),
    ".blif": lambda text, _names: read_blif_circuit(text.decode(), "text read back"),
    ".v": _read_verilog,
}
