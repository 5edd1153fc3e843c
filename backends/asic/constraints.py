"""Timing constraints for place and route, as SDC."""

from __future__ import annotations

from gatec.backends.core import CoreShape

# What the world outside takes of a period on each side of a port, as OpenROAD-flow-scripts has it.
_IO_SHARE = 0.2


def write_sdc(shape: CoreShape, period: float) -> str:
    """Return the constraints of a core.

    Parameters
    ----------
    period
        Of the clock, in the time unit of the library that the tool reads.
    """
    return f"""\
# {shape.top}: one clock; ports have {_IO_SHARE:.0%} of its period outside.
current_design {shape.top}

set clk_name clk
set clk_port_name clk
set clk_period {period:g}
set clk_io_pct {_IO_SHARE:g}

set clk_port [get_ports $clk_port_name]
create_clock -name $clk_name -period $clk_period $clk_port

set non_clock_inputs [all_inputs -no_clocks]
set_input_delay [expr {{$clk_period * $clk_io_pct}}] -clock $clk_name $non_clock_inputs
set_output_delay [expr {{$clk_period * $clk_io_pct}}] -clock $clk_name [all_outputs]
"""
