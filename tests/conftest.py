"""What all tests share: with FORBID_SKIPS set, a test that skips itself fails.

What a test needs can be installed, with one exception: the answers of large models that are kept beside the checkout
are no part of the project. Where they are absent their tests are left out, and the summary says so.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

from tests.model.parsing.answers import NOT_STORED_HERE


class _OneBrowser(LoadFileScheduling):
    """For runs in two processes: the tests of a file stay together, and one process has the browser.

    Two browsers at once would be in each other's way.
    """

    def _split_scope(self, nodeid: str) -> str:
        return "browser" if nodeid.startswith("tests/browser/") else super()._split_scope(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> _OneBrowser:
    return _OneBrowser(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest comes first."""
    items.sort(key=lambda item: "browser" not in item.path.parts)


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
