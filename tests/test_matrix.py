"""The README's matrix is what these runs found, row by row; every row has its run."""

from __future__ import annotations

from pathlib import Path

import families_binary
import families_circuits
import families_gates
import families_luts
import pytest
from helpers_matrix import HEADER, Family
from helpers_source import ROOT

FAMILIES: tuple[Family, ...] = (
    *families_gates.FAMILIES,
    *families_luts.FAMILIES,
    *families_binary.FAMILIES,
    *families_circuits.FAMILIES,
)


def readme_rows() -> list[str]:
    """Return the rows of the table in the README."""
    lines = (ROOT / "README.md").read_text().splitlines()
    start = lines.index(HEADER[0])
    assert lines[start + 1] == HEADER[1]
    end = next(i for i in range(start, len(lines)) if not lines[i].startswith("|"))
    return lines[start + 2 : end]


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_a_family(family: Family, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert family.row() in readme_rows()


def test_the_matrix_has_these_families_and_no_others() -> None:
    assert [row.split(" | ")[0].lstrip("| ") for row in readme_rows()] == [
        family.name for family in FAMILIES
    ]
