"""What a user can ask of target asic."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from gatec.errors import UsageError
from gatec.liberty.load import Library, load_library
from gatec.liberty.named import NamedLibrary, find_named, locate, recognise

# The folder of PDKs, as open_pdks' users set it.
PDK_ROOT = "PDK_ROOT"


@dataclass(frozen=True)
class AsicOptions:
    """Where the standard cells are.

    Attributes
    ----------
    liberty
        Files of one library, gzipped or not.
    known
        A known library by name (`gatec.liberty.named`).
    pdk_root
        Folder in which to look for its files; the variable PDK_ROOT when None.
    dont_use
        Patterns of names of cells to avoid, beside those that the library or gatec knows of.
    tiny_tapeout
        Add a project folder for Tiny Tapeout: the core has 8-bit beats then.
    clock_gates
        Stop the clock of registers that keep their state, in place of multiplexers at each.
    threshold_cells
        File with cells of threshold logic (`gatec.backends.asic.threshold_cells`) to compare with.
    """

    liberty: tuple[Path, ...] = ()
    known: str | None = None
    pdk_root: Path | None = None
    dont_use: tuple[str, ...] = ()
    tiny_tapeout: bool = False
    clock_gates: bool = False
    threshold_cells: Path | None = None

    def __post_init__(self) -> None:
        if self.pdk_root is not None and self.known is None:
            raise UsageError("--pdk-root without --library", expected="--library NAME")
        if not self.liberty and self.known is None:
            raise UsageError(
                "no library of cells", expected="--liberty FILE, or --library NAME --pdk-root DIR"
            )

    @property
    def named(self) -> NamedLibrary | None:
        """The library that was named."""
        return None if self.known is None else find_named(self.known)

    def load(self) -> tuple[Library, NamedLibrary | None]:
        """Read the library; return it and, where it is one that gatec knows, what that is.

        Raises `UsageError` or `ModelError` when it is not there or not usable.
        """
        files = list(self.liberty)
        named = self.named
        if not files:
            assert named is not None
            root = self.pdk_root or (Path(os.environ[PDK_ROOT]) if PDK_ROOT in os.environ else None)
            if root is None:
                raise UsageError(
                    f"--library {self.known} without its files",
                    expected="--pdk-root DIR, the variable PDK_ROOT, or --liberty FILE",
                )
            files = locate(named, root)
        library = load_library(files, dont_use=self.dont_use)
        if named is None:
            named = recognise(library.gates()[0].name)
        if named is not None and named.dont_use:
            library = library.avoiding(named.dont_use, by_user=False)
        return library, named

    def recorded(self) -> dict[str, object]:
        """Return the options that decide the output, for the manifest: no paths."""
        return {
            "library": self.known,
            "dont_use": list(self.dont_use),
            "tiny_tapeout": self.tiny_tapeout,
            "clock_gates": self.clock_gates,
        }
