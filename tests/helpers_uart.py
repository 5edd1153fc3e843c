"""Drive a design's UART pins in Icarus; this module is also the testbench that cocotb loads there.

A stimulus is a list of events, executed in order on `uart_rx` with an exact bit time:
`["byte", value, bit_ps]`, `["bad", value, bit_ps]` (low stop bit), `["low", ps]`, `["idle", ps]`,
and `["led", 0]`, which records the LED port.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from helpers import require

Event = list[Any]


@dataclass(frozen=True)
class UartLog:
    """What was seen: transmitted bytes, whether all of them were well framed, LED samples."""

    received: list[int]
    framed: bool
    leds: list[int]


def run_uart(
    tmp_path: Path,
    sources: Mapping[str, str],
    top: str,
    events: list[Event],
    *,
    clock: str,
    clock_ps: int,
    bit_ps: int,
) -> UartLog:
    """Simulate `top` from its pins; `bit_ps` is the bit time that its answers must have."""
    import subprocess

    require("iverilog")
    for name, text in sources.items():
        (tmp_path / name).write_text(text)
    job = {"sources": list(sources), "top": top, "events": events, "clock": clock}
    job |= {"clock_ps": clock_ps, "bit_ps": bit_ps}
    (tmp_path / "job.json").write_text(json.dumps(job))
    environment = {k: v for k, v in os.environ.items() if k != "PYTEST_CURRENT_TEST"}
    environment["PYTHONPATH"] = str(Path(__file__).parent)
    done = subprocess.run(
        [sys.executable, __file__],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    result = json.loads((tmp_path / "result.json").read_text())
    return UartLog(result["received"], result["framed"], result["leds"])


def main() -> None:
    """Build and run the simulation that `job.json` describes."""
    from cocotb_tools.check_results import get_results
    from cocotb_tools.runner import get_runner

    job = json.loads(Path("job.json").read_text())
    runner = get_runner("icarus")
    runner.build(
        sources=[Path(name).absolute() for name in job["sources"]],
        hdl_toplevel=job["top"],
        build_dir=Path("build").absolute(),
        timescale=("1ns", "1ps"),
        always=True,
    )
    results = runner.test(
        test_module="helpers_uart_bench",
        hdl_toplevel=job["top"],
        build_dir=Path("build").absolute(),
        test_dir=Path.cwd(),
    )
    sys.exit(get_results(results)[1])


if __name__ == "__main__":
    main()
