"""Gradio's theme, made of the page's own colours: `ui_assets/studio.css` defines them once, for light and dark."""

from __future__ import annotations

import gradio as gr

_SYSTEM_FONTS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Helvetica Neue", "Noto Sans", "sans-serif")
_MONO_FONTS = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "Liberation Mono", "monospace")

_ACCENT = "var(--studio-accent)"
_ON_ACCENT = "var(--studio-on-accent)"
_PAGE = "var(--studio-page)"
_SIDE = "var(--studio-side)"
_FIELD = "var(--studio-field)"
_LINE = "var(--studio-line)"
_TEXT = "var(--studio-text)"
_MUTED = "var(--studio-muted)"

_COLORS = {
    "body_background_fill": _PAGE,
    "body_text_color": _TEXT,
    "body_text_color_subdued": _MUTED,
    "background_fill_primary": _PAGE,
    "background_fill_secondary": _SIDE,
    "block_background_fill": _PAGE,
    "block_border_color": _LINE,
    "block_info_text_color": _MUTED,
    "block_label_text_color": _MUTED,
    "block_title_text_color": _TEXT,
    "border_color_primary": _LINE,
    "border_color_accent": _ACCENT,
    "color_accent": _ACCENT,
    "color_accent_soft": "var(--studio-accent-soft)",
    "input_background_fill": _FIELD,
    "input_background_fill_focus": _FIELD,
    "input_border_color": _LINE,
    "input_border_color_focus": _ACCENT,
    "input_placeholder_color": _MUTED,
    "slider_color": _ACCENT,
    "checkbox_background_color": _PAGE,
    "checkbox_background_color_selected": _ACCENT,
    "checkbox_border_color": _MUTED,
    "checkbox_border_color_selected": _ACCENT,
    "checkbox_border_color_focus": _ACCENT,
    "checkbox_label_background_fill": _PAGE,
    "checkbox_label_background_fill_selected": "var(--studio-accent-soft)",
    "checkbox_label_text_color": _TEXT,
    "checkbox_label_text_color_selected": _TEXT,
    "button_primary_background_fill": _ACCENT,
    "button_primary_background_fill_hover": _ACCENT,
    "button_primary_text_color": _ON_ACCENT,
    "button_secondary_background_fill": _PAGE,
    "button_secondary_background_fill_hover": _FIELD,
    "button_secondary_text_color": _TEXT,
    "button_secondary_border_color": _LINE,
}
_SHAPES = {
    "block_border_width": "1px",
    "button_border_width": "1px",
    "block_shadow": "none",
    "input_shadow": "none",
    "input_shadow_focus": "none",
    "button_primary_shadow": "none",
    "button_secondary_shadow": "none",
    "checkbox_shadow": "none",
    "block_radius": "var(--studio-radius)",
    "input_radius": "8px",
    "button_large_radius": "var(--studio-radius)",
}


def studio_theme() -> gr.themes.Base:
    """The same names of colours for light and dark; what they stand for changes in the style sheet."""
    theme = gr.themes.Base(font=_SYSTEM_FONTS, font_mono=_MONO_FONTS)
    dark = {f"{name}_dark": value for name, value in _COLORS.items() if name != "color_accent"}  # it has no dark twin
    return theme.set(**_COLORS, **dark, **_SHAPES)
