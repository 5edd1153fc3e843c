"""The units of a Liberty file, as factors to those that gatec calculates in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from gatec.errors import ModelError
from gatec.liberty.parse import Group

_PREFIX = {"f": 1e-15, "p": 1e-12, "n": 1e-9, "u": 1e-6, "m": 1e-3, "": 1.0, "k": 1e3}
_QUANTITY = re.compile(
    r"(\d+(?:\.\d*)?(?:[eE][+-]?\d+)?)\s*([fpnumk]?)(s|v|w|a|f|ohm)", re.IGNORECASE
)


@dataclass(frozen=True)
class Units:
    """Factors from a file's numbers.

    Attributes
    ----------
    ns, pf, nw
        Of times, capacitances and leakage power.
    pj
        Of internal energies: capacitance times voltage squared.
    volts
        The nominal supply.
    default_input_pf
        Capacitance, in the file's unit, of an input that states none.
    """

    ns: float
    pf: float
    nw: float
    pj: float
    volts: float
    default_input_pf: float

    @property
    def scales(self) -> tuple[float, ...]:
        """What must agree where files are read as one library."""
        return self.ns, self.pf, self.nw, self.pj, self.volts


def read_units(library: Group, file: Path | str) -> Units:
    """Return the units of a library; what it does not state has the manual's default.

    Raises `ModelError` for a unit that cannot be read.
    """
    attributes = library.attributes

    def factor(key: str, default: str, base: float) -> float:
        text = attributes.get(key, default)
        match = _QUANTITY.fullmatch(text.strip())
        if match is None:
            raise ModelError(f"{key} {text!r}", file=file, expected="a unit such as 1ns")
        return float(match[1]) * _PREFIX[match[2].lower()] / base

    try:
        load = library.lists.get("capacitive_load_unit", ["1", "pf"])
        pf = float(load[0]) * _PREFIX[load[1].strip().lower()[:-1]] / 1e-12
        volts = float(attributes.get("nom_voltage", "0"))
        pin = float(attributes.get("default_input_pin_cap", "0"))
    except (ValueError, KeyError, IndexError):
        raise ModelError("units that cannot be read", file=file, expected="numbers") from None
    voltage = factor("voltage_unit", "1V", 1.0)
    return Units(
        ns=factor("time_unit", "1ns", 1e-9),
        pf=pf,
        nw=factor("leakage_power_unit", "1nW", 1e-9),
        pj=pf * voltage**2,
        volts=volts * voltage,
        default_input_pf=pin,
    )
