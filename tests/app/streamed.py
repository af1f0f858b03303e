"""Shared by the tests of tabs: what a stream may hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gradio.blocks import Block

from app.tabs.parts import Updates
from app.wire import unnumbered


def texts(outputs: Sequence[Block], stream: Iterator[Updates]) -> list[Updates]:
    """Everything that was streamed, which has to be text for widgets that a stream may change; without its numbers."""
    shown = list(stream)
    for updates in shown:
        assert all(isinstance(value, str) for value in updates.values())
        assert set(updates) <= set(outputs)
    return [{widget: unnumbered(value) for widget, value in updates.items()} for updates in shown]
