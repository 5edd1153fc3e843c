"""Recurrent and cellular nets, unrolled, against their own step by step evaluation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import random_layers_model

from gatec import compile as compile_net
from gatec.blocks_bits import Merge, Wires
from gatec.blocks_conv import LutConv
from gatec.errors import ModelError, UsageError
from gatec.frontends import ReadOptions, inspect_model, neutral_bytes, read_model
from gatec.lowering.model import lower
from gatec.model import ModelGraph
from gatec.proof.arithmetic import check_lowering

INPUTS, STATE, LEAVING = 5, 4, 6


def cell_file(folder: Path, **extra: Any) -> tuple[Path, ModelGraph]:
    """Write a recurrent net and return its cell, too."""
    cell = random_layers_model(
        np.random.default_rng(3), INPUTS + STATE, [14, LEAVING + STATE], None
    )
    path = folder / "net.npz"
    path.write_bytes(neutral_bytes(cell))
    values = dict(np.load(path)) | {"inputs": INPUTS, "state": STATE} | extra
    np.savez(path, **values)
    return path, cell


def run(
    cell: ModelGraph, sequences: np.ndarray, state: np.ndarray, following: Any, leaving: Any
) -> list[np.ndarray]:
    """Return what leaves each step, for `[samples, steps, inputs]`."""
    state = np.broadcast_to(state, (len(sequences), STATE))
    found = []
    for step in range(sequences.shape[1]):
        bits = cell.output_bits(np.concatenate([sequences[:, step], state], axis=1))
        found.append(bits[:, leaving])
        state = bits[:, following]
    return found


@pytest.mark.parametrize("steps", [1, 2, 5])
@pytest.mark.parametrize("every_step", [0, 1])
@pytest.mark.parametrize("plain", [True, False])
def test_unrolled(tmp_path: Path, steps: int, every_step: int, plain: bool) -> None:
    following, leaving = np.arange(LEAVING, LEAVING + STATE), np.arange(LEAVING)
    init = np.zeros(STATE, dtype=np.uint8)
    extra: dict[str, Any] = {"every_step": every_step}
    if not plain:
        following, leaving = np.array([1, 9, 1, 4]), np.array([9, 0, 2])
        init = np.array([1, 0, 1, 1], dtype=np.uint8)
        extra |= {"next_state": following, "outputs": leaving, "state_init": init}
    path, cell = cell_file(tmp_path, **extra)
    model = read_model(path, ReadOptions(steps=steps))
    sequences = np.random.default_rng(0).integers(0, 2, size=(99, steps, INPUTS))
    expected = run(cell, sequences, init, following, leaving)
    wanted = np.concatenate(expected, axis=1) if every_step else expected[-1]
    np.testing.assert_array_equal(model.output_bits(sequences.reshape(99, -1)), wanted)
    check_lowering(model, lower(model))
    # The steps share their tables.
    assert len({id(layer.tables) for layer in model.layers}) == 2


def test_class_of_a_sequence_to_a_proved_netlist(tmp_path: Path) -> None:
    path, cell = cell_file(tmp_path, classes=3)
    options = ReadOptions(steps=4)
    result = compile_net(path, reading=options, output_dir=tmp_path / "out", place_and_route=False)
    assert result.manifest["proof"]["equivalence"] == "equivalent"
    copy = read_model(tmp_path / "out" / "model.npz")
    sequences = np.random.default_rng(0).integers(0, 2, size=(99, 4, INPUTS))
    state, leaving = np.arange(LEAVING, LEAVING + STATE), np.arange(LEAVING)
    last = run(cell, sequences, np.zeros(STATE), state, leaving)[-1]
    expected = last.reshape(99, 3, 2).sum(axis=2).argmax(axis=1)
    np.testing.assert_array_equal(copy.predict(sequences.reshape(99, -1)), expected)


@pytest.mark.parametrize(
    ("extra", "options", "message"),
    [
        ({}, {}, "expected --steps N, or compile --clocked"),
        ({"next_state": [1, 2]}, {"steps": 2}, "next_state: 2 numbers that do not fit"),
        ({"outputs": [99]}, {"steps": 2}, "outputs: 1 numbers that do not fit"),
        ({"state_init": [2, 0, 0, 0]}, {"steps": 2}, "state_init: is not the state"),
        ({"every_step": 2}, {"steps": 2}, "every_step: is 2; expected 0 or 1"),
        ({"outputs": [0.5]}, {"steps": 2}, "outputs: float64"),
    ],
)
def test_recurrent_nets_that_are_refused(
    tmp_path: Path, extra: dict[str, Any], options: dict[str, Any], message: str
) -> None:
    path, _ = cell_file(tmp_path, **extra)
    with pytest.raises(ModelError, match=message):
        read_model(path, ReadOptions(**options))


def test_steps_of_a_net_without_state(tmp_path: Path) -> None:
    model = random_layers_model(np.random.default_rng(0), 6, [8], None)
    (tmp_path / "net.npz").write_bytes(neutral_bytes(model))
    with pytest.raises(ModelError, match="--steps was given, but the net is not recurrent"):
        read_model(tmp_path / "net.npz", ReadOptions(steps=3))
    with pytest.raises(UsageError, match="--steps 0; expected 1 to 4096"):
        ReadOptions(steps=0)


SHAPE, KERNELS = (3, 4, 5), 2


def automaton(folder: Path, wraps: int, **extra: Any) -> tuple[Path, dict[str, np.ndarray]]:
    rng = np.random.default_rng(8)
    seen = SHAPE[0] * 2 * KERNELS

    def wires(width: int, gates: int) -> np.ndarray:
        return rng.integers(0, width, size=(2, gates))

    values = {
        "grid": np.array(SHAPE),
        "periodic": np.array(wraps),
        "perceive.0.params": rng.normal(size=(KERNELS, 8, 16)),
        "perceive.0.wires": np.stack([np.array([0, 1, 2, 3, 5, 6, 7, 8]), np.full(8, 4)]),
        "perceive.1.gates": rng.integers(0, 16, size=(KERNELS, 2)),
        "perceive.1.wires": wires(8, 2),
        "update.0.params": rng.normal(size=(10, 16)),
        "update.0.wires": wires(SHAPE[0] + seen, 10),
        "update.1.gates": rng.integers(0, 16, size=SHAPE[0]),
        "update.1.wires": wires(10, SHAPE[0]),
    } | extra
    np.savez(folder / "ca.npz", **values)
    return folder / "ca.npz", values


def lively_rule() -> dict[str, np.ndarray]:
    """Return keys of a rule after which, many steps on, grids still differ in every channel."""
    rng = np.random.default_rng(3)
    return {
        "perceive.0.params": rng.normal(size=(KERNELS, 8, 16)),
        "update.0.params": rng.normal(size=(10, 16)),
        "update.0.wires": rng.integers(0, SHAPE[0] + SHAPE[0] * 2 * KERNELS, (2, 10)),
        "update.1.gates": np.array([6, 6, 9]),
        "update.1.wires": np.array([[0, 2, 4], [1, 3, 5]]),
    }


def gates(values: dict[str, np.ndarray], place: str) -> np.ndarray:
    params = values.get(f"{place}.params")
    return values[f"{place}.gates"] if params is None else params.argmax(-1)


def logic(number: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return number >> (3 - (2 * a + b)) & 1


def apply_rule(values: dict[str, np.ndarray], grid: np.ndarray) -> np.ndarray:
    """Apply the rule cell by cell, as the notebook describes it."""
    channels, height, width = grid.shape
    mode = {"mode": "wrap"} if values["periodic"] else {"mode": "constant"}
    padded = np.pad(grid, ((0, 0), (1, 1), (1, 1)), **mode)  # type: ignore[call-overload]
    after = np.zeros_like(grid)
    for y in range(height):
        for x in range(width):
            said = np.zeros((channels, 2, KERNELS), dtype=np.int64)
            for c in range(channels):
                for k in range(KERNELS):
                    bits = padded[c, y : y + 3, x : x + 3].reshape(9)
                    for level in range(2):
                        a, b = values[f"perceive.{level}.wires"]
                        bits = logic(gates(values, f"perceive.{level}")[k], bits[a], bits[b])
                    said[c, :, k] = bits
            bits = np.concatenate([grid[:, y, x], said.reshape(-1)])
            for level in range(2):
                a, b = values[f"update.{level}.wires"]
                bits = logic(gates(values, f"update.{level}"), bits[a], bits[b])
            after[:, y, x] = bits
    return after


@pytest.mark.parametrize("periodic", [0, 1])
@pytest.mark.parametrize("steps", [1, 3])
def test_cellular_net(tmp_path: Path, periodic: int, steps: int) -> None:
    path, values = automaton(tmp_path, periodic)
    model = read_model(path, ReadOptions(steps=steps))
    grids = np.random.default_rng(1).integers(0, 2, size=(4, *SHAPE))
    expected = []
    for start in grids:
        grid = start
        for _ in range(steps):
            grid = apply_rule(values, grid)
        expected.append(grid.reshape(-1))
    np.testing.assert_array_equal(model.output_bits(grids.reshape(4, -1)), expected)
    check_lowering(model, lower(model))
    # The rule is there once for all steps and cells.
    rules = {id(b.tables[0]) for b in model.blocks if isinstance(b, LutConv)}
    assert len(rules) == 4


def test_cellular_net_to_a_proved_netlist(tmp_path: Path) -> None:
    path, _ = automaton(tmp_path, 1, outputs=np.array([2]))
    assert "expected --steps N" in str(inspect_model(path))
    reading = ReadOptions(steps=2)
    result = compile_net(path, reading=reading, place_and_route=False, output="bits")
    assert result.manifest["proof"]["equivalence"] == "equivalent"
    assert result.manifest["interface"]["output"]["bits"] == 20


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ({"grid": np.array([3, 4])}, "grid: int64.*expected .channels, height, width"),
        ({"periodic": np.array(2)}, "periodic: is missing or no flag"),
        ({"perceive.0.wires": np.full((2, 8), 9)}, "perceive.0: wires up to 9; expected 0..8"),
        ({"update.1.gates": np.array([1, 2, 16])}, "update.1: a gate number beyond 0..15"),
        ({"outputs": np.array([3])}, "outputs: are no channels"),
        ({"update.2.bias": np.array([3])}, "update.2.bias: unknown tensor"),
        ({"update.1.wires": np.zeros((2, 2), dtype=int)}, "update.1: gates .* with wires of 2"),
    ],
)
def test_cellular_nets_that_are_refused(
    tmp_path: Path, extra: dict[str, Any], message: str
) -> None:
    path, _ = automaton(tmp_path, 0, **extra)
    with pytest.raises(ModelError, match=message):
        read_model(path, ReadOptions(steps=1))


def test_wires_and_merges_that_do_not_fit() -> None:
    with pytest.raises(ModelError, match="output 1 is input 4; expected 0..3"):
        Wires("w", (2, 2), np.array([0, 4]))
    with pytest.raises(ModelError, match="wires of shape"):
        Wires("w", (2,), np.zeros((0,)))
    with pytest.raises(ModelError, match="no table of two inputs"):
        Merge("m", 3, np.uint64(0xF0F0_F0F0_F0F0_F0F0))
