"""Proofs that a netlist is the model: arithmetic for the head, SAT for the rest."""
