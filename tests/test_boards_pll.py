"""PLL settings are those of IceStorm's icepll."""

from __future__ import annotations

import re

import pytest

from gatec.backends.board.pll import pll_settings
from gatec.errors import UsageError
from gatec.tools.nextpnr import ICE40_PACKAGE, yowasp_tool


def icepll(input_mhz: float, output_mhz: float) -> dict[str, float]:
    tool = yowasp_tool(ICE40_PACKAGE, "run_icepll", "icepll")
    log = tool.run(["-i", str(input_mhz), "-o", str(output_mhz)]).log
    found = {key: int(value) for key, value in re.findall(r"(DIV.|FILTER_RANGE): +(\d+)", log)}
    achieved = re.search(r"F_PLLOUT: +([\d.]+) MHz \(achieved\)", log)
    assert achieved is not None, log
    return {**found, "mhz": float(achieved[1])}


@pytest.mark.parametrize(
    ("input_mhz", "output_mhz"),
    [
        (12, 16),
        (12, 48),
        (12, 100),
        (12, 275),
        (12, 33.3),
        (16, 50),
        (16, 96),
        (100, 25),
        (50, 133),
    ],
)
def test_settings_are_those_of_icepll(input_mhz: float, output_mhz: float) -> None:
    found = pll_settings(input_mhz, output_mhz)
    assert icepll(input_mhz, output_mhz) == {
        "DIVR": found.divr,
        "DIVF": found.divf,
        "DIVQ": found.divq,
        "FILTER_RANGE": found.filter_range,
        "mhz": round(found.mhz, 3),
    }


def nearest(input_mhz: float, output_mhz: float) -> float:
    """Return how far the nearest frequency that can be made is, relatively."""
    made = [
        input_mhz / r * f / 2**q
        for r in range(1, 17)
        for f in range(1, 129)
        for q in range(1, 7)
        if input_mhz / r >= 10 and 533 <= input_mhz / r * f <= 1066
    ]
    return min(abs(mhz / output_mhz - 1) for mhz in made)


@pytest.mark.parametrize("input_mhz", [10.0, 12.0, 16.0, 27.0, 100.0, 133.0])
def test_every_choice_is_within_the_limits(input_mhz: float) -> None:
    for output_mhz in range(16, 276, 7):
        try:
            s = pll_settings(input_mhz, output_mhz)
        except UsageError:
            assert nearest(input_mhz, output_mhz) > 0.01
            continue
        detector = input_mhz / (s.divr + 1)
        oscillator = detector * (s.divf + 1)
        assert 10 <= detector <= 133
        assert 533 <= oscillator <= 1066
        assert s.mhz == pytest.approx(oscillator / 2**s.divq)
        assert s.mhz == pytest.approx(output_mhz, rel=0.01)


@pytest.mark.parametrize(
    ("input_mhz", "output_mhz", "message"),
    [
        (12, 15.9, r"PLL: --clock of 15\.9 MHz; expected 16 to 275 MHz"),
        (12, 276, r"PLL: --clock of 276 MHz; expected 16 to 275 MHz"),
        (9, 48, r"PLL: oscillator of 9 MHz; expected 10 to 133 MHz"),
        (16, 268, r"PLL: --clock 268 MHz cannot be made of 16 MHz; expected for example 272"),
    ],
)
def test_impossible_clock_is_refused(input_mhz: float, output_mhz: float, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        pll_settings(input_mhz, output_mhz)
