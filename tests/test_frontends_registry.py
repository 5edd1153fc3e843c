"""The list of frontends, the choice among them, and model names."""

from __future__ import annotations

import gzip
import pickle
from pathlib import Path
from typing import Any

import helpers_larq
import numpy as np
import pytest
import torch
from helpers import random_layers_model
from helpers_binary import BinaryLinear, Sign, random_pynq, write_cascade
from helpers_bloom import save_packed, wisard
from helpers_frontends import difflogic_net, save, torchlogix_net
from helpers_luts import DWNNode, NodeLayer, dwn_net
from helpers_trees import DATA, exported
from sklearn.tree import DecisionTreeClassifier
from torch import nn

from gatec.errors import ModelError, UsageError
from gatec.frontends import SUPPORTED, ReadOptions, inspect_model, read_model, write_neutral
from gatec.frontends.files.content import open_model
from gatec.frontends.naming import identifier


def examples(folder: Path) -> dict[str, Path]:
    """Return one file of each format."""
    write_neutral(random_layers_model(np.random.default_rng(0), 4, [4], 2), folder / "n.npz")
    lists = {"gate_types": [[1, 2]], "connections.A": [[0, 1]], "connections.B": [[1, 2]]}
    np.savez(folder / "g.npz", **{key: np.array(value) for key, value in lists.items()})
    np.savez(folder / "c.npz", **{"grid": np.array([4, 4, 1]), "update.0.wires": np.zeros((1, 2))})
    np.savez(folder / "p.npz", **random_pynq((4, 3), 0))
    (folder / "a.aag").write_text("aag 1 1 0 1 0\n2\n3\n")
    (folder / "v.v").write_text("module v(input a, output y); assign y = ~a; endmodule")
    (folder / "m.blif").write_text(".model m\n.inputs a\n.outputs y\n.names a y\n1 1\n.end\n")
    return {
        "neutral": folder / "n.npz",
        "gate-lists": folder / "g.npz",
        "bnn-pynq": folder / "p.npz",
        "larq": helpers_larq.write(folder / "q.npz", helpers_larq.network()),
        "trees": exported(DecisionTreeClassifier().fit([[0], [1]], [0, 1]), folder / "e.npz"),
        "cascade": two_nets(folder),
        "xgboost": DATA / "xgb_multi.ubj",
        "lightgbm": DATA / "lgb_multi.txt",
        "cellular": folder / "c.npz",
        "blif": folder / "m.blif",
        "circuits": folder / "a.aag",
        "verilog": folder / "v.v",
        "bloom": save_packed(wisard(np.random.default_rng(0)), folder / "b.lzma"),
        "dwn": save(dwn_net().state_dict(), folder / "w.pt"),
        "llnn": save({"0.w": torch.zeros(3, 4), "0.w_comp": torch.ones(3, 4)}, folder / "l.pt"),
        "difflut": save(nn.Sequential(NodeLayer(5, 4, 3, DWNNode)).state_dict(), folder / "f.pt"),
        "binary": whole_binary(folder / "b.pt"),
        "torchlogix": save(torchlogix_net().state_dict(), folder / "t.pt"),
        "onnx": Path(__file__).parent / "data/dense_1w1a.onnx",
        "difflogic": save(difflogic_net().state_dict(), folder / "d.pt"),
    }


def two_nets(folder: Path) -> Path:
    nets = [random_layers_model(np.random.default_rng(i), 4, [4], 2) for i in range(2)]
    return write_cascade(folder, *nets, 1)


def whole_binary(path: Path) -> Path:
    """Return a whole module of binary layers: the architecture of a state dict makes one, too."""
    return save(nn.Sequential(Sign(), BinaryLinear(3, 2)), path)


def test_each_format_is_matched_by_its_frontend_alone(tmp_path: Path) -> None:
    files = examples(tmp_path)
    assert [frontend.name for frontend in SUPPORTED] == list(files)
    for name, path in files.items():
        content = open_model(path)
        assert [f.name for f in SUPPORTED if f.matches(content)] == [name]


def test_frontends_describe_themselves_in_a_line() -> None:
    for frontend in SUPPORTED:
        assert 10 < len(frontend.description) < 90
        assert "\n" not in frontend.description


def test_a_named_format_is_used_or_refused(tmp_path: Path) -> None:
    files = examples(tmp_path)
    assert read_model(files["neutral"], ReadOptions(format="neutral")).num_gates == 4
    with pytest.raises(UsageError, match="--format keras; expected one of neutral, gate-lists"):
        read_model(files["neutral"], ReadOptions(format="keras"))
    for path in files.values():
        for frontend in SUPPORTED:
            if frontend.matches(open_model(path)):
                continue
            with pytest.raises(ModelError, match=path.name):
                read_model(path, ReadOptions(format=frontend.name, inputs=12))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"parametrization": "warp"}, "is neutral; expected torchlogix with it"),
        ({"image": "1x2x2"}, "is neutral; expected difflogic or binary with it"),
        ({"parameters": Path("p.txt")}, "is neutral; expected circuits or blif or verilog with"),
    ],
)
def test_options_that_a_format_knows_nothing_of(
    tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    files, given = examples(tmp_path), ReadOptions(**options)
    for read in (read_model, inspect_model):
        with pytest.raises(UsageError, match=f"--{next(iter(options))} was given, .* {message}"):
            read(files["neutral"], given)


def test_an_image_for_rows_of_bits_is_refused(tmp_path: Path) -> None:
    for net in (difflogic_net(), difflogic_net().state_dict()):
        with pytest.raises(UsageError, match="--image was given, but no layer reads an image"):
            read_model(save(net, tmp_path / "d.pt"), ReadOptions(inputs=12, image="1x3x4"))


def test_scales_of_sums_that_are_not_there_are_refused(tmp_path: Path) -> None:
    files = examples(tmp_path)
    with pytest.raises(ModelError, match="--tau was given, but the model has no classes"):
        read_model(files["circuits"], ReadOptions(tau=2.0))
    with pytest.raises(ModelError, match="--beta was given, but the model has weighted class sums"):
        read_model(files["trees"], ReadOptions(beta=2.0, features="uint8"))


def test_inspect_refuses_what_read_model_refuses(tmp_path: Path) -> None:
    files = examples(tmp_path)
    for options, message in (
        (ReadOptions(classes=3), "--classes 3 was given, but the file says 2"),
        (ReadOptions(steps=3), "--steps was given, but the net is not recurrent"),
    ):
        with pytest.raises(ModelError, match=message):
            inspect_model(files["neutral"], options)


def test_files_of_options_that_are_absent(tmp_path: Path) -> None:
    files, gone = examples(tmp_path), tmp_path / "gone.npz"
    for name, options, expected in (
        ("difflogic", ReadOptions(wiring=gone), "a file of connections: a and b, connections.A"),
        ("circuits", ReadOptions(parameters=gone), "a text of 0 and 1, or an array parameters"),
        ("circuits", ReadOptions(codebook=str(gone)), "one-hot, binary, binary-lsb, or a file"),
    ):
        with pytest.raises(ModelError, match=f"gone.npz: no such file; expected {expected}"):
            read_model(files[name], options)
    gone.write_bytes(b"")
    with pytest.raises(ModelError, match="gone.npz: empty file; expected a file of connections"):
        read_model(files["difflogic"], ReadOptions(wiring=gone))


def test_checkpoint_with_two_models_is_not_guessed(tmp_path: Path) -> None:
    state = difflogic_net().state_dict()
    path = save({"model": state, "net": state, "epoch": torch.tensor(1)}, tmp_path / "two.pt")
    with pytest.raises(ModelError, match=r"it holds 3 entries \(model, net, epoch\)"):
        read_model(path)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("net", "net"), ("Net_2", "Net_2"), ("2net", "m_2net"), ("_net", "net"),
        ("a b--c", "a_b_c"),
        ("module", "m_module"), ("Always", "m_Always"), ("logic", "m_logic"), ("", "model"),
        ("$\\;`include", "m_include"), ("été", "t"), ("x" * 200, "x" * 64), ("漢字", "model"),
        ("endmodule\n//", "m_endmodule"), ("٣", "model"),
    ],
)  # fmt: skip
def test_names_are_identifiers(text: str, name: str) -> None:
    assert identifier(text) == name


def test_files_that_say_what_to_do_with_them(tmp_path: Path) -> None:
    examples(tmp_path)
    trees = DecisionTreeClassifier().fit([[0], [1]], [0, 1])
    (tmp_path / "t.pkl").write_bytes(pickle.dumps(trees))
    (tmp_path / "n.npz.gz").write_bytes(gzip.compress((tmp_path / "n.npz").read_bytes()))
    save(nn.Linear(3, 2).state_dict(), tmp_path / "x.pt")
    for name, message in (
        ("t.pkl", "a pickle that torch did not write; expected .* of scikit-learn's trees what"),
        ("n.npz.gz", "packed by gzip; expected it unpacked"),
        ("x.pt", r"2 entries \(weight, bias\), of which --architecture FILE says the layers"),
    ):
        with pytest.raises(ModelError, match=f"{name}: .*{message}"):
            read_model(tmp_path / name)
