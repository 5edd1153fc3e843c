"""The ends of a quantised network: what its input's codes stand for, and what its result is."""

from __future__ import annotations

import numpy as np

from gatec.frontends.counting import Bits, Network, Raw, Signal, Sum
from gatec.frontends.counting_layers import class_scores
from gatec.frontends.draft import Draft
from gatec.frontends.options import FeatureCodes, ReadOptions


def begin(network: Network, shape: tuple[int, ...], options: ReadOptions) -> Signal:
    """Return the network's input, of codes where `--features` says what they stand for."""
    if options.features in (None, "bits"):
        return Signal(shape, Raw(), None, None)
    codes = FeatureCodes.parse(options.features)
    network.code_bits = codes.bits
    network.notes["features"] = options.features
    values = codes.values()[None]
    return Signal(shape, Raw(), values, values.astype(np.float64))


def end(network: Network, result: Signal, place: str, options: ReadOptions) -> Draft:
    """Return the model whose result is the bits of a quantiser, or class scores."""
    head = None
    if not isinstance(result.source, Raw):
        _require_last(network, result, place)
    if isinstance(result.source, Bits):
        network.notes["output"] = "bits of the last quantiser"
    elif result.values is not None and len(np.unique(result.values)) <= 2:
        network.bits(result, place)
    else:
        head = class_scores(network, result, place)
    missing: tuple[str, ...] = ()
    # Where the input is bits already, nothing is to be said of it.
    if options.features is None and (network.inputs is None or "input" in network.notes):
        missing = (
            "the model quantises its input itself; expected --features uint8,scale=1/255 (what the "
            "circuit's integer inputs stand for) or --features bits (that quantiser outside)",
        )
    return Draft(
        network.layers,
        network.inputs,
        head=head,
        levels=network.levels,
        code_bits=network.code_bits,
        notes=network.notes,
        missing=missing,
    )


def _require_last(network: Network, result: Signal, place: str) -> None:
    """Raise `ModelError` where another branch than the result's was found last."""
    assert isinstance(result.source, Bits | Sum)
    last = len(network.layers) - 1
    if result.source.layer != last:
        raise network.error(
            f"does not read what {network.layers[last].place} gives", place,
            "a net without layers that its output does not need",
        )  # fmt: skip
