"""The shipped net to a bitstream, and its netlist after synthesis in the vendor's cell models."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gatec.backends.cells import vendor_models
from gatec.backends.fpga.family import FAMILIES
from gatec.demo import path as demo_path
from gatec.devices.targets import find_target
from gatec.driver import CompileResult, compile
from gatec.sim.rtl import simulate_rtl

# The smallest device on which the net fits, with its pins; else the family's default.
DEVICES = {"ice40": "up5k", "gowin": "gw1nsr-4c", "ecp5": "12k"}


def to_bitstream(family: str, *, seeds: int = 1, resynthesis: str = "never") -> CompileResult:
    """Compile the shipped net for the family's smallest device."""
    device = DEVICES.get(family, find_target(family).device)
    return compile(demo_path("digits"), family, device=device, seeds=seeds, resynthesis=resynthesis)


def distinct_images(most: int | None = None) -> NDArray[np.uint8]:
    """Return distinct images of the shipped test set, `(N, 64)` bits."""
    with np.load(demo_path("digits-test")) as data:
        return np.unique(data["x"][:most], axis=0)


def equal_in_vendor_cells(result: CompileResult, images: NDArray[np.uint8]) -> bool:
    """Return whether the netlist after synthesis answers as the model does.

    It is simulated with the cell models that the vendor, or the tool for its family, publishes.
    """
    physical, shape = result.manifest["physical"], result.design.emitted.shape
    family = result.manifest["options"]["target"]
    found = simulate_rtl(
        {
            "netlist.v": result.files[f"{shape.top}_synth.v"].decode(),
            "cells.v": vendor_models(family, None if family == "ice40" else physical["cells"]),
        },
        shape.top,
        images,
        beat_bits=shape.beat_bits,
        out_bits=shape.output_bits,
        out_beat_bits=shape.out_beat_bits,
    )
    return np.array_equal(found.outputs, result.design.mapped.model.output_bits(images))


def bitstream(result: CompileResult) -> bytes:
    """Return the bitstream that would be flashed."""
    family = result.manifest["options"]["target"]
    suffix = FAMILIES[family].bit_suffix if family in FAMILIES else "bin"
    return result.files[f"{result.design.emitted.top}.{suffix}"]
