"""difflut's whole modules: the same nets as their state dicts, by the module's own outputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers_frontends import same_layers, save
from helpers_luts import PaddedGroupSum, SimpleFeedForward, difflut_layers
from torch import nn

from gatec import compile as compile_net
from gatec.errors import ModelError
from gatec.frontends import ReadOptions, read_model

BITS = ReadOptions(features="bits")


def made() -> nn.Sequential:
    torch.manual_seed(5)
    return nn.Sequential(*difflut_layers(), PaddedGroupSum(4, 2.0)).eval()


def test_a_whole_module(tmp_path: Path) -> None:
    """Ten bits in four classes: the last is filled up with zeros."""
    net = made()
    model = read_model(save(net, tmp_path / "net.pt"))
    assert model.num_inputs == 9
    assert model.head is not None
    assert model.head.tau == 2.0
    bits = np.random.default_rng(1).integers(0, 2, size=(200, 9), dtype=np.uint8)
    with torch.no_grad():
        found = net(torch.from_numpy(bits).float()).numpy()
    assert len(set(found.argmax(1))) > 1
    assert np.array_equal(model.predict(bits), found.argmax(1))
    state = save(net[:4].state_dict(), tmp_path / "state.pt")
    bare = read_model(save(net[:4], tmp_path / "bare.pt"))
    same_layers(bare, read_model(state, ReadOptions(inputs=9)))


def test_a_feed_forward_model_takes_its_encoder_s_bits(tmp_path: Path) -> None:
    net = made()
    path = save(SimpleFeedForward(list(net[:4]), net[4]).eval(), tmp_path / "whole.pt")
    with pytest.raises(ModelError, match="its encoder is not read; expected --features bits"):
        read_model(path)
    found = read_model(path, BITS)
    same_layers(found, read_model(save(net, tmp_path / "net.pt")))
    result = compile_net(path, "ice40", reading=BITS, place_and_route=False, optimise=0)
    assert result.manifest["proof"]["equivalence"] == "equivalent"


def _averaging(net: nn.Sequential) -> None:
    net[3].nodes[2].eval_mode = "expectation"  # type: ignore[index, union-attr]


def _drawn(net: nn.Sequential) -> None:
    net[4].use_randperm = True  # type: ignore[assignment]


def _foreign(net: nn.Sequential) -> None:
    net[1].nodes[3] = nn.Linear(4, 1)  # type: ignore[index, operator]


def _after(net: nn.Sequential) -> None:
    net.append(difflut_layers()[0])


def _missing(net: nn.Sequential) -> None:
    del net[1].mapping


def _unlike(net: nn.Sequential) -> None:
    net.insert(2, nn.Linear(4, 1))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_averaging, r"module 3.nodes.2 \(DiffLogicNode\): eval_mode is 'expectation'"),
        (_drawn, "use_randperm draws another order each time"),
        (_foreign, "unknown node; expected DiffLogicNode, DWNNode"),
        (_after, "follows the GroupSum"),
        (_missing, "layer 1: no wiring"),
        (_unlike, "unknown layer; expected LearnableLayer, RandomLayer or GroupSum"),
    ],
)
def test_modules_that_are_refused(tmp_path: Path, change: Any, message: str) -> None:
    net = made()
    change(net)
    with pytest.raises(ModelError, match=message):
        read_model(save(net, tmp_path / "net.pt"))
