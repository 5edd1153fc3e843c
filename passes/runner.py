"""Run passes: verify, time, count, dump and prove each step."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gatec.care import Care
from gatec.errors import DifferentError, UnprovedError, UsageError
from gatec.netlist import Netlist, NetlistError
from gatec.passes import Pass, Step
from gatec.proof.equivalence import prove_equal
from gatec.proof.verdict import Proof, Verdict
from gatec.rewire import combinational
from gatec.text import to_text


@dataclass(frozen=True)
class PassReport:
    """What one run of a pass did.

    Attributes
    ----------
    name
        The pass.
    seconds
        Wall time of the pass itself.
    gates_before, gates_after
        Gates of the netlist.
    levels_before, levels_after
        Gates on the longest path.
    proof
        With `prove_each`: that the pass kept every output, cut and next state.
    """

    name: str
    seconds: float
    gates_before: int
    gates_after: int
    levels_before: int
    levels_after: int
    proof: Proof | None = None


def run_passes(
    net: Netlist,
    steps: Iterable[Step],
    *,
    dump_dir: Path | None = None,
    prove_each: bool = False,
    proof_timeout: float = 600.0,
    on_step: Callable[[PassReport], None] | None = None,
    care: Care | None = None,
) -> tuple[Netlist, list[PassReport]]:
    """Return what the steps make of a netlist, and a report of each pass in order.

    Parameters
    ----------
    dump_dir
        Folder (made if absent) for the text form after each pass: `01-fold.txt`; `00-input.txt` is
        the netlist before the first.
    prove_each
        Prove each pass's result equivalent to its input.
    proof_timeout
        Seconds for each of these proofs.
    on_step
        Called after each pass.
    care
        Which inputs occur: proofs are about those. All when None.

    Raises
    ------
    DifferentError, UnprovedError
        With `prove_each`, naming the pass.
    UsageError
        A dump cannot be written.
    NetlistError
        A bug of the pass that it names: its result breaks an invariant or has other ports.
    """
    reports: list[PassReport] = []
    _dump(net, dump_dir, 0, "input")
    for chosen, before, after, seconds in _walk(net, steps):
        _check(chosen, before, after)
        report = PassReport(
            chosen.name,
            seconds,
            before.num_gates,
            after.num_gates,
            before.depth,
            after.depth,
            _prove(chosen, before, after, proof_timeout, care) if prove_each else None,
        )
        reports.append(report)
        _dump(after, dump_dir, len(reports), chosen.name)
        if on_step is not None:
            on_step(report)
        net = after
    return net, reports


def _walk(net: Netlist, steps: Iterable[Step]) -> Iterator[tuple[Pass, Netlist, Netlist, float]]:
    """Run the passes, yielding each with its input, result and seconds."""
    for step in steps:
        passes, rounds = ((step,), 1) if isinstance(step, Pass) else (step.passes, step.rounds)
        for _ in range(rounds):
            at_start = net
            for chosen in passes:
                start = time.monotonic()
                after = chosen.run(net)
                yield chosen, net, after, time.monotonic() - start
                net = after
            if _same(at_start, net):
                break


def _same(one: Netlist, other: Netlist) -> bool:
    """Return whether two netlists of one interface are gate for gate the same."""
    return all(
        np.array_equal(getattr(one, key), getattr(other, key))
        for key in ("fanin", "tables", "root_nets")
    )


def _check(chosen: Pass, before: Netlist, after: Netlist) -> None:
    """Raise `NetlistError`, naming the pass, when its result is not a netlist of the same shape."""
    try:
        after.verify()
    except NetlistError as error:
        raise NetlistError(f"pass {chosen.name}: {error}") from error
    if _interface(before) != _interface(after):
        raise NetlistError(f"pass {chosen.name}: changed the name, ports, cuts or registers")


def _interface(net: Netlist) -> object:
    ports = [
        [(port.name, port.width, port.encoding) for port in side]
        for side in (net.inputs, net.outputs, net.cuts)
    ]
    return net.name, ports, net.register_init.tolist()


def _prove(
    chosen: Pass, before: Netlist, after: Netlist, timeout: float, care: Care | None
) -> Proof:
    """Return the proof that a pass kept every output, cut and next state."""
    one, other = _exposed(before), _exposed(after)
    if care is not None and care.facts:
        one, other = care.under(one)[0], care.under(other)[0]
    proof = prove_equal(one, other, timeout=timeout)
    if proof.verdict is Verdict.DIFFERENT:
        raise DifferentError(
            f"changed the function: {proof.counterexample}", file=f"pass {chosen.name}"
        )
    if proof.verdict is not Verdict.EQUIVALENT:
        raise UnprovedError(
            f"equivalence is {proof.verdict.value} after {timeout:g} s",
            file=f"pass {chosen.name}",
            expected="a longer proof timeout, or no proof of each pass",
        )
    return proof


def _exposed(net: Netlist) -> Netlist:
    """Return a combinational netlist whose outputs are all that passes must keep."""
    core = combinational(net)
    return core.replace(outputs=(*core.outputs, *core.cuts), cuts=(), stage=None)


def _dump(net: Netlist, folder: Path | None, number: int, name: str) -> None:
    if folder is None:
        return
    path = folder / f"{number:02d}-{name}.txt"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(to_text(net), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write: {error.strerror}", file=path) from None
