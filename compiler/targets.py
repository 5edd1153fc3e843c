"""What gatec compiles for: targets, their devices, and how large and fast these are.

Sizes are those of nextpnr's chip database: they count what the die has, which for the 4K parts
(sold as 3,520 LUTs) and the UP3K (2,800) is more than the data sheet sells.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from gatec.errors import UsageError
from gatec.ice40_packages import packages, user_pins


@dataclass(frozen=True)
class Delays:
    """Worst-case delays of a fabric in ns.

    On a critical path, most connections go to a neighbour and about one goes far.

    Attributes
    ----------
    clock_to_q
        From the clock edge to a flip-flop's output.
    lut
        Through one LUT.
    setup
        Through the LUT in front of a flip-flop, set-up time included.
    near
        A connection to a neighbour: one for each level.
    far
        What the one long connection takes beyond that.
    """

    clock_to_q: float
    lut: float
    setup: float
    near: float
    far: float

    def period(self, levels: int) -> float:
        """Return the estimated ns from register to register through `levels` LUTs (0: a wire)."""
        logic = self.setup + (levels - 1) * self.lut if levels else self.setup
        return self.clock_to_q + logic + max(1, levels) * self.near + self.far

    def clock_at(self, levels: int) -> float:
        """Return the estimated clock in MHz for stages of `levels` LUTs."""
        return 1000 / self.period(levels)

    def levels_at(self, clock_mhz: float) -> int:
        """Return how many LUT levels fit a clock by this estimate, at least 1."""
        levels = 1
        while self.period(levels + 1) <= 1000 / clock_mhz:
            levels += 1
        return levels


@dataclass(frozen=True)
class Device:
    """One FPGA.

    Attributes
    ----------
    name
        As in `--device`, and nextpnr's flag for it.
    die
        Name of its pin tables (`gatec.ice40_packages`).
    packages
        nextpnr's names for its packages and the number of user I/O pins of each.
    package
        The default package.
    luts
        Logic cells: a LUT4, a carry and a flip-flop each.
    brams, plls
        Block RAMs of 4 kbit, PLLs.
    delays
        For estimates before routing.
    """

    name: str
    die: str
    packages: Mapping[str, int]
    package: str
    luts: int
    brams: int
    plls: int
    delays: Delays

    @property
    def flag(self) -> str:
        """nextpnr's option that chooses it."""
        return f"--{self.name}"

    @property
    def ffs(self) -> int:
        """Number of flip-flops: one in each logic cell."""
        return self.luts

    def pins(self, package: str) -> frozenset[str]:
        """Return the user I/O pins of one of its packages."""
        return user_pins(self.die, _die_package(self.name, package))

    def choose_package(self, package: str | None) -> str:
        """Return `package`, or the default for None; raise `UsageError` for an unknown one."""
        if package is None:
            return self.package
        if package not in self.packages:
            raise UsageError(
                f"unknown package {package!r}",
                place=f"device {self.name}",
                expected=", ".join(sorted(self.packages)),
            )
        return package


@dataclass(frozen=True)
class Target:
    """Something that gatec writes circuits for.

    Attributes
    ----------
    name, description
        As `gatec targets` shows them.
    lut_inputs
        Inputs of its LUTs; None where `--lut-inputs` chooses.
    style
        What stage bodies are made of (`gatec.backends.body.Style`).
    devices
        By name; empty for a target without place and route.
    device
        The default device, or None.
    """

    name: str
    description: str
    lut_inputs: int | None
    style: Literal["generic", "ice40"]
    devices: Mapping[str, Device]
    device: str | None


# nextpnr 0.11's delays of cells and of the shortest connection; `far` is fitted, with a little to
# spare, to a trained net of 800 gates a layer and 2,326 LUT4. In stages of 2, 3, 4 and 6 levels:
# 183, 143, 139 and 105 MHz on an HX8K; with 4 levels 95 MHz on an LP8K; with 3, 67 MHz on a UP5K.
_HX = Delays(clock_to_q=0.54, lut=0.45, setup=0.47, near=0.59, far=3.0)
_LP = Delays(clock_to_q=0.80, lut=0.66, setup=0.69, near=0.87, far=3.8)
_UP = Delays(clock_to_q=1.39, lut=1.28, setup=1.23, near=1.76, far=4.8)

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


def _ice40_devices() -> Mapping[str, Device]:
    devices = {}
    for name, die, package, luts, brams, plls, delays in _ICE40_PARTS:
        known = packages(die)
        if name in _FOUR_K:
            known = tuple(p.removesuffix(":4k") for p in known if p.endswith(":4k"))
        counts = {p: len(user_pins(die, _die_package(name, p))) for p in known}
        devices[name] = Device(name, die, counts, package, luts, brams, plls, delays)
    return devices


TARGETS: Mapping[str, Target] = {
    target.name: target
    for target in (
        Target(
            "ice40",
            "Lattice iCE40: Yosys, nextpnr-ice40 and icepack, to a bitstream",
            4,
            "ice40",
            _ice40_devices(),
            "hx8k",
        ),
        Target("asic", "Standard cells of a Liberty file, to proved gates", 6, "generic", {}, None),
        Target("generic", "Plain Verilog, without place and route", None, "generic", {}, None),
    )
}


def find_target(name: str) -> Target:
    """Return a target; raise `UsageError` for an unknown one."""
    if name not in TARGETS:
        raise UsageError(f"unknown target {name!r}", expected=", ".join(TARGETS))
    return TARGETS[name]


def find_device(target: Target, name: str | None) -> Device:
    """Return a target's device, or its default for None; raise `UsageError` for an unknown one."""
    if not target.devices:
        raise UsageError(f"target {target.name} has no devices", expected="no --device")
    chosen = name or target.device
    if chosen is None or chosen not in target.devices:
        raise UsageError(
            f"unknown device {chosen!r}",
            place=f"target {target.name}",
            expected=", ".join(target.devices),
        )
    return target.devices[chosen]
