"""A seeded share of tests/bench/fuzz_frontends.py: damaged files of every newer format."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers_fuzz import Format, check_damaged
from helpers_fuzz_more import formats

NAMES = ("torchlogix images", "torchlogix transposed", "difflogic convolutions", "input-wise",
         "checkpoint", "neutral images", "recurrent", "codebook", "cellular", "blif",
         "architecture")  # fmt: skip


@pytest.fixture(scope="module")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Format]:
    return formats(tmp_path_factory.mktemp("fuzz"))


def test_every_format_is_here(kinds: dict[str, Format]) -> None:
    assert tuple(kinds) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_damaged_files(tmp_path: Path, kinds: dict[str, Format], name: str) -> None:
    check_damaged(kinds[name], tmp_path / "net.file")
