"""`python -m benchmarks.viewer_frames`: what a frame with 1,000 boxes costs in the viewer, beside one with 10.

The viewer as Ground shows it, in headless Chromium, is zoomed with the wheel and moved with the pointer, several events
a frame as from a quick mouse, with few and with many boxes in turns. The ratio of the median times between two frames
counts. As a browser draws at most 60 frames a second, the work of the page's own script for a frame is told too.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from app.viewer import viewer_head, viewer_value
from model.types import Answer, Box, Image

SIZE_WH = (1600, 1200)
COLUMNS, ROWS = 40, 25
FEW, MANY = 10, COLUMNS * ROWS
KINDS = 12
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = ("--no-sandbox", "--headless=new", "--disable-gpu", "--disable-background-networking", "--no-first-run")
TEMPLATE = Path(__file__).resolve().parents[1] / "ui_assets" / "viewer.html"

MOUNT = "StudioViewer.mount(document.body, { editable: true, read() {}, watch() {}, write() {}, ask() {} }); null"
MEASURE = """async ([value, frames]) => {
  const { viewer } = document.querySelector('.sv');
  const { stage } = viewer.parts;
  const frame = () => new Promise(requestAnimationFrame);
  const { left, top } = stage.getBoundingClientRect();
  const pointer = (type, at) => stage.dispatchEvent(new PointerEvent(type, { ...at, pointerId: 1, button: 0 }));
  stage.setPointerCapture = () => {}; // there is no such pointer
  viewer.show(JSON.parse(value));
  for (let i = 0; i < 10; i++) await frame();
  const between = [], work = [];
  let last = await frame();
  for (let i = 0; i < frames; i++) {
    const [x, y] = [left + 200 + 5 * (i % 40), top + 200 + 3 * (i % 50)];
    const at = { clientX: x, clientY: y, bubbles: true, cancelable: true };
    const start = performance.now();
    const step = i % 40;
    for (let event = 0; event < 3; event++) {
      if (step < 20) stage.dispatchEvent(new WheelEvent('wheel', { ...at, deltaY: step < 15 ? -20 : 20 }));
      pointer(step === 20 ? 'pointerdown' : step === 39 ? 'pointerup' : 'pointermove', at);
    }
    work.push(performance.now() - start);
    const now = await frame();
    between.push(now - last);
    last = now;
  }
  return [between, work];
}"""


def value_of(count: int) -> str:
    """A picture with boxes all over, as the page gets it."""
    places = ((number, 40 * (number % COLUMNS), 48 * (number // COLUMNS)) for number in range(count))
    boxes = tuple(Box(f"kind {number % KINDS}", (x, y, x + 36, y + 44)) for number, x, y in places)
    return viewer_value(Image(b"", "0" * 64, SIZE_WH, "image/png"), "data:,", Answer(regions=boxes))


def measure(page: Page, rounds: int, frames: int) -> dict[str, float]:
    """Medians over all frames, few and many boxes in turns."""
    seen: dict[int, tuple[list[float], list[float]]] = {FEW: ([], []), MANY: ([], [])}
    for _ in range(rounds):
        for count, (between_ms, work_ms) in seen.items():
            between, work = page.evaluate(MEASURE, [value_of(count), frames])
            between_ms += between
            work_ms += work
    (few_ms, few_work_ms), (many_ms, many_work_ms) = (map(statistics.median, seen[count]) for count in (FEW, MANY))
    return {
        "frame_ratio": round(many_ms / few_ms, 2),
        "frame_ms_few": round(few_ms, 1),
        "frame_ms_many": round(many_ms, 1),
        "work_ms_few": round(few_work_ms, 1),
        "work_ms_many": round(many_work_ms, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--frames", type=int, default=60)
    arguments = parser.parse_args()
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        parser.exit(1, "There is no Chromium on the PATH.\n")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        page.set_content(f"<!doctype html><html><head>{viewer_head()}</head><body>{TEMPLATE.read_text('utf-8')}</body>")
        page.evaluate(MOUNT)
        print(json.dumps(measure(page, arguments.rounds, arguments.frames)))
        browser.close()


if __name__ == "__main__":
    main()
