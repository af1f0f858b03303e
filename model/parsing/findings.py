"""Gathers what was read and brings it into pixels and seconds of what was given.

Knows the pictures' sizes, the conventions and the video's length. Does not know the text: it is told of places, events
and calls as written, makes regions, events and actions of them, and counts what had to be mended or left out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from model.parsing.coords import XY, XYXY, PixelMap, is_finite, ordered, pixel_map
from model.parsing.events import WrittenEvent
from model.parsing.problems import Defect, Problems
from model.parsing.regions import Written, read_object
from model.parsing.tools import Call
from model.types import Action, Block, Box, Box3D, Convention, MediumInput, Point, Polygon, Region, TimeEvent

Span = tuple[int, int]

BOX_3D_NUMBERS = 9
ROUNDING_S = 0.1
"""So far outside is a time that was only rounded, and nothing to tell."""

MAX_CYCLE = 8
MIN_REPETITIONS = 3
"""A group of at most so many objects that comes again more often than this at the end of a cut answer is a loop."""


class Findings:
    """Everything found in one answer so far."""

    def __init__(
        self,
        convention: Convention,
        media: Sequence[MediumInput],
        action_convention: Convention | None = None,
        duration_s: float | None = None,
        offset_s: float = 0.0,
        range_s: tuple[float, float] | None = None,
    ) -> None:
        pictures: Sequence[MediumInput | None] = media or (None,)
        self._maps = [pixel_map(convention, medium) for medium in pictures]
        self._action_maps = [pixel_map(action_convention or convention, medium) for medium in pictures]
        self._duration_s = math.inf if duration_s is None else float(duration_s)
        self._offset_s = offset_s
        self._range_s = range_s
        self.has_told_times = False
        self.is_of_video = duration_s is not None
        self.picture_count = len(media)
        self.problems = Problems()
        self._aside: tuple[list[Region], list[TimeEvent], dict[str, Any], list[Action]] | None = None
        self._begin()

    def _begin(self) -> None:
        self.regions: list[Region] = []
        self.events: list[TimeEvent] = []
        self.fields: dict[str, Any] = {}
        self.actions: list[Action] = []

    def set_aside(self) -> None:
        """Take all that was found so far for drafts of a model that was thinking."""
        self.problems.note_once(Defect.LONE_THINK)
        self._aside = (self.regions, self.events, self.fields, self.actions)
        self._begin()

    def take_back(self) -> None:
        """Use the drafts after all, because nothing came after them."""
        if self._aside is not None:
            self.problems.drop(Defect.LONE_THINK)
            self.regions, self.events, self.fields, self.actions = self._aside

    @property
    def is_empty(self) -> bool:
        return not self.count and not self.fields

    @property
    def count(self) -> int:
        """Objects found: regions, events and actions."""
        return len(self.regions) + len(self.events) + len(self.actions)

    def add_place(self, written: Written, span: Span, image_index: int = 0) -> None:
        """Add a place as a region, or count why it cannot be one. `image_index` is used if the place names none."""
        index = self._picture(written.image_index, image_index)
        region = self._region(written, span, index) if self._is_sound(written) else None
        if region is not None:
            self.regions.append(region)

    def _region(self, written: Written, span: Span, index: int) -> Region:
        pixels, attributes = self._maps[index], self.cleaned(written.attributes)
        if written.kind == "box_3d":
            return Box3D(written.label, written.numbers, index, span, attributes)
        if written.kind == "box":
            return Box(written.label, self._box(written, pixels), written.text, index, span, attributes)
        corners = self._inside(pixels.points(written.numbers), pixels)
        if written.kind == "polygon":
            return Polygon(written.label, tuple(corners), written.text, index, span, attributes)
        return Point(written.label, corners[0], index, span, attributes)

    def _box(self, written: Written, pixels: PixelMap) -> XYXY:
        first, second = self._inside(pixels.points(written.numbers), pixels)
        xyxy = ordered(first, second)
        if xyxy != (*first, *second):
            self.problems.add(Defect.REVERSED)
        return xyxy

    def box_xyxy(self, numbers: tuple[float, ...]) -> XYXY | None:
        """A box of the first picture in pixels, without making a region of it; None if it cannot be one."""
        written = Written("box", numbers)
        return self._box(written, self._maps[0]) if self._is_sound(written) else None

    def _is_sound(self, written: Written) -> bool:
        counts = {
            "box": (4,),
            "point": (2,),
            "box_3d": (BOX_3D_NUMBERS,),
            "polygon": range(6, len(written.numbers) + 1, 2),
        }
        if len(written.numbers) not in counts[written.kind]:
            self.problems.add(Defect.WRONG_COUNT, shown(written.numbers))
            return False
        if not is_finite(written.numbers):
            self.problems.add(Defect.NOT_A_NUMBER, shown(written.numbers))
            return False
        return True

    def _inside(self, points: list[XY], pixels: PixelMap) -> list[XY]:
        """The points moved into the picture; a shape that was outside with any of them counts once."""
        if pixels.size_wh is None:
            self.problems.note_once(Defect.NO_PICTURE_SIZE)
        if any(pixels.is_outside(point) for point in points):
            self.problems.add(Defect.OUTSIDE)
        return [pixels.bounded(point) for point in points]

    def _picture(self, named: int | None, otherwise: int) -> int:
        index = otherwise if named is None else named
        if 0 <= index < len(self._maps):
            return index
        self.problems.add(Defect.NO_SUCH_PICTURE)
        return 0

    def add_event(self, written: WrittenEvent, span: Span, place: Written | None = None) -> None:
        """Add an event, with its box if it has one; `place` is in the first medium, the video."""
        start_s, end_s = written.start_s + self._offset_s, written.end_s + self._offset_s
        if end_s < start_s:
            self.problems.add(Defect.TIME_REVERSED)
            start_s, end_s = end_s, start_s
        self.has_told_times = True
        times = self._bounded(start_s, end_s)
        if times is None:
            return
        is_box = place is not None and place.kind == "box" and self._is_sound(place)
        xyxy = self._box(place, self._maps[0]) if place is not None and is_box else None
        self.events.append(TimeEvent(written.label, *times, xyxy, span, self.cleaned(written.attributes)))

    def _bounded(self, start_s: float, end_s: float) -> tuple[float, float] | None:
        """The times inside of the video, or of the part that was asked about; None, and told, if nothing is there."""
        first_s, last_s = self._range_s or (0.0, self._duration_s)
        last_s = min(last_s, self._duration_s)
        bounded_s = min(max(start_s, first_s), last_s), min(max(end_s, first_s), last_s)
        excess_s = max(first_s - start_s, end_s - last_s)
        # Of an event that only touches the part a moment would be left, which the model did not mean.
        is_outside = bounded_s[0] == bounded_s[1] and (start_s < end_s or excess_s > ROUNDING_S)
        if is_outside:
            self.problems.add(Defect.OUTSIDE_PART if self._range_s else Defect.PAST_THE_END)
        elif excess_s > ROUNDING_S:
            self.problems.add(Defect.TIME_OUTSIDE_PART if self._range_s else Defect.TIME_OUTSIDE)
        return None if is_outside else bounded_s

    def may_start_at(self, start_s: float) -> bool:
        """Whether a time as written lies in the video."""
        return self.is_of_video and start_s + self._offset_s < self._duration_s

    def add_call(self, call: Call, span: Span, image_index: int = 0) -> None:
        """Add an action; a box among its arguments (a tool that zooms in) becomes a region too."""
        boxes = [place for place in read_object(call.arguments) or () if place.kind == "box"]
        index = self._picture(boxes[0].image_index if boxes else None, image_index)
        pixels = self._action_maps[index]
        arguments = self.cleaned(call.arguments)
        start, end = self._action_place(call.place, pixels), self._action_place(call.target, pixels)
        self.actions.append(Action(call.name, arguments, start, end, index, span))
        for box in boxes:
            self.add_place(box, span, index)

    def _action_place(self, numbers: tuple[float, ...] | None, pixels: PixelMap) -> XY | None:
        """The place of an action in pixels; of a box its middle."""
        if numbers is None:
            return None
        if not self._is_sound(Written("box" if len(numbers) == 4 else "point", numbers)):
            return None
        points = self._inside(pixels.points(numbers), pixels)
        return sum(x for x, _ in points) / len(points), sum(y for _, y in points) / len(points)

    def add_fields(self, fields: Mapping[str, Any]) -> bool:
        """Add fields; False, and nothing is done, if that would hide others of the same name."""
        fields = self.cleaned(fields)
        if any(key in self.fields and self.fields[key] != value for key, value in fields.items()):
            return False
        self.fields.update(fields)
        return True

    def cleaned(self, pairs: Mapping[str, Any]) -> dict[str, Any]:
        """The same pairs without NaN and infinity, which JSON cannot write."""
        return {key: self._clean(value, key) for key, value in pairs.items()}

    def _clean(self, value: Any, key: str) -> Any:
        if isinstance(value, dict):
            return self.cleaned(value)
        if isinstance(value, list):
            return [self._clean(item, key) for item in value]
        if isinstance(value, float) and not math.isfinite(value):
            self.problems.add(Defect.NULLED, key)
            return None
        return value

    def fold_loop(self) -> None:
        """Leave one of the repetitions with which a model that cannot stop has filled the end of its answer."""
        self.regions = self.without_loop(self.regions)
        self.events = self.without_loop(self.events)

    def without_loop(self, found: list[Any]) -> list[Any]:
        """The list without repetitions of its end, which are counted as a problem."""
        keys = [_without_span(item) for item in found]
        for length in range(1, min(MAX_CYCLE, len(found) // (MIN_REPETITIONS + 1)) + 1):
            start = len(keys) - length
            while start > 0 and keys[start - 1] == keys[start - 1 + length]:
                start -= 1
            repetitions = (len(keys) - start) // length - 1
            if repetitions >= MIN_REPETITIONS:
                self.problems.add(Defect.REPEATED, times=repetitions)
                return found[: start + length]
        return found


def _without_span(item: Region | TimeEvent | Block) -> tuple[Any, ...]:
    """What makes an object the same as another, wherever it stands in the text."""
    return tuple(getattr(item, name) for name in item.__slots__ if name != "span")


def shown(numbers: Sequence[float]) -> str:
    return "[" + ", ".join(f"{number:g}" for number in numbers) + "]"
