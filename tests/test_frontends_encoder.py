"""Thresholds to integer levels: exactly as float32 compares."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gatec.errors import UsageError
from gatec.frontends.encoder import levels
from gatec.frontends.options import FeatureCodes, ReadOptions

FINITE = st.floats(width=32, allow_nan=False)


def check(thresholds: np.ndarray, text: str) -> None:
    """Compare every code with every threshold in torch, and by level."""
    codes = FeatureCodes.parse(text)
    found = levels(thresholds, codes)
    numbers = np.arange(1 << codes.bits)
    x = torch.from_numpy(numbers.astype(np.float32))
    scale = torch.tensor(codes.scale, dtype=torch.float32)
    x = (x / scale if codes.divide else x * scale) + torch.tensor(codes.offset)
    expected = x[:, None, None] > torch.from_numpy(thresholds)
    np.testing.assert_array_equal(numbers[:, None, None] >= found, expected.numpy())


@given(
    st.lists(FINITE, min_size=1, max_size=8),
    st.floats(2.0**-20, 2.0**10, width=32),
    st.floats(-1000, 1000, width=32),
    st.booleans(),
    st.integers(1, 9),
)
@settings(max_examples=200, deadline=None)
def test_levels_are_float32_comparisons(
    values: list[float], scale: float, offset: float, divide: bool, bits: int
) -> None:
    text = f"uint{bits},scale={'1/' if divide else ''}{scale!r},offset={offset!r}"
    check(np.array([values], dtype=np.float32), text)


def test_thresholds_that_are_a_codes_value() -> None:
    for text in ("uint8,scale=1/255", "uint8,scale=0.00392156862745098,offset=0", "uint8"):
        values = FeatureCodes.parse(text).values()
        around = [values, np.nextafter(values, np.float32(9)), np.nextafter(values, np.float32(-9))]
        check(np.stack(around).astype(np.float32), text)


def test_double_precision_thresholds_are_not_rounded() -> None:
    third = np.array([[1 / 3, np.float64(np.float32(1 / 3))]])
    codes = FeatureCodes.parse("uint2,scale=1/3")
    assert codes.values()[1] > third[0, 0]
    assert levels(third, codes).tolist() == [[1, 2]]
    check(third, "uint2,scale=1/3")


def test_never_and_always() -> None:
    thresholds = np.array([[-np.inf, -0.5, 0.0, 255.0, np.inf]], dtype=np.float32)
    assert levels(thresholds, FeatureCodes.parse("uint8")).tolist() == [[0, 0, 1, 256, 256]]


@pytest.mark.parametrize(
    "text",
    [
        "int8", "uint0", "uint17", "uint8,scale=0", "uint8,scale=-1", "uint8,scale=nan",
        "uint8,scale=inf", "uint8,scale=1e39", "uint8,scale=3e38", "uint8,offset=x", "uint8,gain=2",
        "uint8,scale=1,scale=2", "uint8,scale", "", "uint8,scale=1/0", "uint8,scale=1/-255",
    ],
)  # fmt: skip
def test_codes_that_are_none(text: str) -> None:
    with pytest.raises(UsageError, match="--features"):
        FeatureCodes.parse(text)


def test_options_check_their_numbers() -> None:
    for bad in ({"inputs": 0}, {"classes": -1}, {"tau": 0.0}, {"tau": float("nan")},
                {"beta": float("inf")}, {"parametrization": "soft"}):  # fmt: skip
        with pytest.raises(UsageError):
            ReadOptions(**bad)  # type: ignore[arg-type]
