"""Folders for OpenROAD-flow-scripts, LibreLane and Tiny Tapeout."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from helpers import random_layers_model, require
from helpers_cells import GATES, TIES, liberty

import gatec
from gatec.asic_options import AsicOptions
from gatec.backends.asic.tiny_tapeout import shapes, tiles_for, user_module
from gatec.backends.core import CoreShape
from gatec.cli import run
from gatec.errors import LimitError, UsageError

MODEL = random_layers_model(np.random.default_rng(3), 20, [24, 24], 3)


def compiled(folder: Path, *, tiny_tapeout: bool = False) -> tuple[dict, Path]:
    """Compile for our own cells, taken for those of sky130hd."""
    file = folder / "cells.lib"
    file.write_text(liberty((*GATES, *TIES)))
    result = gatec.compile(
        MODEL,
        target="asic",
        output_dir=folder / "out",
        asic=AsicOptions(liberty=(file,), known="sky130hd", tiny_tapeout=tiny_tapeout),
        optimise=1,
        stages=2,
        vectors=16,
    )
    return result.manifest, folder / "out"


def test_folders_for_layout_name_files_and_pins_that_exist(tmp_path: Path) -> None:
    _, out = compiled(tmp_path)
    text = (out / "random_gates.v").read_text()
    ports = set(re.findall(r"put +wire (?:\[\d+:0\] )?(\w+)", text))
    config = (out / "openroad" / "config.mk").read_text()
    assert "export DESIGN_NAME = random\nexport PLATFORM = sky130hd\n" in config
    for name in re.findall(r"\$\(here\)(\S+)", config):
        assert (out / "openroad" / name).is_file()
    pins = re.findall(r"\{(.*)\}", (out / "openroad" / "io.tcl").read_text())
    named = [pin for line in pins for pin in line.split()]
    assert {pin.partition("[")[0] for pin in named} == ports
    assert len(named) == len(set(named)) == 20 + 2 + 6
    lane = json.loads((out / "librelane" / "config.json").read_text())
    for key in ("PNR_SDC_FILE", "IO_PIN_ORDER_CFG"):
        assert (out / "librelane" / lane[key].removeprefix("dir::")).resolve().is_file()
    assert lane["CLOCK_PERIOD"] == 10
    order = (out / "librelane" / "pin_order.cfg").read_text().split()
    assert {line.partition("\\")[0] for line in order if line[0] != "#"} == ports
    assert [line for line in order if line[0] == "#"] == ["#W", "#E", "#S"]


def test_a_tiny_tapeout_project_passes_its_own_test(tmp_path: Path) -> None:
    require("iverilog")
    from cocotb_tools.check_results import get_results
    from cocotb_tools.runner import get_runner

    manifest, out = compiled(tmp_path, tiny_tapeout=True)
    assert manifest["physical"]["tiny_tapeout"]["tiles"] == "1x1"
    project = out / "tinytapeout"
    info = (project / "info.yaml").read_text()
    sources = re.findall(r'^    - "(\S+)"$', info, re.MULTILINE)
    assert 'top_module: "tt_um_random"' in info
    assert len(re.findall(r"^  u[io]o?\[\d\]: ", info, re.MULTILINE)) == 24
    files = [project / "src" / name for name in sources]
    files += [project / "test" / name for name in ("cells.v", "tb.v")]
    runner = get_runner("icarus")
    build = tmp_path / "build"
    runner.build(sources=files, hdl_toplevel="tb", build_dir=build, always=True)
    results = runner.test(
        hdl_toplevel="tb", test_module="test", build_dir=build, test_dir=project / "test"
    )
    assert get_results(results) == (1, 0)
    vectors = json.loads((project / "test" / "vectors.json").read_text())
    assert len(vectors) == 16


def test_a_folder_with_subfolders_is_replaced_and_verified(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, out = compiled(tmp_path, tiny_tapeout=True)
    compiled(tmp_path)
    assert not (out / "tinytapeout").exists()
    assert run(["verify", str(out)]) == 0
    capsys.readouterr()
    (out / "openroad" / "config.mk").write_text("changed")
    assert run(["verify", str(out)]) == 3
    assert "config.mk: was changed" in capsys.readouterr().err
    (out / "openroad" / "mine").touch()
    with pytest.raises(UsageError, match="such as openroad/mine"):
        compiled(tmp_path)


def test_tiles_are_the_smallest_that_fit() -> None:
    assert [shape.name for shape in shapes("gf180")] == ["1x1", "1x2", "2x2", "3x2", "4x2"]
    assert tiles_for(9_000, "sky130hd", "net").name == "1x1"
    assert tiles_for(11_000, "sky130hd", "net").name == "1x2"
    assert tiles_for(160_000, "sky130hd", "net").name == "8x2"
    with pytest.raises(LimitError, match="171123, 55% of 8x2"):
        tiles_for(172_000, "sky130hd", "net")
    with pytest.raises(UsageError, match="Tiny Tapeout in asap7"):
        shapes("asap7")
    with pytest.raises(UsageError, match="beats of 7 and 8 bits"):
        user_module(CoreShape("net", 70, 4, (4,), 7, 8))
