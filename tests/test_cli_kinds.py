"""Other kinds of model end to end: a live module, an encoder inside the circuit, other outputs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import require
from helpers_frontends import difflogic_net, torchlogix_net

import gatec
from gatec.bits import pack, to_integers, unpack
from gatec.cli import run
from gatec.evaluate import evaluate_outputs


def test_a_live_module_compiles_to_its_own_answers() -> None:
    net = difflogic_net(3, inputs=20, widths=(60, 60, 50), classes=5)
    result = gatec.compile(net, target="ice40", place_and_route=False)
    assert result.manifest["proof"]["equivalence"] == "equivalent"
    samples = np.random.default_rng(1).integers(0, 2, size=(300, 20))
    with torch.no_grad():
        scores = net(torch.tensor(samples, dtype=torch.float32))
    assert result.design.mapped.model.predict(samples).tolist() == scores.argmax(1).tolist()


def write_encoded(path: Path) -> dict[str, np.ndarray]:
    """A net of 5 features with 3 thresholds each, as the neutral form."""
    rng = np.random.default_rng(7)
    arrays = {
        "inputs": np.array(15),
        "thresholds": np.sort(rng.random((5, 3)), axis=1).astype(np.float32),
        "layers.0.fanin": rng.integers(0, 15, size=(40, 3)),
        "layers.0.tables": rng.integers(0, 2, size=(40, 8)).astype(np.uint8),
        "classes": np.array(4),
    }
    np.savez(path, **arrays)  # type: ignore[arg-type]
    return arrays


def plain_scores(arrays: dict[str, np.ndarray], codes: np.ndarray) -> np.ndarray:
    """Evaluate in the plainest way: floats, comparisons, rows of the tables, sums."""
    features = codes.astype(np.float32) / np.float32(15)
    bits = (features[:, :, None] > arrays["thresholds"]).reshape(len(codes), 15)
    picked = bits[:, arrays["layers.0.fanin"]]
    # The first input is the most significant bit of the row's number.
    rows = picked @ np.array([4, 2, 1])
    outputs = arrays["layers.0.tables"][np.arange(40), rows]
    return outputs.reshape(len(codes), 4, 10).sum(axis=2)


def test_an_encoder_in_the_circuit_takes_integer_codes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    require("iverilog")
    model, out, data = tmp_path / "net.npz", tmp_path / "out", tmp_path / "codes.npy"
    arrays = write_encoded(model)
    codes = np.random.default_rng(8).integers(0, 16, size=(200, 5))
    np.save(data, codes)
    features = ["--features", "uint4,scale=1/15"]
    assert run(["compile", str(model), "-q", "--output", "scores", "-o", str(out), *features]) == 0
    assert run(["verify", str(out), "--model", str(model), *features]) == 0
    assert "encoder: 15 comparators tried on every code" in capsys.readouterr().out
    sim = ["sim", str(out), "--data", str(data), "--output", "scores", "--rtl", "--json"]
    assert run(sim) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["outputs"] == plain_scores(arrays, codes).tolist()
    assert found["rtl"] == "equal to the reference on every bit"
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["interface"]["input"] == {
        "encoding": "unsigned x4",
        "bits": 20,
        "beat_bits": 20,
    }


def test_an_encoder_is_asked_for_and_can_stay_outside(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = tmp_path / "net.npz"
    arrays = write_encoded(model)
    assert run(["inspect", str(model)]) == 0
    assert "--features" in capsys.readouterr().out
    assert run(["compile", str(model), "-q", "-o", str(tmp_path / "out")]) == 3
    assert "--features" in capsys.readouterr().err
    graph = gatec.read_model(model, gatec.ReadOptions(features="bits"))
    codes = np.random.default_rng(9).integers(0, 16, size=(50, 5))
    bits = codes.astype(np.float32)[:, :, None] / np.float32(15) > arrays["thresholds"]
    expected = plain_scores(arrays, codes).argmax(axis=1)
    assert graph.predict(bits.reshape(50, 15)).tolist() == expected.tolist()


@pytest.mark.parametrize("output", ["argmax", "scores", "bits"])
def test_torchlogix_compiles_with_every_output(output: str) -> None:
    net = torchlogix_net(5, rank=4, parametrization="warp")
    result = gatec.compile(net, target="ice40", output=output, place_and_route=False)
    assert result.manifest["proof"]["equivalence"] == "equivalent"
    samples = np.random.default_rng(1).integers(0, 2, size=(64, 12))
    with torch.no_grad():
        scores = net(torch.tensor(samples, dtype=torch.float32))
    circuit = unpack(evaluate_outputs(result.design.netlist, pack(samples)), 64)
    if output == "argmax":
        assert to_integers(circuit).tolist() == scores.argmax(1).tolist()
    elif output == "scores":
        counts = to_integers(circuit.reshape(64, 4, -1))
        np.testing.assert_allclose((counts + 1.5) / 3.0, scores.numpy(), rtol=1e-6)
    else:
        with torch.no_grad():
            last = net[:-1](torch.tensor(samples, dtype=torch.float32))
        assert np.array_equal(circuit, last.numpy())


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_inspect_lists_a_file_of_no_known_kind_and_fails(
    options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "data.npz"
    np.savez(file, weather=np.zeros((3, 4)))
    assert run(["inspect", str(file), *options]) == 3
    printed = capsys.readouterr()
    assert "weather" in printed.out
    assert "unknown" in printed.out
    assert printed.err.count("\n") == 1
    assert "no model that gatec knows; it holds 1 entries (weather)" in printed.err
    assert "difflogic" in printed.err


def test_boards_and_targets_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["boards"]) == 0
    rows = [line.split(maxsplit=5) for line in capsys.readouterr().out.splitlines()]
    assert ["ulx3s_85f", "ecp5", "85k-CABGA381", "25", "MHz", "ULX3S with an ECP5-85F"] in rows
    assert run(["targets"]) == 0
    assert " * 25k        24288 LUTs  CABGA381" in capsys.readouterr().out
