"""An output folder: what `compile` wrote, read back for `verify`, `sim` and `flash`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gatec.assumptions import stated_care
from gatec.care import Care
from gatec.devices.fabrics import STYLES
from gatec.errors import ModelError, UsageError
from gatec.frontends import ReadOptions, read_model
from gatec.frontends.clocked import ClockedModel, read_clocked
from gatec.limits import MAX_HEADER_BYTES, check_limit
from gatec.model import OUTPUT_KINDS, ModelGraph
from gatec.publish import MANIFEST

MODEL_FILE = "model.npz"
# What an approximation gave up (`gatec.approx.record`).
RECORD_FILE = "approximation.json"


@dataclass(frozen=True)
class OutputFolder:
    """A folder that gatec wrote.

    Attributes
    ----------
    path
        The folder.
    manifest
        Its manifest.
    """

    path: Path
    manifest: dict[str, Any]

    @classmethod
    def load(cls, path: Path) -> OutputFolder:
        """Read a folder's manifest; raise `ModelError` when it is none of gatec's."""
        file = path / MANIFEST
        try:
            if not file.is_file():
                raise ModelError(
                    f"has no {MANIFEST}", file=path, expected="a folder written by gatec"
                )
            check_limit(file.stat().st_size, MAX_HEADER_BYTES, "manifest bytes", file=file)
            manifest = json.loads(file.read_bytes())
        except OSError as error:
            raise ModelError(error.strerror or str(error), file=file) from None
        except (ValueError, RecursionError) as error:
            raise ModelError(f"is not JSON: {error}", file=file) from None
        _check(manifest, file)
        return cls(path, manifest)

    def read(self, name: str) -> bytes:
        """Return a file's content; raise `ModelError` unless it is as it was written."""
        known = self.manifest["files"].get(name)
        file = self.path / name
        if known is None or not file.is_file():
            raise ModelError("is missing", file=file)
        content = file.read_bytes()
        found = hashlib.sha256(content).hexdigest()
        if found != known:
            raise ModelError(
                f"was changed: sha256 {found[:16]}...", file=file, expected=f"{known[:16]}..."
            )
        return content

    def check_files(self) -> int:
        """Check the hash of every file; return how many there are."""
        for name in self.manifest["files"]:
            self.read(name)
        return len(self.manifest["files"])

    @property
    def is_clocked(self) -> bool:
        """Whether the circuit is a clocked one."""
        return self.manifest.get("clocked") is not None

    def clocked_model(self, steps: int | None = None) -> ClockedModel:
        """Return the net that a clocked circuit was compiled from.

        `steps` is how many a sequence has where the circuit leaves that open; a net whose sequences
        have any length when None.
        """
        self.read(MODEL_FILE)
        stated = self.manifest["clocked"]["steps"]
        reading = replace(self._reading(), steps=stated or steps)
        return read_clocked(self.path / MODEL_FILE, reading, apart=True)

    def model(self) -> ModelGraph:
        """Return the model that the circuit was compiled from, ending as the circuit does.

        Raises `UsageError` for a clocked circuit.
        """
        if self.is_clocked:
            raise UsageError("holds a clocked circuit", file=self.path,
                             expected="gatec sim, which takes sequences")  # fmt: skip
        self.read(MODEL_FILE)
        graph = read_model(self.path / MODEL_FILE, self._reading())
        return graph.with_output(self.manifest["options"]["output"])

    def care(self, num_inputs: int) -> Care:
        """Return what was assumed of the inputs of the circuit."""
        try:
            return stated_care(self.manifest["options"].get("assume", ()), num_inputs)
        except UsageError as error:
            raise ModelError(
                str(error), file=self.path / MANIFEST, place="options.assume"
            ) from None

    def _reading(self) -> ReadOptions:
        return ReadOptions(name=self.manifest["model"]["name"], format="neutral")

    @property
    def verilog(self) -> str:
        """The emitted core."""
        return self.read(f"{self.manifest['interface']['top']}.v").decode()


_WIDTH = range(1, 1 << 31)
_WORDS = range(1 << 16)
# What the commands rely on: the path of a value in the manifest, and whether it is one.
_RULES: dict[tuple[str, ...], Callable[[Any], bool]] = {
    ("gatec",): lambda value: isinstance(value, str),
    ("model", "name"): lambda value: isinstance(value, str),
    ("files",): lambda value: (
        isinstance(value, dict)
        and all(isinstance(text, str) for pair in value.items() for text in pair)
        and not any(_leaves(name) for name in value)
    ),
    ("options", "output"): lambda value: value in OUTPUT_KINDS,
    ("options",): lambda value: isinstance(value, dict) and _are_texts(value.get("assume", [])),
    ("options", "board"): lambda value: value is None or isinstance(value, str),
    ("interface", "top"): lambda value: isinstance(value, str),
    ("interface", "style"): lambda value: value in STYLES,
    **{
        ("interface", side, key): lambda value: _is_integer(value, _WIDTH)
        for side in ("input", "output")
        for key in ("bits", "beat_bits")
    },
    ("interface", "stage_bits"): lambda value: _are_integers(value, range(1 << 31)),
    ("interface", "credits"): lambda value: value is None or _is_integer(value, _WIDTH),
    ("interface", "sequence"): lambda value: value is None or _is_sequence(value),
    ("interface", "early_words"): lambda value: value is None or _is_integer(value, _WORDS),
    ("interface", "cut_nets"): lambda value: value is None or _are_integers(value, range(1 << 31)),
    ("interface", "cut_inverted"): lambda value: value is None or _are_integers(value, range(2)),
    **{
        ("circuit", key): lambda value: (
            value is None
            or (
                isinstance(value, list)
                and all(_are_integers(row, range(1 << 31)) or _are_steps(row) for row in value)
            )
        )
        for key in ("head_order", "head_reads")
    },
    ("clocked",): lambda value: value is None or _is_clocked(value),
    ("physical",): lambda value: value is None or isinstance(value, dict),
}


def _leaves(name: str) -> bool:
    """Return whether the name of a file could lead out of the folder."""
    return any(part in ("", ".", "..") for part in name.split("/")) or "\\" in name


def _is_integer(value: object, allowed: range) -> bool:
    return type(value) is int and value in allowed


def _are_integers(values: object, allowed: range) -> bool:
    return isinstance(values, list) and all(_is_integer(value, allowed) for value in values)


def _are_texts(values: object) -> bool:
    return isinstance(values, list) and all(isinstance(value, str) for value in values)


def _is_clocked(value: object) -> bool:
    steps = value.get("steps", _ABSENT) if isinstance(value, dict) else _ABSENT
    return steps is None or _is_integer(steps, _WIDTH)


def _are_steps(rows: object) -> bool:
    """Return whether a value says which bits of a class are counted in which step; -1 is none."""
    return isinstance(rows, list) and all(_are_integers(row, range(-1, 1 << 31)) for row in rows)


def _is_sequence(value: object) -> bool:
    """Return whether a value is a `SequenceShape`."""
    return (
        isinstance(value, dict)
        and set(value) == {"stage", "phases", "state"}
        and _is_integer(value["stage"], range(1 << 16))
        and _is_integer(value["phases"], range(2, 1 << 16))
        and isinstance(value["state"], str)
        and len(value["state"]) > 0
        and not set(value["state"]) - {"0", "1"}
    )


def _check(manifest: Any, file: Path) -> None:
    """Raise `ModelError` at the first value that a command could stumble over."""
    for place, holds in _RULES.items():
        value = manifest
        for key in place:
            value = value.get(key, _ABSENT) if isinstance(value, dict) else _ABSENT
        if value is _ABSENT or not holds(value):
            raise ModelError("is not as gatec writes it", file=file, place=".".join(place))


_ABSENT = object()
