"""Data sets: each kind of file, encoding without guessing, and one-line errors."""

from __future__ import annotations

import gzip
import io
import struct
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from gatec.errors import LimitError, ModelError, UsageError
from gatec.sim.data import load_data

BITS = np.array([[0, 1, 1], [1, 0, 0], [1, 1, 1], [0, 0, 0]], dtype=np.uint8)
PIXELS = np.array([[0, 128, 255], [200, 127, 3]], dtype=np.uint8)


def idx(array: npt.NDArray[np.uint8]) -> bytes:
    """Return the idx file of an array."""
    sizes = struct.pack(f">{array.ndim}I", *array.shape)
    return bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes()


def npy(path: Path, array: npt.NDArray[np.generic]) -> Path:
    """Write an array and return its path."""
    np.save(path, array)
    return path


@pytest.mark.parametrize("dtype", ["u1", "?", "i8", ">i4", "f4", "f2"])
def test_npy_holds_bits_of_any_number_type(tmp_path: Path, dtype: str) -> None:
    data = load_data(npy(tmp_path / "x.npy", BITS.astype(dtype)), num_inputs=3)
    assert data.bits.dtype == np.uint8
    assert np.array_equal(data.bits, BITS)
    assert data.labels is None


def test_npy_samples_are_flattened(tmp_path: Path) -> None:
    images = np.arange(12).reshape(2, 2, 3) % 2
    data = load_data(npy(tmp_path / "x.npy", images), num_inputs=6)
    assert np.array_equal(data.bits, images.reshape(2, 6))


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz_holds_samples_and_labels(tmp_path: Path, save: object) -> None:
    path = tmp_path / "data.npz"
    save(path, x=BITS, y=np.array([3, 0, 1, 2], dtype=np.int16))  # type: ignore[operator]
    data = load_data(path, num_inputs=3, classes=4)
    assert np.array_equal(data.bits, BITS)
    assert data.labels is not None
    assert data.labels.tolist() == [3, 0, 1, 2]


def test_npz_without_x_names_what_it_has(tmp_path: Path) -> None:
    np.savez(tmp_path / "data.npz", images=BITS)
    with pytest.raises(ModelError, match=r"data\.npz: arrays images; expected x, and"):
        load_data(tmp_path / "data.npz", num_inputs=3)


def test_threshold_is_strict(tmp_path: Path) -> None:
    path = npy(tmp_path / "x.npy", PIXELS)
    assert load_data(path, num_inputs=3, threshold=127).bits.tolist() == [[0, 1, 1], [1, 0, 0]]
    assert load_data(path, num_inputs=3, threshold=127.5).bits.tolist() == [[0, 1, 1], [1, 0, 0]]
    assert load_data(path, num_inputs=3, threshold=126.5).bits.tolist() == [[0, 1, 1], [1, 1, 0]]


@pytest.mark.parametrize(
    ("values", "span"),
    [(PIXELS, "0 to 255"), (BITS * 0.5, "0 to 0.5"), (BITS - 1.0, "-1 to 0")],
)
def test_values_that_are_no_bits_need_a_threshold(
    tmp_path: Path, values: npt.NDArray[np.generic], span: str
) -> None:
    path = npy(tmp_path / "x.npy", values)
    with pytest.raises(ModelError, match=f"values from {span}; expected bits, or --threshold T"):
        load_data(path, num_inputs=3)


def test_codes_become_bits_lowest_first(tmp_path: Path) -> None:
    codes = np.array([[5, 0], [15, 8]])
    data = load_data(npy(tmp_path / "x.npy", codes), num_inputs=8, code_bits=4)
    assert data.bits.tolist() == [[1, 0, 1, 0, 0, 0, 0, 0], [1, 1, 1, 1, 0, 0, 0, 1]]


@pytest.mark.parametrize("code", [16, -1, 2.5])
def test_codes_out_of_range_are_refused(tmp_path: Path, code: float) -> None:
    path = npy(tmp_path / "x.npy", np.array([[5.0, code]]))
    with pytest.raises(ModelError, match=r"x\.npy: values from .*; expected integer codes 0\.\.15"):
        load_data(path, num_inputs=8, code_bits=4)


def test_threshold_does_not_go_with_codes(tmp_path: Path) -> None:
    path = npy(tmp_path / "x.npy", PIXELS)
    with pytest.raises(UsageError, match="--threshold for a model that holds its encoder"):
        load_data(path, num_inputs=24, code_bits=8, threshold=1)


def test_nan_is_refused_even_with_a_threshold(tmp_path: Path) -> None:
    path = npy(tmp_path / "x.npy", np.array([[0, 1, 0], [0, np.nan, 0]]))
    with pytest.raises(ModelError, match="sample 1: value 1 is nan"):
        load_data(path, num_inputs=3, threshold=0.5)


@pytest.mark.parametrize(("num_inputs", "code_bits", "what"), [(4, None, "4 bits"), (4, 2, "2 2-")])
def test_wrong_width_is_one_line(
    tmp_path: Path, num_inputs: int, code_bits: int | None, what: str
) -> None:
    path = npy(tmp_path / "x.npy", BITS)
    with pytest.raises(ModelError, match=f"3 values a sample; expected the model's {what}"):
        load_data(path, num_inputs=num_inputs, code_bits=code_bits)


@pytest.mark.parametrize("shape", [(3,), ()])
def test_samples_need_two_dimensions(tmp_path: Path, shape: tuple[int, ...]) -> None:
    path = npy(tmp_path / "x.npy", np.zeros(shape))
    with pytest.raises(ModelError, match=r"expected \[samples, values\]"):
        load_data(path, num_inputs=3)


@pytest.mark.parametrize("images_gz", [False, True])
@pytest.mark.parametrize("labels_gz", [False, True])
def test_idx_finds_its_labels(tmp_path: Path, images_gz: bool, labels_gz: bool) -> None:
    images = PIXELS.reshape(2, 1, 3)
    for kind, array, packed in (
        ("images-idx3", images, images_gz),
        ("labels-idx1", np.array([7, 1], dtype=np.uint8), labels_gz),
    ):
        content = gzip.compress(idx(array)) if packed else idx(array)
        (tmp_path / f"t10k-{kind}-ubyte{'.gz' if packed else ''}").write_bytes(content)
    path = tmp_path / f"t10k-images-idx3-ubyte{'.gz' if images_gz else ''}"
    data = load_data(path, num_inputs=3, threshold=127, classes=10)
    assert data.bits.tolist() == [[0, 1, 1], [1, 0, 0]]
    assert data.labels is not None
    assert data.labels.tolist() == [7, 1]


def test_idx_without_labels_beside_it(tmp_path: Path) -> None:
    (tmp_path / "t10k-images-idx3-ubyte").write_bytes(idx(BITS))
    assert load_data(tmp_path / "t10k-images-idx3-ubyte", num_inputs=3).labels is None


@pytest.mark.parametrize("packed", [False, True])
def test_idx_cut_at_any_byte_is_one_line(tmp_path: Path, packed: bool) -> None:
    path = tmp_path / "x.idx"
    content = gzip.compress(idx(BITS)) if packed else idx(BITS)
    for size in range(3, len(content)):
        path.write_bytes(content[:size])
        with pytest.raises(ModelError) as caught:
            load_data(path, num_inputs=3)
        assert str(caught.value).startswith(f"{path}: ")
    path.write_bytes(content)
    assert np.array_equal(load_data(path, num_inputs=3).bits, BITS)


@pytest.mark.parametrize("packed", [False, True])
def test_idx_is_read_no_further_than_declared(tmp_path: Path, packed: bool) -> None:
    path = tmp_path / "x.idx"
    content = idx(BITS) + bytes(64 << 20)
    path.write_bytes(gzip.compress(content, 1) if packed else content)
    with pytest.raises(ModelError, match=r"more bytes; expected 12 for shape \[4, 3\]"):
        load_data(path, num_inputs=3)


def test_idx_of_impossible_size_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "x.idx"
    path.write_bytes(bytes([0, 0, 8, 3]) + b"\xff" * 12)
    with pytest.raises(LimitError, match="values of shape .*; expected samples of at most"):
        load_data(path, num_inputs=3)


def test_idx_of_other_elements_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.idx"
    path.write_bytes(gzip.compress(bytes([0, 0, 0x0D, 1]) + bytes(8)))
    with pytest.raises(ModelError, match="idx elements of type 0x0d; expected 0x08"):
        load_data(path, num_inputs=3)


def test_gzip_is_looked_into(tmp_path: Path) -> None:
    path = tmp_path / "x.csv.gz"
    path.write_bytes(gzip.compress(b"1,0,1\n"))
    assert load_data(path, num_inputs=3).bits.tolist() == [[1, 0, 1]]
    path.write_bytes(gzip.compress(b"\xff\xfe"))
    with pytest.raises(ModelError, match="byte 0 is no text"):
        load_data(path, num_inputs=3)


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("0,1,1,5\n1,0,0,9\n", "3"),
        ("0,1,1,5\n1,0,0,9\n", "-1"),
        ("5,0,1,1\r\n\r\n9,1,0,0", "0"),
        ("a,b,digit,c\n0, 1,5, 1\n1.0,0,9,0\n", "digit"),
        ('"a","b","digit","c"\n0,1,5,1\n1,0,9,0\n', "digit"),
    ],
)
def test_csv_with_a_label_column(tmp_path: Path, text: str, column: str) -> None:
    path = tmp_path / "x.csv"
    path.write_text(text)
    data = load_data(path, num_inputs=3, label_column=column, classes=10)
    assert data.bits.tolist() == [[0, 1, 1], [1, 0, 0]]
    assert data.labels is not None
    assert data.labels.tolist() == [5, 9]


def test_csv_without_labels(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("p,q,r\n0,1,1\n")
    data = load_data(path, num_inputs=3)
    assert data.bits.tolist() == [[0, 1, 1]]
    assert data.labels is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0,1,1\n0,1\n", "line 2: 2 fields; expected 3"),
        ("p,q,r\n0,1,1\n\n0,x,1\n", "line 4, field 2: 'x' is not a number"),
        ("0,x,1\n0,1,1\n", "line 1, field 2: 'x' is not a number"),
        ("0,1_0,1\n", "line 1, field 2: '1_0' is not a number"),
        ("0,1,\n", "line 1, field 3: '' is not a number"),
        ("p,q\n0,1,1\n", "line 1: 2 column names; expected 3"),
        ("", "no rows"),
        ("0,nan,1\n", "sample 0: value 1 is nan"),
    ],
)
def test_broken_csv_is_one_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "x.csv"
    path.write_text(text)
    with pytest.raises(ModelError) as caught:
        load_data(path, num_inputs=3)
    assert message in str(caught.value)


def test_csv_without_the_column_lists_what_there_is(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("p,q\n0,1\n")
    with pytest.raises(ModelError, match=r"no column 'digit'; expected -2\.\.1 or one of p, q"):
        load_data(path, num_inputs=1, label_column="digit")
    with pytest.raises(ModelError, match="no column '2'"):
        load_data(path, num_inputs=1, label_column="2")


def test_label_column_is_for_text_only(tmp_path: Path) -> None:
    path = npy(tmp_path / "x.npy", BITS)
    with pytest.raises(UsageError, match="--label-column; expected comma-separated text"):
        load_data(path, num_inputs=3, label_column="0")


@pytest.mark.parametrize("kind", ["npy", "csv", "idx"])
def test_labels_from_a_file_of_their_own(tmp_path: Path, kind: str) -> None:
    labels = tmp_path / f"y.{kind}"
    column = np.array([3, 1, 0, 2], dtype=np.uint8)
    if kind == "npy":
        np.save(labels, column)
    elif kind == "csv":
        labels.write_text("3\n1\n0\n2\n")
    else:
        labels.write_bytes(idx(column))
    data = load_data(npy(tmp_path / "x.npy", BITS), num_inputs=3, labels=labels)
    assert data.labels is not None
    assert data.labels.tolist() == [3, 1, 0, 2]


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, 1, 2, 4], "y.npy: sample 3: label 4; expected a class 0..3"),
        ([0, -1, 2, 3], "y.npy: sample 1: label -1; expected a class 0..3"),
        ([0, 1, 0.5, 3], "y.npy: sample 2: label 0.5; expected a class 0..3"),
        ([0, 1, np.nan, 3], "y.npy: sample 2: label nan; expected a class 0..3"),
        ([0, 1, 2], "y.npy: labels of shape [3]; expected [4]"),
        ([[0, 1], [2, 3]], "y.npy: labels of shape [2, 2]; expected [4]"),
    ],
)
def test_bad_labels_are_one_line(tmp_path: Path, labels: list[float], message: str) -> None:
    beside = npy(tmp_path / "y.npy", np.array(labels))
    with pytest.raises(ModelError) as caught:
        load_data(npy(tmp_path / "x.npy", BITS), num_inputs=3, labels=beside, classes=4)
    assert str(caught.value) == f"{tmp_path}/{message}"


def test_absent_and_unknown_files_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="No such file"):
        load_data(tmp_path / "none.npy", num_inputs=3)
    with pytest.raises(ModelError, match="Is a directory"):
        load_data(tmp_path, num_inputs=3)
    (tmp_path / "odd").write_bytes(b"\x80\x05not text")
    with pytest.raises(
        ModelError, match=r"byte 0 is no text; expected \.npy, \.npz, idx, \.parquet"
    ):
        load_data(tmp_path / "odd", num_inputs=3)


def test_a_pickled_array_is_refused(tmp_path: Path) -> None:
    content = io.BytesIO()
    np.save(content, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    (tmp_path / "x.npy").write_bytes(content.getvalue())
    with pytest.raises(ModelError, match="not numbers"):
        load_data(tmp_path / "x.npy", num_inputs=3)
