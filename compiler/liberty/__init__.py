"""Liberty files: a library of standard cells, their functions, sizes, delays and energies."""
