"""Wave files that every wave viewer reads: VCD, which is text, and FST, which is packed."""

from __future__ import annotations

import io
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, BinaryIO

from gatec.errors import UsageError
from gatec.publish import check_file_target, replacing

# A name and a width in bits.
Variable = tuple[str, int]


class WaveFile(ABC):
    """Variables in the scope of a top, changed in the order of time. Times are in nanoseconds."""

    @abstractmethod
    def change(self, variable: int, time: int, value: str) -> None:
        """Give variable number `variable` a value: its bits as `0`, `1`, `x`, `z`, bit 0 last."""

    @abstractmethod
    def close(self, time: int) -> None:
        """Write what is left, up to the time given."""


class _Vcd(WaveFile):
    def __init__(self, file: BinaryIO, top: str, variables: Sequence[Variable]) -> None:
        # Amaranth brings pyvcd.
        from vcd import VCDWriter

        self._text = io.TextIOWrapper(file, encoding="ascii", write_through=True)
        # Without a date the same run gives the same bytes.
        self._writer = VCDWriter(self._text, timescale="1 ns", date="")
        self._variables = [
            self._writer.register_var(top, name, "wire", size=width) for name, width in variables
        ]

    def change(self, variable: int, time: int, value: str) -> None:
        self._writer.change(self._variables[variable], time, value)

    def close(self, time: int) -> None:
        self._writer.close(time)
        self._text.detach()


class _Fst(WaveFile):
    def __init__(self, file: BinaryIO, top: str, variables: Sequence[Variable]) -> None:
        import pylibfst

        self._file = file
        self._lib: Any = pylibfst.lib
        none = pylibfst.ffi.NULL
        # The library writes to a path, and its working files beside it.
        self._folder = tempfile.TemporaryDirectory(prefix="gatec-")
        self._path = Path(self._folder.name, "waves.fst")
        self._context = self._lib.fstWriterCreate(str(self._path).encode(), 1)
        if self._context == none:
            raise OSError(f"cannot write {self._path}")
        self._lib.fstWriterSetPackType(self._context, self._lib.FST_WR_PT_LZ4)
        self._lib.fstWriterSetTimescale(self._context, -9)
        self._lib.fstWriterSetDate(self._context, b"")
        module = self._lib.FST_ST_VCD_MODULE
        self._lib.fstWriterSetScope(self._context, module, top.encode(), none)
        wire, implicit = self._lib.FST_VT_VCD_WIRE, self._lib.FST_VD_IMPLICIT
        self._handles = [
            self._lib.fstWriterCreateVar(self._context, wire, implicit, width, name.encode(), 0)
            for name, width in variables
        ]
        self._lib.fstWriterSetUpscope(self._context)
        self._time = -1

    def change(self, variable: int, time: int, value: str) -> None:
        self._reach(time)
        self._lib.fstWriterEmitValueChange(self._context, self._handles[variable], value.encode())

    def close(self, time: int) -> None:
        self._reach(time)
        self._lib.fstWriterClose(self._context)
        self._file.write(self._path.read_bytes())
        self._folder.cleanup()

    def _reach(self, time: int) -> None:
        if time > self._time:
            self._lib.fstWriterEmitTimeChange(self._context, time)
            self._time = time


_FORMATS: dict[str, type[WaveFile]] = {".vcd": _Vcd, ".fst": _Fst}


def check_waves(path: Path) -> None:
    """Raise `UsageError` unless waves can be written to a file: for before the work."""
    if path.suffix not in _FORMATS:
        raise UsageError("unknown wave format", file=path, expected=" or ".join(_FORMATS))
    if path.suffix == ".fst" and find_spec("pylibfst") is None:
        raise UsageError("needs pylibfst", file=path, expected="pip install 'gatec[waves]'")
    check_file_target(path)


@contextmanager
def open_waves(path: Path, top: str, variables: Sequence[Variable]) -> Iterator[WaveFile]:
    """Give a wave file to write, in the format of the suffix; it is there when the body ends.

    The body closes it. Raises `UsageError` as `check_waves`.
    """
    check_waves(path)
    with ExitStack() as stack:
        file = stack.enter_context(replacing(path))
        yield _FORMATS[path.suffix](file, top, variables)  # type: ignore[call-arg]
