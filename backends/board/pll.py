"""Settings of the iCE40 PLL.

With simple feedback, F_out = F_ref * (DIVF + 1) / (2^DIVQ * (DIVR + 1)), where the phase detector
runs at F_ref / (DIVR + 1), 10 to 133 MHz, and the oscillator at that times DIVF + 1, 533 to
1066 MHz (Lattice FPGA-TN-02052, "iCE40 sysCLOCK PLL Design and User Guide"). The choice among equal
settings is that of IceStorm's `icepll`, which the tests compare with.
"""

from __future__ import annotations

from dataclasses import dataclass

from amaranth.hdl import Const, Instance, Value

from gatec.errors import UsageError

_INPUT_MHZ = (10.0, 133.0)
_OUTPUT_MHZ = (16.0, 275.0)
_OSCILLATOR_MHZ = (533.0, 1066.0)
# The loop filter for phase detectors below each frequency; 6 from the last on.
_FILTER_LIMITS_MHZ = (17.0, 26.0, 44.0, 66.0, 101.0)
# How far the clock may be from what the user asked for; the UART has a bound of its own.
_TOLERANCE = 0.01


@dataclass(frozen=True)
class PllSettings:
    """What an SB_PLL40 is configured with.

    Attributes
    ----------
    divr, divf, divq, filter_range
        Its parameters.
    mhz
        The frequency that comes out.
    """

    divr: int
    divf: int
    divq: int
    filter_range: int
    mhz: float


def pll_settings(input_mhz: float, output_mhz: float) -> PllSettings:
    """Return the settings that come closest to `output_mhz`.

    Raises `UsageError` when a frequency is out of range or none within 1 % can be had.
    """
    for name, mhz, (low, high) in (
        ("oscillator", input_mhz, _INPUT_MHZ),
        ("--clock", output_mhz, _OUTPUT_MHZ),
    ):
        if not low <= mhz <= high:
            raise UsageError(
                f"{name} of {mhz:g} MHz", place="PLL", expected=f"{low:g} to {high:g} MHz"
            )
    best = min(_choices(input_mhz), key=lambda choice: abs(choice.mhz - output_mhz), default=None)
    if best is None or abs(best.mhz - output_mhz) > _TOLERANCE * output_mhz:
        raise UsageError(
            f"--clock {output_mhz:g} MHz cannot be made of {input_mhz:g} MHz",
            place="PLL",
            expected="another frequency" if best is None else f"for example {best.mhz:g}",
        )
    return best


def _choices(input_mhz: float) -> list[PllSettings]:
    """Return all settings for an input, in the order in which `icepll` tries them."""
    choices = []
    for divr in range(16):
        detector = input_mhz / (divr + 1)
        if not _INPUT_MHZ[0] <= detector <= _INPUT_MHZ[1]:
            continue
        filter_range = 1 + sum(detector >= limit for limit in _FILTER_LIMITS_MHZ)
        for divf in range(128):
            oscillator = detector * (divf + 1)
            if _OSCILLATOR_MHZ[0] <= oscillator <= _OSCILLATOR_MHZ[1]:
                choices += [
                    PllSettings(divr, divf, divq, filter_range, oscillator / 2**divq)
                    for divq in range(1, 7)
                ]
    return choices


def pll_instance(
    settings: PllSettings, kind: str, *, ref: Value, out: Value, lock: Value
) -> Instance:
    """Return the primitive.

    Parameters
    ----------
    kind
        `pad` when `ref` is the top port of a pin that is the PLL's own, else `core`.
    ref, out, lock
        One-bit signals: reference in, clock out, lock out.
    """
    name, port = {
        "pad": ("SB_PLL40_PAD", "PACKAGEPIN"),
        "core": ("SB_PLL40_CORE", "REFERENCECLK"),
    }[kind]
    return Instance(
        name,
        p_FEEDBACK_PATH="SIMPLE",
        p_DIVR=Const(settings.divr, 4),
        p_DIVF=Const(settings.divf, 7),
        p_DIVQ=Const(settings.divq, 3),
        p_FILTER_RANGE=Const(settings.filter_range, 3),
        **{f"i_{port}": ref},
        i_RESETB=Const(1),
        i_BYPASS=Const(0),
        o_PLLOUTGLOBAL=out,
        o_LOCK=lock,
    )
