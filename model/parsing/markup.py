"""Finds a page that is written out in an answer, and reads it in the form in which it is: HTML, Markdown or plain text.

Knows by what each form is recognised while the text still arrives, and brings boxes into pixels. Does not know how the
forms are read (`markup_html`, `markup_markdown`), nor what else an answer may hold.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from model.parsing.coords import XYXY
from model.parsing.findings import Findings
from model.parsing.markup_html import COMMENT, HtmlReader
from model.parsing.markup_markdown import BlockReader, MarkdownReader, PlainReader
from model.parsing.problems import Problems
from model.types import Block, Convention, MediumInput

Form = Literal["auto", "markdown", "text"]
"""How to read a text that does not say what it is; "auto" leaves it alone."""

HTML_FENCES = frozenset(("html", "xhtml", "htm"))
MARKDOWN_FENCES = frozenset(("markdown", "md", "latex", "tex"))
DATA_FENCES = frozenset(("", "xml", "text", "txt", "json"))
MAX_MARK_CHARS = 2000
PAGE_TAG = re.compile(r"<(?:!doctype html|html|body)\b[^<>]*>", re.I)
BOXED_TAG = re.compile(r"<[a-z][a-z0-9]{0,10}\s[^<>]*?data-(?:bbox|polygon)\s*=\s*[\"']?[\[(]?\s*-?\d[^<>]*>", re.I)

TAGS_BEFORE = re.compile(r"(?:<[a-zA-Z][^<>]{0,200}>\s*)+\Z")
"""What was opened before the first tag that has a place."""


class MarkupReader:
    """Reads the page in one answer. `start` is the place of the first character that will be fed.

    HTML is recognised by its fence, by `<html>` at the beginning of a line, or by a tag with `data-bbox`; Markdown by a
    comment with a place in it, unless `form` says that the text is a page anyway. The places of characters are those of
    the whole answer, so that whoever feeds has to leave nothing out.
    """

    def __init__(
        self,
        convention: Convention,
        media: Sequence[MediumInput],
        *,
        form: Form = "auto",
        page: int = 1,
        start: int = 0,
    ) -> None:
        self._settings = (convention, media[:1])
        self._page = page
        self._form = form
        self._start = self._end = start
        self._held: list[str] = []
        self._tail = ""
        self._fence: str | None = None
        self._mark_start = self._fence_start = start
        self._begin(None if form == "auto" else form, start)

    def restarted(self) -> MarkupReader:
        """A reader like this one that has read nothing yet and goes on at the same place."""
        return MarkupReader(*self._settings, form=self._form, page=self._page, start=self._end)

    def _begin(self, form: Literal["html", "markdown", "text"] | None, start: int, *, fence: str | None = None) -> None:
        """Read anew, in another form; a page in a fence ends with it."""
        self._page_fence = fence
        is_code = fence is not None and fence not in DATA_FENCES
        self._page_start = self._page_end = self._mark_start if is_code else start
        self._places = Findings(*self._settings)
        self._box: tuple[tuple[float, ...], XYXY | None] = ((), None)
        self.blocks: list[Block] = []
        self._is_html = form == "html"
        self._reader: BlockReader | None = None
        if form == "html":
            self._reader = HtmlReader(self.blocks.append, self._to_pixels, page=self._page, start=start)
        elif form == "markdown":
            self._reader = MarkdownReader(self.blocks.append, self._to_pixels, page=self._page, start=start)
        elif form == "text":
            self._reader = PlainReader(self.blocks.append, page=self._page, start=start)

    @property
    def problems(self) -> Problems:
        return self._places.problems

    @property
    def is_page(self) -> bool:
        """Whether a page was found."""
        return self._reader is not None

    @property
    def found_page(self) -> tuple[int, int | None] | None:
        """Where the page that the text told of by itself begins, and where it ended; None inside of it."""
        if self._form != "auto" or self._reader is None:
            return None
        if self._page_fence is not None:
            return self._page_start, None if self._fence == self._page_fence else self._page_end
        return self._page_start, self._reader.over_at if isinstance(self._reader, HtmlReader) else None

    def feed(self, text: str, fence: str | None) -> None:
        """Read on. `fence` is the language of the code fence in which the text stands, None outside of one."""
        if fence is not None and fence != self._fence:
            self._mark_start, self._fence_start = self._end, self._end + len(text)
        self._end += len(text)
        before, self._fence = self._fence, fence
        if self._page_fence is not None:
            self._go_on_in_fence(text, before)
        elif self._is_html:
            self._read(text)
        elif fence != before and self._begins_in_fence(fence):
            return  # the text is only the mark of the fence
        else:
            self._held.append(text)
            if fence is not None and fence not in MARKDOWN_FENCES | DATA_FENCES:
                self._tail = ""  # code may show tags without being a page
            elif self._look(text):
                return
            self._read(" " * len(text) if before in MARKDOWN_FENCES and fence is None else text)

    def _read(self, text: str) -> None:
        if self._reader is not None:
            self._reader.feed(text)

    def _go_on_in_fence(self, text: str, before: str | None) -> None:
        """Read what stands in a fence like the page's; places count on over all else."""
        is_inside = before == self._fence == self._page_fence
        if self._fence == self._page_fence and not is_inside:
            self._page_start = self._mark_start
        elif before == self._page_fence and not is_inside:
            self._page_end = self._end
        self._read(text if is_inside else " " * len(text))

    def _begins_in_fence(self, fence: str | None) -> bool:
        """Begin with what a fence holds, if its language tells; what came before was only an introduction."""
        if len(self.blocks) > 1 or (fence in MARKDOWN_FENCES and self._form == "auto"):
            return False
        if fence in HTML_FENCES:
            self._begin("html", self._end, fence=fence)
        elif fence in MARKDOWN_FENCES:
            self._begin("markdown", self._end)
        return fence in HTML_FENCES or fence in MARKDOWN_FENCES

    def _look(self, text: str) -> bool:
        """Look for a tag or comment that tells the form: such a mark ends at the next `>`. Whether one was found."""
        self._tail = self._tail[-MAX_MARK_CHARS:] + text
        after = len(self._tail) - len(text)
        while (end := self._tail.find(">", after)) >= 0:
            after = end + 1
            begin = self._tail.rfind("<", max(end - MAX_MARK_CHARS, 0), end)
            if begin >= 0 and self._tells(self._tail[begin:after], begin):
                return True
        return False

    def _tells(self, mark: str, place: int) -> bool:
        """Begin with the form that the mark at `place` in the tail tells, if it tells one."""
        is_alone = not self._tail[:place].rpartition("\n")[2].strip()
        if BOXED_TAG.fullmatch(mark) or (is_alone and len(self.blocks) < 2 and PAGE_TAG.fullmatch(mark)):
            before = TAGS_BEFORE.search(self._tail[:place])
            begin = self._end - len(self._tail) + (before.start() if before else place)
            self._read_from(begin, "html")
            return True
        if self._reader is None and COMMENT.fullmatch(mark):
            self._read_from(self._start if self._fence is None else self._fence_start, "markdown")
            return True
        return False

    def _read_from(self, begin: int, form: Literal["html", "markdown"]) -> None:
        """Begin with what was held back since."""
        self._begin(form, begin, fence=self._fence)
        self._read("".join(self._held)[begin - self._end :])

    def finish(self) -> None:
        """End of the text: read what was held back, and tell what was cut."""
        if self._reader is None:
            return
        complete = len(self.blocks)
        was_cut = self._reader.finish()
        if was_cut or (self._fence is not None and self._fence in HTML_FENCES | MARKDOWN_FENCES):
            self.problems.answer_was_cut(complete, "block", has_rest=len(self.blocks) > complete)
            self.blocks = self._places.without_loop(self.blocks)

    def _to_pixels(self, numbers: tuple[float, ...]) -> XYXY | None:
        """The box in pixels; one that an element repeats is counted once."""
        if numbers != self._box[0]:
            self._box = numbers, self._places.box_xyxy(numbers)
        return self._box[1]
