"""Gate lists of published Tiny Tapeout nets: both containers, and the real files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers_frontends import gate, same_layers

from gatec.bits import pack, unpack
from gatec.errors import ModelError
from gatec.frontends import ReadOptions, inspect_model, neutral_bytes, read_model
from gatec.lowering.model import lower

INPUTS, WIDTH, LAYERS = 9, 12, 3
GIVEN = ReadOptions(inputs=INPUTS, classes=4)


def example() -> dict[str, Any]:
    rng = np.random.default_rng(3)
    limits = np.array([INPUTS, WIDTH, WIDTH])[:, None]
    return {
        "gate_types": rng.integers(1, 16, size=(LAYERS, WIDTH)),
        "connections.A": rng.integers(0, limits, size=(LAYERS, WIDTH)),
        "connections.B": rng.integers(0, limits, size=(LAYERS, WIDTH)),
    }


def as_pth(arrays: dict[str, Any]) -> dict[str, Any]:
    rng = torch.Generator().manual_seed(0)
    logits = torch.rand(LAYERS, 16, WIDTH, generator=rng)
    chosen = torch.from_numpy(arrays["gate_types"])
    logits.scatter_(1, chosen[:, None], 2.0)
    sides = [[torch.from_numpy(row) for row in arrays[f"connections.{s}"]] for s in "AB"]
    return {f"layers.{i}.w": logits[i] for i in range(LAYERS)} | {"connections": sides}


def test_npz_and_pth_compute_what_the_gates_say(tmp_path: Path) -> None:
    arrays = example()
    np.savez(tmp_path / "n.npz", **arrays, input=np.ones((1, 2), dtype=int))
    torch.save(as_pth(arrays), tmp_path / "n.pth")
    model = read_model(tmp_path / "n.npz", GIVEN)
    other = read_model(tmp_path / "n.pth", GIVEN)
    assert repr(lower(model).netlist) == repr(lower(other).netlist)
    assert model.notes["not used"] == "input"
    bits = np.random.default_rng(0).integers(0, 2, size=(100, INPUTS))
    x = torch.from_numpy(bits).float()
    for i in range(LAYERS):
        a, b = (x[:, arrays[f"connections.{side}"][i]] for side in "AB")
        columns = [gate(a[:, g], b[:, g], n) for g, n in enumerate(arrays["gate_types"][i])]
        x = torch.stack(columns, 1)
    found = unpack(model.evaluate(pack(bits), 100).bits, 100)
    np.testing.assert_array_equal(found, x.numpy())


def test_interconnect_of_its_own(tmp_path: Path) -> None:
    arrays = example()
    state = as_pth(arrays)
    del state["connections"]
    for i in range(LAYERS):
        pairs = np.stack([arrays[f"connections.{side}"][i] for side in "AB"], axis=1)
        flat = torch.from_numpy(pairs.reshape(-1))
        if i == 0:
            scores = torch.rand(INPUTS, 2 * WIDTH)
            state["layers.0.c"] = scores.scatter(0, flat[None], 2.0)
        else:
            state[f"layers.{i}.indices"] = flat
    torch.save(state, tmp_path / "n.pth")
    np.savez(tmp_path / "n.npz", **arrays)
    model = read_model(tmp_path / "n.pth", ReadOptions(classes=4))
    same_layers(model, read_model(tmp_path / "n.npz", GIVEN))


def test_few_best_interconnect_in_turn_with_gates(tmp_path: Path) -> None:
    """As the trainer's ModuleList numbers them: wiring 0, gates 1, wiring 2, ..."""
    arrays, generator = example(), torch.Generator().manual_seed(1)
    state: dict[str, Any] = {}
    for i in range(LAYERS):
        state[f"layers.{2 * i + 1}.w"] = as_pth(arrays)[f"layers.{i}.w"]
        sides = [arrays[f"connections.{side}"][i] for side in "AB"]
        flat = torch.from_numpy(np.stack(sides, axis=1).reshape(-1))
        best = torch.randint(0, 3, (2 * WIDTH,), generator=generator)
        scores = torch.rand((3, 2 * WIDTH), generator=generator)
        state[f"layers.{2 * i}.top_c"] = scores.scatter(0, best[None], 2.0)
        others = torch.randint(0, 9, (3, 2 * WIDTH), generator=generator)
        state[f"layers.{2 * i}.top_indices"] = others.scatter(0, best[None], flat[None])
    torch.save(state, tmp_path / "n.pth")
    np.savez(tmp_path / "n.npz", **arrays)
    model = read_model(tmp_path / "n.pth", GIVEN)
    same_layers(model, read_model(tmp_path / "n.npz", GIVEN))
    torch.save(state | {"layers.2.top_indices": torch.zeros(3, 1).int()}, tmp_path / "n.pth")
    with pytest.raises(ModelError, match=r"layer 1: top_indices of shape \[3, 1\]"):
        read_model(tmp_path / "n.pth", GIVEN)
    torch.save(state | {"layers.3.top_c": state["layers.2.top_c"]}, tmp_path / "n.pth")
    with pytest.raises(ModelError, match=r"layers.3.top_c: top_c both in the wiring and in the"):
        read_model(tmp_path / "n.pth", GIVEN)
    del state["layers.4.top_indices"]
    torch.save(state, tmp_path / "n.pth")
    with pytest.raises(ModelError, match="layer 2: no wiring"):
        read_model(tmp_path / "n.pth", GIVEN)


def test_padding_of_the_last_layer_is_refused(tmp_path: Path) -> None:
    arrays = example()
    for key in arrays:
        arrays[key][-1, -2:] = 0
    np.savez(tmp_path / "n.npz", **arrays)
    with pytest.raises(ModelError, match="layer 2: the last 2 gates look like padding"):
        read_model(tmp_path / "n.npz", GIVEN)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"connections.B": None}, "connections.B: missing"),
        ({"gate_types": np.ones((4, WIDTH), int)}, "gate_types has 4 layers and connections 3"),
        ({"gate_types": np.ones((3, 7), int)}, "layer 0: 7 gates, wiring of 12"),
        ({"gate_types": np.full((3, WIDTH), 16)}, r"gate_types\[0\]: gate 0 is number 16"),
        ({"gate_types": np.ones((3, WIDTH))}, r"gate_types\[0\]: gate numbers float64"),
        ({"connections.A": np.zeros((3, WIDTH))}, "wiring of type float64"),
        ({"connections.A": np.zeros((3, 4), int)}, r"shapes \[3, 4\] and \[3, 12\]"),
        ({"connections.A": np.full((3, WIDTH), 9)}, "gate 0 reads input 9, but the input has 9"),
    ],
)
def test_broken_npz(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    arrays = {k: v for k, v in (example() | changes).items() if v is not None}
    np.savez(tmp_path / "n.npz", **arrays)
    with pytest.raises(ModelError, match=f"n.npz: .*{message}"):
        read_model(tmp_path / "n.npz", GIVEN)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"connections": None}, "layer 0: no wiring"),
        ({"connections": [[], []]}, "connections: is not two lists"),
        ({"connections": 5}, "connections: is not two lists"),
        ({"connections": [[1, 2, 3], [1, 2, 3]]}, "is not a tensor"),
        ({"layers.1.w": None}, r"layers \[0, 2\]; expected layers 0, 1"),
        ({"layers.1.w": torch.zeros(15, 12)}, r"layer 1: weights of shape \[15, 12\]"),
        ({"layers.1.w": torch.full((16, 12), torch.nan)}, "layer 1: weight .0, 0. is nan"),
        ({"layers.3.c": torch.zeros(2, 2)}, "connections: is not two lists"),
        ({"layers.0.q": torch.zeros(2, 2)}, "layers.0.q: unknown tensor"),
    ],
)
def test_broken_pth(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    state = {k: v for k, v in (as_pth(example()) | changes).items() if v is not None}
    torch.save(state, tmp_path / "n.pth")
    with pytest.raises(ModelError, match=f"n.pth: .*{message}"):
        read_model(tmp_path / "n.pth", GIVEN)


def only(folder: Path, pattern: str) -> Path:
    (found,) = folder.glob(pattern)
    return found


def test_published_mnist_net(shared: Path) -> None:
    folder = shared / "models/tt10-lgn-mnist"
    npz, pth = only(folder, "final_*.npz"), only(folder, "final_*.pth")
    with pytest.raises(ModelError, match=r"reads up to 255; expected --inputs N \(at least 256\)"):
        read_model(npz)
    options = ReadOptions(inputs=256, classes=10)
    model = read_model(npz, options)
    # What the circuit is made of, and proved against.
    assert neutral_bytes(model) == neutral_bytes(read_model(pth, options))
    assert (model.num_gates, len(model.layers)) == (24_000, 6)
    assert inspect_model(npz).gate_types == inspect_model(pth).gate_types


def test_published_counter_lacks_its_first_wiring(shared: Path) -> None:
    with pytest.raises(ModelError, match="gate_types has 4 layers and connections 3"):
        read_model(shared / "models/tt10-lgn-mnist/bit_counter_45out.npz")


@pytest.mark.parametrize(
    ("pattern", "layers"), [("ws0-lgn-fxnist/*.npz", 2), ("own/mnist_784_6x8000.npz", 6)]
)
def test_other_published_nets(shared: Path, pattern: str, layers: int) -> None:
    path = only(shared / "models", pattern)
    model = read_model(path, ReadOptions(inputs=784, classes=10))
    assert [layer.out_width for layer in model.layers] == [8000] * layers
    arrays = np.load(path)
    np.testing.assert_array_equal(model.layers[-1].fanin[:, 1], arrays["connections.B"][-1])
