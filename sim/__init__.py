"""Running nets on data: the reference, the fast engine, and simulations of the Verilog."""
