"""Shared by the tests of the Video tab: one answer in each of the ways in which models tell times."""

from __future__ import annotations

SENTENCE = ("The given query ", "happens in 2.0 - 4.5 ", "seconds.")
LISTED = (
    "```json\n[\n",
    '{"start_time": "00:01.00", "end_time": "00:02.50", "description": "the door opens"},\n',
    '{"start_time": "00:04.00", "end_time": "00:05.00", "description": "a cat walks in"}\n',
    "]\n```",
)
RANGE_KEYS = ('{"00:01.00 - 00:02.50": "the door opens",\n', '"00:04.00 - 00:05.00": "a cat walks in"}')
BOXES = (
    '[{"time": 0.5, "bbox_2d": [0, 0, 250, 500], "label": "ball"},\n',
    '{"time": 1.0, "bbox_2d": [250, 0, 500, 500], "label": "ball"},\n',
    '{"time": 1.5, "bbox_2d": [500, 0, 750, 500], "label": "ball"}]',
)
FORMS = {
    "sentence": (SENTENCE, [(2.0, 4.5)]),
    "list of objects": (LISTED, [(1.0, 2.5), (4.0, 5.0)]),
    "ranges as keys": (RANGE_KEYS, [(1.0, 2.5), (4.0, 5.0)]),
    "boxes in time": (BOXES, [(0.5, 0.5), (1.0, 1.0), (1.5, 1.5)]),
}
