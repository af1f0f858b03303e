"""The HTML templates and icons of `ui_assets`: everything put into them is escaped unless a template says otherwise."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

ASSETS = Path(__file__).resolve().parents[1] / "ui_assets"


@cache
def icon(name: str) -> Markup:
    """The drawing `ui_assets/icons/{name}.svg`, to stand inside the page's HTML."""
    return Markup((ASSETS / "icons" / f"{name}.svg").read_text("utf-8").strip())


@cache
def macros(name: str) -> Any:
    """The macros of the template `ui_assets/{name}`, as attributes."""
    environment = Environment(
        loader=FileSystemLoader(ASSETS),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["icon"] = icon
    return environment.get_template(name).module
