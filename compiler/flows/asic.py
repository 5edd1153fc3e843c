"""The flow to standard cells: mapping, proof of the gates, timing, power, constraints."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np

from gatec.asic_options import AsicOptions
from gatec.backends.asic import abc_map
from gatec.backends.asic.constraints import write_sdc
from gatec.backends.asic.estimate import estimated_area
from gatec.backends.asic.flip_flops import choose_register
from gatec.backends.asic.implement import Gates, implement, net_rates
from gatec.backends.asic.power import Power, estimate_power
from gatec.backends.asic.text import write_models
from gatec.backends.asic.threshold_cells import read_threshold_cells
from gatec.backends.asic.tiny_tapeout import BEAT_BITS
from gatec.bits import ALL_ONES, Words, random_words
from gatec.class_sums import ClassChoice, class_choice, fewest_early
from gatec.console import Progress
from gatec.design import Design
from gatec.errors import UsageError
from gatec.flows.asic_files import check_tiny_tapeout, more_outputs
from gatec.flows.base import Files, Flow, Physical, core_files, timing
from gatec.interval import asked_interval
from gatec.liberty.arcs import Arcs
from gatec.liberty.fanout import gate_delay
from gatec.liberty.load import Library
from gatec.liberty.named import NamedLibrary
from gatec.liberty.write import write_functions
from gatec.mapping import Mapped
from gatec.netlist import Netlist
from gatec.sim.toggles import cycle_counts
from gatec.verify_gates import gate_files

# What to size for, and to state the power at, when the user asks for no clock.
DEFAULT_MHZ = 100.0
# Levels of gates in a stage where the library has no delays.
_DEFAULT_LEVELS = 24
# Delays of a NAND with four readers that a level of gates takes: optimistic, since a clock that is
# missed is tried again with shorter stages. On 800x4 in one stage 1.6 (sg13g2) to 1.9 (sky130hd).
_NANDS_A_LEVEL = 1.6
_POWER_CYCLES = 64
_POWER_VECTORS = 8
_POWER_SAMPLES = 64
_SEED = 0x70773

_SCRIPTS = {0: abc_map.FAST, 1: abc_map.FAST, 2: abc_map.STANDARD, 3: abc_map.BEST}


@dataclass(frozen=True)
class AsicFlow(Flow):
    """A core in cells of one library."""

    reached = "reached by the gates, without wires:"
    faster = "a faster --liberty"

    @property
    def asked(self) -> AsicOptions:
        """The options that are this target's own."""
        return self.options.asic or AsicOptions()

    @cached_property
    def _loaded(self) -> tuple[Library, NamedLibrary | None, Arcs]:
        library, known = self.asked.load()
        choose_register(library)
        return library, known, Arcs(library)

    @property
    def lib(self) -> Library:
        """The cells."""
        return self._loaded[0]

    @property
    def named(self) -> NamedLibrary | None:
        """What is known of the library."""
        return self._loaded[1]

    @property
    def arcs(self) -> Arcs:
        """Their tables."""
        return self._loaded[2]

    @property
    def scripts(self) -> tuple[str, ...]:
        """ABC's scripts at the effort that was asked for."""
        return _SCRIPTS[self.options.optimise]

    @property
    def keeps_gates(self) -> bool:
        """Gates go to the mapper as they are, adder cells among them; look-up tables do not."""
        return True

    def check(self) -> None:
        """Raise the error of the first option that does not go with the target or the library."""
        if self.options.lut_inputs is not None:
            raise UsageError(
                f"--lut-inputs {self.options.lut_inputs} with target asic",
                expected="no such option: cells have no look-up tables",
            )
        super().check()
        if self.asked.tiny_tapeout:
            check_tiny_tapeout(self)
        if self.asked.threshold_cells is not None:
            read_threshold_cells(self.asked.threshold_cells)
        if self.asked.clock_gates and self.lib.clock_gate() is None:
            raise UsageError(
                f"--clock-gates with {self.lib.name}",
                expected="a library with a clock gate of the kind latch_posedge, without test pins",
            )
        if self.required_clock is not None and not self.arcs.has_timing:
            raise UsageError(
                f"--clock {self.required_clock:g} with {self.lib.name}",
                expected="a Liberty file with delays, or --levels-per-stage N",
            )

    def pipelining(self) -> tuple[int | None, int | None]:
        """Return stages or levels as asked for, else the levels that probably fit 100 MHz."""
        options = self.options
        if options.stages is not None or options.levels_per_stage is not None:
            return options.stages, options.levels_per_stage
        return None, self.levels_at(self.required_clock or DEFAULT_MHZ)

    def levels_at(self, clock_mhz: float) -> int:
        """Return an optimistic estimate from the library's own NAND."""
        if not self.arcs.has_timing:
            return _DEFAULT_LEVELS
        return max(1, int(1000 / clock_mhz / self.period(1)))

    def period(self, levels: float) -> float:
        """Return an optimistic estimate from the library's own NAND."""
        return levels * _NANDS_A_LEVEL * gate_delay(self.lib, self.arcs)

    def steps(self, mapped: Mapped, progress: Progress) -> ClassChoice | None:
        """Return how classes may be counted one after the other."""
        area = partial(estimated_area, library=self.lib, gated=self.asked.clock_gates)
        return class_choice(mapped, self, self.options, area)

    def early_words(self, netlist: Netlist, phases: int) -> int | None:
        """Return as many as the interval that is asked for needs."""
        wanted = asked_interval(netlist, self, self.options)
        if wanted.beats[0] == 1 or phases == 1:
            return None
        bits = (netlist.inputs[0].width, netlist.num_outputs)
        shape = fewest_early(bits, wanted.beat_bits, phases, wanted.interval)
        assert shape is not None, "chosen to be as fast"
        return shape.early

    @property
    def counts_at_a_clock(self) -> bool:
        """One stage of several cycles is smaller than any pipeline."""
        return True

    @property
    def has_credits(self) -> bool:
        """Their ranks wait: what they would queue in takes more area than enables do."""
        return False

    def beats(self, netlist: Netlist) -> tuple[int | None, int | None]:
        """Return what the user asked for, else bytes for Tiny Tapeout, else whole vectors."""
        if self.asked.tiny_tapeout:
            return BEAT_BITS, BEAT_BITS
        return self.options.beat_bits, self.options.out_beat_bits

    def finish(self, design: Design, progress: Progress) -> tuple[Physical | None, Files]:
        """Map, prove and judge the gates, unless the user wants the core only."""
        files = core_files(design)
        if not self.options.place_and_route:
            return None, files
        clock = self.required_clock or DEFAULT_MHZ
        with progress.step(f"map to {self.lib.name}, prove the gates"):
            gates = implement(
                design.emitted,
                self.lib,
                self.arcs,
                self.scripts,
                period_ns=1000 / clock,
                timeout=self.options.proof_timeout,
                allow_unproved=self.options.allow_unproved,
                clock_gates=self.asked.clock_gates,
            )
        power = None
        if gates.timing is not None:
            with progress.step("estimate the power"):
                power = self._power(gates, clock, design.emitted.shape.interval)
        facts, more = more_outputs(self, design, gates, progress, clock)
        physical = self._physical(design, gates, power, clock) | facts
        return physical, files | self._files(design, gates) | more

    def _power(self, gates: Gates, clock_mhz: float, interval: int) -> Power:
        """Estimate the power with random vectors, one every `interval` cycles, and some of them."""
        cycles = _POWER_CYCLES + _POWER_VECTORS * (interval - 1)
        assert gates.timing is not None
        machine = gates.read.machine.netlist
        rng = np.random.default_rng(_SEED)
        words = _POWER_SAMPLES // 64
        rows = {"i_valid": 1, "o_ready": 1, "rst": 0}
        fixed = [
            (port.nets - machine.first_input, rows[port.name])
            for port in machine.inputs
            if port.name in rows
        ]

        def frames() -> Iterator[Words]:
            for _ in range(cycles):
                frame = random_words(rng, machine.num_inputs, words)
                for bits, value in fixed:
                    frame[bits] = ALL_ONES if value else 0
                yield frame

        counts, ones = cycle_counts(machine, frames(), _POWER_SAMPLES)
        rates = net_rates(gates, counts, ones, (cycles - 1) * _POWER_SAMPLES)
        return estimate_power(gates.netlist, self.arcs, gates.timing.slews, rates, clock_mhz)

    def _files(self, design: Design, gates: Gates) -> Files:
        top = design.emitted.top
        clock = self.required_clock or DEFAULT_MHZ
        period = 1000 / clock / self.lib.units.ns
        kinds = gates.netlist.kinds
        text_file, cells_file = gate_files(top)
        return {
            text_file: gates.text.encode(),
            cells_file: write_functions(f"{top}_cells", kinds).encode(),
            f"{top}_gates_cells.v": write_models(kinds).encode(),
            f"{top}.sdc": write_sdc(design.emitted.shape, period).encode(),
        }

    def _physical(
        self, design: Design, gates: Gates, power: Power | None, clock_mhz: float
    ) -> Physical:
        """Return what the manifest says of the gates."""
        netlist, found = gates.netlist, gates.timing
        gates_of_clock = int((netlist.is_clock_gate | netlist.is_clock_nor).sum())
        registers = netlist.is_register & ~netlist.is_clock_gate
        latches = int(netlist.is_latch.sum())
        facts: dict[str, Any] = {
            "library": self.lib.name,
            "sources": {source.file: source.sha256 for source in self.lib.sources},
            "cells": dict(netlist.counts),
            "used": {
                "cells": netlist.num_instances,
                "flip-flops": int(registers.sum()) - latches,
                **({"latches": latches} if latches else {}),
                **({"clock gates": gates_of_clock} if gates_of_clock else {}),
            },
            "area": round(netlist.area, 4),
            "area_of_flip_flops": round(float(netlist.areas[registers].sum()), 4),
            "script": gates.script,
            "proof": {"equivalence": gates.proof.verdict.value, "method": gates.proof.method},
            "fmax_mhz": None,
        }
        if found is not None:
            facts |= {
                "fmax_mhz": round(found.fmax_mhz, 3),
                "clock_mhz": round(clock_mhz, 3),
                "delay_ns": round(found.period_ns, 4),
                **timing(design.emitted.shape, clock_mhz),
                "critical_path": [asdict(step) for step in found.path],
            }
        if power is not None:
            rounded = {name: round(value, 4) for name, value in asdict(power).items()}
            facts["power_uw"] = {"total": round(power.total, 4), **rounded}
            facts["power_of"] = f"random vectors at {clock_mhz:g} MHz, without wires and glitches"
        return facts
