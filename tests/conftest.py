"""What all tests share: with QWEN_VL_STUDIO_NO_SKIPS set, a test that skips itself fails."""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import Any

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    return _no_skips(report)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    return _no_skips(report)


def _no_skips(report: Any) -> Any:
    if report.skipped and os.environ.get("QWEN_VL_STUDIO_NO_SKIPS"):
        report.longrepr = f"skipped, which is not allowed here: {report.longrepr}"
        report.outcome = "failed"
    return report
