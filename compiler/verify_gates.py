"""Check the gate-level netlist of an output folder against its core."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from gatec.backends.asic.implement import prove_gates
from gatec.backends.core import CoreShape
from gatec.errors import DifferentError, UnprovedError, UsageError
from gatec.folder import OutputFolder
from gatec.liberty.load import load_library
from gatec.proof.verdict import Verdict


def gate_files(top: str, of: str = "gates") -> tuple[str, str]:
    """Return the names of a core's gate-level netlist and of the list of its cells' functions.

    `of` is `gates`, or `threshold` for the netlist with cells of threshold logic.
    """
    return f"{top}_{of}.v", f"{top}_{of}_cells.lib"


def check_gates(
    folder: OutputFolder, shape: CoreShape, liberty: Sequence[Path], timeout: float
) -> Iterator[str]:
    """Yield what is proved of a folder's gates; nothing where it has none.

    Raises `DifferentError` or `UnprovedError` when they are not the core.
    """
    gates = gate_files(shape.top)
    if liberty and gates[0] not in folder.manifest["files"]:
        raise UsageError("--liberty", file=folder.path, expected="a folder with gates")
    yield from _check(folder, shape, gates, liberty, timeout)
    # Cells of threshold logic are in nobody's library: their functions are the folder's copy.
    yield from _check(folder, shape, gate_files(shape.top, "threshold"), (), timeout)


def _check(
    folder: OutputFolder,
    shape: CoreShape,
    names: tuple[str, str],
    liberty: Sequence[Path],
    timeout: float,
) -> Iterator[str]:
    text_file, cells_file = names
    _check_copies(folder, text_file)
    if text_file not in folder.manifest["files"]:
        return
    text = folder.read(text_file).decode()
    folder.read(cells_file)
    library = load_library(liberty or [folder.path / cells_file], complete=False)
    read, proof = prove_gates(text, folder.verilog, shape, library, timeout)
    if proof.verdict is not Verdict.EQUIVALENT:
        raise UnprovedError(
            f"equivalence of {text_file} is {proof.verdict.value} after {timeout:g} s",
            file=folder.path,
        )
    if not liberty:
        yield f"the cells' functions are the folder's own copy, {cells_file}: see --liberty"
    yield f"the {read.cells} cells of {text_file} are the core: {proof.verdict.value}"


def _check_copies(folder: OutputFolder, text_file: str) -> None:
    """Check that what lies there as the gates is the one text that is proved.

    Raises `DifferentError` at a file that the manifest does not list, and at another copy, such as
    that of a folder for layout.
    """
    files = folder.manifest["files"]
    if text_file not in files and (folder.path / text_file).exists():
        raise DifferentError("is not listed in the manifest", file=folder.path / text_file)
    for name, digest in files.items():
        if name.endswith(f"/{text_file}") and digest != files.get(text_file):
            raise DifferentError(f"is another text than {text_file}", file=folder.path / name)
