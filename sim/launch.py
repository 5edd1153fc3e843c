"""The child process of a simulation: build and run `job.json` of the working directory."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from cocotb_tools.check_results import get_results
from cocotb_tools.runner import get_runner


def main() -> int:
    """Run the job; return 0 unless the testbench itself broke."""
    # Under pytest the runner would rename its results and write elsewhere.
    os.environ.pop("PYTEST_CURRENT_TEST", None)
    here = Path.cwd()
    job = json.loads((here / "job.json").read_text())
    runner = get_runner(job["simulator"])
    runner.build(
        sources=[here / name for name in job["sources"]],
        hdl_toplevel=job["top"],
        build_dir=here / "build",
        timescale=("1ns", "1ps"),
        always=True,
    )
    results = runner.test(
        test_module="gatec.sim.testbench",
        hdl_toplevel=job["top"],
        build_dir=here / "build",
        test_dir=here,
    )
    _, failed = get_results(results)
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
