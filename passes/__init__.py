"""The passes, each `Netlist -> Netlist`, and the pipelines of `-O0` to `-O3`, as data."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from gatec.netlist import Netlist
from gatec.passes.absorb import absorb
from gatec.passes.collapse import collapse
from gatec.passes.fold import fold
from gatec.passes.map_best import map_best
from gatec.passes.map_fast import map_fast
from gatec.passes.map_lut import STANDARD, map_lut
from gatec.passes.merge import merge
from gatec.passes.pipeline import pipeline
from gatec.passes.prune import prune
from gatec.passes.split import split
from gatec.passes.unpack import unpack
from gatec.passes.windows import windows


@dataclass(frozen=True)
class Pass:
    """A pass as the runner sees it.

    Attributes
    ----------
    name
        For reports, dumps and errors.
    help
        One line, the first of the pass's file.
    run
        A pure function.
    """

    name: str
    help: str
    run: Callable[[Netlist], Netlist]

    def having(self, **options: object) -> Pass:
        """Return the pass with keyword arguments of its function set."""
        return replace(self, run=partial(self.run, **options))


@dataclass(frozen=True)
class Repeat:
    """Passes to run in turn until a round changes nothing, but at most `rounds` times."""

    passes: tuple[Pass, ...]
    rounds: int


Step = Pass | Repeat


def _pass(name: str, run: Callable[..., Netlist]) -> Pass:
    """Return the pass whose help is the first line of its file."""
    text = sys.modules[run.__module__].__doc__ or ""
    return Pass(name, text.split("\n")[0], run)


FOLD = _pass("fold", fold)
ABSORB = _pass("absorb", absorb)
MERGE = _pass("merge", merge)
PRUNE = _pass("prune", prune)
SPLIT = _pass("split", split)
COLLAPSE = _pass("collapse", collapse)
UNPACK = _pass("unpack", unpack)
MAP_FAST = _pass("map_fast", map_fast)
MAP_LUT = _pass("map_lut", map_lut)
MAP_BEST = _pass("map_best", map_best)
WINDOWS = _pass("windows", windows)
PIPELINE = _pass("pipeline", pipeline)

PASSES: tuple[Pass, ...] = (
    FOLD,
    ABSORB,
    MERGE,
    PRUNE,
    SPLIT,
    COLLAPSE,
    UNPACK,
    MAP_FAST,
    MAP_LUT,
    MAP_BEST,
    WINDOWS,
    PIPELINE,
)

# What one pass of these leaves over makes work for another: a folded gate may be a buffer, an
# absorbed inverter may make two gates equal. Trained nets settle after three rounds.
CLEAN = Repeat((FOLD, ABSORB, MERGE, PRUNE), rounds=8)


def _direct(k: int) -> tuple[Step, ...]:
    """Gate for gate; only what does not fit a look-up table changes."""
    return (SPLIT.having(k=k),)


def _fast(k: int) -> tuple[Step, ...]:
    return (CLEAN, MAP_FAST.having(k=k))


def _standard(k: int) -> tuple[Step, ...]:
    return (CLEAN, MAP_LUT.having(k=k, scripts=STANDARD))


def _smaller(k: int) -> tuple[Step, ...]:
    return (CLEAN, MAP_BEST.having(k=k, scripts=STANDARD))


def _best(k: int) -> tuple[Step, ...]:
    return (CLEAN, MAP_BEST.having(k=k), WINDOWS.having(k=k))


def tidy(k: int) -> tuple[Step, ...]:
    """Return the steps that clean up and keep every adder cell: for sums too wide to map."""
    return (SPLIT.having(k=k), CLEAN)


# By `-O` level: the steps that map to look-up tables of k inputs.
PIPELINES: dict[int, Callable[[int], tuple[Step, ...]]] = {
    0: _direct,
    1: _fast,
    2: _standard,
    3: _best,
}

# Other steps for what is in front of carry chains and behind them. Around chains our own mapper
# saves 0 to 3 % of the look-up tables. So it does on adder trees, but there a level more costs
# registers in each stage, and of the demo net, with 5 % fewer, MachXO2's smallest device no longer
# finds room for the wires.
AROUND_CHAINS: dict[int, Callable[[int], tuple[Step, ...]]] = {2: _smaller}
