"""Clocked circuits under test: small recurrent nets, their own arithmetic, and runs of the RTL."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from test_frontends_recurrent import (
    INPUTS,
    LEAVING,
    SHAPE,
    apply_rule,
    automaton,
    cell_file,
    lively_rule,
)

import gatec
from gatec.backends.clocked_core import ClockedShape
from gatec.bits import Bits
from gatec.driver import CompileResult
from gatec.flows.base import core_sources
from gatec.frontends import ReadOptions
from gatec.sim.rtl import Asked, RtlResult, Traffic, simulate_rtl

INIT = np.array([1, 0, 1, 1], dtype=np.uint8)


@dataclass(frozen=True)
class Case:
    """A kind of clocked circuit.

    Attributes
    ----------
    steps
        Of a sequence; None where `i_last` ends it.
    every_step
        Whether each step is answered.
    cellular
        A cellular net, or a cell with inputs.
    output
        Of `compile`.
    options
        More of them.
    """

    steps: int | None
    every_step: bool
    cellular: bool = False
    output: str = "bits"
    options: tuple[tuple[str, Any], ...] = ()


CASES = {
    "open, last": Case(None, False, output="argmax", options=(("stages", 2),)),
    "open, every": Case(None, True, options=(("beat_bits", 2), ("out_beat_bits", 4))),
    "fixed, last": Case(4, False, output="scores", options=(("beat_bits", 3),)),
    "fixed, every": Case(3, True, output="argmax"),
    "cellular, last": Case(4, False, cellular=True, options=(("beat_bits", 8),)),
    "cellular, every": Case(3, True, cellular=True, options=(("out_beat_bits", 32),)),
}


def compiled(case: Case, folder: Path, **options: Any) -> CompileResult:
    """Compile a case, without place and route unless the options say so."""
    if case.cellular:
        path, _ = automaton(folder, 1, **lively_rule())
    else:
        path, _ = cell_file(folder, classes=3, state_init=INIT)
    settings = {"place_and_route": False, "vectors": 40, **dict(case.options), **options}
    return gatec.compile(
        path,
        reading=ReadOptions(steps=case.steps),
        clocked=True,
        every_step=case.every_step,
        output=case.output,
        **settings,
    )


@dataclass(frozen=True, eq=False)
class Stimulus:
    """Sequences one after the other, and the answers by the net's own arithmetic."""

    vectors: Bits
    last: Bits
    asked: Asked
    expected: Bits


def stimulus(case: Case, folder: Path, sequences: int = 12, seed: int = 5) -> Stimulus:
    """Return random sequences of a case, and what a circuit must answer."""
    rng = np.random.default_rng(seed)
    if case.cellular:
        return _grids(case, folder, rng, sequences)
    _, cell = cell_file(folder, classes=3, state_init=INIT)
    lengths = [case.steps or int(n) for n in rng.integers(1, 6, size=sequences)]
    vectors, last, left, answers = [], [], [], []
    for length in lengths:
        state = INIT
        for step in range(length):
            inputs = rng.integers(0, 2, INPUTS, dtype=np.uint8)
            out = cell.output_bits(np.concatenate([inputs, state])[None])[0]
            state = out[LEAVING:]
            vectors.append(inputs)
            last.append(step == length - 1)
            answers.append(case.every_step or step == length - 1)
            if answers[-1]:
                left.append(out[:LEAVING])
    flags = np.array(last, dtype=np.uint8)
    asked = Asked(np.array(answers, dtype=np.int64), flags if case.steps is None else None)
    return Stimulus(np.array(vectors), flags, asked, answer(np.array(left), case.output))


def _grids(case: Case, folder: Path, rng: np.random.Generator, count: int) -> Stimulus:
    _, values = automaton(folder, 1, **lively_rule())
    assert case.steps is not None
    grids = rng.integers(0, 2, (count, *SHAPE), dtype=np.uint8)
    left = []
    for grid in grids:
        after = grid
        for step in range(case.steps):
            after = apply_rule(values, after)
            if case.every_step or step == case.steps - 1:
                left.append(after.reshape(-1))
    answers = np.full(count, len(left) // count, dtype=np.int64)
    ones = np.ones(count, dtype=np.uint8)
    return Stimulus(grids.reshape(count, -1), ones, Asked(answers, None), np.array(left))


def answer(left: Bits, output: str) -> Bits:
    """Return the output bits for what leaves a step: three classes of two bits each."""
    if output == "bits":
        return left
    counts = left.reshape(len(left), 3, 2).sum(axis=2, dtype=np.int64)
    numbers = counts if output == "scores" else counts.argmax(axis=1)[:, None]
    return (numbers[:, :, None] >> np.arange(2) & 1).reshape(len(left), -1).astype(np.uint8)


def run_clocked(
    result: CompileResult,
    wanted: Stimulus,
    traffic: Traffic | None = None,
    sources: dict[str, str] | None = None,
) -> RtlResult:
    """Run a compiled circuit, or other texts of it, on a stimulus in Icarus."""
    emitted = result.design.emitted
    shape = emitted.shape
    assert isinstance(shape, ClockedShape)
    assert (shape.steps is None) == (wanted.asked.last is not None)
    return simulate_rtl(
        sources or core_sources(emitted.top, emitted.style, emitted.text),
        emitted.top,
        wanted.vectors,
        beat_bits=shape.beat_bits,
        out_bits=shape.output_bits,
        out_beat_bits=shape.out_beat_bits,
        asked=wanted.asked,
        traffic=traffic,
    )


def tamper(folder: Path, name: str, old: str, new: str) -> None:
    """Change a text in a file of an output folder, and its hash in the manifest with it."""

    path = folder / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"][name] = hashlib.sha256(path.read_bytes()).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest))
