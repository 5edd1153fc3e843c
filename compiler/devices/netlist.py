"""Devices of AMD and Intel, for which gatec writes netlists and the vendors' tools route.

Sizes and pin counts were noted by hand after the vendors' product tables (AMD: DS180, DS890, UG475,
UG575; Intel: device overviews of Cyclone V, MAX 10 and Cyclone IV) and never compared with a tool;
they warn of a net that cannot fit, and the vendor's tool has the last word. Look-up tables are LUT6
at AMD, adaptive logic modules of Cyclone V, logic elements of the others.
"""

from __future__ import annotations

from collections.abc import Mapping

from gatec.devices.device import Delays, Device

# Rough figures, of no measurement: only the first guess at the number of stages rests on them, for
# here nothing is routed.
_SERIES7 = Delays(clock_to_q=0.46, lut=0.15, setup=0.10, near=0.55, far=0.8)
_ULTRASCALE = Delays(clock_to_q=0.10, lut=0.12, setup=0.06, near=0.35, far=0.6)
_CYCLONE5 = Delays(clock_to_q=0.40, lut=0.40, setup=0.30, near=0.65, far=1.0)
_LE4 = Delays(clock_to_q=0.25, lut=0.45, setup=0.20, near=0.70, far=1.2)

# Name, packages with their pins for PL I/O, LUT6, block RAMs of 36 kbit, clock managers.
_SERIES7_PARTS = (
    ("xc7a35t", {"cpg236": 106, "csg324": 210, "ftg256": 170, "fgg484": 250}, 20_800, 50, 5),
    ("xc7a100t", {"csg324": 210, "ftg256": 170, "fgg484": 285}, 63_400, 135, 6),
    ("xc7a200t", {"sbg484": 285, "fbg484": 285, "fbg676": 400}, 134_600, 365, 10),
    ("xc7s50", {"csga324": 210, "ftgb196": 100, "fgga484": 250}, 32_600, 75, 5),
    ("xc7z010", {"clg400": 100}, 17_600, 60, 2),
    ("xc7z020", {"clg400": 125, "clg484": 200}, 53_200, 140, 4),
    ("xc7k325t", {"ffg900": 500, "ffg676": 400}, 203_800, 445, 10),
)
_ULTRASCALE_PARTS = (("xcku040", {"ffva1156": 520}, 242_400, 600, 10),)
_PLUS_PARTS = (
    ("xcku3p", {"ffva676": 280, "ffvb676": 280}, 162_720, 360, 4),
    ("xcku5p", {"ffva676": 280, "ffvb676": 280}, 216_960, 480, 4),
    ("xczu3eg", {"sbva484": 82, "sfvc784": 252}, 70_560, 216, 3),
)


def amd_devices(family: str) -> Mapping[str, Device]:
    """Return the devices of `xc7`, `xcu` or `xcup`."""
    parts, delays, grade = {
        "xc7": (_SERIES7_PARTS, _SERIES7, "-1"),
        "xcu": (_ULTRASCALE_PARTS, _ULTRASCALE, "-1-c"),
        "xcup": (_PLUS_PARTS, _ULTRASCALE, "-1-e"),
    }[family]
    # Part numbers have a hyphen in front of the package from UltraScale on.
    join = "" if family == "xc7" else "-"
    return {
        name: Device(
            name,
            family,
            pins,
            next(iter(pins)),
            luts,
            brams,
            plls,
            delays,
            2 * luts,
            {package: f"{name}{join}{package}{grade}" for package in pins},
        )
        for name, pins, luts, brams, plls in parts
    }


# Name, style of the cells, packages with their pins, tables, flip-flops, block RAMs, PLLs.
_INTEL_PARTS = (
    ("5ceba4", "cyclonev", {"f23c7": 224}, 18_480, 73_920, 308, 4),
    ("5csema5", "cyclonev", {"f31c6": 288}, 32_070, 128_280, 397, 6),
    ("5cseba6", "cyclonev", {"u23i7": 145}, 41_910, 167_640, 553, 6),
    ("10m08sa", "max10", {"e144c8g": 101}, 8_064, 8_064, 42, 1),
    ("10m50da", "max10", {"f484c7g": 360}, 49_760, 49_760, 182, 4),
    ("ep4ce22", "cycloneive", {"f17c6": 153}, 22_320, 22_320, 66, 4),
    ("ep4ce115", "cycloneive", {"f29c7": 528}, 114_480, 114_480, 432, 4),
)


def intel_devices() -> Mapping[str, Device]:
    """Return the devices of target `intel`; `die` is the style of their cells."""
    return {
        name: Device(
            name,
            style,
            pins,
            next(iter(pins)),
            luts,
            brams,
            plls,
            _CYCLONE5 if style == "cyclonev" else _LE4,
            ffs,
            {package: f"{name}{package}" for package in pins},
        )
        for name, style, pins, luts, ffs, brams, plls in _INTEL_PARTS
    }
