"""One FPGA: how large and how fast it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gatec.errors import UsageError


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
    carry, chain
        Each carry on a chain, and what entering and leaving the chain takes beyond a LUT.
    """

    clock_to_q: float
    lut: float
    setup: float
    near: float
    far: float
    carry: float = 0.0
    chain: float = 0.0

    @property
    def level(self) -> float:
        """A LUT and a connection to a neighbour."""
        return self.lut + self.near

    def period(self, levels: float) -> float:
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
        As in `--device`.
    die
        What the tools call the die: its chip database or pin tables.
    packages
        Its packages and the number of user I/O pins of each.
    package
        The default package.
    luts
        Look-up tables, or what each logic cell has in their place.
    brams, plls
        Block RAMs, PLLs.
    delays
        For estimates before routing.
    flip_flops
        As many as look-up tables when None.
    parts
        The part number by package, where the tools go by it.
    pin_names
        The user I/O pins by package, where gatec knows them.
    """

    name: str
    die: str
    packages: Mapping[str, int]
    package: str
    luts: int
    brams: int
    plls: int
    delays: Delays
    flip_flops: int | None = None
    parts: Mapping[str, str] = field(default_factory=dict)
    pin_names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def flag(self) -> str:
        """nextpnr's option that chooses it, where it goes by options."""
        return f"--{self.name}"

    @property
    def ffs(self) -> int:
        """Number of flip-flops."""
        return self.luts if self.flip_flops is None else self.flip_flops

    def pins(self, package: str) -> frozenset[str]:
        """Return the user I/O pins of one of its packages; none where gatec does not know them."""
        return frozenset(self.pin_names.get(package, ()))

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
