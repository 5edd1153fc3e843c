"""Data in chunks: the same bits at every boundary, in constant memory, from files and pipes."""

from __future__ import annotations

import gzip
import json
import os
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from helpers import random_layers_model
from hypothesis import given, settings
from hypothesis import strategies as st
from test_sim_data import idx

import gatec
from gatec.bits import pack
from gatec.cli import run
from gatec.errors import LimitError, ModelError, ToolError, UsageError
from gatec.frontends import write_neutral
from gatec.sim.data import DataStream, load_data, open_data
from gatec.sim.encoding import Encoding
from gatec.sim.evaluator import Evaluator
from gatec.sim.rows import ArrayRows

WIDTH, CLASSES = 9, 3
MODEL = random_layers_model(np.random.default_rng(5), WIDTH, [40, 30], CLASSES)


def samples(count: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 2, (count, WIDTH), dtype=np.uint8), rng.integers(0, CLASSES, count)


def write_npy(path: Path, bits: np.ndarray, labels: np.ndarray) -> Path:
    with path.open("wb") as file:
        np.save(file, bits)
    return path


def write_fortran(path: Path, bits: np.ndarray, labels: np.ndarray) -> Path:
    with path.open("wb") as file:
        np.save(file, np.asfortranarray(bits.astype(">i2")))
    return path


def write_npz(path: Path, bits: np.ndarray, labels: np.ndarray) -> Path:
    with path.open("wb") as file:
        np.savez(file, x=bits, y=labels)
    return path


def write_idx(path: Path, bits: np.ndarray, labels: np.ndarray) -> Path:
    path.write_bytes(gzip.compress(idx(bits.reshape(len(bits), 3, 3))))
    return path


def write_csv(path: Path, bits: np.ndarray, labels: np.ndarray) -> Path:
    rows = np.column_stack([bits, labels])
    names = [f"b{i}" for i in range(WIDTH)] + ["digit"]
    lines = [",".join(map(str, row)) for row in rows.tolist()]
    path.write_text("\n".join([",".join(names), *lines, ""]))
    return path


def table(bits: np.ndarray, labels: np.ndarray) -> pa.Table:
    columns = {f"b{i}": bits[:, i] for i in range(4)}
    tail = pa.array(bits[:, 4:].reshape(-1))
    lists = pa.FixedSizeListArray.from_arrays(tail, WIDTH - 4)
    return pa.table({"digit": labels, **columns, "rest": lists})


def write_parquet(path: Path, bits: np.ndarray, labels: np.ndarray) -> Path:
    pq.write_table(table(bits, labels), path, row_group_size=50)
    return path


def write_arrow(path: Path, bits: np.ndarray, labels: np.ndarray) -> Path:
    whole = table(bits, labels)
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, whole.schema) as writer:
        writer.write_table(whole, max_chunksize=70)
    return path


def write_arrow_stream(path: Path, bits: np.ndarray, labels: np.ndarray) -> Path:
    whole = table(bits, labels)
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, whole.schema) as writer:
        writer.write_table(whole)
    return path


Write = Callable[[Path, np.ndarray, np.ndarray], Path]
PLAIN: list[Write] = [write_npy, write_fortran, write_npz, write_idx]
TABLES: list[Write] = [write_csv, write_parquet, write_arrow, write_arrow_stream]
SIZES = [0, 1, 63, 64, 65, 200]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("write", [*PLAIN, *TABLES])
def test_every_file_gives_the_same_bits_in_chunks_of_any_size(
    tmp_path: Path, write: Write, size: int
) -> None:
    bits, labels = samples(size)
    path = write(tmp_path / "data", bits, labels)
    column = "digit" if write in TABLES else None
    for rows in (1, 64, 67, 1000) if size else (1, 64):
        with open_data(path, Encoding(WIDTH), label_column=column) as stream:
            chunks = list(stream.chunks(rows))
        assert [len(chunk) for chunk in chunks[:-1]] == [rows] * (len(chunks) - 1)
        found = [np.zeros((0, WIDTH), np.uint8), *(chunk.bits for chunk in chunks)]
        assert np.array_equal(np.concatenate(found), bits)
        if column or write is write_npz:
            assert [n for chunk in chunks for n in chunk.labels.tolist()] == labels.tolist()  # type: ignore[union-attr]


@given(
    st.integers(0, 300),
    st.integers(1, 140),
    st.sampled_from(["argmax", "scores", "bits"]),
    st.integers(0, 99),
)
@settings(max_examples=60, deadline=None)
def test_outputs_do_not_depend_on_the_chunks(size: int, rows: int, kind: str, seed: int) -> None:
    """Each way to cut the samples gives the reference's outputs, bit for bit."""
    bits, _ = samples(size, seed)
    evaluator = Evaluator(MODEL, kind)  # type: ignore[arg-type]
    stream = DataStream(ArrayRows(Path("x"), bits), None, Encoding(WIDTH))
    parts = [evaluator(chunk.bits) for chunk in stream.chunks(rows)]
    whole = MODEL.evaluate(pack(bits), size)
    assert whole.scores is not None
    assert whole.classes is not None
    expected = {"argmax": whole.classes, "scores": whole.scores.T}.get(kind)
    if expected is None:
        expected = MODEL.with_output("bits").output_bits(bits)
    found = np.concatenate([evaluator(bits[:0]), *parts])
    assert found.shape == expected.shape
    assert np.array_equal(found, expected)


@pytest.mark.parametrize("size", SIZES)
def test_no_sample_is_evaluated_differently_among_others(size: int) -> None:
    bits, _ = samples(size)
    evaluator = Evaluator(MODEL, "scores")
    assert evaluator(bits).tolist() == [evaluator(row[None])[0].tolist() for row in bits]


@contextmanager
def piped(content: bytes) -> Iterator[Path]:
    """A path that gives `content` once, in small pieces."""
    reader, writer = os.pipe()

    def write() -> None:
        with os.fdopen(writer, "wb", buffering=0) as file, suppress(BrokenPipeError):
            for start in range(0, len(content), 3):
                file.write(content[start : start + 3])

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield Path(f"/dev/fd/{reader}")
    finally:
        os.close(reader)
        thread.join()


@pytest.mark.parametrize("write", [write_npy, write_npz, write_idx, write_csv, write_arrow_stream])
def test_a_pipe_is_read_like_a_file(tmp_path: Path, write: Write) -> None:
    bits, labels = samples(90)
    content = write(tmp_path / "data", bits, labels).read_bytes()
    column = "digit" if write in TABLES else None
    with piped(content) as path:
        found = load_data(path, num_inputs=WIDTH, label_column=column)
    assert np.array_equal(found.bits, bits)


@pytest.mark.parametrize("write", [write_fortran, write_parquet, write_arrow])
def test_what_no_pipe_can_give_is_one_line(tmp_path: Path, write: Write) -> None:
    content = write(tmp_path / "data", *samples(20)).read_bytes()
    with (
        piped(content) as path,
        pytest.raises(ModelError, match="from a pipe or gzipped; expected a"),
    ):
        load_data(path, num_inputs=WIDTH, label_column=None)


def test_a_pipe_that_ends_early_or_late_is_one_line(tmp_path: Path) -> None:
    content = write_npy(tmp_path / "x.npy", *samples(20)).read_bytes()
    with (
        piped(content[:-1]) as path,
        pytest.raises(ModelError, match="179 bytes; expected 180 for"),
    ):
        load_data(path, num_inputs=WIDTH)
    with piped(content + b"x") as path, pytest.raises(ModelError, match="more bytes; expected 180"):
        load_data(path, num_inputs=WIDTH)


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    rows = 200_000
    with path.open("wb") as file:
        header = {"descr": "|u1", "fortran_order": False, "shape": (rows, 784)}
        np.lib.format.write_array_header_1_0(file, header)
        file.truncate(file.tell() + rows * 784)
    tracemalloc.start()
    try:
        with open_data(path, Encoding(784)) as stream:
            assert sum(len(chunk) for chunk in stream.chunks()) == rows
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 20 << 20 < path.stat().st_size // 7


def test_errors_name_the_sample_in_the_whole_file() -> None:
    bits, labels = samples(200)
    values = bits.astype(np.float32)
    values[150, 4] = np.nan
    stream = DataStream(ArrayRows(Path("x"), values), None, Encoding(WIDTH))
    with pytest.raises(ModelError, match="x: sample 150: value 4 is nan"):
        list(stream.chunks(64))
    labels[130] = CLASSES
    rows = ArrayRows(Path("x"), bits), ArrayRows(Path("y"), labels)
    stream = DataStream(*rows, Encoding(WIDTH), classes=CLASSES)
    with pytest.raises(ModelError, match=r"y: sample 130: label 3; expected a class 0\.\.2"):
        list(stream.chunks(64))


@pytest.mark.parametrize("lines", [63, 64, 65, 127, 200])
def test_labels_of_another_length_are_seen_at_the_end(tmp_path: Path, lines: int) -> None:
    bits, _ = samples(128)
    np.save(tmp_path / "x.npy", bits)
    (tmp_path / "y.csv").write_text("1\n" * lines)
    with (
        pytest.raises(
            ModelError, match=r"y\.csv: \d+ labels; expected one for each of \d+ samples"
        ),
        open_data(tmp_path / "x.npy", Encoding(WIDTH), labels=tmp_path / "y.csv") as stream,
    ):
        list(stream.chunks(64))


@pytest.mark.parametrize("threshold", [-1e30, -1, -0.5, 0, 0.5, 3, 254, 254.5, 255, 1e30])
@pytest.mark.parametrize("dtype", ["u1", "i1", "i8", "f2", "f4", "f8"])
def test_thresholds_of_every_type_are_exact(dtype: str, threshold: float) -> None:
    values = np.arange(0, 128, dtype=dtype)[:, None]
    found = Encoding(1, None, threshold).encode(values, Path("x"), 0)
    assert found[:, 0].tolist() == [int(v > threshold) for v in range(128)]


@pytest.mark.parametrize("threshold", [float("nan"), float("inf"), -float("inf")])
def test_a_threshold_is_a_number(threshold: float) -> None:
    with pytest.raises(UsageError, match="--threshold .*; expected a finite number"):
        Encoding(3, None, threshold)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"a": ["x", "y"]}, "column 'a' is string; expected columns of numbers"),
        ({"a": [[1, 0], [1]]}, "column 'a' has lists of 1 to 2 values; expected as many"),
        ({"a": [1, None]}, "sample 1: column 'a' has no value"),
        ({"a": [[1, 0], [1, None]]}, "sample 1: column 'a' has no value"),
        ({"a": [1, 0], "b": [1, 5]}, "values from 0 to 5; expected bits"),
    ],
)
def test_odd_tables_are_one_line(tmp_path: Path, columns: dict[str, list], message: str) -> None:
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table(columns), path)
    with pytest.raises(ModelError) as caught:
        load_data(path, num_inputs=2 if "b" in columns or isinstance(columns["a"][0], list) else 1)
    assert message in str(caught.value)


@pytest.mark.parametrize("write", [write_parquet, write_arrow, write_arrow_stream])
def test_broken_tables_are_one_line(tmp_path: Path, write: Write) -> None:
    path = write(tmp_path / "x", *samples(100))
    content = path.read_bytes()
    for size in range(8, len(content) - 8, 97):
        path.write_bytes(content[:size])
        with pytest.raises(ModelError):
            load_data(path, num_inputs=WIDTH, label_column="digit")


def test_without_pyarrow_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_parquet(tmp_path / "x.parquet", *samples(5))
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(
        ToolError, match=r"pyarrow not found; expected pip install 'gatec\[arrow\]'"
    ):
        load_data(path, num_inputs=WIDTH)


def test_an_endless_line_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gatec.sim.table.MAX_LINE_BYTES", 100)
    path = tmp_path / "x.csv"
    path.write_text("0,0,0,0,0,0,0,0,0\n" + "0," * 90)
    with pytest.raises(LimitError, match="line 2"):
        load_data(path, num_inputs=WIDTH)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    write_neutral(MODEL, tmp_path / "net.npz")
    return tmp_path / "net.npz"


@pytest.mark.parametrize("size", [0, 1, 65, 700])
@pytest.mark.parametrize("kind", ["argmax", "scores", "bits"])
def test_predictions_are_written_chunk_by_chunk(
    tmp_path: Path,
    model: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    kind: str,
    size: int,
) -> None:
    monkeypatch.setattr("gatec.sim.data._CHUNK_VALUES", 1)
    bits, labels = samples(size)
    data = write_npz(tmp_path / "data.npz", bits, labels)
    arguments = ["sim", str(model), "--data", str(data), "--output", kind]
    for name in ("out.npy", "out.parquet"):
        assert run([*arguments, "--predictions", str(tmp_path / name)]) == 0
    assert f"samples: {size}" in capsys.readouterr().out
    expected = Evaluator(MODEL, kind)(bits)  # type: ignore[arg-type]
    found = np.load(tmp_path / "out.npy")
    assert found.shape == expected.shape
    assert np.array_equal(found, expected)
    columns = pq.read_table(tmp_path / "out.parquet").to_pydict()
    assert columns.pop("label", []) == labels.tolist()
    assert list(columns.values()) == [expected.tolist()]
    assert {path.name for path in tmp_path.iterdir()} == {
        "data.npz", "net.npz", "out.npy", "out.parquet",
    }  # fmt: skip


def test_a_failed_run_leaves_the_old_predictions(tmp_path: Path, model: Path) -> None:
    bits, labels = samples(40)
    data = write_npz(tmp_path / "data.npz", bits, labels + 1)
    (tmp_path / "out.npy").write_text("old")
    command = ["sim", str(model), "--data", str(data), "-o", str(tmp_path / "out.npy")]
    assert run(command) == 3
    assert (tmp_path / "out.npy").read_text() == "old"
    assert not list(tmp_path.glob(".*"))


def test_predictions_never_replace_a_device(model: Path, tmp_path: Path) -> None:
    data = write_npy(tmp_path / "x.npy", *samples(3))
    with pytest.raises(UsageError, match="/dev/null: is no plain file"):
        gatec.simulate(model, data=data, predictions=Path("/dev/null"))


def test_report_and_json_agree(
    tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bits, labels = samples(300)
    data = write_npz(tmp_path / "data.npz", bits, labels)
    assert run(["sim", str(model), "--data", str(data), "--report", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    predicted = MODEL.predict(bits)
    expected = [
        [int(((labels == a) & (predicted == b)).sum()) for b in range(CLASSES)]
        for a in range(CLASSES)
    ]
    assert found["confusion"] == expected
    assert found["accuracy"] == pytest.approx(np.mean(labels == predicted), abs=1e-6)
    assert found["classes"][1]["precision"] == pytest.approx(
        expected[1][1] / sum(row[1] for row in expected), abs=1e-6
    )
    assert found["classes"][1]["recall"] == pytest.approx(
        expected[1][1] / sum(expected[1]), abs=1e-6
    )
    assert found["samples_per_second"] > 0
    assert run(["sim", str(model), "--data", str(data), "--report"]) == 0
    assert "precision" in capsys.readouterr().out


def test_reading_options_do_not_go_with_a_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--data", "demo:digits-test", "--classes", "10", "--tau", "2"]
    assert run(["sim", str(tmp_path), *options]) == 2
    assert "--classes, --tau with an output folder" in capsys.readouterr().err
