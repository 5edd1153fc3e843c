"""Standard cells: mapping, gate-level Verilog, its proof, timing, power, and folders for layout."""
