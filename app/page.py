"""The page: header, tabs, theme. Knows Gradio and where things stand; what a tab does is the tab's own business."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from app.studio import Studio
from app.tabs import chat

ASSETS = Path(__file__).resolve().parents[1] / "ui_assets"
TITLE = "Qwen-VL Studio"
_SYSTEM_FONTS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Helvetica Neue", "Noto Sans", "sans-serif")
_MONO_FONTS = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace")


@dataclass(frozen=True)
class Page:
    """The Blocks and what `mount_gradio_app` has to be told about them."""

    blocks: gr.Blocks
    mount_options: Mapping[str, Any]


def build_page(studio: Studio) -> Page:
    """Header and tabs for one running program."""
    with gr.Blocks(title=TITLE, analytics_enabled=False, fill_width=True, delete_cache=(3600, 86400)) as blocks:
        gr.HTML(f"<h1>{TITLE}</h1>", elem_id="header")
        with gr.Tabs(elem_id="tabs"):
            with gr.Tab("Chat", id="chat"):
                chat.build(studio)
    options: dict[str, Any] = {
        "theme": gr.themes.Base(font=_SYSTEM_FONTS, font_mono=_MONO_FONTS),
        "css_paths": [ASSETS / "studio.css"],
        "footer_links": [],
        "run_history": False,
        "enable_monitoring": False,
        "ssr_mode": False,
        "max_file_size": studio.settings.max_upload_bytes,
        "show_error": True,
    }
    return Page(blocks, options)
