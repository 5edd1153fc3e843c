"""The page on adding a frontend is short, and every name on it exists."""

from __future__ import annotations

import importlib
import inspect
import re
from types import ModuleType

from helpers_source import ROOT

from gatec.frontends import draft, registry

PAGE = (ROOT / "frontends" / "ADDING.md").read_text()


def test_it_is_a_page() -> None:
    assert len(PAGE.splitlines()) <= 60


def test_every_name_exists() -> None:
    names = re.findall(r"`(gatec(?:\.[A-Za-z_]+)+)`", PAGE)
    assert len(names) > 15
    for name in names:
        if name == "gatec.compile":
            continue
        try:
            importlib.import_module(name)
        except ModuleNotFoundError:
            home, _, attribute = name.rpartition(".")
            assert hasattr(importlib.import_module(home), attribute), name


def test_the_forms_on_it_are_those_in_the_code() -> None:
    for kind in (draft.DraftLayer, draft.DraftBlock):
        listed = re.search(rf"`{kind.__name__}\(([a-z, ]+)\)`", PAGE)
        assert listed is not None
        parameters = list(inspect.signature(kind).parameters)
        assert parameters[: len(listed[1].split(", "))] == listed[1].split(", ")
    for path in re.findall(r"`(tests/[a-z_/]+\.py)|python (tests/[a-z_/]+\.py)", PAGE):
        assert (ROOT / (path[0] or path[1])).is_file()


def reader(module: str) -> ModuleType:
    return importlib.import_module(f"gatec.frontends.{module}")


def test_its_example_is_the_smallest_frontend() -> None:
    sizes = {
        frontend.name: len(inspect.getsource(reader(frontend.module)).splitlines())
        for frontend in registry.SUPPORTED
    }
    # These are smaller, but only a part: the rest of each stands in other files.
    parts = ("torchlogix", "difflogic", "onnx", "trees", "xgboost", "lightgbm", "binary",
             "circuits", "verilog", "cascade", "larq")  # fmt: skip
    whole = {name: size for name, size in sizes.items() if name not in parts}
    assert min(whole, key=whole.__getitem__) == "llnn"
