"""BLIF files, with and without latches, against a plain evaluation of their statements."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatec import compile as compile_net
from gatec.errors import GatecError, ModelError
from gatec.frontends import ReadOptions, inspect_model, read_model, write_neutral
from gatec.lowering.model import lower
from gatec.proof.arithmetic import check_lowering
from gatec.tools.yosys import run_yosys


def evaluate(text: str, values: dict[str, int]) -> dict[str, int]:
    """Compute all signals from inputs and states, statement by statement until nothing changes."""
    blocks = [block.splitlines() for block in text.split(".names ")[1:]]
    covers = [(head.split(), [row.split() for row in rows if row[:1] in "01-"])
              for head, *rows in blocks]  # fmt: skip
    waiting = list(covers)
    while waiting:
        for signals, rows in list(waiting):
            *inputs, output = signals
            if not all(name in values for name in inputs):
                continue
            hit = any(
                all(c in ("-", str(values[n])) for c, n in zip(row[0], inputs, strict=True))
                if inputs else True
                for row in rows
            )  # fmt: skip
            on = not rows or rows[0][-1] == "1"
            values[output] = int(hit) if on else int(not hit)
            waiting.remove((signals, rows))
    return values


def random_blif(rng: np.random.Generator, inputs: int, latches: int, gates: int) -> str:
    names = [f"i{n}" for n in range(inputs)] + [f"s{n}" for n in range(latches)]
    text = [".model net", ".inputs " + " ".join(names[:inputs]), ".outputs y0 y1"]
    covers = []
    for gate in range(gates):
        width = int(rng.integers(0, min(10, len(names)) + 1))
        read = rng.choice(names, width, replace=False)
        rows = [" ".join(["".join(rng.choice(list("01-"), width)), "1"]).strip()
                for _ in range(rng.integers(0, 9))]  # fmt: skip
        if rng.random() < 0.3:
            rows = [row[:-1] + "0" for row in rows]
        output = {gates - 1: "y0", gates - 2: "y1"}.get(gate, f"g{gate}")
        covers.append("\n".join([f".names {' '.join([*read, output])}", *rows]))
        names.append(output)
    text += [f".latch {rng.choice(names)} s{n} re clk {rng.integers(0, 3)}" for n in range(latches)]
    # Statements may stand in any order.
    return "\n".join([*text, *(covers[i] for i in rng.permutation(len(covers))), ".end\n"])


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(0, 3), st.integers(1, 4))
def test_any_circuit(tmp_path_factory: pytest.TempPathFactory, seed: int, latches: int,
                     steps: int) -> None:  # fmt: skip
    rng = np.random.default_rng(seed)
    text = random_blif(rng, 4, latches, 9)
    path = tmp_path_factory.getbasetemp() / "any.blif"
    path.write_text(text)
    steps = steps if latches else 1
    model = read_model(path, ReadOptions(steps=steps if latches else None))
    samples = rng.integers(0, 2, size=(20, steps, 4))
    found = model.output_bits(samples.reshape(20, -1)).reshape(20, steps, 2)
    rows = [line.split() for line in text.splitlines() if line.startswith(".latch")]
    for sample, expected in zip(samples, found, strict=True):
        state = {words[2]: int(words[-1] == "1") for words in rows}
        for step, bits in enumerate(sample):
            values = {f"i{n}": int(bit) for n, bit in enumerate(bits)} | state
            values = evaluate(text, values)
            assert [values["y0"], values["y1"]] == expected[step].tolist()
            state = {words[2]: values[words[1]] for words in rows}
    check_lowering(model, lower(model))
    copy = tmp_path_factory.getbasetemp() / "copy.npz"
    write_neutral(model, copy)
    np.testing.assert_array_equal(
        read_model(copy).output_bits(samples.reshape(20, -1)), found.reshape(20, -1)
    )


COUNTER = """
module counter(input clk, input up, input clear, output [2:0] count);
  reg [2:0] state = 3'd5;
  assign count = state ^ {3{clear}};
  always @(posedge clk) state <= clear ? 3'd0 : state + up;
endmodule
"""


def test_sequential_verilog_through_yosys_to_a_proved_netlist(tmp_path: Path) -> None:
    script = ["read_verilog c.v", "synth -flatten", "dfflegalize -cell $_DFF_P_ 01", "abc -lut 4",
              "opt_clean", "write_blif c.blif"]  # fmt: skip
    run = run_yosys(script, inputs={"c.v": COUNTER}, outputs=["c.blif"])
    path = tmp_path / "c.blif"
    path.write_bytes(run.files["c.blif"])
    text = path.read_text()
    order = next(line for line in text.splitlines() if line.startswith(".inputs")).split()[1:]
    steps = 6
    reading = ReadOptions(steps=steps)
    result = compile_net(path, reading=reading, output="bits", place_and_route=False)
    assert result.manifest["proof"]["equivalence"] == "equivalent"
    model = read_model(path, reading)
    rng = np.random.default_rng(0)
    samples = rng.integers(0, 2, size=(50, steps, len(order)))
    found = model.output_bits(samples.reshape(50, -1)).reshape(50, steps, 3)
    for sample, counts in zip(samples, found, strict=True):
        state = 5
        for bits, count in zip(sample, counts, strict=True):
            up, clear = (int(bits[order.index(name)]) for name in ("up", "clear"))
            assert int(count @ [1, 2, 4]) == state ^ 7 * clear
            state = 0 if clear else (state + up) % 8


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (".latch a b\n", "line 4: latch 'b' starts with an unknown value"),
        (".latch a b re clk 3\n", "latch 'b' starts with an unknown value"),
        (".names a y\n11 1\n", "line 4: cover row '11 1'; expected 1 of 0, 1, -"),
        (".names a y\n1 1\n0 0\n", "line 4: a cover with both on- and off-set"),
        (".names a y\n1 1\n.names a y\n1 1\n", "y: driven twice"),
        (".names z y\n1 1\n", "z: nothing drives it"),
        (".names y z\n1 1\n.names z y\n1 1\n", "the gates: a combinational cycle"),
        (".subckt other a=a y=y\n", "line 4: statement .subckt; expected .names and .latch"),
        (".names a y\n1 1\n.model b\n", "line 6: a second .model"),
        (".names a y\n1 1\n.outputs q\nfoo\n", "line 6: a line 'foo'"),
        ("", "y: nothing drives it"),
    ],
)
def test_files_that_are_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "net.blif"
    path.write_text(f".model a\n.inputs a\n.outputs y\n{text}.end\n")
    with pytest.raises(ModelError, match=message):
        read_model(path)


def test_latches_want_steps(tmp_path: Path) -> None:
    path = tmp_path / "net.blif"
    path.write_text(".model a\n.inputs a\n.outputs y\n.latch a y 0\n.end\n")
    assert "expected --steps N" in str(inspect_model(path))
    with pytest.raises(ModelError, match="expected --steps N, or compile --clocked"):
        read_model(path)


def test_damaged_files_end_in_a_line(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    text = random_blif(rng, 4, 2, 9).encode()
    path = tmp_path / "net.blif"
    for _ in range(300):
        data = bytearray(text)
        for position in rng.integers(0, len(data), size=rng.integers(1, 4)):
            data[position] = int(rng.integers(0, 128))
        path.write_bytes(bytes(data))
        try:
            read_model(path, ReadOptions(steps=2))
        except GatecError as error:
            assert str(error).isprintable()
            assert len(str(error)) < 700
