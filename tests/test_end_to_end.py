"""Each named form of a family, from its trainer's file to a proved netlist for ice40."""

from __future__ import annotations

from pathlib import Path

import items_gates
import items_nets
import pytest
from helpers_end_to_end import Item

ITEMS: tuple[Item, ...] = (*items_gates.items(), *items_nets.items())


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: item.name)
def test_an_item(item: Item, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    item.check()
