"""What the flows of all FPGA families share: device, package, widths that fit the pins, seeds."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from os import cpu_count

from gatec.backends.fpga.routed import Routed
from gatec.console import Progress
from gatec.design import Design
from gatec.devices.device import Device
from gatec.devices.targets import find_device
from gatec.errors import LimitError, UsageError
from gatec.flows.base import DEFAULT_LEVELS, Flow, Physical, timing
from gatec.netlist import Netlist

# clk, rst, and valid and ready of both streams.
_CONTROL_PINS = 6


@dataclass(frozen=True)
class FpgaFlow(Flow):
    """A core on the pins of one device."""

    @property
    def device(self) -> Device:
        """The device."""
        return find_device(self.target, self.options.device)

    @property
    def package(self) -> str:
        """Its package."""
        return self.device.choose_package(self.options.package)

    def check(self) -> None:
        """Raise `UsageError` at the first option that does not go with the device."""
        super().check()
        _ = self.package
        if self.options.block_rams > self.device.brams:
            raise UsageError(
                f"--block-rams {self.options.block_rams}",
                place=f"device {self.device.name}",
                expected=f"at most {self.device.brams}",
            )

    @property
    def wants_fewest(self) -> bool:
        """Where the user asks for a clock; not for a board's oscillator."""
        return self.options.clock is not None

    def period(self, levels: float) -> float:
        """Return the device's estimate."""
        return self.device.delays.period(levels)

    def levels_at(self, clock_mhz: float) -> int:
        """Return the device's estimate."""
        return self.device.delays.levels_at(clock_mhz)

    def beats(self, netlist: Netlist) -> tuple[int | None, int | None]:
        """Return what the user asked for; else whole vectors, or what the pins can carry."""
        # A clocked core may have `i_last`.
        control = _CONTROL_PINS + self.options.clocked
        free = self.device.packages[self.package] - control
        out_bits = self.options.out_beat_bits or _beat(netlist.num_outputs, free // 2)
        in_bits = self.options.beat_bits or _beat(netlist.inputs[0].width, free - out_bits)
        return in_bits, out_bits

    @property
    def goal_mhz(self) -> float:
        """The clock to aim for: the user's, or what the device's delays promise."""
        levels = self.pipelining()[1]
        return self.required_clock or self.device.delays.clock_at(levels or DEFAULT_LEVELS)

    def best_seed(self, route: Callable[[int], Routed], progress: Progress) -> Routed:
        """Return the fastest of the routes with the seeds that the user asked for, one a core.

        Equally fast, the lowest seed wins.
        """
        seeds = range(self.options.seed, self.options.seed + self.options.seeds)
        where = f"place and route on {self.device.name}-{self.package}"
        with progress.step(where if len(seeds) == 1 else f"{where}, {len(seeds)} seeds"):
            if len(seeds) == 1:
                routes = [route(seeds[0])]
            else:
                with ThreadPoolExecutor(min(len(seeds), cpu_count() or 1)) as pool:
                    routes = list(pool.map(route, seeds))
        best = max(range(len(seeds)), key=lambda at: routes[at].fmax_mhz or 0.0)
        return replace(routes[best], seed=seeds[best])

    def timing_section(self, design: Design, routed: Routed) -> Physical:
        """Return what nextpnr reported of the clock, for the manifest."""
        assert routed.fmax_mhz is not None, "a core has registers"
        clock = self.required_clock or routed.fmax_mhz
        return {
            "fmax_mhz": round(routed.fmax_mhz, 3),
            "clock_mhz": round(clock, 3),
            "seed": routed.seed,
            **timing(design.emitted.shape, clock),
            "critical_path": [asdict(hop) for hop in routed.critical_path],
        }


def _beat(bits: int, pins: int) -> int:
    """Return the whole width where it fits, else the largest power of two that does."""
    if pins < 1:
        raise LimitError("no pin is left for data", expected="a larger --package, or --board")
    return bits if bits <= pins else 1 << (pins.bit_length() - 1)
