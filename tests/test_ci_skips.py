"""In CI a test that could not run is a failure; elsewhere it is a skip that says why."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parent

INSIDE = """
import pytest
from helpers import require

def test_plain_skip():
    pytest.skip("not today")

@pytest.mark.skip(reason="marked")
def test_marked_skip(): pass

def test_missing_tool():
    require("no-such-tool-of-gatec")

def test_absent_folder(shared): pass

@pytest.mark.xfail(strict=True)
def test_known_failure():
    assert False

def test_good(): pass
"""
WHOLE = 'import pytest\npytest.skip("no module", allow_module_level=True)\n'


def run_inside(folder: Path, source: str, required: bool, *options: str) -> str:
    """Run pytest on `source` beside copies of the suite's own conftest, and return what it says."""
    inside = folder / "project" / "tests"
    inside.mkdir(parents=True)
    for name in ("conftest.py", "helpers.py"):
        shutil.copy(TESTS / name, inside)
    (inside / "test_inside.py").write_text(source)
    env = {k: v for k, v in os.environ.items() if k != "GATEC_REQUIRE_TOOLS"}
    env |= {"GATEC_REQUIRE_TOOLS": "1"} if required else {}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rA", *options]
    run = subprocess.run(
        command, cwd=inside, env=env, capture_output=True, text=True, check=False, timeout=120
    )
    return run.stdout


def test_skips_are_skips_without_the_variable(tmp_path: Path) -> None:
    said = run_inside(tmp_path, INSIDE, required=False)
    assert "1 passed, 4 skipped, 1 xfailed" in said
    assert "no-such-tool-of-gatec is not on PATH" in said


@pytest.mark.parametrize("options", [[], ["-n", "2"]])
def test_skips_fail_under_the_variable(tmp_path: Path, options: list[str]) -> None:
    said = run_inside(tmp_path, INSIDE, True, *options)
    assert "2 failed, 1 passed, 1 skipped, 1 xfailed, 1 error" in said
    assert "not allowed under GATEC_REQUIRE_TOOLS=1: Skipped: not today" in said
    assert "../shared is absent" in said


def test_a_skipped_module_fails_under_the_variable(tmp_path: Path) -> None:
    said = run_inside(tmp_path, WHOLE, required=True)
    assert "not allowed under GATEC_REQUIRE_TOOLS=1: Skipped: no module" in said
    assert "1 error" in said
