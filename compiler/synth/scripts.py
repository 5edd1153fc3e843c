"""What ABC does for the engine: structures to start from, and circuits of many inputs."""

from __future__ import annotations

from gatec.aig import Aig
from gatec.aiger import read_aiger, write_aiger
from gatec.tools.abc import run_abc

# Rounds in which `&ttopt` reorders the variables of the decision diagram; more gain nothing.
_ORDERINGS = 100


def run_on_aig(aig: Aig, commands: list[str], timeout: float = 600.0) -> Aig:
    """Return what ABC's `&` commands make of a circuit, under the same names."""
    script = ["&r in.aig", *commands, "&w out.aig"]
    inputs = {"in.aig": write_aiger(Aig(aig.num_inputs, aig.fanin, aig.outputs))}
    run = run_abc(script, inputs=inputs, outputs=["out.aig"], timeout=timeout)
    return read_aiger(run.files["out.aig"], "ABC").named_like(aig)


def decision_start(aig: Aig) -> Aig:
    """Return a function of few inputs as a shared decision diagram in a good variable order.

    On ex69 and ex85 of the IWLS 2022 contest the walk ends, after 6 s from here, at 191 and 175
    gates; from the diagram in the file's order, at 265 and 226.
    """
    if aig.num_ands == 0:
        return aig
    order = f"&ttopt -I {aig.num_inputs} -O {aig.num_outputs} -X {_ORDERINGS}"
    return run_on_aig(aig, [order, "&dc2"])


def rewritten(aig: Aig, seconds: float | None, seed: int = 0) -> Aig:
    """Return what ABC's `&deepsyn` makes of a circuit in so many seconds.

    Parameters
    ----------
    seconds
        None: a fixed script instead, the same on every machine.
    seed
        Of `&deepsyn`, which knows 101 of them.
    """
    if aig.num_ands == 0:
        return aig
    if seconds is None:
        return run_on_aig(aig, ["&dc2"] * 3)
    if seconds < 1:
        return aig
    return run_on_aig(aig, [f"&deepsyn -T {round(seconds)} -S {seed % 101}"], seconds + 600)
