"""Compile the larger trained nets and print sizes, processor seconds and memory.

    python tests/bench/compile_nets.py [-O LEVEL] [NAME ...]

Sizes are logic cells of an iCE40: LUT4, and carries without a LUT beside them. In one stage, so
that levels are those before pipelining, those of the argmax included.

Needs the folder `../shared`. Sizes are exact; seconds, those of gatec and the tools that it runs,
depend on the machine, and nobody tests them.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
from pathlib import Path

SHARED = Path(__file__).resolve().parents[3] / "shared" / "models"
_REPLAY = "seed=0,connections=unique,device=cuda,draws-before=60000"
_TT10 = "tt10-lgn-mnist/final_20250109-065641_acc956_seed1043994_epochs300_with_connections.npz"
_WS0 = (
    "ws0-lgn-fxnist/20251203-091534_binTestAcc8402_seed532508_epochs10_2x8000_b256_lr75"
    "_interconnect.npz"
)

# Name: file, input width, further options.
NETS: dict[str, tuple[str, int, dict[str, str]]] = {
    "vicharak 200x4": (
        "difflogic-vicharak/model_None_mnist20x20_200_4.pt",
        400,
        {"replay": _REPLAY},
    ),
    "vicharak 800x4": (
        "difflogic-vicharak/model_None_mnist20x20_800_4.pt",
        400,
        {"replay": _REPLAY},
    ),
    "tt10 6x4000": (_TT10, 256, {}),
    "ws0 2x8000": (_WS0, 784, {}),
    "own 6x8000": ("own/mnist_784_6x8000.npz", 784, {}),
}


def measure(name: str, level: int) -> dict[str, object]:
    """Compile one net in this process, without place and route."""
    import gatec

    file, inputs, more = NETS[name]
    reading = gatec.ReadOptions(inputs=inputs, classes=10, **more)  # type: ignore[arg-type]
    start = sum(os.times()[:4])
    result = gatec.compile(
        SHARED / file,
        reading=reading,
        optimise=level,
        place_and_route=False,
        stages=1,
        head="carry",
    )
    peak = max(
        resource.getrusage(who).ru_maxrss
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    circuit = result.manifest["circuit"]
    return {
        "gates": result.manifest["model"]["gates"],
        **circuit["luts"],
        "levels": circuit["levels"],
        "stages": circuit["stages"],
        "proof": result.manifest["proof"]["equivalence"],
        "CPU s": round(sum(os.times()[:4]) - start, 1),
        "peak_mb": peak // 1024,
    }


def main() -> None:
    """Print the table, each net measured in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-O", dest="level", type=int, default=2)
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("names", nargs="*", default=list(NETS))
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(measure(arguments.names[0], arguments.level)))
        return
    if not SHARED.is_dir():
        sys.exit("skipped: ../shared is absent")
    for number, name in enumerate(arguments.names):
        command = [sys.executable, __file__, "--one", f"-O{arguments.level}", name]
        row = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
        if number == 0:
            print("| net | " + " | ".join(row) + " |")
            print("|---" * (len(row) + 1) + "|")
        print(f"| {name} | " + " | ".join(str(value) for value in row.values()) + " |", flush=True)


if __name__ == "__main__":
    main()
