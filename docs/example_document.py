"""Makes `ui_assets/examples/report.pdf`, the document that can be tried in the Document tab: all of it is our own.

    .venv/bin/python docs/example_document.py

Two pages with headings, paragraphs, a list, a table, a formula and a chart, with fonts inside, so that every machine
shows the same. The same program gives the same file.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure

TARGET = Path(__file__).resolve().parents[1] / "ui_assets" / "examples" / "report.pdf"
_A4_IN = (8.27, 11.69)
_LEFT = 0.1

_FIRST = """The community garden behind the library opened in April. This report says what was
planted, what it yielded, and what is left to do before the second spring."""
_SECOND = """Rain was short in June, and the barrels were empty for nine days. Beans did not mind;
lettuce did, and half of it was lost. The new barrels hold 600 litres more."""
_TASKS = ("Mend the gate before the frost", "Sow clover between the rows", "Ask the school for two more compost bins")
_YIELD = (
    ("Crop", "Beds", "Planted", "Yield in kg"),
    ("Beans", "4", "12 May", "31.5"),
    ("Tomatoes", "3", "20 May", "48.0"),
    ("Lettuce", "2", "3 April", "9.2"),
    ("Potatoes", "5", "28 April", "74.0"),
)
_WATER_LITRES = {"April": 420, "May": 610, "June": 980, "July": 870, "August": 640}


def main() -> None:
    mpl.rcParams.update({"pdf.fonttype": 42, "font.family": "DejaVu Sans", "font.size": 11})
    information = {"Title": "A year in the garden", "CreationDate": None, "ModDate": None}
    with PdfPages(TARGET, metadata=information) as pdf:
        pdf.savefig(_first_page())
        pdf.savefig(_second_page())


def _first_page() -> Figure:
    page = Figure(figsize=_A4_IN)
    page.text(_LEFT, 0.92, "A year in the garden", size=24, weight="bold")
    page.text(_LEFT, 0.895, "Report to the members, October", color="0.4")
    page.text(_LEFT, 0.84, _FIRST, va="top", linespacing=1.6)
    page.text(_LEFT, 0.765, "What it yielded", size=16, weight="bold")
    area = page.add_axes((_LEFT, 0.58, 0.8, 0.17))
    area.axis("off")
    table = area.table(_YIELD, loc="center", cellLoc="left", bbox=(0, 0, 1, 1))
    for column in range(len(_YIELD[0])):
        table[0, column].set_text_props(weight="bold")
        table[0, column].set_facecolor("0.93")
    page.text(_LEFT, 0.555, "Table 1: Yield by crop, weighed on the day of the harvest.", size=9, color="0.4")
    page.text(_LEFT, 0.50, "What is left to do", size=16, weight="bold")
    for number, task in enumerate(_TASKS):
        page.text(_LEFT, 0.465 - 0.025 * number, f"•  {task}")
    return page


def _second_page() -> Figure:
    page = Figure(figsize=_A4_IN)
    page.text(_LEFT, 0.92, "Water", size=16, weight="bold")
    page.text(_LEFT, 0.90, _SECOND, va="top", linespacing=1.6)
    chart = page.add_axes((_LEFT + 0.06, 0.52, 0.7, 0.28))
    chart.bar(list(_WATER_LITRES), list(_WATER_LITRES.values()), color="#4f46e5")
    chart.set_ylabel("litres")
    chart.spines[["top", "right"]].set_visible(False)
    page.text(_LEFT, 0.47, "Figure 1: Water used by month.", size=9, color="0.4")
    page.text(_LEFT, 0.41, "How much water a bed needs in a week follows from its area and the rain:")
    page.text(0.5, 0.36, r"$w = A\,(25 - \frac{r}{2})$", size=16, ha="center")
    page.text(_LEFT, 0.31, "with the area A in square metres, the rain r in millimetres, and w in litres.")
    return page


if __name__ == "__main__":
    main()
