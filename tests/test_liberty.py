"""Liberty files: reading, functions, tables, and one line for each thing that is wrong."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from helpers import ABSENT
from helpers_cells import ADDERS, GATES, RESET_FF, TIES, flip_flop, liberty
from hypothesis import given
from hypothesis import strategies as st

from gatec.asic_options import AsicOptions
from gatec.backends.asic.flip_flops import choose_register
from gatec.errors import GatecError, ModelError, UsageError
from gatec.liberty.arcs import Arcs, Table
from gatec.liberty.fanout import gate_delay
from gatec.liberty.functions import ALL, FunctionError, evaluate, variables
from gatec.liberty.load import load_library
from gatec.liberty.named import NAMED, locate
from gatec.liberty.parse import parse
from gatec.liberty.write import write_functions
from gatec.tables import AND2, MAJ3, OR2, XOR2

SHARED = Path(__file__).resolve().parents[2] / "shared" / "liberty"


def save(folder: Path, text: str, name: str = "cells.lib") -> Path:
    file = folder / name
    file.write_text(text)
    return file


@pytest.mark.parametrize(
    ("text", "table"),
    [
        ("A & B", int(AND2)),
        ("A*B", int(AND2)),
        ("A B", int(AND2)),
        ("A | B", int(OR2)),
        ("A+B", int(OR2)),
        ("A ^ B", int(XOR2)),
        ("(A' B) + (A B')", int(XOR2)),
        ("A B + A C + B C", int(MAJ3)),
        ("!(!A)", evaluate("A", variables(("A",)))),
        ("A''", evaluate("A", variables(("A",)))),
        ("1", ALL),
        ("A & 0", 0),
        # Exclusive or binds tighter than and, and that tighter than or.
        ("C + A B ^ A", evaluate("C | (A & (B ^ A))", variables(("A", "B", "C")))),
    ],
)
def test_functions_are_read_as_the_manual_says(text: str, table: int) -> None:
    assert evaluate(text, variables(("A", "B", "C"))) == table


@pytest.mark.parametrize("text", ["", "A &", "(A", "A)", "A & Z", "A $ B", "(" * 999, "!" * 9999])
def test_a_function_with_an_error_is_refused(text: str) -> None:
    with pytest.raises(FunctionError):
        evaluate(text, variables(("A", "B", "C")))


def test_the_grammar_takes_what_other_readers_take() -> None:
    text = """/* a
    comment */ library("x") { // another { one
      ;; a : 1 ; b : "two; }" ;
      define (thing, cell, string);
      values ("1, 2", \\
              "3, 4");
      cell (INV) { area : 2 pin (A) { direction : input } }
    }"""
    group = parse(text.replace("area : 2 ", "area : 2\n").replace("input }", "input\n }"))
    assert (group.name, group.attributes) == ("x", {"a": "1", "b": "two; }"})
    assert group.lists["values"] == ["1, 2", "3, 4"]
    (cell,) = group.all("cell")
    assert cell.attributes["area"] == "2"
    assert text.replace("area : 2 ", "area : 2\n")[cell.span[0]] == "c"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "line 1: is not a Liberty file"),
        ("module x; endmodule", "line 1: unexpected 'module x; endmodule'"),
        ("library (x) {\n  cell (A) {\n", "line 3: ends inside cell (A)"),
        ("library (x) {\n  area = 3;\n}", "line 2: unexpected 'area = 3;'"),
        ('library (x) {\n  a : "b;\n}', "line 2: unexpected"),
        ("library (x) {\n}\n}", "line 3: unexpected '}'"),
        ("cell (x) { }", "is not a Liberty file"),
        ("library (x) {" * 40, "in each other"),
    ],
)
def test_a_malformed_file_is_one_line(text: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError) as error:
        load_library([save(tmp_path, text)])
    assert words in str(error.value)
    assert "\n" not in str(error.value)


NO_INVERTER = [row for row in GATES if not row[0].startswith("INV")]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (liberty(GATES, ""), "no usable flip-flop among its 11 cells"),
        (liberty(NO_INVERTER), "no usable inverter"),
        (liberty([row for row in GATES if row[0][:2] not in ("NA", "NO")]), "NAND or NOR"),
        (liberty([]), "no combinational cells"),
        (liberty().replace("!A", "!A &"), "cell INV: function"),
        (liberty().replace("!A", "!Q"), "cell INV: function '!Q' reads 'Q'"),
        (liberty().replace("area : 2;", "area : two;"), "cell INV: could not convert"),
        (liberty().replace('"1ns"', '"1 fortnight"'), "time_unit"),
        (liberty().replace("(1, pf)", "(one)"), "units"),
        (liberty(GATES, flip_flop(), flip_flop()), "cell DFF: is there twice"),
        (
            liberty(GATES, flip_flop('ff (IQ, IQN) { clocked_on : "!CK"; next_state : "D"; }')),
            "no flip-flop that takes data at a rising clock",
        ),
    ],
)
def test_a_library_that_lacks_something_is_one_line(text: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError) as error:
        choose_register(load_library([save(tmp_path, text)]))
    assert words in str(error.value)
    assert "\n" not in str(error.value)


@given(st.integers(0, 2000), st.sampled_from(["", "{", "}", '"', "(", "0", ";"]))
def test_a_damaged_file_is_refused_or_read(at: int, mark: str) -> None:
    text = liberty(GATES[:5])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gatec.liberty.load.read_text", lambda _: text[:at] + mark + text[at + 1 :])
        try:
            choose_register(load_library([Path("damaged.lib")]))
        except GatecError as error:
            assert "damaged.lib" in str(error) or "little" in str(error)


def test_gzipped_files_and_several_files(tmp_path: Path) -> None:
    packed = tmp_path / "gates.lib.gz"
    packed.write_bytes(gzip.compress(liberty(GATES, " ").encode()))
    registers = save(tmp_path, liberty([]), "registers.lib")
    library = load_library([packed, registers])
    assert len(library.cells) == len(GATES) + 1
    packed.write_bytes(packed.read_bytes()[:-20])
    with pytest.raises(ModelError, match="gzip data is broken"):
        load_library([packed, registers])
    other = save(tmp_path, liberty([]).replace('"1ns"', '"1ps"'), "fast.lib")
    with pytest.raises(ModelError, match="has other units; expected those of"):
        load_library([registers, other])


def test_cells_can_be_avoided(tmp_path: Path) -> None:
    file = save(tmp_path, liberty())
    assert "XOR2" not in {c.name for c in load_library([file], dont_use=["XOR*"]).gates()}
    with pytest.raises(ModelError, match="no usable inverter"):
        load_library([file], dont_use=["INV*"])
    marked = liberty().replace("cell (MUX2) {", "cell (MUX2) { dont_use : true;")
    assert "MUX2" in load_library([save(tmp_path, marked)]).avoided


def test_a_reset_pin_is_tied_off(tmp_path: Path) -> None:
    library = load_library([save(tmp_path, liberty(GATES, flip_flop(RESET_FF)))])
    register = choose_register(library)
    assert (register.data, register.clock, dict(register.fixed)) == ("D", "CK", {"RN": 1})


def test_tables_are_linear_between_and_beyond_their_points() -> None:
    table = Table((0.0, 1.0), (0.0, 2.0), ((0.0, 4.0), (10.0, 14.0)))
    assert table.at(0.5, 1.0) == pytest.approx(7)
    assert table.at(2.0, 4.0) == pytest.approx(28)
    assert table.at(-1.0, -1.0) == 0


def test_delays_are_those_of_the_file(tmp_path: Path) -> None:
    library = load_library([save(tmp_path, liberty())])
    arcs = Arcs(library)
    (first, *_) = arcs.of(library.cells["NAND2"]).arcs
    assert first.delay["rise"].at(0.0, 0.05) == pytest.approx(0.05 + 0.2)
    # Four loads of 2 fF at 4 ns a pF, and what a slew of 0.052 ns adds.
    assert gate_delay(library, arcs) == pytest.approx(0.05 + 0.032 + 0.1 * 0.0574, rel=0.02)


def test_functions_written_out_are_read_back(tmp_path: Path) -> None:
    library = load_library([save(tmp_path, liberty((*GATES, *ADDERS, *TIES)))])
    text = write_functions("copy", list(library.cells.values()))
    again = load_library([save(tmp_path, text, "copy.lib")])
    for name, cell in library.cells.items():
        copy = again.cells[name]
        assert (copy.area, copy.tables, copy.flip_flop) == (cell.area, cell.tables, cell.flip_flop)


@pytest.mark.parametrize(
    ("name", "folder", "files"),
    [
        ("sky130hd", "sky130A/libs.ref/sky130_fd_sc_hd/lib", ["sky130_fd_sc_hd__tt_025C_1v80.lib"]),
        (
            "sky130hd",
            "ciel/sky130/versions/12ab/sky130A/libs.ref/sky130_fd_sc_hd/lib",
            ["sky130_fd_sc_hd__tt_025C_1v80.lib"],
        ),
        ("sg13g2", "ihp-sg13g2/libs.ref/sg13g2_stdcell/lib", ["sg13g2_stdcell_typ_1p20V_25C.lib"]),
        ("gf180", "flow/platforms/gf180/lib", ["gf180mcu_fd_sc_mcu9t5v0__tt_025C_5v00.lib.gz"]),
        (
            "asap7",
            "flow/platforms/asap7/lib/NLDM",
            [
                f"asap7sc7p5t_{part}_RVT_TT_nldm_211120.lib.gz"
                for part in ("AO", "INVBUF", "OA", "SIMPLE", "SEQ")
            ],
        ),
    ],
)
def test_named_libraries_are_found_in_their_pdk(
    name: str, folder: str, files: list[str], tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match=f"has no files of {name}"):
        locate(NAMED[name], tmp_path)
    place = tmp_path / folder
    place.mkdir(parents=True)
    for file in files:
        (place / file).touch()
    assert locate(NAMED[name], tmp_path) == [place / file for file in files]


def test_options_for_a_library_are_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PDK_ROOT", raising=False)
    with pytest.raises(UsageError, match="no library of cells"):
        AsicOptions()
    with pytest.raises(UsageError, match="--pdk-root without --library"):
        AsicOptions(liberty=(tmp_path,), pdk_root=tmp_path)
    with pytest.raises(UsageError, match="without its files"):
        AsicOptions(known="gf180").load()
    with pytest.raises(UsageError, match="unknown library 'gf181'"):
        AsicOptions(known="gf181").load()
    monkeypatch.setenv("PDK_ROOT", str(tmp_path))
    with pytest.raises(ModelError, match="has no files of gf180"):
        AsicOptions(known="gf180").load()


@pytest.mark.skipif(not SHARED.is_dir(), reason=ABSENT)
@pytest.mark.parametrize(
    ("files", "gates", "register", "inverts"),
    [
        ("sky130_fd_sc_hd*", 306, "sky130_fd_sc_hd__dfxtp_1", False),
        ("sg13g2_stdcell_typ*", 52, "sg13g2_dfrbpq_1", False),
        ("asap7*", 89, "DFFHQNx1_ASAP7_75t_R", True),
        ("gt2*", 63, "gt2_6t_dffasync_x1_w13_svt", False),
        ("cmos_cells.lib", 4, "DFF", False),
    ],
)
def test_real_libraries(files: str, gates: int, register: str, inverts: bool) -> None:
    library = load_library(sorted(SHARED.glob(files)))
    found = choose_register(library)
    assert (len(library.gates()), found.cell.name, found.inverts) == (gates, register, inverts)
