"""Which pins of Gowin and Nexus packages are user I/O, by device: nextpnr wants each port placed.

Without the pins that configure the device (JTAG, SPI flash, DONE and the like) and those of hard
transceivers. From the tables of Project Apicula (`apycula`, which the tests compare with) and of
Project Oxide (`prjoxide-db`, `iodb.json`).
"""

from __future__ import annotations

from functools import cache

from gatec.devices.ice40_packages import expand_pins

# Rows of a ball grid, or just numbers: "A1-3,5" is A1, A2, A3, A5.
_PINS: dict[str, dict[str, str]] = {
    "lifcl-17": {
        "CSFBGA121": (
            "B3 C3 D1 E1-2 F1-2,5-7 G1-2,4-5,7-8,10-11 H1-2,4-5,7-8,10-11 "
            "J1-2,4-5,7,10-11 K1-2,4-7,10-11 L1-8,10-11"
        ),
        "WLCSP72": "E2,4-5,7-9 F2-9 G1-9 H1-2",
        "QFN72": "8-11,13-16,19-20,22-25,27-28,30-31,33-34,36-37,43",
        "CABGA256": (
            "E15-16 F15-16 G11,13,15 K7 L3-7 M3-4,7,14-16 N1-4,14 P1-7,9-11,15-16 "
            "R4-5,9-12,15-16 T3-4,9-13"
        ),
    },
    "lifcl-40": {
        "CABGA400": (
            "D3-10,17 E2-4,7-10,17-18 F1,13-14,16,18 G13-15,19 J1-2 K1-8 "
            "L1-2,5-8,13-16,19-20 M2-7,14-20 N4-7,14-16,19-20 P1-2,5-13,17-20 R1-13,17-18 "
            "T1,6-8,10-14,18,20 U1,6-7,10-12,14-16,18,20 V1,6-7,9-12,14,16-20 "
            "W1,5-15,17-20 Y2-3,5-19"
        ),
        "CSBGA289": (
            "A16 B17 D4-7,17 E4-7,14-16 F6-7,11,16-17 G6-7,10-13,15-17 H1,3-8,11-17 "
            "J1-7,10-17 K1-2,6-7,10-11,16-17 L1-2,4-7,10-13 M1-5,9,11-15 N1-15 "
            "P1-2,4-12,15-17 R1-2,4-5,7,10-12,15-17 T1-4,6-17 U2-16"
        ),
        "QFN72": "8-11,13-16,19-20,22-25,27-28,30-31,33-34,36-37,43",
        "CSFBGA121": (
            "B3 C3 D1 E1-2 F1-2,5-7 G1-2,4-5,7-8,10-11 H1-2,4-5,7-8,10-11 "
            "J1-2,4-5,7-8,10-11 K1-2,4-11 L1-11"
        ),
        "CABGA256": (
            "D4-6 E4-6,9-10,12-13,15-16 F4,6,9-10,15-16 G3-4,6,11-16 H1-6,10-16 "
            "J1-2,5-6,11-12,15-16 K1-7,11-12 L1-12 M1-4,7-16 N1-4,8-16 P1-11,14-16 R1-16 "
            "T2-15"
        ),
    },
    "gw1nz-1": {
        "QFN48": "8-11,13,16-21,23,32-35,38-41,47",
    },
    "gw1n-1": {
        "QFN48": "10-11,13-24,27,35,38-46",
        "LQFP144": (
            "3,6-12,23-30,32,34,38-52,54,56-72,75-76,78-85,97-102,104,106,113-124,126,128-142"
        ),
    },
    "gw1nsr-4c": {
        "QFN48P": "13-23,27-35,39-46",
    },
    "gw1nr-9c": {
        "QFN88P": "3,10-11,13-20,25-42,47-53,63,68-77,79-86",
    },
    "gw1n-9c": {
        "LQFP144": ("3,6-12,23-30,32,34,38-52,54,56-72,75-76,78-85,97-102,104,106,110-126,128-142"),
        "PBGA256": (
            "A2-5,8-12,14-15 B1,3-7,9,11-14 C1-2,4-5,7-9,11,16 D1-3,6-11,14-16 "
            "E1-3,6-11,14-16 F1-5,7-10,12-16 G1-6,11-16 H1-6,11-16 J1-6,11-16 K1-6,11-16 "
            "L1-5,7-9,12-16 M1-3,6-7,10-11,14-15 N1-3,6-8,10-11,14-16 "
            "P1-2,4-9,11-13,15-16 R1,3-8,11-14,16 T2-8,11-15"
        ),
    },
    "gw2ar-18c": {
        "QFN88": "4,10-11,13,15-20,25-42,48-49,51,53,63,69-77,79-86",
    },
    "gw2a-18c": {
        "PBGA256": (
            "A2-5,8-12,14-15 B1,3-7,9,11-14 C1-2,4-5,7-9,11-12,16 D1-3,6-11,14-16 "
            "E1-3,6-11,14-16 F1-5,7-10,12-16 G1-6,11-16 H1-6,11-16 J1-6,11-16 K1-6,11-16 "
            "L1-5,8-9,12-16 M1-3,6-7,10-11,14-15 N1-3,6-8,10-11,14-16 "
            "P1-2,4-9,11-13,15-16 R1,3-8,11-14,16 T2-8,11-15"
        ),
        "PBGA484": (
            "A1-22 B1-3,6-8,11-12,15-17,20-22 C1-22 D1,3-20,22 E1,3-17,19-20,22 "
            "F1-7,16-22 G1-6,17-22 H1-5,18-22 J1,3-5,18-20,22 K1,3-5,18-20,22 L1-5,19-22 "
            "M1-5,19,21 N1,3-5,19 P1,3-5,22 R1-5,18-19,22 T1-6,17-18 U1-7,16-20 V1,3-20 "
            "W1,3-20 Y1-22 AA1-3,6-8,11-12,15-17,20-22 AB1-22"
        ),
    },
}

# Of these, the pins of the high-performance banks (3 to 5), which carry 1.8 V at most.
_LOW_VOLTAGE: dict[str, dict[str, str]] = {
    "lifcl-17": {
        "CSFBGA121": (
            "F5-7 G1-2,4-5,7-8,10-11 H1-2,4-5,7-8,10-11 J1-2,4-5,7,10-11 K1-2,4-7,10-11 L1-8,10-11"
        ),
        "WLCSP72": "E4-5,7-9 F2-9 G1-9 H1-2",
        "QFN72": "8-11,13-16,19-20,22-25,27-28,30-31,33-34,36-37",
        "CABGA256": ("K7 L3-7 M3-4,7,14-16 N1-4,14 P1-7,9-11,15-16 R4-5,9-12,15-16 T3-4,9-13"),
    },
    "lifcl-40": {
        "CABGA400": (
            "P7-13 R5-13 T1,6-8,10-14 U1,6-7,10-12,14-16 V1,6-7,9-12,14,16-17 "
            "W1,5-15,17-18 Y2-3,5-18"
        ),
        "CSBGA289": "M5,9,11-15 N4-15 P2,4-12,15-17 R1-2,4-5,7,10-12,15-17 T1-4,6-17 U2-16",
        "QFN72": "8-11,13-16,19-20,22-25,27-28,30-31,33-34,36-37",
        "CSFBGA121": (
            "F5-7 G1-2,4-5,7-8,10-11 H1-2,4-5,7-8,10-11 J1-2,4-5,7-8,10-11 K1-2,4-11 L1-11"
        ),
        "CABGA256": "K7 L6-12 M4,7-16 N3-4,8-16 P1-11,14-16 R1-16 T2-15",
    },
}

# A pin of each package that reaches the clock network on the shortest way.
_CLOCK_PINS: dict[str, dict[str, str]] = {
    "lifcl-17": {"CSFBGA121": "E1", "WLCSP72": "E5", "QFN72": "11", "CABGA256": "F16"},
    "lifcl-40": {
        "CABGA400": "J2",
        "CSBGA289": "G11",
        "QFN72": "11",
        "CSFBGA121": "E1",
        "CABGA256": "F16",
    },
    "gw1nz-1": {"QFN48": "33"},
    "gw1n-1": {"QFN48": "10", "LQFP144": "11"},
    "gw1nsr-4c": {"QFN48P": "20"},
    "gw1nr-9c": {"QFN88P": "10"},
    "gw1n-9c": {"LQFP144": "11", "PBGA256": "A9"},
    "gw2ar-18c": {"QFN88": "10"},
    "gw2a-18c": {"PBGA256": "A9", "PBGA484": "AB12"},
}


def packages(device: str) -> tuple[str, ...]:
    """Return the packages of a device that has a table; none for any other."""
    return tuple(_PINS.get(device, ()))


@cache
def user_pins(device: str, package: str) -> tuple[str, ...]:
    """Return the user I/O pins, the best for a clock first; `KeyError` for an unknown package."""
    pins = expand_pins(_PINS[device][package])
    clock = _CLOCK_PINS[device][package]
    return (clock, *(pin for pin in pins if pin != clock))


@cache
def low_voltage_pins(device: str, package: str) -> frozenset[str]:
    """Return those of the pins whose bank carries 1.8 V at most."""
    return frozenset(expand_pins(_LOW_VOLTAGE.get(device, {}).get(package, "")))
