"""Keras' HDF5 files: the same nets as by the exporter, and nothing outside of the file."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from helpers_frontends import same_layers
from helpers_larq import described, network, run, write, write_h5

from gatec import compile as compile_net
from gatec.errors import GatecError, ModelError, ToolError, UsageError
from gatec.frontends import ReadOptions, inspect_model, neutral_bytes, read_model
from gatec.frontends.files import keras_h5

BITS = ReadOptions(features="bits")


@pytest.mark.parametrize("attribute_bytes", [64512, 20])
def test_a_whole_model_is_what_the_exporter_writes(tmp_path: Path, attribute_bytes: int) -> None:
    layers = network(1)
    found = read_model(
        write_h5(tmp_path / "net.h5", *described(layers), attribute_bytes=attribute_bytes), BITS
    )
    exported = read_model(write(tmp_path / "net.npz", layers), BITS)
    assert neutral_bytes(found) == neutral_bytes(exported)
    same_layers(found, exported)
    x = np.random.default_rng(5).choice([-1, 1], size=(200, 6, 6, 2))
    bits = (np.moveaxis(x, -1, 1).reshape(200, -1) > 0).astype(np.uint8)
    assert np.array_equal(found.predict(bits), run(layers, x).argmax(1))


def test_weights_alone_take_the_layers_from_a_file(tmp_path: Path) -> None:
    text, weights = described(network(2))
    path = write_h5(tmp_path / "net.h5", None, weights)
    (tmp_path / "net.json").write_text(text)
    options = ReadOptions(features="bits", architecture=tmp_path / "net.json")
    whole = read_model(write_h5(tmp_path / "whole.h5", text, weights), BITS)
    same_layers(read_model(path, options), whole)
    bits = np.random.default_rng(1).integers(0, 2, size=(200, 72), dtype=np.uint8)
    assert np.array_equal(read_model(path, options).predict(bits), whole.predict(bits))
    with pytest.raises(ModelError, match="without the layers .*; expected --architecture FILE"):
        read_model(path, BITS)
    with pytest.raises(UsageError, match="the file holds the layers"):
        read_model(tmp_path / "whole.h5", options)


def test_to_a_proved_netlist(tmp_path: Path) -> None:
    path = write_h5(tmp_path / "net.h5", *described(network(3)))
    result = compile_net(path, "ice40", reading=BITS, place_and_route=False, optimise=0)
    assert result.manifest["proof"]["equivalence"] == "equivalent"
    assert inspect_model(path, BITS).format == "larq"


def test_without_h5py(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_h5(tmp_path / "net.h5", *described(network()))
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(ToolError, match=r"h5py not found; expected pip install 'gatec\[h5\]'"):
        read_model(path, BITS)


def test_a_file_on_which_the_library_never_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_h5(tmp_path / "net.h5", *described(network()))
    data = bytearray(path.read_bytes())
    # The model's text is in the global heap: behind its header, that of the first object.
    size = data.index(b"GCOL") + 16 + 8
    data[size : size + 8] = ((1 << 64) - 16).to_bytes(8, "little")
    path.with_name("bad.h5").write_bytes(data)
    assert read_model(path, BITS).num_inputs == 72
    monkeypatch.setattr(keras_h5, "_SECONDS", 0.5)
    with pytest.raises(ModelError, match=r"bad\.h5: broken HDF5: its library does not end"):
        read_model(path.with_name("bad.h5"), BITS)
    monkeypatch.undo()
    assert read_model(path, BITS).num_inputs == 72


def test_a_file_on_which_the_library_crashes(tmp_path: Path) -> None:
    path = write_h5(tmp_path / "net.h5", *described(network()))
    assert read_model(path, BITS).num_inputs == 72
    (process,) = keras_h5._running.values()
    process._process.kill()
    with pytest.raises(ModelError, match="broken HDF5: its library crashes"):
        read_model(path, BITS)
    assert read_model(path, BITS).num_inputs == 72


def test_a_process_that_does_not_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_h5(tmp_path / "net.h5", *described(network()))
    keras_h5._stop()
    monkeypatch.setattr(sys, "executable", shutil.which("false"))
    with pytest.raises(ToolError, match="h5py cannot be loaded"):
        read_model(path, BITS)


def test_under_a_limit_of_memory(tmp_path: Path) -> None:
    path = write_h5(tmp_path / "net.h5", *described(network()))
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30));"
        "from gatec.frontends import ReadOptions, read_model;"
        "print(read_model(sys.argv[1], ReadOptions(features='bits')).num_inputs)"
    )
    command = [sys.executable, "-c", code, path]
    run = subprocess.run(command, check=False, capture_output=True, text=True)
    assert run.stdout == "72\n", run.stderr


def _linked(file: Any) -> None:
    del file["model_weights/layer_0/layer_0/kernel:0"]
    file["model_weights/layer_0/layer_0/kernel:0"] = h5py.ExternalLink("other.h5", "/x")


def _soft(file: Any) -> None:
    file.move("model_weights/layer_0/layer_0", "elsewhere")
    file["model_weights/layer_0/layer_0"] = h5py.SoftLink("/elsewhere")


def _outside(file: Any) -> None:
    group = file["model_weights/layer_0/layer_0"]
    del group["kernel:0"]
    group.create_dataset("kernel:0", (3, 3, 2, 4), "f4", external="/etc/passwd")


def _virtual(file: Any) -> None:
    group = file["model_weights/layer_0/layer_0"]
    del group["kernel:0"]
    layout = h5py.VirtualLayout(shape=(3, 3, 2, 4), dtype="f4")
    layout[...] = h5py.VirtualSource("other.h5", "x", shape=(3, 3, 2, 4))
    group.create_virtual_dataset("kernel:0", layout)


def _huge(file: Any) -> None:
    group = file["model_weights/layer_0/layer_0"]
    del group["kernel:0"]
    group.create_dataset("kernel:0", (1 << 20, 1 << 20, 2, 4), "f4", chunks=(64, 64, 2, 4))


def _packed(file: Any) -> None:
    group = file["model_weights/layer_0/layer_0"]
    del group["kernel:0"]
    group.create_dataset("kernel:0", (3, 3, 2, 4), "f4", compression="lzf")


def _text(file: Any) -> None:
    group = file["model_weights/layer_0/layer_0"]
    del group["kernel:0"]
    group["kernel:0"] = "no numbers"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_linked, "layer_0.kernel: is a link"),
        (_soft, "layer_0.kernel: is a link"),
        (_outside, "is kept in another file"),
        (_virtual, "is kept in another file"),
        (_packed, "packed by a plugin"),
        (_huge, r"claims a shape \[1048576, 1048576, 2, 4\]"),
        (_text, "layer_0.kernel: holds object"),
        (lambda file: file.attrs.__delitem__("model_config"), "has no layer_names"),
        (lambda file: file.__delitem__("model_weights"), "model_weights: is not there"),
        (
            lambda file: file["model_weights/layer_0"].attrs.__setitem__("weight_names", 3),
            "no list",
        ),
        (
            lambda file: file["model_weights"].attrs.__setitem__("layer_names", [b"../up"]),
            "up: is not there",
        ),
        (lambda file: file.attrs.__setitem__("model_config", b"{"), "config: is no JSON"),
    ],
)
def test_files_that_are_refused(tmp_path: Path, change: Any, message: str) -> None:
    path = write_h5(tmp_path / "net.h5", *described(network()))
    with h5py.File(path, "a") as file:
        change(file)
    with pytest.raises(ModelError, match=message):
        read_model(path, BITS)


def test_truncated(tmp_path: Path) -> None:
    data = write_h5(tmp_path / "net.h5", *described(network())).read_bytes()
    for size in range(8, len(data), 501):
        (tmp_path / "net.h5").write_bytes(data[:size])
        with pytest.raises(GatecError, match=r"net\.h5"):
            read_model(tmp_path / "net.h5", BITS)
