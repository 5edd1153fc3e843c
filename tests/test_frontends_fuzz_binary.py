"""A seeded share of tests/bench/fuzz_frontends.py: damaged binary networks, trees and the like."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers_fuzz import Format, check_damaged
from helpers_fuzz_binary import binary_formats

NAMES = (
    "bnn-pynq",
    "binary",
    "binary, listed",
    "larq",
    "larq h5",
    "cascade",
    "sums",
    "trees",
    "xgboost",
    "xgboost, arrays",
    "ubjson",
    "lightgbm",
)


@pytest.fixture(scope="module")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Format]:
    return binary_formats(tmp_path_factory.mktemp("fuzz"))


def test_every_format_is_here(kinds: dict[str, Format]) -> None:
    assert tuple(kinds) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_damaged_files(tmp_path: Path, kinds: dict[str, Format], name: str) -> None:
    check_damaged(kinds[name], tmp_path / "net.file")
