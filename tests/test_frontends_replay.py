"""Replayed wiring: difflogic's own drawing, written plainly in torch, and published goldens."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers_frontends import LogicLayer, check_same, difflogic_net, save

from gatec.bits import pack, unpack
from gatec.errors import GatecError, ModelError, ToolError, UsageError
from gatec.frontends import ReadOptions, read_model
from gatec.frontends.replay import Replay, unique_pairs


def test_random_wiring_is_drawn_again(tmp_path: Path) -> None:
    for device in ("cpu", "cuda"):
        net = difflogic_net(1, inputs=30, widths=(20, 16, 12))
        torch.manual_seed(11)
        torch.randperm(70)
        for layer in (part for part in net if isinstance(part, LogicLayer)):
            if device == "cpu":
                torch.randn(layer.out_dim, 16)
            draw = torch.randperm(2 * layer.out_dim) % layer.in_dim
            draw = torch.randperm(layer.in_dim)[draw].reshape(2, layer.out_dim)
            layer.indices = (draw[0], draw[1])
        path = save(net.state_dict(), tmp_path / "net.pt")
        text = f"seed=11, connections=random, device={device}, draws-before=70"
        model = read_model(path, ReadOptions(inputs=30, classes=3, tau=2.5, replay=text))
        check_same(model, net)
        assert text in model.notes["wiring"]


def plain_unique_pairs(inputs: int, gates: int) -> list[tuple[int, int]]:
    """The list of pairs as the trainer's comments describe it, one pair at a time."""
    pairs = [(i, i + 1) for i in range(0, inputs - 1, 2)]
    if len(pairs) < gates:
        pairs += [(i, i + 1) for i in range(1, inputs - 1, 2)]
    offset = 2
    while gates > len(pairs) > offset:
        pairs += [(i, i + offset) for i in range(inputs - offset)]
        offset += 1
    return pairs[:gates]


@pytest.mark.parametrize("inputs", [2, 3, 4, 5, 8, 11, 40])
def test_unique_pairs(inputs: int) -> None:
    for gates in range(1, inputs * (inputs - 1) // 2 + 3):
        expected = plain_unique_pairs(inputs, gates)
        if len(expected) == gates:
            found = unique_pairs(inputs, gates, file="f", place="p")
            assert [tuple(pair) for pair in found.tolist()] == expected
        else:
            with pytest.raises(ModelError, match="distinct pairs"):
                unique_pairs(inputs, gates, file="f", place="p")


@pytest.mark.parametrize(
    "text",
    [
        "", "seed=0", "seed=0,connections=unique", "seed=x,connections=unique,device=cpu",
        "seed=0,connections=all,device=cpu", "seed=0,connections=unique,device=tpu",
        "seed=0,seed=1,connections=unique,device=cpu", "seed=0,connections=unique,device=cpu,x=1",
        "seed=-1,connections=unique,device=cpu", "seed=0,connections,device=cpu",
        "seed=99999999999999999999,connections=unique,device=cpu",
        "seed=0,connections=unique,device=cpu,draws-before=9999999999",
    ],
)  # fmt: skip
def test_texts_that_are_no_replay(text: str) -> None:
    with pytest.raises(UsageError, match="--replay"):
        Replay.parse(text)


def test_layer_that_difflogic_does_not_wire(tmp_path: Path) -> None:
    path = save(difflogic_net().state_dict(), tmp_path / "net.pt")
    text = "seed=0,connections=random,device=cpu"
    with pytest.raises(ModelError, match="net.pt: layer 0: difflogic does not wire 20 gates to 41"):
        read_model(path, ReadOptions(inputs=41, replay=text))


def test_without_torch_one_line_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(difflogic_net().state_dict(), tmp_path / "net.pt")
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ToolError, match=r"torch: .*pip install 'gatec\[torch\]'") as caught:
        read_model(path, ReadOptions(inputs=12, replay="seed=0,connections=random,device=cpu"))
    assert isinstance(caught.value, GatecError)
    assert caught.value.exit_code == 6


def test_global_generator_is_left_alone(tmp_path: Path) -> None:
    before = torch.get_rng_state()
    Replay.parse("seed=3,connections=random,device=cpu").draw(8, [8, 8], file="f")
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("net", ["200_4", "800_4"])
def test_published_nets_replay_bit_for_bit(shared: Path, net: str) -> None:
    folder = shared / "models/difflogic-vicharak"
    golden = np.load(folder / f"golden_mnist20x20_{net}.npz")
    replay = "seed=0,connections=unique,device=cuda,draws-before=60000"
    path = folder / f"model_None_mnist20x20_{net}.pt"
    model = read_model(path, ReadOptions(inputs=400, classes=10, replay=replay))
    for i, layer in enumerate(model.layers):
        np.testing.assert_array_equal(layer.fanin, np.stack([golden["a"][i], golden["b"][i]], 1))
    samples = np.unpackbits(golden["inputs"], axis=1)
    result = model.evaluate(pack(samples), len(samples))
    last = np.unpackbits(golden["last_layer"], axis=1)
    np.testing.assert_array_equal(unpack(result.bits, len(samples)), last)
    assert result.scores is not None
    np.testing.assert_array_equal(result.scores.T, golden["group_counts"])
    wiring = folder / f"golden_mnist20x20_{net}.npz"
    from_file = read_model(path, ReadOptions(inputs=400, classes=10, wiring=wiring))
    assert repr(from_file) == repr(model)
