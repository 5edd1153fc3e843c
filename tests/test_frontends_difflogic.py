"""difflogic: whole modules, live modules, state dicts with wiring, and what is wrong with them."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers_frontends import (
    LogicLayer,
    check_same,
    difflogic_net,
    random_generator,
    same_layers,
    save,
)
from safetensors.torch import save_file
from torch import nn

from gatec.errors import ModelError, UsageError
from gatec.frontends import ReadOptions, from_module, inspect_model, read_model


def wiring_file(net: nn.Sequential, path: Path) -> Path:
    layers = [part for part in net if isinstance(part, LogicLayer)]
    np.savez(path, **{f"layers.{i}.fanin": torch.stack(layer.indices, 1).numpy()
                      for i, layer in enumerate(layers)})  # fmt: skip
    return path


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_whole_module_is_read_without_difflogic(tmp_path: Path, seed: int, legacy: bool) -> None:
    net = difflogic_net(seed)
    path = save(net, tmp_path / "net.pt", legacy=legacy)
    assert "difflogic" not in sys.modules
    model = read_model(path)
    check_same(model, net)
    assert model.head is not None
    assert (model.head.classes, model.head.tau) == (3, 2.5)
    assert model.num_inputs == 12
    assert "difflogic" not in sys.modules


def test_a_code_beside_class_sums_is_refused(tmp_path: Path) -> None:
    path = save(difflogic_net(), tmp_path / "net.pt")
    with pytest.raises(ModelError, match="--codebook was given, but the file has class sums"):
        read_model(path, ReadOptions(codebook="binary"))


def test_module_inside_a_checkpoint(tmp_path: Path) -> None:
    net = difflogic_net()
    wrapped = nn.Sequential(nn.Flatten(), nn.Sequential(*list(net)[1:-1]), nn.Identity(), net[-1])
    path = save({"epoch": 3, "model": wrapped, "args": {"lr": 0.1}}, tmp_path / "net.pt")
    check_same(read_model(path), net)


def test_live_module(tmp_path: Path) -> None:
    net = difflogic_net(5)
    model = from_module(net)
    check_same(model, net)
    same_layers(model, read_model(save(net, tmp_path / "n.pt")))
    assert model.name == "Sequential"
    assert from_module(net, ReadOptions(name="digits")).name == "digits"


def test_live_subclass_of_sequential_counts_only_with_its_forward() -> None:
    class Plain(nn.Sequential):
        pass

    class Odd(nn.Sequential):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(1 - x)

    net = difflogic_net()
    same_layers(from_module(Plain(*net)), from_module(net))
    with pytest.raises(ModelError, match="in which order Odd|in which order .*Odd"):
        from_module(Odd(*net))


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("wrap", ["plain", "state_dict", "prefix"])
def test_state_dict_with_wiring_file(tmp_path: Path, wrap: str, legacy: bool) -> None:
    net = difflogic_net(2)
    state = net.state_dict()
    values = {
        "plain": state,
        "state_dict": {"state_dict": state, "epoch": 1},
        "prefix": {f"model.layers.{key}": value for key, value in state.items()},
    }
    path = save(values[wrap], tmp_path / "net.pt", legacy=legacy)
    wiring = wiring_file(net, tmp_path / "wiring.npz")
    model = read_model(path, ReadOptions(wiring=wiring, inputs=12, classes=3, tau=2.5))
    check_same(model, net)
    assert "wiring.npz" in model.notes["wiring"]


def test_state_dict_without_classes_ends_in_bits(tmp_path: Path) -> None:
    net = difflogic_net(2)
    path = save(net.state_dict(), tmp_path / "net.pt")
    wiring = wiring_file(net, tmp_path / "wiring.npz")
    model = read_model(path, ReadOptions(wiring=wiring, inputs=12))
    assert model.head is None
    check_same(model, net)


def test_state_dict_as_safetensors_and_wiring_forms(tmp_path: Path) -> None:
    net = difflogic_net(4, widths=(20, 20))
    save_file(dict(net.state_dict()), tmp_path / "net.safetensors")
    a = torch.stack([part.indices[0] for part in net if isinstance(part, LogicLayer)])
    b = torch.stack([part.indices[1] for part in net if isinstance(part, LogicLayer)])
    torch.save({"a": a, "b": b}, tmp_path / "w.pt")
    save_file({"connections.A": a, "connections.B": b}, tmp_path / "w.safetensors")
    for name in ("w.pt", "w.safetensors"):
        options = ReadOptions(wiring=tmp_path / name, inputs=12, classes=4)
        model = read_model(tmp_path / "net.safetensors", options)
        check_same(model.with_output("bits"), net)


def test_buffers_a_and_b_are_wiring(tmp_path: Path) -> None:
    net = difflogic_net(6)
    state = dict(net.state_dict())
    for i, part in enumerate(net):
        if isinstance(part, LogicLayer):
            state[f"{i}.a"], state[f"{i}.b"] = part.indices
    model = read_model(save(state, tmp_path / "n.pt"), ReadOptions(inputs=12, classes=3, tau=2.5))
    check_same(model, net)


def test_argmax_ties_take_the_first_and_are_reported(tmp_path: Path) -> None:
    net = difflogic_net()
    with torch.no_grad():
        net[1].weights[4] = 0.0
        net[1].weights[5, 7] = net[1].weights[5, 9] = 100.0
    path = save(net, tmp_path / "net.pt")
    model = read_model(path)
    check_same(model, net)
    assert "module 1 (LogicLayer): 2" in model.notes["ties"]
    assert inspect_model(path).notes == model.notes


def test_model_name_comes_from_the_file(tmp_path: Path) -> None:
    for stem, name in [("net", "net"), ("8x8-net.v2", "m_8x8_net_v2"), ("module", "m_module"),
                       ("Ünder_", "nder"), ("--", "model"), ("é1", "m_1")]:  # fmt: skip
        path = save(difflogic_net(), tmp_path / f"{stem}.pt")
        assert read_model(path).name == name


def expect(path: Path, options: ReadOptions, *words: str) -> None:
    with pytest.raises((ModelError, UsageError)) as caught:
        read_model(path, options)
    message = str(caught.value)
    assert path.name in message
    assert "\n" not in message
    for word in words:
        assert word in message


def test_missing_facts_are_asked_for_by_option(tmp_path: Path) -> None:
    net = difflogic_net(2)
    path = save(net.state_dict(), tmp_path / "net.pt")
    wiring = wiring_file(net, tmp_path / "wiring.npz")
    top = int(torch.stack(net[1].indices).max())
    expect(path, ReadOptions(), "wiring is not in the file", "--wiring", "--replay")
    expect(path, ReadOptions(wiring=wiring), f"reads up to {top}", f"(at least {top + 1})")
    expect(path, ReadOptions(replay="seed=0,connections=random,device=cpu"), "--inputs N")


def test_facts_that_differ_are_refused(tmp_path: Path) -> None:
    net = difflogic_net()
    path = save(net, tmp_path / "net.pt")
    wiring = wiring_file(net, tmp_path / "wiring.npz")
    expect(path, ReadOptions(classes=5), "--classes 5", "the file says 3")
    expect(path, ReadOptions(inputs=13), "--inputs 13", "the file says 12")
    expect(path, ReadOptions(tau=1.0), "--tau 1", "the file says 2.5")
    expect(path, ReadOptions(wiring=wiring), "--wiring", "holds its wiring")
    expect(path, ReadOptions(features="uint8"), "--features uint8", "no float thresholds")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_logits_that_are_no_numbers(tmp_path: Path, value: float) -> None:
    net = difflogic_net()
    with torch.no_grad():
        net[2].weights[7, 3] = value
    expect(save(net, tmp_path / "net.pt"), ReadOptions(), "module 2", "[7, 3]", str(value))


@pytest.mark.parametrize("index", [-1, 20, 2**31, 2**40, -(2**62)])
def test_wiring_out_of_range(tmp_path: Path, index: int) -> None:
    net = difflogic_net()
    net[2].indices[1][5] = index
    expect(save(net, tmp_path / "net.pt"), ReadOptions(), "module 2", f"gate 5 reads input {index}",
           "20 outputs (0..19)")  # fmt: skip


def test_wiring_of_a_wrong_kind(tmp_path: Path) -> None:
    net = difflogic_net()
    good = net[1].indices
    path = tmp_path / "net.pt"
    net[1].indices = (good[0].float(), good[1].float())
    expect(save(net, path), ReadOptions(), "module 1", "float32", "integers")
    net[1].indices = (good[0], good[1][:-1])
    expect(save(net, path), ReadOptions(), "module 1", "[19]")
    net[1].indices = (good[0],)
    expect(save(net, path), ReadOptions(), "module 1", "no wiring")
    net[1].indices = (good[0].tolist(), good[1].tolist())
    expect(save(net, path), ReadOptions(), "module 1")
    del net[1].indices
    expect(save(net, path), ReadOptions(), "module 1", "no wiring")


def test_groups_that_do_not_divide(tmp_path: Path) -> None:
    net = difflogic_net(classes=3)
    net[-1].k = 7
    expect(save(net, tmp_path / "net.pt"), ReadOptions(), "30 outputs", "7 classes")
    net[-1].k = 0
    expect(save(net, tmp_path / "net.pt"), ReadOptions(), "k is 0")
    net[-1].k, net[-1].tau = 3, float("nan")
    expect(save(net, tmp_path / "net.pt"), ReadOptions(), "tau is nan")


def test_group_sum_of_a_fork_with_weights_of_its_own(tmp_path: Path) -> None:
    net = difflogic_net()
    net[-1].bias = nn.Parameter(torch.ones(4))
    expect(save(net, tmp_path / "net.pt"), ReadOptions(), "GroupSum with bias float32[4]")
    net = difflogic_net()
    net[-1].tau = torch.tensor(2.5)
    check_same(read_model(save(net, tmp_path / "net.pt")), net)


def test_layers_that_gatec_does_not_know(tmp_path: Path) -> None:
    net = difflogic_net()
    parts = list(net)
    path = tmp_path / "net.pt"
    odd = nn.Sequential(*parts[:2], nn.Linear(20, 20), *parts[2:])
    expect(save(odd, path), ReadOptions(), "module 2 (Linear)", "unknown layer")
    after = nn.Sequential(*parts, parts[1])
    expect(save(after, path), ReadOptions(), "follows the GroupSum")
    listed = nn.ModuleList(parts)
    expect(save(listed, path), ReadOptions(), "in which order ModuleList")
    expect(save(nn.Linear(3, 3), path), ReadOptions(), "no model that gatec knows")
    expect(save([1, 2], path), ReadOptions(), "a list")


def test_state_dict_with_a_tensor_that_belongs_to_no_layer(tmp_path: Path) -> None:
    net = difflogic_net()
    state = dict(net.state_dict()) | {"1.bias": torch.zeros(20)}
    expect(save(state, tmp_path / "net.pt"), ReadOptions(), "1.bias", "unknown tensor")


def test_wiring_file_that_does_not_fit(tmp_path: Path) -> None:
    net = difflogic_net()
    path = save(net.state_dict(), tmp_path / "net.pt")
    wiring = wiring_file(difflogic_net(widths=(20, 18)), tmp_path / "w.npz")
    with pytest.raises(ModelError, match="w.npz: wiring of 2 layers; expected 3 layers"):
        read_model(path, ReadOptions(wiring=wiring, inputs=12))
    wiring = wiring_file(difflogic_net(widths=(20, 19, 30)), tmp_path / "w.npz")
    with pytest.raises(ModelError, match="w.npz: layer 1: wiring of 19 gates; expected 18 gates"):
        read_model(path, ReadOptions(wiring=wiring, inputs=12))
    np.savez(tmp_path / "w.npz", c=np.zeros(3))
    with pytest.raises(ModelError, match="w.npz: no wiring among c"):
        read_model(path, ReadOptions(wiring=tmp_path / "w.npz", inputs=12))


def test_inspect_reports_an_incomplete_model(tmp_path: Path) -> None:
    net = difflogic_net(3)
    path = save(net.state_dict(), tmp_path / "net.pt")
    found = inspect_model(path)
    assert (found.format, found.container, found.num_gates) == ("difflogic", "torch", 68)
    assert found.shapes["2.weights"] == [18, 16]
    numbers = net[2].weights.argmax(1)
    assert list(found.gate_types["layer1"].values()) == np.bincount(numbers, minlength=16).tolist()
    text = str(found)
    for option in ("--wiring", "--inputs", "--classes"):
        assert any(option in line for line in found.missing)
        assert option in text
    whole = inspect_model(save(net, tmp_path / "whole.pt"))
    assert whole.missing == []
    assert whole.gate_types == found.gate_types
    assert "groupsum: 3 classes tau=2.5" in whole.blocks


def test_inspect_of_something_else_lists_its_tensors(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", image=np.zeros((3, 4)))
    found = inspect_model(tmp_path / "x.npz")
    assert (found.format, found.shapes) == ("unknown", {"image": [3, 4]})
    assert "image: [3, 4]" in str(found)


def test_half_precision_and_bfloat16_weights(tmp_path: Path) -> None:
    net = difflogic_net(8)
    for dtype in (torch.float16, torch.bfloat16, torch.float64):
        path = save(net.to(dtype), tmp_path / "net.pt")
        check_same(read_model(path), net.float())


def test_fake_layer_draws_its_wiring_within_range() -> None:
    layer = LogicLayer(3, 50, random_generator(0))
    assert int(torch.stack(layer.indices).max()) == 2
