"""Target asic: cells that are proved, simulate, and are as large and as fast as stated."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from helpers import ABSENT, random_layers_model, require
from helpers_backends import random_staged, reference, run_rtl
from helpers_cells import (
    ADDERS,
    GATES,
    INVERTING_FF,
    RESET_FF,
    TIES,
    flip_flop,
    liberty,
)
from hypothesis import given, settings
from hypothesis import strategies as st

import gatec
from gatec.asic_options import AsicOptions
from gatec.backends.asic.adders import find_adders, split_adders
from gatec.backends.asic.equal import prove_machines
from gatec.backends.asic.implement import Gates, implement, prove_gates
from gatec.backends.asic.readback import read_gates
from gatec.backends.asic.reference import reference_machine
from gatec.backends.asic.source import source_machine
from gatec.backends.asic.text import write_models
from gatec.backends.verilog import Emitted, emit
from gatec.cli import run
from gatec.errors import DifferentError, LimitError, UsageError
from gatec.folder import OutputFolder
from gatec.frontends import write_neutral
from gatec.liberty.arcs import Arcs
from gatec.liberty.load import Library, load_library
from gatec.lowering.model import lower
from gatec.passes import tidy
from gatec.passes.runner import run_passes
from gatec.proof.equivalence import prove_equal
from gatec.proof.verdict import Verdict
from gatec.sim.rtl import Traffic
from gatec.verify import core_shape
from gatec.verify_gates import check_gates

SHARED = Path(__file__).resolve().parents[2] / "shared" / "liberty"
MODEL = random_layers_model(np.random.default_rng(3), 10, [24, 24], 3)
# Three sums of twenty bits: 32 full adders are left when it is cleaned up.
ADDING = random_layers_model(np.random.default_rng(8), 12, [40, 60], 3)
LIBRARIES = {
    "plain": liberty(),
    "reset": liberty((*GATES, *TIES), flip_flop(RESET_FF)),
    "inverting": liberty((*GATES, *TIES), flip_flop(INVERTING_FF)),
    "no ties, no delays": liberty(GATES, flip_flop(RESET_FF), timed=False),
}


def library_of(folder: Path, kind: str = "plain") -> Library:
    file = folder / "cells.lib"
    file.write_text(LIBRARIES[kind])
    return load_library([file])


def gates_of(
    emitted: Emitted, library: Library, scripts: tuple[str, ...] = ("strash; map",)
) -> Gates:
    return implement(emitted, library, Arcs(library), scripts, period_ns=20, timeout=60)


@pytest.mark.parametrize(
    ("kind", "beats"),
    [
        ("plain", (5, 2)),
        ("reset", (None, None)),
        ("inverting", (5, 2)),
        ("no ties, no delays", (None, 2)),
    ],
)
def test_the_gates_are_the_core_and_simulate_so(
    kind: str, beats: tuple[int | None, int | None], tmp_path: Path
) -> None:
    require("iverilog")
    net = random_staged(11, inputs=12, gates=40, outputs=5, stages=2)
    emitted = emit(net, style="generic", beat_bits=beats[0], out_beat_bits=beats[1])
    gates = gates_of(emitted, library_of(tmp_path, kind))
    assert gates.proof.verdict is Verdict.EQUIVALENT
    assert (gates.timing is None) == (kind == "no ties, no delays")
    vectors = np.random.default_rng(1).integers(0, 2, (40, 12), dtype=np.uint8)
    traffic = Traffic(gaps=0.3, stalls=0.3, reset_after=7, seed=4)
    models = write_models(gates.netlist.kinds)
    result = run_rtl(emitted, vectors, traffic, gates.text, models)
    assert np.array_equal(result.outputs, reference(net, vectors))
    assert result.latency == emitted.latency


def test_constants_come_from_tie_cells_where_there_are_any(tmp_path: Path) -> None:
    emitted = emit(random_staged(2, gates=20), style="generic")
    with_ties = gates_of(emitted, library_of(tmp_path, "reset"))
    assert with_ties.netlist.counts["TIE"] == 1
    assert "1'b" not in with_ties.text
    without = gates_of(emitted, library_of(tmp_path, "no ties, no delays"))
    assert ".RN(1'b1)" in without.text


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10_000), data=st.data())
def test_a_changed_gate_is_found(seed: int, data: st.DataObject) -> None:
    emitted, gates, library = _sample()
    instances = [line for line in gates.text.split("\n") if re.match(r"  [A-Z]+\d* [gr]", line)]
    line = data.draw(st.sampled_from(instances))
    kind = line.split()[0]
    swaps = {"NAND2": "NOR2", "NOR2": "NAND2", "INV": "BUF", "AOI21": "OAI21", "OAI21": "AOI21"}
    nets = re.findall(r"\.\w+\((\w+(?:\[\d+\])?)\)", line)
    others = sorted({n for row in instances for n in re.findall(r"\.\w\((\w+)\)", row)} - set(nets))
    if kind in swaps and seed % 2:
        changed = line.replace(kind, swaps[kind], 1)
    else:
        changed = line.replace(f"({nets[0]})", f"({data.draw(st.sampled_from(others))})", 1)
    text = gates.text.replace(line, changed)
    try:
        _, proof = prove_gates(text, emitted.text, emitted.shape, library, 60)
    except DifferentError:
        return
    # Another wire may carry the same function: then, and only then, it is equal.
    assert proof.verdict is Verdict.EQUIVALENT
    assert _same_machine(text, gates.text, emitted.top, library)


def _sample() -> tuple[Emitted, Gates, Library]:
    if not _SAMPLE:
        from tempfile import TemporaryDirectory

        with TemporaryDirectory() as folder:
            library = library_of(Path(folder), "reset")
        emitted = emit(random_staged(5, inputs=8, gates=24, outputs=4, stages=2), style="generic")
        _SAMPLE.append((emitted, gates_of(emitted, library), library))
    return _SAMPLE[0]


_SAMPLE: list[tuple[Emitted, Gates, Library]] = []


def _same_machine(one: str, two: str, top: str, library: Library) -> bool:
    """Return whether random states and inputs lead both to equal states and outputs."""
    from gatec.bits import random_words
    from gatec.evaluate import evaluate_outputs
    from gatec.rewire import combinational

    nets = [combinational(read_gates(text, top, library).machine.netlist) for text in (one, two)]
    words = random_words(np.random.default_rng(0), nets[0].num_inputs, 64)
    return np.array_equal(*(evaluate_outputs(net, words) for net in nets))


FF_LINE = r"  DFF r_full_0 \(.*\);"


@pytest.mark.parametrize(
    ("pattern", "text", "words"),
    [
        (r"DFF (r_full_0) \((.*), \.RN\(\w+\)", r"DFF \1 (\2, .RN(rst)", "not tied off"),
        (r"DFF (r_full_0) \((.*)\.CK\(clk\)", r"DFF \1 (\2.CK(rst)", "rising edge of clk"),
        (r"DFF r_full_0", "DFF r_empty_0", "register empty_0 is none of the core's"),
        (r"DFF r_full_0", "NOSUCH r_full_0", "instance of NOSUCH"),
        (r"  wire n\d+;\n", "", "pins of"),
        (r"  (wire n\d+;)\n", r"  \1\n  \1\n", "declared twice"),
        (r"endmodule", "  assign o_valid = 1;\nendmodule", "unexpected text"),
        (r"endmodule\n", "endmodule\nmodule x; endmodule\n", "behind the module"),
        (r"\.D\(\w+\), ", "", "pins of"),
        (r"module random", "module other", "expected module random"),
        (r"input  wire rst,", "input  wire rst,\n  input  wire more,", "other inputs"),
        (
            r"input  wire rst,",
            "input  wire rst,\n  input  wire [1:0] clk,",
            "clk is declared twice",
        ),
        (r"DFF r_full_0", "DFF rst", "rst is declared twice"),
        (r"//", "// x\r`define NAND2 NOR2\r//", "expected modules and comments"),
        (r"//", "// synopsys translate_off\n//", "expected modules and comments"),
        (r"(?s)\(.*", "(", "expected a port"),
    ],
)
def test_texts_that_are_not_the_core_are_refused(pattern: str, text: str, words: str) -> None:
    emitted, gates, library = _sample()
    changed, count = re.subn(pattern, text, gates.text, count=1)
    assert count == 1
    with pytest.raises(DifferentError, match=re.escape(words)):
        prove_gates(changed, emitted.text, emitted.shape, library, 60)


def test_what_no_function_describes_is_neither_used_nor_proved(tmp_path: Path) -> None:
    """A flip-flop that lets go of its output, and a pin that is input and output."""
    emitted, gates, _ = _sample()
    shows = "pin (Q) { direction : output;"
    enable = f'pin (OE) {{ direction : input; }} {shows} three_state : "!OE";'
    loose = flip_flop(RESET_FF, "LOOSE", area=1).replace(shows, enable)
    keeper = "cell (KEEPER) { area : 1; pin (P) { direction : inout; } }\n"
    file = tmp_path / "cells.lib"
    file.write_text(liberty((*GATES, *TIES), loose, keeper, flip_flop(RESET_FF)))
    library = load_library([file])
    assert "LOOSE" not in gates_of(emitted, library).netlist.counts
    loosened = re.sub(r"  DFF (\w+) \((.*)\);", r"  LOOSE \1 (\2, .OE(1'b0));", gates.text)
    kept = gates.text.replace("endmodule", "  KEEPER k (.P(o_valid));\nendmodule")
    for text, words in ((loosened, "shows more than its state"), (kept, "pins of k")):
        with pytest.raises(DifferentError, match=words):
            prove_gates(text, emitted.text, emitted.shape, library, 60)


def test_source_and_reference_are_the_same_machine() -> None:
    for beats in ((None, None), (3, 2), (1, 1)):
        net = random_staged(7, inputs=9, gates=30, outputs=4, stages=3)
        emitted = emit(net, style="generic", beat_bits=beats[0], out_beat_bits=beats[1])
        core = reference_machine(emitted.text, emitted.shape)
        proof = prove_machines(core, source_machine(emitted))
        assert proof.verdict is Verdict.EQUIVALENT


def test_adder_cells_are_found_and_share_an_exclusive_or() -> None:
    net, _ = run_passes(lower(ADDING).netlist, tidy(6))
    adders = find_adders(net, 3)
    assert len(adders) == 32
    assert len({gate for adder in adders for gate in (adder.total, adder.carry)}) == 2 * 32
    split = split_adders(net)
    split.verify()
    assert split.num_gates == net.num_gates + 32
    assert prove_equal(net, split).verdict is Verdict.EQUIVALENT


INVERTED_ADDER = ("FAN", 10, "ABC", {"CN": "!(A B + A !C + B !C)", "SN": "!(A ^ B ^ C)"})


@pytest.mark.parametrize(
    ("adders", "expected"),
    [(ADDERS, {"FA": 32, "HA": 28}), (ADDERS[:1], {"FA": 32}), ([INVERTED_ADDER], {"FAN": 32})],
)
def test_adder_cells_are_used_where_they_are_smaller(
    adders: list, expected: dict[str, int], tmp_path: Path
) -> None:
    file = tmp_path / "cells.lib"
    file.write_text(liberty((*GATES, *TIES, *adders)))
    library = load_library([file])
    net, _ = run_passes(lower(ADDING).netlist, tidy(6))
    emitted = emit(net, style="generic")
    gates = gates_of(emitted, library, ("strash; dch; amap",))
    assert gates.proof.verdict is Verdict.EQUIVALENT
    counts = gates.netlist.counts
    assert {name: counts[name] for name in counts if name in ("FA", "HA", "FAN")} == expected
    without = load_library([file], dont_use=["FA*", "HA"])
    assert gates.netlist.area < gates_of(emitted, without, ("strash; dch; amap",)).netlist.area


def compiled(folder: Path, text: str = LIBRARIES["reset"], **options: object) -> dict:
    file = folder / "cells.lib"
    file.write_text(text)
    result = gatec.compile(
        MODEL,
        target="asic",
        output_dir=folder / "out",
        asic=AsicOptions(liberty=(file,)),
        optimise=1,
        vectors=16,
        **options,
    )
    return result.manifest


def test_a_folder_states_sizes_and_verifies_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = compiled(tmp_path, stages=2)
    physical = manifest["physical"]
    cells = {row[0]: row[1] for row in (*GATES, *TIES)} | {"DFF": 12}
    assert physical["area"] == sum(cells[name] * n for name, n in physical["cells"].items())
    assert physical["used"]["flip-flops"] == physical["cells"]["DFF"]
    assert physical["proof"]["equivalence"] == "equivalent"
    power = dict(physical["power_uw"])
    assert power.pop("total") == pytest.approx(sum(power.values()), abs=1e-3)
    assert power["leakage"] == pytest.approx(
        (physical["used"]["cells"] + 2 * physical["cells"]["DFF"]) / 1000, abs=1e-4
    )
    # Each flip-flop's clock pin: 2 fJ inside and 1 fF at 1.5 V, twice in a cycle of 10 ns.
    clocked = physical["cells"]["DFF"] * 2 * 100 * (0.002 + 0.5 * 0.001 * 1.5**2)
    assert power["clock"] == pytest.approx(clocked, rel=1e-3)
    folder = tmp_path / "out"
    assert "set clk_period 10" in (folder / "random.sdc").read_text()
    capsys.readouterr()
    assert run(["verify", str(folder)]) == 0
    assert "cells of random_gates.v are the core: equivalent" in capsys.readouterr().out
    assert run(["verify", str(folder), "--liberty", str(tmp_path / "cells.lib")]) == 0
    assert "own copy, random_gates" not in capsys.readouterr().out


def test_a_changed_folder_does_not_verify(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import hashlib

    compiled(tmp_path, stages=1)
    file = tmp_path / "out" / "random_gates.v"
    text = file.read_text().replace("NAND2", "NOR2", 1)
    assert text != file.read_text()
    file.write_text(text)
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    manifest["files"]["random_gates.v"] = hashlib.sha256(text.encode()).hexdigest()
    (tmp_path / "out" / "manifest.json").write_text(json.dumps(manifest))
    assert run(["verify", str(tmp_path / "out")]) == 5
    assert "the gates are not the core" in capsys.readouterr().err


def test_gates_that_no_proof_reads_are_refused(tmp_path: Path) -> None:
    compiled(tmp_path, stages=1)
    folder = OutputFolder.load(tmp_path / "out")
    shape = core_shape(folder)
    files = folder.manifest["files"]
    files["tinytapeout/src/random_gates.v"] = "0" * 64
    with pytest.raises(DifferentError, match="another text than random_gates.v"):
        list(check_gates(folder, shape, (), 60))
    del files["tinytapeout/src/random_gates.v"], files["random_gates.v"]
    with pytest.raises(DifferentError, match="not listed in the manifest"):
        list(check_gates(folder, shape, (), 60))
    (tmp_path / "out" / "random_gates.v").unlink()
    assert not list(check_gates(folder, shape, (), 60))


def test_a_clock_is_met_with_more_stages_or_refused(tmp_path: Path) -> None:
    slow = compiled(tmp_path, clock=150.0)
    fast = compiled(tmp_path, clock=600.0)
    assert slow["circuit"]["stages"] < fast["circuit"]["stages"]
    assert slow["physical"]["fmax_mhz"] >= 150
    assert fast["physical"]["fmax_mhz"] >= 600
    with pytest.raises(LimitError, match=r"clock of 9000 MHz: reached by the gates"):
        compiled(tmp_path, clock=9000.0)


def test_a_library_without_delays_has_no_clock(tmp_path: Path) -> None:
    text = LIBRARIES["no ties, no delays"]
    assert compiled(tmp_path, text)["physical"]["fmax_mhz"] is None
    with pytest.raises(UsageError, match=r"--clock 10 with little; expected a Liberty file"):
        compiled(tmp_path, text, clock=10.0)


def test_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, cells = tmp_path / "model.npz", tmp_path / "cells.lib"
    write_neutral(MODEL, model)
    cells.write_text(LIBRARIES["plain"])
    ask = ["compile", str(model), "--classes", "3", "-O1", "-o", str(tmp_path / "out"), "-q"]
    assert run([*ask, "--target", "asic", "--liberty", str(cells), "--dont-use", "XOR*"]) == 0
    text = (tmp_path / "out" / "model_gates.v").read_text()
    assert "XOR2" not in text
    capsys.readouterr()
    for options, words in (
        (["--target", "asic"], "no library of cells"),
        (["--target", "asic", "--liberty", str(tmp_path / "none.lib")], "No such file"),
        (["--liberty", str(cells)], "--liberty with target ice40"),
        (["--target", "asic", "--liberty", str(cells), "--lut-inputs", "4"], "--lut-inputs 4"),
        (["--target", "asic", "--liberty", str(cells), "--head", "carry"], "--head carry"),
    ):
        assert run([*ask, *options]) in (2, 3)
        error = capsys.readouterr().err
        assert words in error
        assert error.count("\n") == 1


@pytest.mark.skipif(not SHARED.is_dir(), reason=ABSENT)
@pytest.mark.parametrize("files", ["sky130_fd*", "sg13g2_stdcell_typ*", "asap7*", "gt2*"])
def test_real_libraries(files: str, tmp_path: Path) -> None:
    library = load_library(sorted(SHARED.glob(files)))
    emitted = emit(random_staged(11, inputs=12, gates=40, outputs=5, stages=2), style="generic")
    gates = gates_of(emitted, library)
    assert gates.proof.verdict is Verdict.EQUIVALENT
    assert gates.timing is not None
    assert 0.02 < gates.timing.period_ns < 2
