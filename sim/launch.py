"""The child process of a simulation: build and run `job.json` of the working directory."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import cocotb_tools.config
from cocotb_tools.check_results import get_results
from cocotb_tools.runner import Runner, Verilator, get_runner

# Little but the ports is visible from outside: with cocotb's own --public-flat-rw, Verilator must
# keep every net, and nets of a hundred thousand gates are neither built nor run in reasonable time.
_VISIBLE = 'public_flat_rw -module "{top}" -var "{name}"\n'
# Functions and files of this many operations: compilers take more than linear time for each.
_SPLIT = ("--output-split", "20000", "--output-split-cfuncs", "500")
# The model itself is compiled with -O1: -O2 takes twice as long and runs hardly faster.
_OPTIMISE = ("OPT_FAST=-O1", "OPT_SLOW=-O0", "OPT_GLOBAL=-O0")


class _PortsOnly(Verilator):  # type: ignore[misc, unused-ignore]
    """Verilator with nothing but the top's ports and what is watched visible."""

    def __init__(self, job: dict[str, Any]) -> None:
        self.job = job
        super().__init__()

    def _build_command(self) -> list[list[str]]:
        top, build = self.job["top"], str(self.build_dir)
        visible = Path("ports.vlt")
        watched = [name.partition("[")[0] for name in self.job["watch"]]
        names = dict.fromkeys((*self.job["ports"], *watched))
        lines = [_VISIBLE.format(top=top, name=name) for name in names]
        visible.write_text("`verilator_config\n" + "".join(lines))
        config = cocotb_tools.config
        compile_ = [*self.job["command"], "--cc", "--exe", "--vpi", "-Wno-fatal", *_SPLIT]
        compile_ += ["-Mdir", build, "--top-module", top, "--prefix", "Vtop", "-o", top]
        libraries = f"-Wl,-rpath,{config.libs_dir} -L{config.libs_dir} -lcocotbvpi_verilator"
        compile_ += ["-LDFLAGS", libraries, "--timescale", "1ns/1ps"]
        main = config.share_dir / "lib" / "verilator" / "verilator.cpp"
        compile_ += [str(main), str(visible.absolute()), *map(os.path.abspath, self.job["sources"])]
        jobs = str(len(os.sched_getaffinity(0)))
        make = ["make", "-s", "-j", jobs, "-C", build, "-f", "Vtop.mk"]
        return [compile_, [*make, *self.job["make"], *_OPTIMISE]]


def main() -> int:
    """Run the job; return 0 unless the testbench itself broke."""
    # Under pytest the runner would rename its results and write elsewhere.
    os.environ.pop("PYTEST_CURRENT_TEST", None)
    here = Path.cwd()
    job = json.loads((here / "job.json").read_text())
    verilator = job["simulator"] == "verilator"
    runner: Runner = _PortsOnly(job) if verilator else get_runner(job["simulator"])
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
