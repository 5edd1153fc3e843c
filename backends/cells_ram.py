"""A model of ECP5's block RAM as a read-only memory, where Yosys' own has no function.

Its 1,024 rows hold 18 bits each, 16 rows in each `INITVAL` with two bits between. The address pins
count bits: the highest ten choose the row, the fourth one of its two halves of nine bits, and the
lowest what of the half's first eight bits a port of less than nine bits gives. Ports that write,
reset or have an output register are no part of the model. Source: Lattice, ECP5 and ECP5-5G Memory
Usage Guide, and how Yosys lays memories out (`share/lattice/brams_map_16kd.v`).
"""

from __future__ import annotations

_PORT = """\
  wire [13:0] a{p} = {{{address}}};
  wire [17:0] row{p} = rows[a{p}[13:4]];
  wire [8:0] half{p} = a{p}[3] ? row{p}[17:9] : row{p}[8:0];
  wire [7:0] part{p} = half{p}[7:0] >> a{p}[2:0];
  reg [17:0] q{p} = 18'h00000;
  always @(posedge CLK{p}) if (CE{p})
    case (DATA_WIDTH_{p})
      18: q{p} <= row{p};
      9: q{p} <= half{p};
      4: q{p} <= part{p}[3:0];
      2: q{p} <= part{p}[1:0];
      default: q{p} <= part{p}[0];
    endcase
  assign {{{data}}} = q{p};
"""


def dp16kd_model() -> str:
    """Return the module `DP16KD`."""
    ports, bodies = [], []
    for port in "AB":
        data = [f"DO{port}{bit}" for bit in reversed(range(18))]
        address = [f"AD{port}{bit}" for bit in reversed(range(14))]
        unused = [f"DI{port}{bit}" for bit in range(18)] + [f"CS{port}{bit}" for bit in range(3)]
        unused += [f"{pin}{port}" for pin in ("OCE", "WE", "RST")]
        ports += [f"output {', '.join(data)}", f"input CE{port}, CLK{port}"]
        ports.append(f"input {', '.join(address + unused)}")
        bodies.append(_PORT.format(p=port, address=", ".join(address), data=", ".join(data)))
    names = [f"INITVAL_{number:02X}" for number in range(64)]
    parameters = [f"parameter [319:0] {name} = 320'h0" for name in names]
    parameters += [f"parameter DATA_WIDTH_{port} = 18" for port in "AB"]
    modes = ("REGMODE_A", "REGMODE_B", "WRITEMODE_A", "WRITEMODE_B", "CSDECODE_A", "CSDECODE_B")
    others = (*modes, "RESETMODE", "ASYNC_RESET_RELEASE", "GSR", "CLKAMUX", "CLKBMUX")
    parameters += [f'parameter {name} = ""' for name in others]
    fill = "".join(
        f"    for (k = 0; k < 16; k = k + 1) rows[{16 * number} + k] = {name}[20 * k +: 18];\n"
        for number, name in enumerate(names)
    )
    return (
        f"module DP16KD #(\n  {(',' + chr(10) + '  ').join(parameters)}\n) (\n"
        f"  {(',' + chr(10) + '  ').join(ports)}\n);\n"
        f"  reg [17:0] rows [0:1023];\n  integer k;\n  initial begin\n{fill}  end\n"
        f"{''.join(bodies)}endmodule\n"
    )
