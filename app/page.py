"""The page: header, tabs, theme, and the model's state for all to see.

Knows Gradio and where things stand; what a tab does is the tab's own business.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.components import Component

from app.engine_manager import EngineStatus, loading_words
from app.studio import Studio
from app.tabs import chat, document, ground, video
from app.templates import ASSETS, macros
from app.theme import studio_theme
from app.timeline import timeline_head
from app.viewer import viewer_head
from app.work_view import memory_words
from model.types import EngineInfo

TITLE = "Qwen-VL Studio"
_STATUS_INTERVAL_S = 0.5
_STYLES = ("studio.css", "chat.css", "work.css", "ground.css", "document.css", "video.css")
_SCRIPTS = ("streams.js", "studio.js", "chat.js", "ground.js", "document.js", "video.js")
_KEYS = (
    (("Enter",), "Send"),
    (("Shift", "Enter"), "New line"),
    (("Esc",), "Stop the answer, or leave an edit"),
    (("?",), "Show these keys"),
)


@dataclass(frozen=True)
class Page:
    """The Blocks and what `gr.mount_gradio_app` has to be told about them."""

    blocks: gr.Blocks
    mount_options: Mapping[str, Any]


def build_page(studio: Studio) -> Page:
    """Header and tabs for one running program."""
    with gr.Blocks(title=TITLE, analytics_enabled=False, fill_width=True, delete_cache=(3600, 86400)) as blocks:
        model_name = _build_header(studio, blocks)
        with gr.Tabs(elem_id="tabs"):
            with gr.Tab("Chat", id="chat-tab"):
                chat.build(studio, blocks, model_name)
            with gr.Tab("Ground", id="ground-tab"):
                ground.build(studio, blocks, model_name)
            with gr.Tab("Document", id="document-tab"):
                document.build(studio, blocks, model_name)
            with gr.Tab("Video", id="video-tab"):
                video.build(studio, blocks, model_name)
    options: dict[str, Any] = {
        "theme": studio_theme(),
        "head": _head(),
        "js": f"() => window.Studio.start({studio.settings.max_upload_mb})",
        "footer_links": [],
        "run_history": False,
        "enable_monitoring": False,
        "ssr_mode": False,
        "max_file_size": studio.settings.max_upload_bytes,
        "show_error": False,
    }
    return Page(blocks, options)


def _build_header(studio: Studio, blocks: gr.Blocks) -> gr.Textbox:
    """The line at the top; returns a hidden text that holds the name of the model that is ready."""
    html = macros("page.html")
    gr.HTML(str(html.header(TITLE, _KEYS)), elem_id="header", apply_default_css=False, js_on_load=None)
    status = gr.HTML(
        status_html(studio.engines.status()), elem_id="model-status", apply_default_css=False, js_on_load=None
    )
    note = gr.HTML(elem_id="model-note", apply_default_css=False, js_on_load=None)
    model_name = gr.Textbox(visible="hidden")
    timer = gr.Timer(_STATUS_INTERVAL_S)

    def show_status() -> dict[Component, Any]:
        now = studio.engines.status()
        return {
            status: status_html(now),
            note: str(html.note(now.note)) if now.note else "",
            model_name: now.info.name if now.info else "",
            timer: gr.Timer(active=now.state == "loading"),
        }

    gr.on(
        [blocks.load, timer.tick],
        show_status,
        outputs=[status, note, model_name, timer],
        show_progress="hidden",
        queue=False,
        api_visibility="private",
    )
    return model_name


def status_html(status: EngineStatus) -> str:
    """The model's state in the header: loading with progress, then name, device, precision and memory."""
    words = {
        "idle": ("Starting",),
        "loading": (loading_words(status),),
        "failed": ("no model",),
        "ready": model_words(status.info) if status.info else (),
    }[status.state]
    return str(macros("page.html").status(status, words))


def model_words(info: EngineInfo) -> tuple[str, ...]:
    """ "pocket", "CPU", "fp32", "30 MiB"."""
    precision = info.dtype if info.quantization == "none" else f"{info.dtype}, {info.quantization}"
    return info.name, info.device, precision, memory_words(info.memory_bytes)


def _head() -> str:
    # Here and not in `css_paths`: Gradio rewrites selectors there, so that none can begin at the body.
    styles, scripts = ("\n".join((ASSETS / name).read_text("utf-8") for name in names) for names in (_STYLES, _SCRIPTS))
    return f"{viewer_head()}\n{timeline_head()}\n<style>\n{styles}</style>\n<script>\n{scripts}</script>"
