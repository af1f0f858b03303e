"""The Chat tab."""
from __future__ import annotations

import gradio as gr

from app.studio import Studio


def build(studio: Studio) -> None:
    gr.Markdown("Chat")
