"""Inside a running net: toggle counts, waves of chosen signals, and state from cycle to cycle."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import pywellen
from helpers import random_layers_model, random_netlist
from vcd.reader import TokenKind, tokenize

import gatec
from gatec.activity import inside_folder, inside_model
from gatec.bits import pack, random_words, unpack
from gatec.cli import run
from gatec.errors import ModelError, UsageError
from gatec.evaluate import evaluate_nets
from gatec.folder import OutputFolder
from gatec.frontends import write_neutral
from gatec.netlist import Netlist, Port, make_ports
from gatec.sim.sequence import Machine
from gatec.sim.signals import Signal, choose
from gatec.tables import expand

MODEL = random_layers_model(np.random.default_rng(6), 11, [30, 24], 3)
BITS = np.random.default_rng(7).integers(0, 2, (200, 11), dtype=np.uint8)


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """A model file and its data, which is read in chunks of 64."""
    monkeypatch.setattr("gatec.sim.data._MAX_CHUNK_ROWS", 64)
    write_neutral(MODEL, tmp_path / "net.npz")
    np.save(tmp_path / "x.npy", BITS)
    return tmp_path / "net.npz", tmp_path / "x.npy"


def values_of(net: Netlist) -> np.ndarray:
    return unpack(evaluate_nets(net, pack(BITS)), len(BITS))


def read_table(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


def read_waves(path: Path) -> dict[str, list[str]]:
    """Return each signal's value in each step, read by pyvcd's own reader."""
    names, now, steps = {}, {}, []
    with path.open("rb") as file:
        for token in tokenize(file):
            if token.kind is TokenKind.VAR:
                names[token.var.id_code] = token.var.ref_str
                width = token.var.size
                now[token.var.id_code] = "x" * width
            elif token.kind is TokenKind.CHANGE_TIME:
                while len(steps) * 10 < token.time_change:
                    steps.append(dict(now))
            elif token.kind is TokenKind.CHANGE_SCALAR:
                now[token.scalar_change.id_code] = token.scalar_change.value
            elif token.kind is TokenKind.CHANGE_VECTOR:
                value = token.vector_change.value
                width = len(now[token.vector_change.id_code])
                assert isinstance(value, int)
                now[token.vector_change.id_code] = f"{value:0{width}b}"
    return {name: [step[code] for step in steps] for code, name in names.items()}


def test_toggles_of_a_model_are_counted_across_chunks(files: tuple[Path, Path]) -> None:
    model, data = files
    target = model.with_name("toggles.csv")
    gatec.simulate(model, data=data, toggles=target)
    rows = read_table(target)
    net = inside_model(MODEL).netlist
    expected = (np.diff(values_of(net).astype(int), axis=0) != 0).sum(axis=0)
    assert [int(row["toggles"]) for row in rows] == expected.tolist()
    assert expected.max() > 50
    assert [int(row["net"]) for row in rows] == list(range(net.num_nets))
    assert float(rows[5]["rate"]) == pytest.approx(expected[5] / 199, abs=1e-6)
    names = [row["name"] for row in rows]
    assert len(set(names)) == net.num_nets
    assert names[:4] == ["0", "1", "x[0]", "x[1]"]
    assert "layer0[29]" in names or "layers.0[29]" in names


def test_toggles_of_a_folder_are_those_of_its_verilog(files: tuple[Path, Path]) -> None:
    model, data = files
    folder = model.with_name("out")
    result = gatec.compile(MODEL, "generic", output_dir=folder, stages=2)
    target = model.with_name("toggles.csv")
    arguments = ["--data", str(data), "--toggles", str(target)]
    assert run(["sim", str(folder), *arguments, "-q"]) == 0
    rows = read_table(target)
    inside = inside_folder(OutputFolder.load(folder))
    assert len(rows) == 2 + 11 + sum(result.manifest["circuit"]["luts"].values())
    expected = (np.diff(values_of(inside.netlist).astype(int), axis=0) != 0).sum(axis=0)
    assert [int(row["toggles"]) for row in rows] == expected.tolist()
    assert {row["name"].partition("[")[0] for row in rows[13:]} == {"y", "stage0", "stage1"}


def test_one_sample_has_no_toggles(files: tuple[Path, Path]) -> None:
    model, data = files
    with pytest.raises(ModelError, match="1 samples; expected 2 or more with --toggles"):
        gatec.simulate(model, data=data, limit=1, toggles=model.with_name("t.csv"))
    assert not model.with_name("t.csv").exists()


def test_waves_show_chosen_signals_step_by_step(files: tuple[Path, Path]) -> None:
    model, data = files
    target = model.with_name("waves.vcd")
    chosen = ["--signals", "y", "--signals", "x", "--signals", "*[1?]"]
    assert run(["sim", str(model), "-q", "--data", str(data), "--waves", str(target), *chosen]) == 0
    found = read_waves(target)
    inside = inside_model(gatec.read_model(model).with_output("argmax"))
    values = values_of(inside.netlist)
    signals = choose(inside.signals, ["y", "x", "*[1?]"])
    assert list(found) == [signal.name for signal in signals]
    assert len(signals) > 20
    for signal in signals:
        rows = values[:, signal.nets[::-1]]
        assert found[signal.name] == ["".join(map(str, row)) for row in rows.tolist()]


@pytest.mark.parametrize("suffix", ["vcd", "fst"])
def test_the_same_run_gives_the_same_waves(files: tuple[Path, Path], suffix: str) -> None:
    model, data = files
    texts = []
    for name in (f"a.{suffix}", f"b.{suffix}"):
        gatec.simulate(model, data=data, waves=model.with_name(name))
        texts.append(model.with_name(name).read_bytes())
    assert texts[0] == texts[1]


def test_both_formats_hold_the_same(files: tuple[Path, Path]) -> None:
    model, data = files
    shown = []
    for suffix in ("vcd", "fst"):
        target = model.with_name(f"waves.{suffix}")
        gatec.simulate(model, data=data, waves=target, signals=["x", "y", "layer*"])
        variables = list(pywellen.Waveform(str(target)).all_vars())
        values = [[str(v.signal.value_at(t)) for v in variables] for t in range(0, 2000, 10)]
        shown.append(([v.full_name for v in variables], values))
    assert shown[0] == shown[1]
    names, values = shown[1]
    assert [name.rpartition(".")[2] for name in names] == ["x", "y", "layer0", "layer1"]
    rows = BITS[:, ::-1].tolist()
    assert [int(value[0]) for value in values] == [int("".join(map(str, r)), 2) for r in rows]


def test_waves_of_no_known_format_are_refused_before_the_work(
    files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, _ = files
    with pytest.raises(UsageError, match=r"unknown wave format; expected \.vcd or \.fst"):
        gatec.simulate(model, data="absent.npy", waves=model.with_name("w.ghw"))
    monkeypatch.setattr("gatec.sim.wavefile.find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"pip install 'gatec\[waves\]'"):
        gatec.simulate(model, data="absent.npy", waves=model.with_name("w.fst"))
    with pytest.raises(UsageError, match="netlist knows no clock cycles"):
        waves = model.with_name("w.vcd")
        gatec.simulate(model, data="absent.npy", waves=waves, rtl=True, simulator="netlist")


def test_patterns() -> None:
    nets = np.arange(12, dtype=np.int32)
    signals = [Signal("x", nets), Signal("layer0", nets[:3]), Signal("layer1", nets[3:5])]

    def names(*patterns: str) -> list[str]:
        return [signal.name for signal in choose(signals, patterns)]

    assert names("layer*") == ["layer0", "layer1"]
    assert names("layer?[1]", "layer0[?]") == ["layer0[1]", "layer1[1]", "layer0[0]", "layer0[2]"]
    assert names("x[1?]") == ["x[10]", "x[11]"]
    for nothing in ("z", "x[12]", "layer", "y[*"):
        with pytest.raises(UsageError, match="matches nothing; expected some of x, layer0, layer1"):
            names(nothing)


def counter(width: int) -> Netlist:
    """Return a counter with an enable: bit `i` flips when all below and the enable are 1."""
    ports = make_ports(("enable", 1))
    registers = np.arange(3, 3 + width)
    first = 3 + width
    fanin, tables = [], []
    carry = 2
    for i in range(width):
        fanin += [[carry, registers[i]], [carry, registers[i]]]
        tables += [0b0110, 0b1000]
        carry = first + 2 * i + 1
    expanded = expand(np.array(tables, dtype=np.uint64), 2)
    net = Netlist(
        "counter", ports, (Port("count", registers),), np.array(fanin), expanded,
        register_d=first + 2 * np.arange(width), register_init=np.arange(width) == 1,
    )  # fmt: skip
    net.verify()
    return net


@pytest.mark.parametrize("samples", [1, 63, 65])
def test_registers_count_in_every_sample_by_itself(samples: int) -> None:
    net = counter(5)
    enables = np.random.default_rng(samples).integers(0, 2, (40, samples), dtype=np.uint8)
    frames = [pack(row[:, None]) for row in enables]
    machine = Machine(net, frames[0].shape[1])
    outputs = machine.run(frames)
    found = np.array([unpack(words, samples) @ (1 << np.arange(5)) for words in outputs])
    # They start at 2; the count shows before the edge that adds the enable.
    before = np.concatenate([np.zeros((1, samples), int), np.cumsum(enables, axis=0)[:-1]])
    assert np.array_equal(found, (2 + before) % 32)
    machine.reset()
    assert np.array_equal(machine.run(frames), outputs)
    watched = Machine(net, frames[0].shape[1], watch=[Signal("bit2", np.array([5], np.int32))])
    assert np.array_equal(watched.run(frames)[:, 0], outputs[:, 2])
    assert machine.run([]).shape == (0, 5, frames[0].shape[1])


def test_a_net_without_registers_is_a_machine_too() -> None:
    rng = np.random.default_rng(3)
    net = random_netlist(rng, 8, 30, 4)
    frames = [random_words(rng, 8, 2) for _ in range(3)]
    outputs = Machine(net, 2).run(frames)
    for frame, found in zip(frames, outputs, strict=True):
        assert np.array_equal(found, evaluate_nets(net, frame)[net.output_nets])
