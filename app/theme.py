"""The theme: one accent, neutrals, system fonts, an 8 px grid, 12 px corners. Colours for CSS come from here too."""

from __future__ import annotations

import gradio as gr

_SYSTEM_FONTS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Helvetica Neue", "Noto Sans", "sans-serif")
_MONO_FONTS = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "Liberation Mono", "monospace")


def studio_theme() -> gr.themes.Base:
    """Gradio's base theme without shadows and gradients."""
    return gr.themes.Base(
        primary_hue="indigo",
        neutral_hue="zinc",
        radius_size=gr.themes.sizes.radius_lg,
        font=_SYSTEM_FONTS,
        font_mono=_MONO_FONTS,
    )
