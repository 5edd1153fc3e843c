"""Read, lower, prove and map a net of LogicTreeNet-S's shape; print sizes, seconds and memory.

    python tests/bench/logic_tree.py [-O LEVEL] [--read-only]

The net is torchlogix's own `ClgnCifar10Small` (874,496 gates at all positions), written by
`torch.save`, with random weights: half of the gates any of the sixteen, the others passing their
first input on, as residual training leaves them, and AND-like roots, so that pooling does not
saturate. Random nets hold more that can be optimised away than trained ones. It needs torchlogix.
The last line compares all output counts with torch's on 32 random images.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))


def write_net(path: Path) -> torch.nn.Module:
    """Write the net and return it."""
    from helpers_torchlogix import save_module, torchlogix

    torch.manual_seed(0)
    net = torchlogix("models.conv").ClgnCifar10Small(
        thresholds=torch.tensor([[0.25, 0.5, 0.75]] * 3),
        binarization="fixed",
        binarization_kwargs={},
        connections_kwargs={"init_method": "random"},
        parametrization="raw",
    )
    with torch.no_grad():
        for name, weights in net.named_parameters():
            chosen = torch.rand(weights.shape[:-1]) < 0.5
            weights[chosen] = torch.randn(int(chosen.sum()), 16) * 3
            if name.endswith("tree_weights.2"):
                weights[..., [0, *range(3, 8), *range(9, 16)]] -= 20
    save_module(net.eval(), path)
    return net.eval()


def megabytes() -> int:
    """Return the largest size so far of this process or of a tool that it ran."""
    who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return max(resource.getrusage(process).ru_maxrss for process in who) // 1024


def main() -> None:
    """Print a line for each step."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-O", dest="level", type=int, default=1)
    parser.add_argument("--read-only", action="store_true", help="stop before optimisation")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "net.pt"
        net = write_net(path)
        run(path, net, arguments.level, arguments.read_only)


def run(path: Path, net: torch.nn.Module, level: int, read_only: bool) -> None:
    """Do the steps."""
    from gatec.bits import pack
    from gatec.frontends import ReadOptions, read_model
    from gatec.lowering.model import lower
    from gatec.passes import PIPELINES
    from gatec.passes.runner import run_passes
    from gatec.proof.arithmetic import check_lowering

    base, start = megabytes(), time.monotonic()

    def report(step: str, what: str) -> None:
        seconds = time.monotonic() - start
        cpu = sum(
            usage.ru_utime + usage.ru_stime
            for usage in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        )
        print(
            f"{step:<10} {seconds:7.1f} s  {cpu:7.1f} s cpu  {megabytes():5} MB  {what}", flush=True
        )

    print(f"torch and the trainer hold {base} MB before the first step")
    model = read_model(path, ReadOptions(features="bits"))
    report("read", f"{model.num_gates} gates, {model.num_inputs} inputs")
    graph = model.with_output("argmax")
    lowering = lower(graph)
    report("lower", f"{lowering.netlist.num_gates} gates, {lowering.netlist.depth} levels")
    facts = check_lowering(graph, lowering)
    report("prove", f"{len(facts)} facts")
    if not read_only:
        netlist, _ = run_passes(lowering.netlist, PIPELINES[level](4))
        report(f"map -O{level}", f"{netlist.num_gates} LUT4, {netlist.depth} levels")
    bits = np.random.default_rng(0).integers(0, 2, size=(32, 9, 32, 32), dtype=np.uint8)
    scores = model.evaluate(pack(bits.reshape(32, -1)), 32).scores
    assert scores is not None
    with torch.no_grad():
        behind = torch.nn.Sequential(*list(net.children())[1:])
        expected = behind(torch.from_numpy(bits).float()).numpy()
    same = np.allclose(scores.T / 20, expected, rtol=1e-6)
    report("compare", f"counts equal torch's: {same}")


if __name__ == "__main__":
    main()
