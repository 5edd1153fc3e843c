"""The iCE40 devices.

Sizes are those of nextpnr's chip database: they count what the die has, which for the 4K parts
(sold as 3,520 LUTs) and the UP3K (2,800) is more than the data sheet sells.
"""

from __future__ import annotations

from collections.abc import Mapping

from gatec.devices.device import Delays, Device
from gatec.devices.ice40_packages import packages, user_pins

# nextpnr 0.11's delays of cells and of the shortest connection; `far` is fitted, with a little to
# spare, to a trained net of 800 gates a layer and 2,326 LUT4. In stages of 2, 3, 4 and 6 levels:
# 183, 143, 139 and 105 MHz on an HX8K; with 4 levels 95 MHz on an LP8K; with 3, 67 MHz on a UP5K.
# Of chains the reports of routed designs say: a LUT's input to the first carry 0.26, 0.38 and 0.68,
# the last carry to its LUT 0.26, 0.38 and 0.66 and through it 0.32, 0.46 and 0.87.
_HX = Delays(0.54, lut=0.45, setup=0.47, near=0.59, far=3.0, carry=0.126, chain=0.26)
_LP = Delays(0.80, lut=0.66, setup=0.69, near=0.87, far=3.8, carry=0.186, chain=0.38)
_UP = Delays(1.39, lut=1.28, setup=1.23, near=1.76, far=4.8, carry=0.278, chain=0.66)

_FOUR_K = ("lp4k", "hx4k")


def _die_package(device: str, package: str) -> str:
    """Return a package's name in the die's table: nextpnr adds `:4k` to those of 4K parts."""
    return f"{package}:4k" if device in _FOUR_K else package


# Name, die, default package, logic cells, block RAMs, PLLs, delays.
_ICE40_PARTS = (
    ("lp384", "384", "qn32", 384, 0, 0, _LP),
    ("lp1k", "1k", "cm121", 1280, 16, 1, _LP),
    ("lp4k", "8k", "cm225", 7680, 32, 2, _LP),
    ("lp8k", "8k", "cm225", 7680, 32, 2, _LP),
    ("hx1k", "1k", "tq144", 1280, 16, 1, _HX),
    ("hx4k", "8k", "tq144", 7680, 32, 2, _HX),
    ("hx8k", "8k", "ct256", 7680, 32, 2, _HX),
    ("up3k", "5k", "sg48", 5280, 30, 1, _UP),
    ("up5k", "5k", "sg48", 5280, 30, 1, _UP),
    ("u4k", "u4k", "sg48", 3520, 20, 1, _UP),
)


def ice40_devices() -> Mapping[str, Device]:
    """Return the iCE40 devices; each logic cell is a LUT4, a carry and a flip-flop."""
    devices = {}
    for name, die, package, luts, brams, plls, delays in _ICE40_PARTS:
        known = packages(die)
        if name in _FOUR_K:
            known = tuple(p.removesuffix(":4k") for p in known if p.endswith(":4k"))
        pins = {p: tuple(sorted(user_pins(die, _die_package(name, p)))) for p in known}
        counts = {p: len(pins[p]) for p in known}
        devices[name] = Device(
            name, die, counts, package, luts, brams, plls, delays, pin_names=pins
        )
    return devices
