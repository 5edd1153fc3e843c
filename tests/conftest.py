"""Fixtures of the whole suite, and the rule that a CI run skips nothing it could have run."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path

import pytest
from helpers import ABSENT

REQUIRE_TOOLS = os.environ.get("GATEC_REQUIRE_TOOLS") == "1"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of models, circuits and data beside the repository; skip without it."""
    folder = Path(__file__).resolve().parents[2] / "shared"
    if not folder.is_dir():
        pytest.skip(f"{ABSENT}: larger models and data sets are not checked")
    return folder


def fail_unless_allowed(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Turn a skip into a failure, unless it says that ../shared is absent."""
    if not report.skipped or hasattr(report, "wasxfail"):
        return
    reason = str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr)
    if ABSENT not in reason:
        report.outcome = "failed"
        report.longrepr = f"{report.nodeid}: not allowed under GATEC_REQUIRE_TOOLS=1: {reason}"


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Judge each test's skip."""
    report = yield
    if REQUIRE_TOOLS:
        fail_unless_allowed(report)
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Judge each module's skip."""
    report = yield
    if REQUIRE_TOOLS:
        fail_unless_allowed(report)
    return report
