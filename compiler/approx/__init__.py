"""Data-driven approximation: what a net never or hardly ever does on its data is given up.

The result is another `ModelGraph`, small changes of the trained one, and a record of them. It is
the specification from then on: the circuit is proved equal to it, not to the trained net.
"""
