"""Constraints and scripts with which a vendor's tool goes on from gatec's netlist.

None of these tools was run with them. Commands and properties are those of AMD's UG835 and UG912,
and of Quartus' packages `project` and `flow`.
"""

from __future__ import annotations

_NOTE = "Written by gatec, which has not run it: no place and route was done."
# What every I/O bank of a series can drive.
IO_STANDARDS = {"xc7": "LVCMOS33", "xcu": "LVCMOS18", "xcup": "LVCMOS18"}


def write_xdc(clock_mhz: float, family: str) -> str:
    """Return Vivado's constraints: the clock, and the voltage of the pins."""
    return (
        f"# {_NOTE}\n"
        f"create_clock -name clk -period {1000 / clock_mhz:.3f} [get_ports clk]\n"
        f"set_property IOSTANDARD {IO_STANDARDS[family]} [get_ports *]\n"
        "# Vivado chooses the pins. For a board, give each port its pin:\n"
        "# set_property PACKAGE_PIN <pin> [get_ports clk]\n"
    )


def vivado_script(top: str, part: str) -> str:
    """Return the script from the EDIF netlist to a bitstream, without a project."""
    return f"""\
# {_NOTE}
# vivado -mode batch -source {top}_vivado.tcl
set top {top}
read_edif ${{top}}.edif
read_xdc ${{top}}.xdc
link_design -top $top -part {part}
# Neither of these maps look-up tables again.
opt_design
place_design
phys_opt_design
route_design
report_utilization -file ${{top}}_utilization.txt
report_timing_summary -file ${{top}}_timing.txt
write_checkpoint -force ${{top}}_routed.dcp
# A bitstream drives pins: only where the constraints name all of them.
set free [get_ports -quiet -filter {{IS_LOC_FIXED == 0}}]
if {{[llength $free] > 0}} {{
  puts "no bitstream: [llength $free] ports have no PACKAGE_PIN in ${{top}}.xdc"
}} else {{
  write_bitstream -force ${{top}}.bit
}}
"""


def write_sdc(clock_mhz: float) -> str:
    """Return Quartus' constraints: the clock."""
    return (
        f"# {_NOTE}\n"
        f"create_clock -name clk -period {1000 / clock_mhz:.3f} [get_ports clk]\n"
        "derive_clock_uncertainty\n"
    )


def quartus_script(top: str, part: str, netlist: str) -> str:
    """Return the script that makes a project of the netlist and compiles it."""
    return f"""\
# {_NOTE}
# quartus_sh -t {top}_quartus.tcl
package require ::quartus::project
package require ::quartus::flow
project_new {top} -overwrite
set_global_assignment -name DEVICE {part.upper()}
set_global_assignment -name TOP_LEVEL_ENTITY {top}
set_global_assignment -name VERILOG_FILE {netlist}
set_global_assignment -name SDC_FILE {top}.sdc
# The cells of the netlist stay as they are.
set_global_assignment -name ADV_NETLIST_OPT_SYNTH_WYSIWYG_REMAP OFF
set_global_assignment -name RESERVE_ALL_UNUSED_PINS "AS INPUT TRI-STATED"
# Quartus chooses the pins. For a board, give each port its pin:
# set_location_assignment PIN_<pin> -to clk
execute_flow -compile
project_close
"""
