"""A recipe's content, checked against the device it names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gatec.devices.device import Device
from gatec.devices.targets import find_device, find_target
from gatec.errors import UsageError

BITSTREAM = "{bitstream}"
PLL_KINDS = ("pad", "core", "none")

_TEXT, _NUMBER, _TRUTH, _TEXTS = "text", "a number", "true or false", "a list of texts"
# Section ("" is the top level), key, kind. All but `note` and `[spi]` must be there.
_KEYS: Mapping[str, Mapping[str, str]] = {
    "": {
        "name": _TEXT,
        "description": _TEXT,
        "url": _TEXT,
        "note": _TEXT,
        "target": _TEXT,
        "device": _TEXT,
        "package": _TEXT,
    },
    "clock": {"pin": _TEXT, "mhz": _NUMBER, "pll": _TEXT},
    "uart": {"rx": _TEXT, "tx": _TEXT, "baud": _NUMBER},
    "spi": {"cs": _TEXT, "sck": _TEXT, "mosi": _TEXT, "miso": _TEXT},
    "leds": {"pins": _TEXTS, "active_low": _TRUTH},
    "flash": {"command": _TEXTS, "install": _TEXT},
}
_OPTIONAL = ("note",)
_OPTIONAL_SECTIONS = ("spi",)


@dataclass(frozen=True)
class Board:
    """A board.

    Attributes
    ----------
    name, description, url, note
        For people; `note` says what to solder or connect, empty if nothing.
    target, device, package
        What to compile for.
    clock_pin, clock_mhz
        The oscillator.
    pll
        `pad` where the oscillator's pin is an iCE40 PLL's own, `core` on other pins; `none` of
        families whose PLL gatec does not set: the core runs at the oscillator's clock.
    uart_rx, uart_tx, baud
        Pins as the FPGA sees them: it receives on rx. 8 data bits, no parity, one stop bit.
    spi
        Pins by name (`cs`, `sck`, `mosi`, `miso`) where a host is the SPI controller; empty where
        the recipe names none.
    leds, leds_active_low
        Pins, lowest bit first.
    flash_command, flash_install
        The programmer's command line with `{bitstream}` in it, and how to get the programmer.
    """

    name: str
    description: str
    url: str
    note: str
    target: str
    device: Device
    package: str
    clock_pin: str
    clock_mhz: float
    pll: str
    uart_rx: str
    uart_tx: str
    baud: int
    spi: Mapping[str, str]
    leds: tuple[str, ...]
    leds_active_low: bool
    flash_command: tuple[str, ...]
    flash_install: str


def parse_board(content: Mapping[str, Any], path: Path) -> Board:
    """Return the board that a parsed recipe describes; raise `UsageError` at what is wrong."""
    _check_keys(content, path)
    clock, uart, leds, flash = (content[s] for s in ("clock", "uart", "leds", "flash"))
    device = find_device(find_target(content["target"]), content["device"])
    board = Board(
        name=content["name"],
        description=content["description"],
        url=content["url"],
        note=content.get("note", ""),
        target=content["target"],
        device=device,
        package=device.choose_package(content["package"]),
        clock_pin=clock["pin"],
        clock_mhz=float(clock["mhz"]),
        pll=clock["pll"],
        uart_rx=uart["rx"],
        uart_tx=uart["tx"],
        baud=int(uart["baud"]),
        spi=content.get("spi", {}),
        leds=tuple(leds["pins"]),
        leds_active_low=leds["active_low"],
        flash_command=tuple(flash["command"]),
        flash_install=flash["install"],
    )
    _check_values(board, path)
    _check_pins(board, path)
    return board


def _check_keys(content: Mapping[str, Any], path: Path) -> None:
    for section, keys in _KEYS.items():
        place = f"[{section}]" if section else "top level"
        table = content.get(section) if section else content
        if table is None and section in _OPTIONAL_SECTIONS:
            continue
        if not isinstance(table, Mapping):
            raise UsageError(f"no section {place}", file=path, expected=", ".join(keys))
        known = [*keys, *(_KEYS if not section else ())]
        for key in table:
            if key not in known:
                raise UsageError(
                    f"unknown key {key!r}", file=path, place=place, expected=", ".join(keys)
                )
        for key, kind in keys.items():
            if key not in table and key not in _OPTIONAL:
                raise UsageError(f"no key {key!r}", file=path, place=place, expected=kind)
            if key in table and not _is_kind(table[key], kind):
                raise UsageError(f"{key} is {table[key]!r}", file=path, place=place, expected=kind)


def _is_kind(value: object, kind: str) -> bool:
    if kind == _TEXTS:
        return isinstance(value, list) and all(_is_kind(item, _TEXT) for item in value)
    if kind == _NUMBER:
        return isinstance(value, int | float) and not isinstance(value, bool) and value > 0
    return isinstance(value, bool if kind == _TRUTH else str)


def _check_values(board: Board, path: Path) -> None:
    if board.name != path.stem:
        raise UsageError(f"name is {board.name!r}", file=path, expected=repr(path.stem))
    if board.pll not in PLL_KINDS:
        raise UsageError(
            f"pll is {board.pll!r}", file=path, place="[clock]", expected=", ".join(PLL_KINDS)
        )
    if (board.pll == "none") == (board.target == "ice40"):
        kinds = "pad or core" if board.target == "ice40" else "none"
        raise UsageError(f"pll is {board.pll!r}", file=path, place="[clock]", expected=kinds)
    if sum(BITSTREAM in word for word in board.flash_command) != 1 or len(board.flash_command) < 2:
        raise UsageError(
            f"command is {list(board.flash_command)}",
            file=path,
            place="[flash]",
            expected=f"a program and its arguments, one of them with {BITSTREAM}",
        )


def _check_pins(board: Board, path: Path) -> None:
    known = board.device.pins(board.package)
    wired = {"[clock] pin": board.clock_pin, "[uart] rx": board.uart_rx, "[uart] tx": board.uart_tx}
    wired |= {f"[spi] {name}": pin for name, pin in board.spi.items()}
    wired |= {f"[leds] pins[{i}]": pin for i, pin in enumerate(board.leds)}
    first: dict[str, str] = {}
    for place, pin in wired.items():
        # Where gatec has no table of pins, nextpnr says it.
        if known and pin not in known:
            raise UsageError(
                f"{pin!r} is no user I/O pin",
                file=path,
                place=place,
                expected=f"one of the {len(known)} of {board.device.name}-{board.package}",
            )
        if pin in first:
            raise UsageError(f"pin {pin} is also {first[pin]}", file=path, place=place)
        first[pin] = place
