"""A small library of standard cells of our own, written as a Liberty file, for tests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gatec.backends.asic.implement import Gates, implement
from gatec.backends.verilog import Emitted
from gatec.liberty.arcs import Arcs
from gatec.liberty.load import Library, load_library

# Name, area, inputs, and outputs with their functions.
Gate = tuple[str, float, str, dict[str, str]]

GATES: tuple[Gate, ...] = (
    ("INV", 2, "A", {"Y": "!A"}),
    ("INV_4", 4, "A", {"Y": "!A"}),
    ("BUF", 3, "A", {"Y": "A"}),
    ("BUF_4", 6, "A", {"Y": "A"}),
    ("NAND2", 3, "AB", {"Y": "!(A & B)"}),
    ("NAND3", 4, "ABC", {"Y": "(A * B C)'"}),
    ("NOR2", 3, "AB", {"Y": "!(A + B)"}),
    ("AOI21", 4, "ABC", {"Y": "!((A & B) | C)"}),
    ("OAI21", 4, "ABC", {"Y": "!((A | B) & C)"}),
    ("XOR2", 7, "AB", {"Y": "A ^ B"}),
    ("MUX2", 8, "ABS", {"Y": "(S & B) | (!S & A)"}),
)
ADDERS: tuple[Gate, ...] = (
    ("FA", 10, "ABC", {"CO": "(A B) | (A C) | (B C)", "S": "A ^ B ^ C"}),
    ("HA", 5, "AB", {"CO": "A & B", "S": "A ^ B"}),
)
TIES: tuple[Gate, ...] = (("TIE", 2, "", {"HI": "1", "LO": "0"}),)

PLAIN_FF = 'ff (IQ, IQN) { clocked_on : "CK"; next_state : "D"; }'
RESET_FF = 'ff (IQ, IQN) { clocked_on : "CK"; next_state : "D"; clear : "!RN"; }'
INVERTING_FF = 'ff (IQN, IQ) { clocked_on : "CK"; next_state : "!D"; }'

SLEWS, LOADS = (0, 0.1, 0.3, 1), (0, 0.01, 0.03, 0.1)
_HEAD = """library (little) {
  time_unit : "1ns"; voltage_unit : "1V"; leakage_power_unit : "1nW";
  capacitive_load_unit (1, pf);
  nom_voltage : 1.5;
  lu_table_template (delay) {
    variable_1 : input_net_transition; variable_2 : total_output_net_capacitance;
    index_1 ("0, 0.1, 0.3, 1"); index_2 ("0, 0.01, 0.03, 0.1");
  }
  lu_table_template (setup) {
    variable_1 : related_pin_transition; variable_2 : constrained_pin_transition;
    index_1 ("0, 0.1, 0.3, 1"); index_2 ("0, 0.1, 0.3, 1");
  }
"""


def table(kind: str, template: str, base: float, first: float, second: float) -> str:
    """Return a table that is linear in both axes: `base`, and what a unit of each axis adds.

    ABC trips over tables of two points.
    """
    points = LOADS if template == "delay" else SLEWS
    rows = ", ".join(
        '"' + ", ".join(f"{base + first * x + second * y:.6g}" for y in points) + '"' for x in SLEWS
    )
    return f"{kind} ({template}) {{ values ({rows}); }}"


def arcs(source: str, base: float, *, timing_type: str = "", drive: float = 1.0) -> str:
    """Return a timing group: `base` ns, 0.1 more a ns of slew, 4 ns a pF over the drive."""
    tables = [
        table(kind, "delay", value, 0.1, 4 / drive)
        for kind, value in (
            ("cell_rise", base),
            ("cell_fall", base),
            ("rise_transition", 0.02),
            ("fall_transition", 0.02),
        )
    ]
    of_type = f"timing_type : {timing_type}; " if timing_type else ""
    return f'timing () {{ related_pin : "{source}"; {of_type}{" ".join(tables)} }}'


def energy() -> str:
    """Return an internal power group of 2 fJ, and 1 fJ more at 0.1 pF."""
    edges = " ".join(table(f"{e}_power", "delay", 0.002, 0, 0.01) for e in ("rise", "fall"))
    return f"internal_power () {{ {edges} }}"


def gate(row: Gate, *, timed: bool = True) -> str:
    """Return a combinational cell."""
    name, area, inputs, outputs = row
    drive = float(name.partition("_")[2] or 1)
    pins = [
        f"pin ({pin}) {{ direction : input; capacitance : {0.002 * drive}; }}" for pin in inputs
    ]
    for pin, function in outputs.items():
        groups = [arcs(source, 0.05, drive=drive) for source in inputs] if timed else []
        groups += [energy()] if timed and inputs else []
        text = " ".join(groups)
        pins.append(f'pin ({pin}) {{ direction : output; function : "{function}"; {text} }}')
    body = "\n    ".join(pins)
    return f"  cell ({name}) {{\n    area : {area}; cell_leakage_power : 1;\n    {body}\n  }}\n"


def flip_flop(stored: str = PLAIN_FF, name: str = "DFF", area: float = 12, shows: str = "") -> str:
    """Return a flip-flop; what it shows at its one output Q is its state by default."""
    inputs = [pin for pin in ("D", "RN") if pin in stored]
    shows = shows or stored[stored.index("(") + 1 : stored.index(",")]
    hold = " ".join(table(f"{e}_constraint", "setup", 0.03, 0, 0.1) for e in ("rise", "fall"))
    pins = [
        f"pin ({pin}) {{ direction : input; capacitance : 0.002; "
        f'timing () {{ related_pin : "CK"; timing_type : setup_rising; {hold} }} }}'
        for pin in inputs
    ]
    body = "\n    ".join(pins)
    return (
        f"  cell ({name}) {{\n    area : {area}; cell_leakage_power : 3;\n"
        f"    {stored}\n    {body}\n"
        f"    pin (CK) {{ direction : input; clock : true; capacitance : 0.001; {energy()} }}\n"
        f'    pin (Q) {{ direction : output; function : "{shows}"; '
        f"{arcs('CK', 0.2, timing_type='rising_edge')} }}\n  }}\n"
    )


def clock_gate(name: str = "CG", area: float = 9, enable_pin: str = "EN") -> str:
    """Return a clock gate with a latch, as libraries describe theirs."""
    hold = " ".join(table(f"{e}_constraint", "setup", 0.03, 0, 0.1) for e in ("rise", "fall"))
    return f"""  cell ({name}) {{
    area : {area}; cell_leakage_power : 3; dont_use : true;
    clock_gating_integrated_cell : "latch_posedge";
    statetable ("CK {enable_pin}", "M") {{ table : "L L : - : L, L H : - : H, H - : - : N"; }}
    pin (M) {{ direction : internal; internal_node : "M"; }}
    pin (CK) {{ direction : input; clock : true; clock_gate_clock_pin : true;
      capacitance : 0.001; {energy()} }}
    pin ({enable_pin}) {{ direction : input; clock_gate_enable_pin : true; capacitance : 0.002;
      timing () {{ related_pin : "CK"; timing_type : setup_rising; {hold} }} }}
    pin (GCK) {{ direction : output; clock_gate_out_pin : true; state_function : "CK * M";
      {arcs("CK", 0.1)} }}
  }}
"""


def latch(name: str = "LATCH", area: float = 9, opens: float = 0.2) -> str:
    """Return a latch that is open while its enable is high, with a clear to tie off.

    It takes `opens` ns to show what it takes when it opens.
    """
    hold = " ".join(table(f"{e}_constraint", "setup", 0.03, 0, 0.1) for e in ("rise", "fall"))
    through = arcs("D", 0.15, timing_type="combinational").replace(
        "timing_type", "timing_sense : positive_unate; timing_type"
    )
    return f"""  cell ({name}) {{
    area : {area}; cell_leakage_power : 2;
    latch (IQ, IQN) {{ enable : "G"; data_in : "D"; clear : "!RN"; }}
    pin (D) {{ direction : input; capacitance : 0.002;
      timing () {{ related_pin : "G"; timing_type : setup_falling; {hold} }} }}
    pin (RN) {{ direction : input; capacitance : 0.002; }}
    pin (G) {{ direction : input; clock : true; capacitance : 0.001; {energy()} }}
    pin (Q) {{ direction : output; function : "IQ";
      {arcs("G", opens, timing_type="rising_edge")} {through} }}
  }}
"""


def liberty(
    gates: Sequence[Gate] = (*GATES, *TIES), *more: str, timed: bool = True, head: str = _HEAD
) -> str:
    """Return a Liberty file of gates and of cells as text, by default one flip-flop."""
    cells = [gate(row, timed=timed) for row in gates]
    return "".join([head, *cells, *(more or (flip_flop(),)), "}\n"])


def library_of(folder: Path, text: str) -> Library:
    """Return the library of a Liberty text, of which a file is left in the folder."""
    file = folder / "cells.lib"
    file.write_text(text)
    return load_library([file])


def gates_of(emitted: Emitted, library: Library, *, gated: bool = True) -> Gates:
    """Return a core's gates, with clock gates or without."""
    return implement(
        emitted,
        library,
        Arcs(library),
        ("strash; map",),
        period_ns=20,
        timeout=60,
        clock_gates=gated,
    )
