"""Read a function from a file, by its suffix."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from gatec.aig import Aig
from gatec.aiger import read_aiger
from gatec.errors import ModelError, UsageError
from gatec.limits import check_limit
from gatec.synth.function import Function
from gatec.synth.read_gates import read_bench, read_blif_circuit
from gatec.synth.read_tables import read_pla, read_truth

_MAX_BYTES = 1 << 30
_TABLES: dict[str, Callable[[str, str, str], Function]] = {".truth": read_truth, ".pla": read_pla}
_GATES: dict[str, Callable[[str, str], Aig]] = {".blif": read_blif_circuit, ".bench": read_bench}
READABLE = (*_TABLES, *_GATES, ".aig", ".aag")


def read_function(path: Path) -> Function:
    """Return the function in a file: `.truth .pla .blif .bench .aig .aag`.

    Raises
    ------
    ModelError
        The file cannot be read, or holds no such function.
    UsageError
        The suffix is another.
    LimitError
        It is larger than gatec takes.
    """
    suffix = path.suffix.lower()
    if suffix not in READABLE:
        raise UsageError(f"suffix {suffix!r}", file=path, expected=" ".join(READABLE))
    try:
        with path.open("rb") as stream:
            data = stream.read(_MAX_BYTES + 1)
    except OSError as error:
        raise ModelError(f"cannot be read: {error.strerror}", file=path) from None
    check_limit(len(data), _MAX_BYTES, "bytes", file=path)
    name = re.sub(r"\W", "_", path.stem, flags=re.ASCII) or "circuit"
    name = f"_{name}" if name[0].isdigit() else name
    if suffix in (".aig", ".aag"):
        return Function(name, read_aiger(data, str(path)))
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise ModelError(f"byte {error.start} is no text", file=path) from None
    if suffix in _TABLES:
        return _TABLES[suffix](text, name, str(path))
    return Function(name, _GATES[suffix](text, str(path)))
