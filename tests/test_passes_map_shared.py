"""Mapping of a published net: how many look-up tables and levels, and that it is still the net."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gatec.blocks import Block, GroupSum, InputBits, LutLayer
from gatec.lowering.model import lower
from gatec.model import ModelGraph
from gatec.passes import PIPELINES
from gatec.passes.pipeline import pipeline
from gatec.passes.runner import run_passes
from gatec.proof.equivalence import prove_equal
from gatec.proof.verdict import Verdict
from gatec.stages import register_bits
from gatec.tables import from_msb_rows


def read_800x4(shared: Path) -> ModelGraph:
    folder = shared / "models" / "difflogic-vicharak"
    golden = np.load(folder / "golden_mnist20x20_800_4.npz")
    blocks: list[Block] = [InputBits("input", 400)]
    for layer, (ids, a, b) in enumerate(
        zip(golden["gate_ids"], golden["a"], golden["b"], strict=True)
    ):
        # Bit 3 of a gate's number is its output for inputs 00, bit 0 that for 11.
        rows = ids.astype(int)[:, None] >> np.arange(3, -1, -1) & 1
        wiring = np.stack([a, b], axis=1)
        width = blocks[-1].out_width
        blocks.append(LutLayer(f"layer{layer}", width, wiring, from_msb_rows(rows)))
    blocks.append(GroupSum("sum", 800, 10))
    return ModelGraph.chain(blocks, "mnist_800x4")


def test_800x4_gates_and_popcounts(shared: Path) -> None:
    reference = lower(read_800x4(shared)).netlist
    sizes = {}
    for level in (1, 2):
        mapped, _ = run_passes(reference, PIPELINES[level](4))
        assert prove_equal(reference, mapped).verdict is Verdict.EQUIVALENT
        sizes[level] = mapped.num_gates
        assert mapped.depth <= 14
    # The project's promise is 2,300; the author's own Verilog takes 8,011.
    assert sizes[2] <= sizes[1] <= 2_300
    assert sizes[2] <= 2_200
    staged = pipeline(mapped, levels_per_stage=4)
    assert staged.num_stages == 3
    assert register_bits(staged) <= 650
