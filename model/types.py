"""Every value that flows between the page, the engines and the parsers.

Knows nothing about files, tensors or widgets: standard library only, frozen, compared by value. Geometry is float
pixels of the *source* picture after its EXIF turn; time is float seconds. Sizes are `(width, height)` and say so
with `_wh`; boxes are `(x1, y1, x2, y2)` and say so with `xyxy`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Role = Literal["system", "user", "assistant"]
FinishReason = Literal["stop", "length", "cancelled", "repetition"]
BlockKind = Literal["heading", "text", "list", "table", "formula", "figure", "caption", "code"]
ReadingMode = Literal["text", "markdown", "layout", "tables", "fields", "lines"]


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of a message in words; exactly what was typed or generated, never escaped for showing."""

    text: str


@dataclass(frozen=True, slots=True)
class Image:
    """A still picture that `media` has opened, bounded and found good, or a frame of a video.

    `data` are the bytes of the file as given, `size_wh` is the size after the EXIF turn, `sha256` the hex digest of
    `data` (the picture's identity in storage), `media_type` what the content is, whatever the name says.
    """

    data: bytes = field(repr=False)
    sha256: str
    size_wh: tuple[int, int]
    media_type: str
    name: str = ""

    def __post_init__(self) -> None:
        if min(self.size_wh) < 1:
            raise ValueError(f"a picture of {self.size_wh} has no pixels")


@dataclass(frozen=True, slots=True)
class Video:
    """What a model sees of a video: `frames`, upright pictures of one size, at `times_s`, rising, in seconds.

    `size_wh` and `duration_s` are those of the whole video, `sha256` is the hex digest of its file, `notices` are
    sentences for a person on what could not be read of it.
    """

    frames: tuple[Image, ...]
    times_s: tuple[float, ...]
    duration_s: float
    size_wh: tuple[int, int]
    sha256: str
    name: str = ""
    notices: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if len(self.frames) != len(self.times_s) or len(self.frames) < 2:
            raise ValueError(f"a video of {len(self.frames)} frames at {len(self.times_s)} times")
        if len({frame.size_wh for frame in self.frames}) != 1:
            raise ValueError("the frames of a video have to be of one size")

    @property
    def step_s(self) -> float:
        """The mean time between two frames."""
        return (self.times_s[-1] - self.times_s[0]) / (len(self.times_s) - 1)


Part = Text | Image | Video


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation: a role and its parts in order."""

    role: Role
    parts: tuple[Part, ...]

    @property
    def text(self) -> str:
        """The words of the message, its text parts joined by a newline."""
        return "\n".join(part.text for part in self.parts if isinstance(part, Text))

    @property
    def images(self) -> tuple[Image, ...]:
        return tuple(part for part in self.parts if isinstance(part, Image))

    @property
    def media(self) -> tuple[Image | Video, ...]:
        """Pictures and videos, in their order."""
        return tuple(part for part in self.parts if not isinstance(part, Text))


@dataclass(frozen=True, slots=True)
class PixelBudget:
    """How large a picture may be for the model: both bounds are counts of pixels (width x height)."""

    min_pixels: int
    max_pixels: int

    def __post_init__(self) -> None:
        if not 0 < self.min_pixels <= self.max_pixels:
            raise ValueError(f"not a pixel budget: {self.min_pixels} to {self.max_pixels}")


@dataclass(frozen=True, slots=True)
class MediumInput:
    """What becomes of one picture, or of each frame of one video, on its way into the model; `tokens` are of all."""

    source_size_wh: tuple[int, int]
    input_size_wh: tuple[int, int]
    tokens: int


@dataclass(frozen=True, slots=True)
class Prompt:
    """Messages made ready for one engine. `payload` is the engine's own and opaque to everyone else.

    `memory_bytes` is an estimate of what reading it takes beside the weights; 0 where nothing is known.
    """

    messages: tuple[Message, ...]
    media: tuple[MediumInput, ...]
    tokens: int
    payload: object = field(default=None, repr=False, compare=False)
    memory_bytes: int = 0


@dataclass(frozen=True, slots=True)
class GenerationOptions:
    """How to pick tokens. `greedy` wins over the sampling values; `seed` None draws a fresh one."""

    max_new_tokens: int = 1024
    greedy: bool = False
    temperature: float = 0.7
    top_p: float = 0.8
    top_k: int = 20
    repetition_penalty: float = 1.0
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class Queued:
    """Somebody else's answer is being generated; `position` 1 is next."""

    position: int


@dataclass(frozen=True, slots=True)
class Resized:
    """The memory was full before the first token, so every picture was made smaller: what becomes of them now.

    Takes the place of the prompt's `media` and `tokens`; coordinates in the answer are those of the smaller pictures.
    """

    media: tuple[MediumInput, ...]
    prompt_tokens: int


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of an answer. Counts and timings are running totals; the last chunk alone has a `finish_reason`."""

    text: str
    kind: Literal["text", "thinking"] = "text"
    prompt_tokens: int = 0
    generated_tokens: int = 0
    time_to_first_token_s: float | None = None
    tokens_per_s: float = 0.0
    finish_reason: FinishReason | None = None


StreamEvent = Queued | Resized | Chunk


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """What is loaded, in the words that the header shows.

    `name` is the model's, with "+" and the name of the `adapter` behind it where there is one.
    """

    name: str
    family: str
    device: str
    dtype: str
    quantization: Literal["none", "8bit", "4bit"]
    memory_bytes: int
    context_tokens: int
    is_pocket: bool = False
    adapter: str = ""

    @property
    def base_name(self) -> str:
        """The name of the model itself, without its adapter."""
        return self.name.removesuffix(f"+{self.adapter}")


@dataclass(frozen=True, slots=True)
class Convention:
    """How a model writes coordinates.

    `scale` is the number that stands for the full width or height (1000, 999, 100), or "input_px" for pixels of the
    resized model input, or "source_px" for pixels of the picture as given. `order` is the order of the four numbers.
    """

    name: str
    scale: float | Literal["input_px", "source_px"]
    order: Literal["xyxy", "yxyx"] = "xyxy"


@dataclass(frozen=True, slots=True)
class Box:
    """A labelled rectangle, `x1 <= x2` and `y1 <= y2`. `span` is its place (start, end) in the raw answer's text."""

    label: str
    xyxy: tuple[float, float, float, float]
    text: str | None = None
    image_index: int = 0
    span: tuple[int, int] | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Point:
    label: str
    xy: tuple[float, float]
    image_index: int = 0
    span: tuple[int, int] | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Polygon:
    """A closed outline; a quad has four corners."""

    label: str
    xy: tuple[tuple[float, float], ...]
    text: str | None = None
    image_index: int = 0
    span: tuple[int, int] | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Box3D:
    """A box in the camera's frame: centre and size in metres, angles as written, `[x, y, z, sx, sy, sz, a, b, c]`."""

    label: str
    values: tuple[float, ...]
    image_index: int = 0
    span: tuple[int, int] | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TimeEvent:
    """Something that happens in a video; a single moment has `end_s == start_s`."""

    label: str
    start_s: float
    end_s: float
    xyxy: tuple[float, float, float, float] | None = None
    span: tuple[int, int] | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Action:
    """A tool call. `xy` is its place in source pixels, `to_xy` where a drag ends; None without a place."""

    name: str
    arguments: Mapping[str, Any]
    xy: tuple[float, float] | None = None
    to_xy: tuple[float, float] | None = None
    image_index: int = 0
    span: tuple[int, int] | None = None


Region = Box | Point | Polygon | Box3D


@dataclass(frozen=True, slots=True)
class Cell:
    """A table's cell: its words, and how many rows and columns it covers.

    `markdown` is the same as Markdown, empty where that says no more than `text`: no emphasis, link or formula.
    """

    text: str
    row_span: int = 1
    column_span: int = 1
    is_header: bool = False
    markdown: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells as HTML has them: what a spanning cell covers is not there again."""

    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of a page in reading order.

    `text` is what it says in plain words: a formula's LaTeX, a figure's description, a table's cells with tabs and
    newlines, a list's items one a line. `markdown` is the same as Markdown, with emphasis, links and markers. `xyxy` is
    its place in pixels of its page, `page` counts from 1, `level` is 1 to 6 for headings, else 0. `span` is its place
    in the raw answer's text.
    """

    kind: BlockKind
    text: str
    markdown: str = ""
    xyxy: tuple[float, float, float, float] | None = None
    page: int = 1
    level: int = 0
    table: Table | None = None
    span: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """What was read from one page or several: blocks in reading order, fields asked for, problems as sentences."""

    blocks: tuple[Block, ...] = ()
    fields: Mapping[str, Any] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model's text says: `regions` in the order in which they ended in it, `problems` as sentences.

    `document` is there when the text is a page written out in QwenVL HTML or QwenVL Markdown.
    """

    text: str = ""
    regions: tuple[Region, ...] = ()
    events: tuple[TimeEvent, ...] = ()
    fields: Mapping[str, Any] = field(default_factory=dict)
    actions: tuple[Action, ...] = ()
    problems: tuple[str, ...] = ()
    document: Document | None = None

    @property
    def boxes(self) -> tuple[Box, ...]:
        return tuple(region for region in self.regions if isinstance(region, Box))

    @property
    def points(self) -> tuple[Point, ...]:
        return tuple(region for region in self.regions if isinstance(region, Point))

    @property
    def polygons(self) -> tuple[Polygon, ...]:
        return tuple(region for region in self.regions if isinstance(region, Polygon))

    @property
    def boxes_3d(self) -> tuple[Box3D, ...]:
        return tuple(region for region in self.regions if isinstance(region, Box3D))
