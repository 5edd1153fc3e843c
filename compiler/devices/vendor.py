"""The devices of the families that nextpnr places and routes beside the iCE40.

Sizes are those of nextpnr's chip databases, pin counts those of the families' projects (Trellis,
Apicula, Oxide, Peppercorn) for the vendors' packages. The tests compare the pins of ECP5, MachXO2,
two Gowin devices and a CrossLink-NX with these projects, and the LUTs of devices that they route on
with nextpnr's count. Nothing is compared for block RAMs and PLLs, of which a core uses none.
"""

from __future__ import annotations

from collections.abc import Mapping

from gatec.devices.device import Delays, Device
from gatec.devices.pin_tables import packages, user_pins

# Delays of cells and of the shortest connections as nextpnr reports them; `far` is fitted to a
# trained net of 800 gates a layer. ECP5 of speed grade 6, MachXO2 of grade 6, GW1N of C6/I5, GW2A
# of C8/I7, Nexus of grade 9, GateMate in its worst case at full speed.
_ECP5 = Delays(clock_to_q=0.52, lut=0.24, setup=0.24, near=0.90, far=2.4)
_XO2 = Delays(clock_to_q=0.45, lut=0.44, setup=0.44, near=1.3, far=3.0)
_GW1N = Delays(clock_to_q=0.46, lut=1.03, setup=1.1, near=0.9, far=2.5)
_GW2A = Delays(clock_to_q=0.23, lut=0.52, setup=0.55, near=0.6, far=1.6)
_NEXUS = Delays(clock_to_q=0.39, lut=0.23, setup=0.24, near=0.8, far=2.0)
_GATEMATE = Delays(clock_to_q=0.40, lut=1.1, setup=0.6, near=1.6, far=6.0)

_SMALL = {"CABGA256": 197, "CABGA381": 197, "CSFBGA285": 118, "TQFP144": 98}
_MIDDLE = {"CABGA256": 197, "CABGA381": 203, "CABGA554": 245, "CSFBGA285": 118, "TQFP144": 98}
_LARGE = {"CABGA381": 205, "CABGA554": 259, "CABGA756": 365, "CSFBGA285": 118}
# Name, packages, LUT4, block RAMs of 18 kbit, PLLs.
_ECP5_PARTS = (
    ("12k", _SMALL, 24_288, 56, 2),
    ("25k", _SMALL, 24_288, 56, 2),
    ("45k", _MIDDLE, 43_848, 108, 4),
    ("85k", _LARGE, 83_640, 208, 4),
)
# Those with transceivers come in no TQFP.
_ECP5_PREFIXES = ("", "um-", "um5g-")


def ecp5_devices() -> Mapping[str, Device]:
    """Return the ECP5 devices."""
    found = {}
    for prefix in _ECP5_PREFIXES:
        for size, pins, luts, brams, plls in _ECP5_PARTS:
            if prefix and size == "12k":
                continue
            cases = {p: n for p, n in pins.items() if not (prefix and p == "TQFP144")}
            name = f"{prefix}{size}"
            found[name] = Device(name, size, cases, "CABGA381", luts, brams, plls, _ECP5)
    return found


# Name, family of the chip database, parts by package, LUT4, flip-flops, block RAMs, PLLs, delays.
_GOWIN_PARTS = (
    ("gw1nz-1", "GW1NZ-1", {"QFN48": "GW1NZ-LV1QN48C6/I5"}, 1152, 864, 4, 1, _GW1N),
    (
        "gw1n-1",
        "GW1N-1",
        {"QFN48": "GW1N-LV1QN48C6/I5", "LQFP144": "GW1N-LV1LQ144C6/I5"},
        1152,
        864,
        4,
        1,
        _GW1N,
    ),
    ("gw1nsr-4c", "GW1NS-4", {"QFN48P": "GW1NSR-LV4CQN48PC7/I6"}, 4608, 3456, 10, 2, _GW1N),
    ("gw1nr-9c", "GW1N-9C", {"QFN88P": "GW1NR-LV9QN88PC6/I5"}, 8640, 6480, 26, 2, _GW1N),
    (
        "gw1n-9c",
        "GW1N-9C",
        {"LQFP144": "GW1N-LV9LQ144C6/I5", "PBGA256": "GW1N-LV9PG256C6/I5"},
        8640,
        6480,
        26,
        2,
        _GW1N,
    ),
    ("gw2ar-18c", "GW2A-18C", {"QFN88": "GW2AR-LV18QN88C8/I7"}, 20_736, 15_552, 46, 4, _GW2A),
    (
        "gw2a-18c",
        "GW2A-18C",
        {"PBGA256": "GW2A-LV18PG256C8/I7", "PBGA484": "GW2A-LV18PG484C8/I7"},
        20_736,
        15_552,
        46,
        4,
        _GW2A,
    ),
)


def gowin_devices() -> Mapping[str, Device]:
    """Return the Gowin devices."""
    found = {}
    for name, die, parts, luts, ffs, brams, plls, delays in _GOWIN_PARTS:
        pins = {package: user_pins(name, package) for package in parts}
        counts = {package: len(pins[package]) for package in parts}
        first = next(iter(parts))
        found[name] = Device(name, die, counts, first, luts, brams, plls, delays, ffs, parts, pins)
    return found


# How the packages are called in part numbers.
_NEXUS_CODES = {
    "CABGA256": "BG256",
    "CABGA400": "BG400",
    "CSBGA289": "MG289",
    "CSFBGA121": "MG121",
    "QFN72": "SG72",
    "WLCSP72": "UWG72",
}
# Name, default package, LUT4, block RAMs of 18 kbit, PLLs.
_NEXUS_PARTS = (
    ("lifcl-17", "CABGA256", 13_824, 24, 2),
    ("lifcl-40", "CABGA400", 32_256, 84, 3),
)


def nexus_devices() -> Mapping[str, Device]:
    """Return the CrossLink-NX devices."""
    found = {}
    for name, default, luts, brams, plls in _NEXUS_PARTS:
        pins = {package: user_pins(name, package) for package in packages(name)}
        counts = {package: len(pins[package]) for package in pins}
        parts = {package: f"{name.upper()}-9{_NEXUS_CODES[package]}C" for package in pins}
        found[name] = Device(
            name, "LIFCL", counts, default, luts, brams, plls, _NEXUS, luts, parts, pins
        )
    return found


# Name, part number up to the package, pins and code of each package, LUT4, block RAMs, PLLs.
_MACHXO2_PARTS = (
    (
        "xo2-1200hc",
        "LCMXO2-1200HC-6",
        {"TQFP100": (80, "TG100"), "TQFP144": (108, "TG144"), "CSBGA132": (105, "MG132")},
        1280,
        7,
        1,
    ),
)


def machxo2_devices() -> Mapping[str, Device]:
    """Return the MachXO2 devices."""
    found = {}
    for name, stem, cases, luts, brams, plls in _MACHXO2_PARTS:
        pins = {package: count for package, (count, _) in cases.items()}
        parts = {package: f"{stem}{code}C" for package, (_, code) in cases.items()}
        found[name] = Device(name, "1200", pins, "TQFP144", luts, brams, plls, _XO2, luts, parts)
    return found


# Name, user I/O pins of its one package, half CPEs, block RAMs of 40 kbit, PLLs.
_GATEMATE_PARTS = (("ccgm1a1", 162, 40_960, 32, 4), ("ccgm1a2", 162, 81_920, 64, 8))


def gatemate_devices() -> Mapping[str, Device]:
    """Return the GateMate devices; a half CPE holds a tree of LUT2 of four or five inputs."""
    return {
        name: Device(name, name.upper(), {"FBGA324": pins}, "FBGA324", luts, brams, plls, _GATEMATE)
        for name, pins, luts, brams, plls in _GATEMATE_PARTS
    }
