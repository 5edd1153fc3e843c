"""Libraries that gatec knows by name: where a PDK's folder has their files, and what to avoid.

Layouts: open_pdks (`PDK/libs.ref/LIBRARY/lib`, also as volare and ciel install it), IHP-Open-PDK,
which is laid out alike, and OpenROAD-flow-scripts (`flow/platforms/PLATFORM/lib`). Cells to avoid
are those that OpenROAD-flow-scripts and LibreLane configure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gatec.errors import ModelError, UsageError


@dataclass(frozen=True)
class NamedLibrary:
    """A library of an open PDK, at its typical corner.

    Attributes
    ----------
    name, description
        For users.
    platform
        Its name in OpenROAD-flow-scripts.
    pdk, cells
        Names of PDK and cell library in open_pdks and LibreLane; None where these lack it.
    files
        Patterns of its Liberty files, each of which must be there.
    dont_use
        Patterns of cells to avoid.
    prefix
        What names of its cells begin or end with.
    """

    name: str
    description: str
    platform: str
    pdk: str | None
    cells: str | None
    files: tuple[str, ...]
    dont_use: tuple[str, ...]
    prefix: str

    def folders(self) -> list[str]:
        """Return where in a PDK's root its files may be, as patterns; empty is the root itself."""
        found = [f"flow/platforms/{self.platform}/lib", f"platforms/{self.platform}/lib"]
        found += [f"{self.platform}/lib", f"flow/platforms/{self.platform}/lib/NLDM"]
        if self.pdk is not None:
            inner = f"{self.pdk}/libs.ref/{self.cells}/lib"
            families = f"versions/*/{inner}"
            found = [inner, f"volare/*/{families}", f"ciel/*/{families}", *found]
            found.append(f"libs.ref/{self.cells}/lib")
        return [*found, ""]


_ASAP7 = tuple(
    f"asap7sc7p5t_{part}_RVT_TT_nldm*.lib*" for part in ("AO", "INVBUF", "OA", "SIMPLE", "SEQ")
)

NAMED: Mapping[str, NamedLibrary] = {
    library.name: library
    for library in (
        NamedLibrary(
            "sky130hd",
            "SkyWater 130 nm, sky130_fd_sc_hd, 1.8 V",
            "sky130hd",
            "sky130A",
            "sky130_fd_sc_hd",
            ("sky130_fd_sc_hd__tt_025C_1v80.lib*",),
            ("*__lpflow_*", "*__probe*"),
            "sky130_fd_sc_hd__",
        ),
        NamedLibrary(
            "sg13g2",
            "IHP SG13G2 130 nm, sg13g2_stdcell, 1.2 V",
            "ihp-sg13g2",
            "ihp-sg13g2",
            "sg13g2_stdcell",
            ("sg13g2_stdcell_typ_1p20V_25C.lib*",),
            ("sg13g2_lgcp_1", "sg13g2_sighold", "sg13g2_slgcp_1"),
            "sg13g2_",
        ),
        NamedLibrary(
            "gf180",
            "GlobalFoundries 180 nm MCU, gf180mcu_fd_sc_mcu7t5v0, 5 V",
            "gf180",
            "gf180mcuD",
            "gf180mcu_fd_sc_mcu7t5v0",
            ("gf180mcu_fd_sc_mcu[79]t5v0__tt_025C_5v00.lib*",),
            ("*_1",),
            "gf180mcu_fd_sc_mcu",
        ),
        NamedLibrary(
            "asap7",
            "ASAP7 predictive 7 nm, RVT, 0.7 V",
            "asap7",
            None,
            None,
            _ASAP7,
            ("*x1p*_ASAP7*", "*xp*_ASAP7*", "SDF*", "ICG*"),
            "_ASAP7_75t_R",
        ),
    )
}


def find_named(name: str) -> NamedLibrary:
    """Return a library by name; raise `UsageError` for an unknown one."""
    if name not in NAMED:
        raise UsageError(f"unknown library {name!r}", expected=", ".join(NAMED))
    return NAMED[name]


def recognise(cell: str) -> NamedLibrary | None:
    """Return the library that a cell's name shows it is of."""
    for library in NAMED.values():
        if cell.startswith(library.prefix) or cell.endswith(library.prefix):
            return library
    return None


def locate(library: NamedLibrary, root: Path) -> list[Path]:
    """Return the Liberty files of a library in a PDK's folder.

    Of several files that match a pattern the first by name counts. Raises `ModelError` when the
    folder does not have all of them.
    """
    if not root.is_dir():
        raise UsageError(f"--pdk-root {root}", expected="a folder")
    for folder in library.folders():
        for place in sorted(root.glob(folder)) if folder else [root]:
            found = [
                next(iter(sorted(p for p in place.glob(pattern) if p.is_file())), None)
                for pattern in library.files
            ]
            if all(found):
                return [file for file in found if file is not None]
    wanted = ", ".join(library.files)
    raise ModelError(
        f"has no files of {library.name}",
        file=root,
        expected=f"{wanted} in a layout such as {library.folders()[0]}",
    )
