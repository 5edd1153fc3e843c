"""`--approximate`: read the data, approximate the model, and say what was given up."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from gatec.approx.options import ApproximateOptions
from gatec.approx.record import to_record
from gatec.approx.rows import split_rows
from gatec.approx.search import Approximation, approximate
from gatec.console import Progress
from gatec.design import count_luts
from gatec.devices.fabrics import BlockRam
from gatec.folder import RECORD_FILE
from gatec.lowering.model import lower
from gatec.mapping import Mapped, map_model
from gatec.model import ModelGraph
from gatec.options import CompileOptions
from gatec.passes import CLEAN
from gatec.passes.runner import run_passes
from gatec.sim.data import load_data


@dataclass(frozen=True, eq=False)
class GivenUp:
    """An approximation with what the manifest says of it.

    Attributes
    ----------
    found
        The approximation.
    record
        Content of `RECORD_FILE`.
    rows
        Rows of the data: `fit`, `held_out`.
    data_sha256
        Of the data file.
    trained
        The trained net, mapped with the same options.
    """

    found: Approximation
    record: bytes
    rows: dict[str, int]
    data_sha256: str
    trained: Mapped


def give_up(
    model: ModelGraph,
    options: CompileOptions,
    asked: ApproximateOptions,
    lut_inputs: int,
    progress: Progress,
    *,
    chains: bool = False,
    block_ram: BlockRam | None = None,
) -> GivenUp:
    """Approximate a model on data, and map the trained one (see `map_model`) to compare with."""
    model.with_output(options.output)
    head = model.head
    with progress.step("read the data"):
        data = load_data(
            asked.data,
            num_inputs=model.num_inputs,
            code_bits=model.code_bits,
            threshold=asked.threshold,
            labels=asked.labels,
            label_column=asked.label_column,
            classes=None if head is None else head.classes,
        )
        with asked.data.open("rb") as file:
            data_sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    split = split_rows(data.bits, data.labels, asked.split_seed)
    with progress.step(f"approximate on {len(data)} rows"):
        found = approximate(
            model,
            split,
            asked.max_drop,
            drop_votes=asked.drop_votes and options.output == "argmax",
        )
    progress.note("the trained net, to compare with:")
    trained = map_model(model, lut_inputs, options, progress, chains=chains, block_ram=block_ram)
    progress.note("the approximated net:")
    rows = {"fit": split.fit.count, "held_out": split.held_out.count}
    return GivenUp(found, to_record(found), rows, data_sha256, trained)


def approximation_section(given_up: GivenUp, mapped: Mapped) -> dict[str, Any]:
    """Return what was given up, for the manifest; pairs are before and after."""
    found = given_up.found
    constant = int((found.merges.literal < 2).sum())
    both = (given_up.trained, mapped)
    return {
        "approximated": True,
        "meaning": "the circuit is proved equal to the approximated net in model.npz, "
        "not to the trained net",
        "data_sha256": given_up.data_sha256,
        "rows": given_up.rows,
        "right_is": "the label" if found.by_labels else "what the trained net answers",
        "accuracy": {
            part: [round(value, 6) for value in pair] for part, pair in found.accuracy.items()
        },
        "gates": [_gates(side.model) for side in both],
        "luts": [sum(count_luts(side.netlist).values()) for side in both],
        "levels": [side.netlist.depth for side in both],
        "given_up": {
            "votes": found.dropped_votes,
            "constant": constant,
            "equal": len(found.merges) - constant,
            "exact_on_fit_rows": int((found.merges.rows == 0).sum()),
        },
        "record": RECORD_FILE,
    }


def _gates(model: ModelGraph) -> int:
    """Return how many gates the layers need, without class sums, after the exact local passes."""
    net, _ = run_passes(lower(model.with_output("bits")).netlist, (CLEAN,))
    return net.num_gates
