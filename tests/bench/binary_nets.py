"""Compile the trained binary networks for MNIST, prove them, and check the Verilog on images.

    python tests/bench/binary_nets.py [--rtl N] [--simulator NAME] [NAME ...]

TFC_1W1A and TFC_1W2A (Brevitas, QONNX) have three layers of 64 neurons, of one bit and of two;
LFC-W1A1 (BNN-PYNQ) has three of 1,024. Predictions are those of the model as read, on all 10,000
test images, beside what QONNX says of the first two files (stored in the tests) and NumPy's
popcounts of the third. The Verilog of the whole net
is then run on N images and compared on every output bit: by gatec's own reader (`netlist`), by
Icarus or Verilator, or, with `--simulator pieces`, by Icarus some thousand lines at a time
(`tests/helpers_pieces.py`), for nets that it could not take at once.

Needs the folder `../shared`. LFC takes 7 GB of memory, and minutes.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared"
sys.path.insert(0, str(ROOT / "tests"))

# File, options to read it with, encoding of the images, options of the compiler.
NETS: dict[str, tuple[str, dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "TFC_1W1A": (
        "models/qonnx/TFC_1W1A.onnx",
        {"features": "uint8,scale=1/255"},
        {"num_inputs": 6272, "code_bits": 8},
        {},
    ),
    "TFC_1W2A": (
        "models/qonnx/TFC_1W2A.onnx",
        {"features": "uint8,scale=1/255"},
        {"num_inputs": 6272, "code_bits": 8},
        {},
    ),
    "LFC-W1A1": (
        "models/bnn-pynq/mnist_lfcW1A1.npz",
        {"inputs": 784},
        {"num_inputs": 784, "threshold": 127},
        {"stages": 1},
    ),
}


def expected_classes(name: str, bits: np.ndarray) -> np.ndarray:
    """Return what others than gatec's frontend compute from the same file."""
    from helpers_binary import run_pynq

    if name.startswith("TFC"):
        with np.load(ROOT / "tests/data/tfc_classes.npz") as stored:
            return stored[name]
    with np.load(SHARED / NETS[name][0]) as stored:
        return run_pynq(dict(stored), bits)[:, :10].argmax(1)


def measure(name: str, rtl: int, simulator: Any) -> dict[str, object]:
    """Compile and check one net in this process, without place and route."""
    from helpers_pieces import InPieces

    import gatec
    from gatec.flows.base import core_sources
    from gatec.rtl import Circuit, check_rtl
    from gatec.sim.data import load_data

    file, reading, encoding, more = NETS[name]
    options = gatec.ReadOptions(**reading)
    images = SHARED / "datasets/mnist/t10k-images-idx3-ubyte.gz"
    data = load_data(images, classes=10, **encoding)
    net = gatec.read_model(SHARED / file, options)
    found = net.with_output("argmax").evaluate(gatec_words(data.bits), len(data.bits)).classes
    assert found is not None and data.labels is not None
    start = time.process_time()
    result = gatec.compile(
        SHARED / file,
        reading=options,
        optimise=1,
        place_and_route=False,
        proof_timeout=3600,
        **more,
    )
    seconds = time.process_time() - start + resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    mapped = result.manifest["circuit"]
    emitted = result.design.emitted
    sources = core_sources(emitted.top, emitted.style, emitted.text)
    in_pieces = simulator == "pieces"
    circuit = (InPieces if in_pieces else Circuit)(
        result.design.mapped.model, emitted.shape, sources
    )
    facts = check_rtl(circuit, data.bits[:rtl], "icarus" if in_pieces else simulator)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "equal": f"{int((found == expected_classes(name, data.bits)).sum()):,}",
        "right": f"{100 * float((found == data.labels).mean()):.2f} %",
        "LUT4": f"{sum(mapped['luts'].values()):,}",
        "stages": mapped["stages"],
        "proof": f"{result.manifest['proof']['equivalence']}: {result.manifest['proof']['method']}",
        f"RTL ({simulator})": f"{rtl} images equal, latency {facts.latency}",
        "CPU s": round(seconds),
        "peak MB": peak // 1024,
    }


def gatec_words(bits: np.ndarray) -> np.ndarray:
    """Return samples packed as the reference wants them."""
    from gatec.bits import pack

    return pack(bits)


def main() -> None:
    """Print the table, each net measured in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rtl", type=int, default=256)
    parser.add_argument("--simulator", default="netlist")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("names", nargs="*", default=list(NETS))
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(measure(arguments.names[0], arguments.rtl, arguments.simulator)))
        return
    if not SHARED.is_dir():
        sys.exit("skipped: ../shared is absent")
    for number, name in enumerate(arguments.names):
        same = [f"--rtl={arguments.rtl}", f"--simulator={arguments.simulator}"]
        command = [sys.executable, __file__, "--one", *same, name]
        row = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
        if number == 0:
            print("| net | " + " | ".join(row) + " |")
            print("|---" * (len(row) + 1) + "|")
        print(f"| {name} | " + " | ".join(str(value) for value in row.values()) + " |", flush=True)


if __name__ == "__main__":
    main()
