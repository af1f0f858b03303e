"""Decides what a value is while it is being read: a place, an event, a tool call, or fields.

Knows the order in which meanings are tried, and how an object inherits from the one around it. Does not know the text
around values, except for what the reader puts into `Surroundings`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from model.parsing.events import WrittenEvent, read_event, read_listed, read_pair, time_keys
from model.parsing.findings import Findings
from model.parsing.problems import Defect
from model.parsing.regions import (
    CORNER_KEYS,
    KEY_KINDS,
    LABEL_KEYS,
    Written,
    flat_numbers,
    label_of,
    named_picture,
    normal,
    read_object,
    says_its_label,
)
from model.parsing.scan import Frame
from model.parsing.tools import ARGUMENT_KEYS, is_argument_key, read_call

CONTAINER_KEYS = frozenset(
    (
        *("objects", "object_list", "detections", "detection", "items", "instances", "annotations", "results"),
        *("result", "data", "regions", "elements", "predictions", "answer", "answers", "output", "response", "list"),
        *("labels", "events", "segments", "text_lines", "lines", "words", "texts", "targets", "entities", "parts"),
        "children",
    )
)
"""Keys that name a list of things and are no label of theirs."""

LISTED_COUNTS = {"box": 4, "place": 4, "point": 2, None: 4}
"""How many numbers make a whole place in a list of places, by what their key says."""

THING_KEYS = frozenset((*KEY_KINDS, *ARGUMENT_KEYS, *CORNER_KEYS[0], *CORNER_KEYS[1], "start_time", "end_time"))
"""Keys of places, calls and events that no form has."""

MAX_ANCESTORS = 6


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What stands around a value: the words before it on its line, and the picture that the prose named last.

    `alone` says that the value begins its line or stands in a fence of JSON: only then a list of numbers or an object
    of plain keys is an answer, and not a part of a sentence. `in_call` says that it stands between tool call tags.
    """

    words: str = ""
    image_index: int = 0
    alone: bool = True
    in_fence: bool = False
    in_call: bool = False


class Interpreter:
    """Listens to a `ValueReader` and adds what it understands to the findings."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self.around = Surroundings()

    def closed(self, frame: Frame) -> bool:
        """Called for each closed bracket; True when the value has become something."""
        if not frame.is_object:
            return self._is_listed_place(frame) or self._is_listed_event(frame)
        above = frame.parent
        if above is not None and (is_argument_key(above.key) or _is_place_key(above.key)):
            return False
        if frame.told and not frame.untold:
            return True
        return self._is_call(frame) or self._is_event_or_place(frame)

    def paired(self, frame: Frame, value: Any, end: int) -> bool:
        """Called for each plain value of an object: a key that is a range of times makes it an event."""
        event = read_pair(frame.key or "", value, of_video=self._findings.is_of_video)
        if event is None:
            return False
        self._findings.add_event(event, (frame.key_start, end))
        return True

    def _is_call(self, frame: Frame) -> bool:
        call = read_call(frame.pairs, is_tagged=self.around.in_call and frame.parent is None)
        if call is not None:
            self._findings.add_call(call, frame.span, self._picture(frame))
        return call is not None

    def _is_event_or_place(self, frame: Frame) -> bool:
        places = read_object(frame.pairs)
        event = read_event(frame.pairs, has_place=bool(places), of_video=self._findings.is_of_video)
        if event is None and places and self._findings.is_of_video:
            event = self._inherited_time(frame)
        if event is not None:
            for place in places or (None,):
                label = place.label if place is not None else ""
                self._findings.add_event(replace(event, label=label or event.label), frame.span, place)
            return True
        if places is None:
            return False
        if not places and not frame.taken:
            self._findings.problems.add(Defect.NO_PLACE, label_of(frame.pairs)[1] or "without a label")
        own_key = _key_as_label(frame.parent) if frame.parent is not None else ""
        if own_key and not says_its_label(frame.pairs):
            places = [replace(place, label=own_key) for place in places]
        inherited = "" if all(place.label for place in places) else self._inherited_label(frame)
        self._add([replace(place, label=place.label or inherited) for place in places], frame)
        return True

    def _add(self, places: list[Written], frame: Frame) -> None:
        for place in places:
            self._findings.add_place(place, frame.span, self._picture(frame))

    def _is_listed_place(self, frame: Frame) -> bool:
        """A box or point in a list of them that the object around has already named: given before that object ends."""
        boxes = frame.parent
        owner = boxes.parent if boxes is not None else None
        if boxes is None or boxes.is_object or owner is None or owner.key is None:
            return False
        numbers = flat_numbers(frame.items)
        kind = KEY_KINDS.get(normal(owner.key))
        if numbers is None or len(numbers) != LISTED_COUNTS.get(kind):
            return False
        if is_argument_key(owner.parent.key if owner.parent else None):
            return False
        if kind is not None:
            return self._is_place_of(owner, frame)
        label = self._map_label(owner)
        self._add([Written("box", numbers, label)] if label else [], frame)
        return bool(label)

    def _is_listed_event(self, frame: Frame) -> bool:
        """A range in a list that holds nothing else: `[[1.0, 2.5], [4.0, 5.0]]`; a pair alone has to be in a fence."""
        is_inner = frame.parent is not None and not frame.parent.is_object and frame.parent.parent is None
        is_alone = frame.parent is None and self.around.in_fence
        event = read_listed(frame.items) if is_inner or is_alone else None
        if event is None or frame.taken or not self._findings.may_start_at(event.start_s):
            return False
        self._findings.add_event(event, frame.span)
        return True

    def _is_place_of(self, owner: Frame, frame: Frame) -> bool:
        """`{"object": "dog", "bboxes": [[..], [..]]}`, if the label stands before the boxes."""
        said = {key: value for key, value in owner.pairs.items() if not _is_place_key(key)}
        if not label_of(said)[1] or read_event(said, has_place=True):
            return False
        owner.told = frozenset(said)
        self._add(read_object({**said, owner.key or "": frame.items}) or [], frame)
        return True

    def _map_label(self, owner: Frame) -> str:
        """The key as a label, in an object such as `{"red circle": [[..], [..]]}` that holds nothing else."""
        is_map = owner.parent is None and not owner.pairs and normal(owner.key or "") not in CONTAINER_KEYS
        return owner.key or "" if is_map else ""

    def _inherited_label(self, frame: Frame) -> str:
        """The label of the nearest object around, or the key under which the frame sits."""
        for above in _ancestors(frame):
            if not above.is_object:
                continue
            key, label = label_of(above.pairs)
            if key is not None:
                above.told |= {key}
                return label
            if key := _key_as_label(above):
                return key
        return ""

    def _inherited_time(self, frame: Frame) -> WrittenEvent | None:
        """The time of the nearest object around that tells one, or of its key: `{"time": 1.0, "objects": [..]}`."""
        for above in _ancestors(frame):
            if not above.is_object:
                continue
            event = read_event(above.pairs, has_place=True) or read_pair(above.key or "", "", of_video=True)
            if event is not None:
                above.told |= time_keys(above.pairs)
                return replace(event, label="", attributes={})
        return None

    def _picture(self, frame: Frame) -> int:
        """The picture that a key around the frame names, else the one that the prose named last."""
        for above in _ancestors(frame):
            named = named_picture(above.key or "")
            if named is not None and 0 <= named < self._findings.picture_count:
                return named
        return self.around.image_index

    def finished(self, root: Frame, *, is_whole: bool = True) -> bool:
        """Called for the outermost value; True when nothing of it has to be shown as text."""
        if root.is_taken:
            return True
        if root.is_object:
            return self._finished_object(root, is_whole)
        return self._finished_list(root, is_whole)

    def _finished_object(self, root: Frame, is_whole: bool) -> bool:
        left = root.untold
        if root.taken and not left:
            return True
        boxes = [(key, flat_numbers(value)) for key, value in left.items() if not _is_place_key(key)]
        if boxes and all(numbers is not None and len(numbers) == 4 for _, numbers in boxes):
            self._add([Written("box", numbers, key) for key, numbers in boxes if numbers], root)
            return True
        may_be_fields = self.around.alone or root.taken
        if not left or not may_be_fields or (not is_whole and (self.around.in_call or _is_unfinished_thing(root))):
            return bool(root.taken)
        return self._findings.add_fields(left)

    def _finished_list(self, root: Frame, is_whole: bool) -> bool:
        if root.taken:
            for item in filter(None, root.items):
                label = label_of(item)[1] if isinstance(item, dict) else ""
                self._findings.problems.add(Defect.NO_PLACE, label or item)
            return True
        may_be_places = self.around.alone or self._findings.picture_count
        places = list(self._bare_places(root, is_whole)) if may_be_places else []
        self._add(places, root)
        return self.around.alone and (bool(places) or (not root.items and is_whole))

    def _bare_places(self, root: Frame, is_whole: bool) -> Iterator[Written]:
        """Boxes that are nothing but numbers: `[x1, y1, x2, y2]`, or a list of such lists; a pair alone is a point,
        unless it is the beginning of a box that was cut.
        """
        flat = flat_numbers(root.items)
        groups = [root.items] if flat else [item for item in root.items if isinstance(item, list)]
        numbers = [flat_numbers(group) for group in groups]
        if not groups or len(groups) != (1 if flat else len(root.items)):
            return
        if all(group is not None and len(group) == 4 for group in numbers):
            boxes = [group for group in numbers if group]
            yield from (Written("box", group, self._words_as_label()) for group in boxes if self._may_be_box(group))
        elif flat and not is_whole:
            return
        elif self.around.in_fence and all(group is not None and len(group) == 2 for group in numbers):
            yield from (Written("point", group, self._words_as_label()) for group in numbers if group)

    def _words_as_label(self) -> str:
        """The words before a place, unless they only say that it is one: "Bounding box: [10, 20, 30, 40]"."""
        return "" if _is_place_key(self.around.words) else self.around.words

    def _may_be_box(self, numbers: tuple[float, ...]) -> bool:
        """Whether four numbers may be a box: in the middle of a sentence "[255, 0, 0, 128]" is rather a colour."""
        x1, y1, x2, y2 = numbers
        return self.around.alone or self._findings.count > 0 or (x1 < x2 and y1 < y2)


def _key_as_label(frame: Frame) -> str:
    """The key of an object whose value is being read, if it names a thing."""
    key = frame.key or ""
    return "" if normal(key) in CONTAINER_KEYS or _is_place_key(key) or named_picture(key) is not None else key


def _ancestors(frame: Frame) -> Iterator[Frame]:
    above = frame.parent
    for _ in range(MAX_ANCESTORS):
        if above is None:
            return
        yield above
        above = above.parent


def _is_place_key(key: str | None) -> bool:
    return key is not None and normal(key) in KEY_KINDS


def _is_unfinished_thing(root: Frame) -> bool:
    """Whether an object that was cut had begun to describe one thing, and not a form."""
    keys = {normal(key) for key in (*root.pairs, root.key or "")}
    return bool(keys & THING_KEYS) or keys - {""} <= set(LABEL_KEYS)
