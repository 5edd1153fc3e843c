"""Modules of which one part says other than another: found by damaging files, and refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from helpers_forks import Logic
from helpers_frontends import save, torchlogix_net
from helpers_luts import PaddedGroupSum, difflut_layers, dwn_net
from helpers_torchlogix import save_module, torchlogix, trained
from llnn.lutnn import LUTNN
from torch import nn

from gatec.errors import ModelError
from gatec.frontends import ReadOptions, read_model


def test_dwn_with_luts_of_another_size(tmp_path: Path) -> None:
    net = dwn_net(3, inputs=6)
    net[1].n = 1
    with pytest.raises(ModelError, match="n is 1, but luts have 8 columns"):
        read_model(save(net, tmp_path / "net.pt"))


def test_llnn_with_tables_of_another_size(tmp_path: Path) -> None:
    net = LUTNN([6, 10], 2, [3, 2], 6, 2).eval()
    net.model[2].lut_size = 1
    torch.save(net, tmp_path / "net.pth")
    with pytest.raises(ModelError, match="lut_size is 1; expected 2, as its tables have"):
        read_model(tmp_path / "net.pth", ReadOptions(inputs=6))


@pytest.mark.parametrize(
    ("part", "name", "value", "message"),
    [
        (1, "n", 1, "n is 1; expected 4, as its wiring has"),
        (4, "randperm", torch.arange(10), "randperm holds an order"),
    ],
)
def test_difflut_layers_of_another_width_or_order(
    tmp_path: Path, part: int, name: str, value: Any, message: str
) -> None:
    net = torch.nn.Sequential(*difflut_layers(), PaddedGroupSum(4, 2.0)).eval()
    setattr(net[part], name, value)
    with pytest.raises(ModelError, match=message):
        read_model(save(net, tmp_path / "net.pt"))


def test_difflogic_wiring_that_pytorch_takes_for_a_mask(tmp_path: Path) -> None:
    net = torch.nn.Sequential(Logic(8, 8))
    net[0].b = net[0].b.to(torch.uint8)
    with pytest.raises(ModelError, match="wiring of bytes, which PyTorch takes for a mask"):
        read_model(save(net, tmp_path / "net.pt"), ReadOptions(inputs=8))


@pytest.mark.parametrize(("name", "value"), [("lut_rank", 2), ("lut_entries", 4)])
def test_torchlogix_of_another_rank(tmp_path: Path, name: str, value: Any) -> None:
    net = torchlogix_net(rank=4, parametrization="light")
    setattr(net[1].parametrization, name, value)
    with pytest.raises(ModelError, match=f"{name} is {value}; expected .*, as it is wired"):
        read_model(save(net, tmp_path / "net.pt"))


@pytest.mark.parametrize(("name", "value"), [("orig_stride", 3), ("stride", 2), ("padding", 0)])
def test_torchlogix_with_a_window_of_another_step(tmp_path: Path, name: str, value: int) -> None:
    layers = torchlogix()
    net = trained(layers.LogicConvTranspose2d(3, 1, 2, 1, 2, stride=2, output_padding=1))
    path = save_module(net, tmp_path / "net.pt")
    assert read_model(path, ReadOptions()).num_inputs == 9
    setattr(net[0].connections, name, value)
    with pytest.raises(ModelError, match=rf"{name} is \({value}, {value}\); .* as of its layer"):
        read_model(save_module(net, tmp_path / "net.pt"))


@pytest.mark.parametrize("where", ["layer", "connections"])
def test_torchlogix_convolution_of_another_number_of_axes(tmp_path: Path, where: str) -> None:
    net = trained(torchlogix().LogicConv2d((4, 5), 2, 3, 2, 3, padding=1))
    (net[0] if where == "layer" else net[0].connections).conv_dimension = 3
    with pytest.raises(ModelError, match="conv_dimension is 3; expected 2"):
        read_model(save_module(net, tmp_path / "net.pt"))


def test_torchlogix_convolution_without_weights(tmp_path: Path) -> None:
    net = trained(torchlogix().LogicConv2d((4, 5), 2, 3, 2, 3))
    weights = net[0].tree_weights[0]
    net[0].tree_weights[0] = nn.Parameter(weights[:, :, :0].detach())
    with pytest.raises(ModelError, match=r"tree_weights.0: shape \[.*, 0\]; expected \[nodes"):
        read_model(save_module(net, tmp_path / "net.pt"))


def test_a_beta_beside_which_the_trainer_loses_the_counts(tmp_path: Path) -> None:
    net = torchlogix_net()
    net[-1].beta = -1e9
    with pytest.raises(ModelError, match="beta is -1e.09; expected at most"):
        read_model(save(net, tmp_path / "net.pt"))
