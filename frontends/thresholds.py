"""Encoder thresholds as torchlogix stores them, spread to one row for each feature.

The encoder compares `x[..., feature]` with its thresholds and puts the bits of a feature side by
side (`feature_dim=-2`), so after Flatten bit `t` of feature `f` is number `f * bits + t`. With
another `feature_dim` an image's bits are interleaved with its rows and columns, whose number no
file holds: that is refused where it would matter.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gatec.errors import ModelError
from gatec.frontends.files.tensors import Array
from gatec.frontends.weights import check_floats

# Far above any feature, far below what overflows on the way.
_MAX_THRESHOLD = 1e30


@dataclass(frozen=True, eq=False)
class Encoder:
    """An encoder as found.

    Attributes
    ----------
    thresholds
        Floats `[..., bits]`.
    feature_dim
        Which dimension the bits are merged with; None when the file does not tell.
    slack
        Uncertainty of each threshold; None when they are in the file.
    place
        Where.
    """

    thresholds: Array
    feature_dim: int | None
    slack: Array | None
    place: str

    def expand(self, inputs: int | None) -> Array:
        """Return thresholds `[features, bits]`.

        Parameters
        ----------
        inputs
            Number of bits that the first gate layer reads, when known.

        Raises `ModelError` when the order of the bits is not certain, or the widths do not fit.
        """
        bits = self.thresholds.shape[-1]
        rows = self.thresholds.reshape(-1, bits)
        last = self.feature_dim == -2
        if self.thresholds.ndim == 2 and len(rows) > 1 and inputs in (None, rows.size):
            # One row for each of the features: they must be a plain vector.
            return rows
        if bits > 1 and not last:
            raise ModelError(
                f"thresholds {list(self.thresholds.shape)} are shared by features whose order of "
                "bits (feature_dim) is not in the file",
                place=self.place,
                expected="thresholds [features, bits], a whole module, or --features bits",
            )
        if len(rows) > 1:
            return rows
        if inputs is None or inputs % bits:
            raise ModelError(
                f"one row of {bits} thresholds for an unknown number of features",
                place=self.place,
                expected=f"--inputs N, a multiple of {bits}",
            )
        return np.broadcast_to(rows, (inputs // bits, bits))

    def over_image(self, image: tuple[int, ...]) -> tuple[Array, Array]:
        """Return thresholds `[pixels, bits]`, and where the encoder puts each pixel's bits.

        Parameters
        ----------
        image
            `(channels, *sizes)` of what the encoder puts out: along one axis each number is
            followed by its further bits.

        Returns
        -------
        tuple
            Thresholds of the pixels in the order of torch's Flatten; and for each bit of `image`
            which of the bits `pixel * bits + t` it is.

        Raises `ModelError` when the widths do not fit.
        """
        bits = self.thresholds.shape[-1]
        axes = len(image)
        # Counted with the batch in front and the bits behind, as the trainer does.
        axis = None if self.feature_dim is None else self.feature_dim % (axes + 2) - 1
        if axis is None or not 0 <= axis < axes or image[axis] % bits:
            raise ModelError(
                f"{bits} bits a feature along axis {self.feature_dim} give no image {list(image)}",
                place=self.place,
                expected="an axis (feature_dim) that is a multiple of the bits, or --features bits",
            )
        pixels = (*image[:axis], image[axis] // bits, *image[axis + 1 :])
        # One number for each channel holds for all pixels of it: only images know that form.
        by_channel = self.thresholds.ndim == 2 and axes == 3
        rows = self.thresholds[:, None, None] if by_channel else self.thresholds
        try:
            spread = np.broadcast_to(rows, (*pixels, bits))
        except ValueError:
            raise ModelError(
                f"thresholds {list(self.thresholds.shape)} do not fit an image {list(pixels)}",
                place=self.place,
                expected="one row for all, for each channel, or for each pixel",
            ) from None
        numbers = np.arange(spread.size).reshape(spread.shape)
        order = np.moveaxis(numbers, -1, axis + 1).reshape(-1)
        return spread.reshape(-1, bits), order


def read_encoder(
    thresholds: Array | None,
    raw_diffs: Array | None,
    *,
    softplus: float | None = None,
    feature_dim: int | None = None,
    place: str,
) -> Encoder:
    """Return the encoder that thresholds, or the parameters of learned ones, describe.

    Parameters
    ----------
    thresholds
        Floats `[..., bits]`; ignored where learned.
    raw_diffs
        Of a learned encoder: the first threshold, then what softplus turns into distances.
    softplus
        Its `temperature_softplus`; a state dict does not hold it.
    feature_dim
        See `Encoder`.
    """
    source = thresholds if raw_diffs is None else raw_diffs
    if source is None or source.ndim == 0 or source.size == 0:
        raise ModelError("no thresholds", place=place)
    check_floats(source, "[features, bits]", file=None, place=place)
    if raw_diffs is None or raw_diffs.shape[-1] == 1:
        return Encoder(source, feature_dim, None, place)
    if softplus is None:
        raise ModelError(
            "learned thresholds need temperature_softplus, which a state dict does not hold",
            place=place,
            expected="the whole module, or --features bits",
        )
    if not softplus > 0 or np.abs(source).max() > _MAX_THRESHOLD:
        raise ModelError(
            f"learned thresholds up to {np.abs(source).max():g}, temperature_softplus {softplus:g}",
            place=place,
            expected=f"at most {_MAX_THRESHOLD:g}, and a positive temperature",
        )
    found, slack = _learned(source.astype(np.float64), softplus + 1e-6)
    return Encoder(found, feature_dim, slack, place)


def _learned(raw: Array, scale: float) -> tuple[Array, Array]:
    """Return learned thresholds and their uncertainty."""
    gaps = scale * np.logaddexp(0.0, raw[..., 1:] / scale)
    steps = np.concatenate([raw[..., :1], gaps], axis=-1)
    # The trainer computes in float32, and gatec in double; the first threshold is in the file.
    slack = 2.0**-20 * np.cumsum(np.abs(steps), axis=-1)
    slack[..., 0] = 0.0
    return np.cumsum(steps, axis=-1), slack
