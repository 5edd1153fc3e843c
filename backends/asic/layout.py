"""Folders that OpenROAD-flow-scripts and LibreLane take as they are: from gates to a layout.

Both skip synthesis: the netlist is mapped, and proved. Variables are those that the two flows
document; sizes are first guesses that leave the router room.
"""

from __future__ import annotations

import json

from gatec.backends.asic.constraints import write_sdc
from gatec.backends.core import CoreShape
from gatec.liberty.named import NamedLibrary

# Per cent of the core that cells may take, and of the placement's bins.
_UTILISATION = 45
_DENSITY = 55
# A macro leaves the top metal to the chip around it.
_MACRO_METAL = {"sky130hd": "met4", "gf180": "Metal4", "sg13g2": "Metal5"}

LEFT = ("i_payload", "i_valid", "i_ready")
RIGHT = ("o_payload", "o_valid", "o_ready")
BOTTOM = ("clk", "rst")


def openroad_files(shape: CoreShape, known: NamedLibrary, period: float) -> dict[str, str]:
    """Return `config.mk`, SDC and the places of the pins, by name; they stand beside the gates.

    Parameters
    ----------
    period
        Of the clock, in the library's unit of time.
    """
    config = f"""\
# make DESIGN_CONFIG=<this file>, in the folder flow of OpenROAD-flow-scripts.
export DESIGN_NAME = {shape.top}
export PLATFORM = {known.platform}

here := $(dir $(DESIGN_CONFIG))
export VERILOG_FILES = $(here)../{shape.top}_gates.v
# The gates are mapped: synthesis is skipped.
export SYNTH_NETLIST_FILES = $(VERILOG_FILES)
export SDC_FILE = $(here)constraint.sdc
export IO_CONSTRAINTS = $(here)io.tcl

export CORE_UTILIZATION = {_UTILISATION}
export CORE_ASPECT_RATIO = 1
export PLACE_DENSITY_LB_ADDON = 0.1
"""
    pins = "\n".join(
        f"set_io_pin_constraint -region {side}:* -pin_names {{{' '.join(_bits(shape, names))}}}"
        for side, names in (("left", LEFT), ("right", RIGHT), ("bottom", BOTTOM))
    )
    return {
        "config.mk": config,
        "constraint.sdc": write_sdc(shape, period),
        "io.tcl": f"{pins}\n",
    }


def librelane_files(shape: CoreShape, known: NamedLibrary, period_ns: float) -> dict[str, str]:
    """Return `config.json` and `pin_order.cfg` of a macro, by name; they stand beside the gates."""
    config: dict[str, object] = {
        "meta": {"version": 2, "flow": "Classic"},
        "DESIGN_NAME": shape.top,
        "VERILOG_FILES": [f"dir::../{shape.top}_gates.v"],
        "SYNTH_ELABORATE_ONLY": True,
        "CLOCK_PORT": "clk",
        "CLOCK_PERIOD": round(period_ns, 4),
        "PNR_SDC_FILE": f"dir::../{shape.top}.sdc",
        "SIGNOFF_SDC_FILE": f"dir::../{shape.top}.sdc",
        "IO_PIN_ORDER_CFG": "dir::pin_order.cfg",
        "FP_CORE_UTIL": _UTILISATION,
        "PL_TARGET_DENSITY_PCT": _DENSITY,
        "PDN_MULTILAYER": False,
    }
    if known.name in _MACRO_METAL:
        config["RT_MAX_LAYER"] = _MACRO_METAL[known.name]
    order = []
    for mark, names in (("W", LEFT), ("E", RIGHT), ("S", BOTTOM)):
        order += [f"#{mark}", *(_pattern(shape, name) for name in names), ""]
    return {
        "config.json": json.dumps(config, indent=2) + "\n",
        "pin_order.cfg": "\n".join(order),
    }


def _width(shape: CoreShape, name: str) -> int:
    return {"i_payload": shape.beat_bits, "o_payload": shape.out_beat_bits}.get(name, 1)


def _bits(shape: CoreShape, names: tuple[str, ...]) -> list[str]:
    found = []
    for name in names:
        width = _width(shape, name)
        found += [name] if width == 1 else [f"{name}[{bit}]" for bit in range(width)]
    return found


def _pattern(shape: CoreShape, name: str) -> str:
    """Return a regular expression of all bits of a port."""
    return name if _width(shape, name) == 1 else rf"{name}\[.*\]"
