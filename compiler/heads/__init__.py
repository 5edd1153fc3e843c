"""How class sums are built: plans of adder trees, and their mapping to carry chains."""
