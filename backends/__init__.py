"""Verilog out: cores and what stands around them, and the readers and proofs of what was written."""
