"""Pin and clock constraints in the forms that the families' tools read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Constraints:
    """What a design's ports are tied to.

    Attributes
    ----------
    comment
        The first line.
    pins
        The pin of each port bit, named as the tools do: `led[3]`, or `led` where there is one bit.
    clock, clock_mhz
        The port of the clock and its frequency.
    standard
        The I/O standard of each port bit that has another than the bank's default.
    """

    comment: str
    pins: Mapping[str, str]
    clock: str
    clock_mhz: float
    standard: Mapping[str, str] = field(default_factory=dict)


def port_bits(ports: Mapping[str, int]) -> list[str]:
    """Return the names of all bits of ports, given by width."""
    return [
        name if width == 1 else f"{name}[{bit}]"
        for name, width in ports.items()
        for bit in range(width)
    ]


def assign_pins(bits: Sequence[str], pins: Sequence[str]) -> dict[str, str]:
    """Return a pin for each port bit, in order; there must be enough."""
    assert len(bits) <= len(pins), "the widths of the streams fit the package"
    return dict(zip(bits, pins, strict=False))


def pcf(wanted: Constraints) -> str:
    """Return constraints for nextpnr-ice40."""
    lines = [f"# {wanted.comment}"]
    lines += [f"set_io {bit} {pin}" for bit, pin in wanted.pins.items()]
    lines.append(f"set_frequency {wanted.clock} {wanted.clock_mhz:g}")
    return _text(lines)


def lpf(wanted: Constraints) -> str:
    """Return constraints for nextpnr-ecp5 and nextpnr-machxo2."""
    lines = [f"# {wanted.comment}"]
    for bit, pin in wanted.pins.items():
        lines.append(f'LOCATE COMP "{bit}" SITE "{pin}";')
        lines.append(f'IOBUF PORT "{bit}" IO_TYPE={wanted.standard.get(bit, "LVCMOS33")};')
    lines.append(f'FREQUENCY PORT "{wanted.clock}" {wanted.clock_mhz:g} MHZ;')
    return _text(lines)


def pdc(wanted: Constraints) -> str:
    """Return constraints for nextpnr-nexus, which knows the I/O standards of the banks."""
    lines = [f"# {wanted.comment}"]
    for bit, pin in wanted.pins.items():
        lines.append(f"ldc_set_location -site {{{pin}}} [get_ports {{{bit}}}]")
        if bit in wanted.standard:
            kind = wanted.standard[bit]
            lines.append(f"ldc_set_port -iobuf {{IO_TYPE={kind}}} [get_ports {{{bit}}}]")
    period = 1000 / wanted.clock_mhz
    lines.append(f"create_clock -name clock -period {period:.3f} [get_ports {{{wanted.clock}}}]")
    return _text(lines)


def cst(wanted: Constraints) -> str:
    """Return constraints for nextpnr-himbaechel-gowin; the clock goes by option."""
    lines = [f"// {wanted.comment}"]
    lines += [f'IO_LOC "{bit}" {pin};' for bit, pin in wanted.pins.items()]
    lines += [f'IO_PORT "{bit}" IO_TYPE={kind};' for bit, kind in wanted.standard.items()]
    return _text(lines)


def ccf(wanted: Constraints) -> str:
    """Return constraints for nextpnr-himbaechel-gatemate; the clock goes by option."""
    lines = [f"# {wanted.comment}"]
    lines += [f'NET "{bit}" Loc = "{pin}";' for bit, pin in wanted.pins.items()]
    return _text(lines)


def _text(lines: Sequence[str]) -> str:
    return "\n".join(lines) + "\n"
