"""What all tests share: with FORBID_SKIPS set, a test that skips itself fails.

What a test needs can be installed, with one exception: the answers of large models that are kept beside the checkout
are no part of the project. Where they are absent their tests are left out, and the summary says so.
"""

from __future__ import annotations

import os
from collections.abc import Generator

import pytest

from tests.model.parsing.answers import NOT_STORED_HERE


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """For runs in two processes: a file's tests stay together, and one process has the browser, from the start.

    Two browsers at once would be in each other's way, and what drives one takes longest.
    """
    items.sort(key=lambda item: "browser" not in item.path.parts)
    for item in items:
        group = "browser" if "browser" in item.path.parts else str(item.path)
        item.add_marker(pytest.mark.xdist_group(group))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    _forbid_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    _forbid_skip(report)
    return report


def _forbid_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    if report.skipped and os.environ.get("FORBID_SKIPS") and NOT_STORED_HERE not in str(report.longrepr):
        report.longrepr = f"skipped, which is not allowed here: {report.longrepr}"
        report.outcome = "failed"
