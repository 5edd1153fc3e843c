"""Threshold functions and cells: exact, and mapped to a circuit that is proved."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from dataclasses import replace
from math import factorial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import random_layers_model
from helpers_backends import every_input, reference
from helpers_cells import GATES, TIES, liberty
from hypothesis import given
from hypothesis import strategies as st

import gatec
from gatec.asic_options import AsicOptions
from gatec.backends.asic.boxes import take_out
from gatec.backends.asic.threshold_cells import (
    add_threshold_cells,
    monotone_function,
    neuron_parts,
    read_threshold_cells,
)
from gatec.cli import run
from gatec.errors import ModelError, UnprovedError
from gatec.flows import asic_files as flow_asic_files
from gatec.liberty.functions import evaluate, variables
from gatec.liberty.load import load_library
from gatec.netlist import Netlist, Port, make_ports
from gatec.proof.verdict import Proof, Verdict
from gatec.tables import AND2, MAJ3, MAX_FANIN, OR2, VARIABLE, XOR2, depends, expand
from gatec.threshold import find_threshold, positive_functions

CELLS = """
[[cell]]
name = "TLG3"
max_inputs = 3
max_weight_sum = 4
area = 3
delay_ns = 0.1

[[cell]]
name = "TLG9"
max_inputs = 5
max_weight_sum = 9
area = 5.5
delay_ns = 0.15
"""


def test_the_table_holds_every_threshold_function_of_six_inputs() -> None:
    total = 2
    for table in positive_functions():
        tables = np.array([table], dtype=np.uint64)
        chow = Counter(int(np.bitwise_count(tables & VARIABLE[j])[0]) for j in range(MAX_FANIN))
        ways = factorial(MAX_FANIN)
        for count in chow.values():
            ways //= factorial(count)
        total += ways << sum(bool(depends(tables, j)[0]) for j in range(MAX_FANIN))
    assert total == 15_028_134


def test_of_three_inputs_104_functions_are_threshold_functions() -> None:
    tables = expand(np.arange(256, dtype=np.uint64), 3).tolist()
    assert 2 + sum(find_threshold(table) is not None for table in tables) == 104


def test_known_functions() -> None:
    majority = find_threshold(int(MAJ3))
    assert majority is not None
    assert (majority.weights[:3], majority.threshold) == ((1, 1, 1), 2)
    assert find_threshold(int(XOR2)) is None
    assert find_threshold(int(AND2 | (VARIABLE[2] & VARIABLE[3]))) is None
    mixed = find_threshold(int(VARIABLE[0] & (VARIABLE[1] | ~VARIABLE[2])))
    assert mixed is not None
    assert (mixed.weights[:3], mixed.threshold, mixed.weight_sum) == ((2, 1, -1), 2, 4)
    assert find_threshold(int(OR2)) is not None


@given(st.lists(st.integers(-6, 6), min_size=6, max_size=6), st.integers(-10, 12))
def test_weights_are_found_for_every_weighted_sum(weights: list[int], threshold: int) -> None:
    ones = (np.arange(64)[:, None] >> np.arange(6)) & 1
    bits = ones @ np.array(weights) >= threshold
    table = sum(1 << address for address in np.flatnonzero(bits).tolist())
    found = find_threshold(table)
    if bits.all() or not bits.any():
        assert found is None
        return
    assert found is not None
    assert ((ones @ np.array(found.weights) >= found.threshold) == bits).all()
    assert found.weight_sum <= sum(map(abs, weights))


def test_functions_of_cells_are_those_of_their_weights(tmp_path: Path) -> None:
    file, cells = tmp_path / "cells.lib", tmp_path / "threshold.toml"
    file.write_text(liberty((*GATES, *TIES)))
    cells.write_text(CELLS)
    mixed = add_threshold_cells(load_library([file]), read_threshold_cells(cells))
    assert "TLG3_1_1_1_T2" in mixed.described
    assert "TLG9_2_1_1_1_T3" in mixed.described
    for name, described in mixed.described.items():
        *weights, threshold = name.removeprefix(f"{described.name}_").split("_")
        cell = mixed.lib.cells[name]
        found = find_threshold(cell.tables["Y"])
        assert found is not None
        assert found.weights[: len(cell.inputs)] == tuple(map(int, weights))
        assert f"T{found.threshold}" == threshold
        assert found.weight_sum <= described.max_weight_sum
        assert evaluate(cell.pins["Y"].function or "", variables(cell.inputs)) == cell.tables["Y"]
    assert monotone_function(int(MAJ3), "ABC") == "(A*B)+(A*C)+(B*C)"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "has no cells"),
        ("[[cell]", "is not TOML"),
        ("[[cell]]\nname = 'x'", "cell 0: has other keys"),
        (CELLS.replace("area = 3", "area = -3"), "cell 0: area is -3"),
        (CELLS.replace("max_inputs = 3", "max_inputs = 7"), "max_inputs is 7; expected 2 to 6"),
        (CELLS.replace('"TLG9"', '"TLG3"'), "two cells have one name"),
        (CELLS.replace('"TLG9"', '"a b"'), "name 'a b'"),
    ],
)
def test_a_wrong_file_is_one_line(text: str, words: str, tmp_path: Path) -> None:
    file = tmp_path / "threshold.toml"
    file.write_text(text)
    with pytest.raises(ModelError, match="threshold.toml") as error:
        read_threshold_cells(file)
    assert words in str(error.value)


def test_neurons_are_kept_as_threshold_cells(tmp_path: Path) -> None:
    file, cells = tmp_path / "cells.lib", tmp_path / "threshold.toml"
    file.write_text(liberty((*GATES, *TIES)))
    cells.write_text(CELLS)
    mixed = add_threshold_cells(load_library([file]), read_threshold_cells(cells))
    rng = np.random.default_rng(2)
    tables = [0, int(MAJ3), int(XOR2)]
    while len(tables) < 12:
        weights, threshold = rng.integers(-3, 4, 4).tolist(), int(rng.integers(-2, 4))
        ones = (np.arange(16)[:, None] >> np.arange(4)) & 1
        bits = ones @ np.array(weights) >= threshold
        tables.append(sum(1 << k for k in np.flatnonzero(bits).tolist()))
    tables[3:] = expand(np.array(tables[3:], dtype=np.uint64), 4).tolist()
    fanin = np.stack([rng.choice(np.arange(2, 10), 4, replace=False) for _ in tables])
    outputs = (Port("y", np.arange(10, 22)),)
    net = Netlist("neurons", make_ports(("x", 8)), outputs, fanin, np.array(tables, np.uint64))
    parts = neuron_parts(net, mixed)
    kept = {gate for part in parts for gate, _ in part.shows.values()}
    small = [find_threshold(table) for table in tables]
    assert kept == {
        gate
        for gate, found in enumerate(small)
        if found is not None and sum(w != 0 for w in found.weights) >= 3 and found.weight_sum <= 9
    }
    rest, boxes = take_out(net, parts)
    assert rest.num_outputs == net.num_outputs + sum(len(box.reads) for box in boxes)
    # Put back: what a box reads, through its cell's table, is what the gate was.
    vectors = every_input(8)
    expected = reference(net, vectors)
    hidden = np.zeros((len(vectors), len(boxes)), dtype=np.uint8)
    given = reference(rest, np.hstack([vectors, hidden]))
    for number, box in enumerate(boxes):
        address = sum(given[:, read].astype(int) << j for j, read in enumerate(box.reads))
        hidden[:, number] = [box.cell.tables["Y"] >> int(a) & 1 for a in address]
    found = reference(rest, np.hstack([vectors, hidden]))[:, : net.num_outputs]
    assert np.array_equal(found, expected)


def compiled(tmp_path: Path) -> gatec.CompileResult:
    """A small net in CMOS and in cells of threshold logic, in the folder `out`."""
    file, cells = tmp_path / "cells.lib", tmp_path / "threshold.toml"
    file.write_text(liberty((*GATES, *TIES)))
    cells.write_text(CELLS)
    return gatec.compile(
        random_layers_model(np.random.default_rng(4), 9, [16, 18], 3, fanin=3),
        target="asic",
        asic=AsicOptions(liberty=(file,), threshold_cells=cells),
        optimise=1,
        stages=1,
        vectors=8,
        output_dir=tmp_path / "out",
    )


def test_a_net_is_mapped_to_both_and_compared(tmp_path: Path) -> None:
    result = compiled(tmp_path)
    found = result.manifest["physical"]["threshold"]
    assert found["proof"] == "equivalent"
    assert found["area"] < found["cmos_area"]
    used = sum(n for name, n in found["cells"].items() if name.startswith("TLG"))
    assert used == found["threshold_cells"] > 0
    assert "TLG" in result.files["random_threshold.v"].decode()
    assert "module TLG" in result.files["random_threshold_cells.v"].decode()


def test_verify_proves_the_threshold_cells(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    compiled(tmp_path)
    assert run(["verify", str(tmp_path / "out")]) == 0
    assert "cells of random_threshold.v are the core: equivalent" in capsys.readouterr().out
    file = tmp_path / "out" / "random_threshold.v"
    instance = re.search(
        r"TLG\w+ \w+ \([^;]*?\.A\((\w[^)]*)\)[^;]*?\.B\((\w[^)]*)\)", file.read_text()
    )
    assert instance is not None
    # The first input of a neuron moved to its second.
    whole = instance[0]
    text = file.read_text().replace(
        whole, whole.replace(f".A({instance[1]})", f".A({instance[2]})")
    )
    file.write_text(text)
    table = tmp_path / "out" / "manifest.json"
    manifest = json.loads(table.read_text())
    manifest["files"][file.name] = hashlib.sha256(text.encode()).hexdigest()
    table.write_text(json.dumps(manifest))
    assert run(["verify", str(tmp_path / "out")]) == 5
    assert "the gates are not the core" in capsys.readouterr().err


def test_undecided_threshold_gates_are_not_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prove = flow_asic_files.prove_gates

    def undecided(*arguments: Any) -> tuple[Any, Proof]:
        read, proof = prove(*arguments)
        return read, replace(proof, verdict=Verdict.UNDECIDED)

    monkeypatch.setattr(flow_asic_files, "prove_gates", undecided)
    with pytest.raises(UnprovedError, match="equivalence of the threshold gates is undecided"):
        compiled(tmp_path)
    assert not (tmp_path / "out").exists()
