"""A model file opened as data: what container it is, and the tree of values in it."""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from gatec import limits
from gatec.errors import ModelError
from gatec.frontends.files.archive import is_torch_zip, read_torch_legacy, read_torch_zip
from gatec.frontends.files.keras_h5 import H5_MAGIC, read_h5
from gatec.frontends.files.npz import NPY_MAGIC, read_npz
from gatec.frontends.files.onnx_file import is_onnx, read_onnx
from gatec.frontends.files.packed import XZ_MAGIC, read_packed_pickle
from gatec.frontends.files.records import Record
from gatec.frontends.files.safetensors import is_safetensors, read_safetensors
from gatec.frontends.files.tensors import Array
from gatec.frontends.files.ubjson import is_ubjson, read_ubjson
from gatec.frontends.files.zipped import ZipMembers

# Names under which training scripts put the model into a checkpoint, beside optimiser and epoch.
_GZIP_MAGIC = b"\x1f\x8b"
_UNKNOWN = (
    "neither .pt, .pth, .safetensors, .npz, .onnx, .h5, .json, .ubj, .pickle.lzma, "
    "LightGBM's text nor a circuit"
)
_WRAPPERS = ("state_dict", "model_state_dict", "model_state", "model_dict", "model", "net")


# The first line that is no comment.
_FIRST = {
    "blif": re.compile(rb"\.(model|inputs|outputs|names)(\s|$)"),
    "pla": re.compile(rb"\.(i|o|ilb|ob|type|p|phase)\s"),
    "truth": re.compile(rb"[01]+$"),
    "verilog": re.compile(rb"(module\s|//|/\*|`timescale|\(\*)"),
    "bench": re.compile(rb"(INPUT|OUTPUT)\s*\(", re.IGNORECASE),
}


@dataclass(frozen=True, eq=False)
class Content:
    """A model as data.

    Attributes
    ----------
    label
        What messages call it: the file's path.
    stem
        What the model is called without an option.
    container
        `npz`, `safetensors`, `torch` (zip), `torch legacy`, `onnx`, `h5`, `json`, `ubjson`,
        `lightgbm`, `pickle.lzma`, `module` (a live module), or a circuit: `aiger`, `blif`, `pla`,
        `truth`, `bench`, `verilog`.
    value
        The tree: dictionaries, lists, arrays, scalars, and records in place of objects; of a
        circuit or `lightgbm` its text, of `aiger` its bytes.
    sha256
        Of the file; empty for a live module.
    """

    label: str
    stem: str
    container: str
    value: Any
    sha256: str = ""

    @cached_property
    def model(self) -> Any:
        """The value without the dictionary that a training script may have put around it."""
        value = self.value
        for _ in range(4):
            if not isinstance(value, dict):
                break
            inner = [value[key] for key in _WRAPPERS if isinstance(value.get(key), dict | Record)]
            if len(inner) != 1:
                break
            value = inner[0]
        return value

    @cached_property
    def tensors(self) -> dict[str, Array]:
        """The arrays by name when the model is a dictionary of them, else empty."""
        if not isinstance(self.model, dict):
            return {}
        return {
            key: value
            for key, value in self.model.items()
            if isinstance(key, str) and isinstance(value, np.ndarray)
        }


def open_model(path: Path, expected: str = "a model file") -> Content:
    """Read a model file as data, or a file that an option names: `expected` says what is wanted.

    Raises `ModelError` at a file that is absent, broken, or of an unknown kind, and `LimitError` at
    one that is too large.
    """
    label = str(path)
    data = read_bytes(path, expected)
    found = _parse(data, label, path.parent)
    if found is None:
        packed = data[:2] == _GZIP_MAGIC
        what = "packed by gzip" if packed else _UNKNOWN if data else "empty file"
        raise ModelError(what, file=label, expected="it unpacked" if packed else expected)
    container, value = found
    return Content(label, path.stem, container, value, hashlib.sha256(data).hexdigest())


def circuit_kind(data: bytes) -> str | None:
    """Return which text or AIGER form of a circuit a file begins as, or None."""
    if data[:4] in (b"aig ", b"aag "):
        return "aiger"
    lines = (line.strip() for line in data[:4096].splitlines())
    first = next((line for line in lines if line and not line.startswith(b"#")), b"")
    return next((kind for kind, begins in _FIRST.items() if begins.match(first)), None)


def _described(data: bytes, label: str) -> tuple[str, Any] | None:
    """Return container and value of a file that is text, JSON in bytes, HDF5 or a packed pickle."""
    if (found := _by_magic(data, label)) is not None:
        return found
    circuit = circuit_kind(data)
    if circuit is not None:
        return circuit, data if circuit == "aiger" else data.decode("latin-1")
    if data[:5] == b"tree\n" or data[:6] == b"tree\r\n":
        return "lightgbm", data.decode("latin-1")
    if is_ubjson(data):
        return "ubjson", read_ubjson(data, label)
    if data.lstrip()[:1] == b"{":
        return "json", _json(data, label)
    return None


def _by_magic(data: bytes, label: str) -> tuple[str, Any] | None:
    """Return container and value of a packed pickle, or of HDF5."""
    if data[:6] == XZ_MAGIC:
        return "pickle.lzma", read_packed_pickle(data, label)
    if data[:8] == H5_MAGIC:
        return "h5", read_h5(data, label)
    return None


def _json(data: bytes, label: str) -> Any:
    """Return what JSON text holds."""
    limits.check_limit(len(data), limits.MAX_HEADER_BYTES, "bytes of JSON", file=label)
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"broken JSON: {error!s:.80}", file=label) from None


def read_bytes(path: Path, expected: str = "a model file") -> bytes:
    """Return a file's bytes; raise `ModelError` when that fails, `LimitError` when it is large."""
    try:
        if not path.is_file():
            what = "is not a file" if path.exists() else "no such file"
            raise ModelError(what, file=path, expected=expected)
        with path.open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            limits.check_limit(size, limits.MAX_FILE_BYTES, "file bytes", file=path)
            return stream.read(size)
    except (OSError, ValueError) as error:
        raise ModelError(f"cannot be read: {error}", file=path) from None


def _parse(data: bytes, label: str, folder: Path) -> tuple[str, Any] | None:
    """Return the container and the tree of values, chosen by the first bytes."""
    if data[:2] == b"PK":
        members = ZipMembers(data, label)
        if is_torch_zip(members.names):
            return "torch", read_torch_zip(members)
        return "npz", read_npz(members)
    if is_safetensors(data):
        return "safetensors", read_safetensors(data, label)
    if data[:1] == b"\x80":
        return "torch legacy", read_torch_legacy(data, label)
    if (found := _described(data, label)) is not None:
        return found
    if data[:6] == NPY_MAGIC:
        raise ModelError("a single array", file=label, expected="a model: .npz with named arrays")
    if data[257:262] == b"ustar" or data.startswith(b"sys_info") or data.startswith(b"./"):
        raise ModelError(
            "the tar layout of torch before 0.1.10",
            file=label,
            expected="torch.save(torch.load(FILE), NEW_FILE), run where the file is trusted",
        )
    return ("onnx", read_onnx(data, label, folder)) if is_onnx(data) else None
