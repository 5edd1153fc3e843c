"""What each target adds to a compilation, up to its bitstream, netlist or gates."""
