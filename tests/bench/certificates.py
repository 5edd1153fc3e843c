"""Make and check certificates of the larger trained nets; print sizes and seconds.

    python tests/bench/certificates.py [-O LEVEL] [NAME ...]

Needs the folder `../shared`. Seconds are those of the processor, not of the clock.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from compile_nets import NETS, SHARED

import gatec
from gatec.backends.readback.core import read_back
from gatec.proof.certificate import certify
from gatec.proof.check_certificate import check_folder
from gatec.proof.verdict import Verdict

_COLUMNS = (
    *("net", "gates", "LUTs", "verdict", "obligations", "clauses", "MB"),
    *("make s", "LRAT s", "DRAT s"),
)


def row(name: str, level: int, seconds: float) -> list[object]:
    """Return the line of one net."""
    file, inputs, more = NETS[name]
    reading = gatec.ReadOptions(inputs=inputs, classes=10, **more)  # type: ignore[arg-type]
    design = gatec.compile(
        SHARED / file, reading=reading, optimise=level, place_and_route=False
    ).design
    reference = design.mapped.lowering.netlist
    circuit = read_back(design.emitted.text, design.emitted.shape).netlist
    start = time.process_time()
    made = certify(reference, circuit, seconds)
    spent = [time.process_time() - start]
    sizes: list[object] = [reference.num_gates, circuit.num_gates, made.verdict.value]
    if made.verdict is not Verdict.EQUIVALENT:
        return [name, *sizes, "", "", "", f"{spent[0]:.1f}", "", ""]
    with tempfile.TemporaryDirectory() as folder:
        for path, content in made.files.items():
            (Path(folder) / path).write_bytes(content)
        for drat in (False, True):
            start = time.process_time()
            check_folder(Path(folder), drat)
            spent.append(time.process_time() - start)
    sizes += [made.facts["obligations"], made.facts["clauses"], f"{made.facts['bytes'] / 1e6:.1f}"]
    return [name, *sizes, *(f"{second:.1f}" for second in spent)]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-O", dest="level", type=int, default=2)
    parser.add_argument("--proof-time", type=float, default=1800.0)
    parser.add_argument("names", nargs="*", default=list(NETS))
    arguments = parser.parse_args()
    if not SHARED.is_dir():
        sys.exit("skipped: ../shared is absent")
    print("| " + " | ".join(_COLUMNS) + " |")
    print("|---" * len(_COLUMNS) + "|")
    for name in arguments.names:
        cells = row(name, arguments.level, arguments.proof_time)
        print("| " + " | ".join(map(str, cells)) + " |", flush=True)


if __name__ == "__main__":
    main()
