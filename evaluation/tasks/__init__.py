"""The tasks that can be run, by name. To add one, add it to a module here, and its metric to `evaluation.metrics`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evaluation.tasks import moments, pages, places, questions
from evaluation.tasks.base import Task

TASKS: Mapping[str, Task[Any, Any]] = {
    task.name: task for task in (*questions.TASKS, *places.TASKS, *pages.TASKS, *moments.TASKS)
}
