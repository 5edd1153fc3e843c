"""The small-function engine: the smallest circuit of a truth table, or of a window of a circuit."""
