"""A mapped netlist in the primitives of a vendor whose place and route gatec does not run.

As for the other families, Yosys maps the shell only; the stage bodies are black boxes to it and
join what it made of the shell afterwards, gatec's look-up tables as they are.

For AMD that is `synth_xilinx`. Intel's scripts in Yosys are not used: `synth_intel` is marked as
experimental, knows no synchronous clear and maps a table that copies its input to an inverter, and
`synth_intel_alm` ends in cells that Quartus does not know. Yosys' general script, and rules to
`*_lcell_comb` and `dffeas`, which are the cells of Quartus' own netlists, take their place.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from gatec.backends.cells import FLIP_FLOP, cells_model
from gatec.backends.fpga.synthesised import WRITE_JSON, WRITE_VERILOG, Synthesised, kept_cells
from gatec.backends.fpga.vendor_synth import Source, stage_box
from gatec.devices.fabrics import LUT_CELLS, STYLE_FANIN, LutCell, Style
from gatec.tools.yosys import run_yosys, without_banner

AMD: Style = "xilinx"
# What the cells are: our name of a resource and the regular expression of their types.
_RESOURCES: Mapping[bool, Mapping[str, str]] = {
    True: {
        "LUT": "LUT[1-6]|LUT6_2",
        "with two outputs": "LUT6_2",
        "FF": "FD[RSCP]E",
        "carry": "CARRY[48]",
        "mux": "MUXF[789]",
        "BRAM": "RAMB.*",
    },
    False: {"LUT": ".*_lcell_comb", "FF": "dffeas", "BRAM": ".*_ram_block"},
}
_MARK = "gatec_body"


@dataclass(frozen=True)
class VendorNetlist(Synthesised):
    """A design in a vendor's primitives.

    Attributes
    ----------
    edif
        The same netlist as EDIF, for AMD; else None.
    """

    edif: bytes | None

    def used(self) -> dict[str, int]:
        """Return how many cells there are of each resource."""
        resources = _RESOURCES[self.edif is not None]
        return {
            resource: sum(n for cell, n in self.cells.items() if re.fullmatch(pattern, cell))
            for resource, pattern in resources.items()
        }


def write_netlist(source: Source, family: str, *, timeout: float = 3600.0) -> VendorNetlist:
    """Map a design to a vendor's primitives.

    Parameters
    ----------
    source
        In style `xilinx` or one of Intel's.
    family
        Of AMD's devices, as `synth_xilinx` calls it.
    timeout
        Seconds for Yosys.

    Raises
    ------
    ToolError
        Yosys failed, or lost primitives that it was to keep.
    """
    amd = source.style == AMD
    names = [stage.name for stage in source.stages]
    inputs = {
        **source.shells,
        "boxes.v": "".join(map(stage_box, source.stages)),
        "bodies.v": "\n".join(stage.text for stage in source.stages),
    }
    if not amd:
        inputs |= _intel_files(LUT_CELLS[source.style], source.style)
    bodies = " ".join(f"{name}/t:{_cell_type(source.style)}" for name in names)
    commands = [
        *(f"read_verilog {name}" for name in [*source.shells, "boxes.v"]),
        *(_amd_shell(source.top, family) if amd else _intel_shell(source)),
        *(f"delete {name}" for name in names),
        "read_verilog bodies.v",
        # Kept from cleaning too: a net without optimisation has dead gates.
        f"setattr -set {_MARK} 1 -set keep 1 {bodies}",
        f"tee -q -o before.txt select -count {bodies}",
        "hierarchy",
        "flatten -noscopeinfo",
        "delete t:$scopeinfo",
        # Not `-purge`: it would drop names that timing reports show.
        "clean",
        f"tee -q -o after.txt select -count a:{_MARK}",
        f"setattr -unset {_MARK} -unset keep a:{_MARK}",
        "hierarchy -check -purge_lib",
        "check -noinit -mapped -assert",
        "blackbox =A:whitebox",
        *WRITE_JSON,
        *(["write_edif -pvector bra design.edif"] if amd else []),
        *WRITE_VERILOG,
    ]
    outputs = ["design.json", "design.v", "before.txt", "after.txt"]
    run = run_yosys(
        commands,
        inputs=inputs,
        outputs=[*outputs, *(["design.edif"] if amd else [])],
        timeout=timeout,
    )
    design = json.loads(run.files["design.json"])
    design["modules"] = {source.top: design["modules"][source.top]}
    return VendorNetlist(
        source.top,
        json.dumps(design).encode(),
        without_banner(run.files["design.v"]),
        kept_cells(run.files),
        _without_version(run.files["design.edif"]) if amd else None,
    )


def _cell_type(style: Style) -> str:
    return "LUT*" if style == AMD else LUT_CELLS[style].cell


def _amd_shell(top: str, family: str) -> list[str]:
    return [f"synth_xilinx -family {family} -nobram -nodsp -nolutram -nosrl -top {top}"]


def _intel_shell(source: Source) -> list[str]:
    lut = STYLE_FANIN[source.style]
    return [
        "read_verilog -lib cells.v",
        f"synth -top {source.top} -flatten -noabc",
        # An enable holds a synchronous clear back; no power-up value but 0.
        "dfflegalize -cell $_DFFE_PN0P_ 0 -cell $_SDFFCE_PP0P_ 0",
        "opt_expr -mux_undef",
        "simplemap",
        f"abc -lut {lut}",
        "opt_lut_ins",
        "techmap -map rules.v",
        # Now the cells' own: all power up as 0.
        "setattr -unset init w:*",
        "clean",
    ]


def _intel_files(cell: LutCell, style: Style) -> dict[str, str]:
    """Return the models of the cells, and the rules that map to them."""
    widest = cell.fanin
    pins = ", ".join(
        f".{pin}(WIDTH > {slot} ? A[{slot} % WIDTH] : 1'b0)" for slot, pin in enumerate(cell.inputs)
    )
    size = 1 << widest
    table = f"{{{size}{{1'b0}}}} | {{(1 << ({widest} - WIDTH)){{LUT[(1 << WIDTH) - 1:0]}}}}"
    lut = (
        "module \\$lut (A, Y);\n"
        "  parameter WIDTH = 1; parameter LUT = 0;\n"
        "  (* force_downto *) input [WIDTH-1:0] A; output Y;\n"
        f"  {cell.cell} #(.{cell.parameter}({table})) _TECHMAP_REPLACE_"
        f" (.{cell.output}(Y), {pins});\nendmodule\n"
    )
    return {"cells.v": cells_model(style) + FLIP_FLOP, "rules.v": lut + _FLIP_FLOPS}


# Unused: asynchronous preset and load, synchronous load.
_REST = ".prn(1'b1), .asdata(1'b0), .aload(1'b0), .sload(1'b0)"
_FLIP_FLOPS = f"""\
module \\$_DFFE_PN0P_ (input D, C, R, E, output Q);
  wire _TECHMAP_REMOVEINIT_Q_ = 1'b1;
  dffeas #(.power_up("low"), .is_wysiwyg("true")) _TECHMAP_REPLACE_
    (.q(Q), .d(D), .clk(C), .clrn(R), .ena(E), .sclr(1'b0), {_REST});
endmodule
module \\$_SDFFCE_PP0P_ (input D, C, R, E, output Q);
  wire _TECHMAP_REMOVEINIT_Q_ = 1'b1;
  dffeas #(.power_up("low"), .is_wysiwyg("true")) _TECHMAP_REPLACE_
    (.q(Q), .d(D), .clk(C), .clrn(1'b1), .ena(E), .sclr(R), {_REST});
endmodule
"""


def _without_version(edif: bytes) -> bytes:
    """Return an EDIF file without the comment that holds the build host."""
    return re.sub(rb'^  \(comment "[^"]*"\)\n', b"", edif, count=1, flags=re.MULTILINE)
