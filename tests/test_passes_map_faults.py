"""Mapping goes on where ABC's last step fails, and says so where it cannot."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest
from helpers import random_netlist

from gatec.passes.map_lut import map_lut
from gatec.proof.equivalence import prove_equal
from gatec.proof.verdict import Verdict
from gatec.tools.runner import ToolFailed


def test_an_assertion_in_lutpack_costs_lutpack_only(monkeypatch: pytest.MonkeyPatch) -> None:
    module = sys.modules["gatec.passes.map_lut"]
    net = random_netlist(np.random.default_rng(5), inputs=8, gates=60, outputs=5)
    real, tried = module.run_abc, []  # type: ignore[attr-defined]

    def without_lutpack(commands: list[str], **options: Any) -> Any:
        tried.append(commands[1])
        if "lutpack" in commands[1]:
            raise ToolFailed("exit code -6", file="abc", log="Assertion")
        return real(commands, **options)

    monkeypatch.setattr(module, "run_abc", without_lutpack)
    assert prove_equal(net, map_lut(net, 4)).verdict is Verdict.EQUIVALENT
    assert ["lutpack" in script for script in tried] == [True, False]

    def broken(commands: list[str], **options: Any) -> Any:
        raise ToolFailed("exit code -11", file="abc", log="")

    monkeypatch.setattr(module, "run_abc", broken)
    with pytest.raises(ToolFailed, match="exit code -11"):
        map_lut(net, 4)
