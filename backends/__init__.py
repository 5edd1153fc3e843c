"""Verilog out: cores and what stands around them, and readers and proofs of what was written."""
