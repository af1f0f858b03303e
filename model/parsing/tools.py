"""Reads tool calls: `{"name": .., "arguments": {..}}`, bare actions and the tags of Qwen3.5.

Knows where a call has its place. Does not run anything and does not know pixels.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from model.parsing.regions import flat_numbers, normal
from model.parsing.scan import parse_value

ARGUMENT_KEYS = ("arguments", "parameters", "args")
START_KEYS = ("start_coordinate", "coordinate", "coordinates", "coordinate1", "point_2d", "point", "position")
END_KEYS = ("coordinate2", "end_coordinate", "target_coordinate")
PARAMETER = re.compile(r"<parameter=([^>\s]{1,100})>\s*(.*?)\s*</parameter>", re.DOTALL)
THOUGHTS = re.compile(
    r"^[ \t]*(Thought|Action)[ \t]*:[ \t]*(.*?)\s*(?=^[ \t]*(?:Thought|Action)[ \t]*:|\Z)", re.M | re.S
)


@dataclass(frozen=True, slots=True)
class Call:
    """A tool's name and its arguments, as written."""

    name: str
    arguments: Mapping[str, Any]

    @property
    def place(self) -> tuple[float, ...] | None:
        """The numbers of the action's place, or of where a drag begins."""
        return _numbers(self.arguments, START_KEYS)

    @property
    def target(self) -> tuple[float, ...] | None:
        """The numbers of the place where a drag ends."""
        end = _numbers(self.arguments, END_KEYS)
        return end if end or "start_coordinate" not in self.arguments else _numbers(self.arguments, ("coordinate",))


def _numbers(arguments: Mapping[str, Any], keys: tuple[str, ...]) -> tuple[float, ...] | None:
    return next((numbers for key in keys if (numbers := flat_numbers(arguments.get(key)))), None)


def read_call(pairs: Mapping[str, Any], *, is_tagged: bool = False) -> Call | None:
    """The call that an object describes; None when it is no call. A tagged one may come without arguments."""
    function = pairs.get("function")
    if isinstance(function, Mapping):
        return read_call(function, is_tagged=is_tagged)
    arguments: Any = next((pairs[key] for key in ARGUMENT_KEYS if key in pairs), {} if is_tagged else None)
    if isinstance(arguments, str):
        arguments = parse_value(arguments)
    name = pairs.get("name", function)
    if isinstance(name, str) and isinstance(arguments, Mapping):
        return Call(name, arguments)
    action = pairs.get("action")
    if isinstance(action, str) and _numbers(pairs, START_KEYS):
        return Call(action, pairs)
    return None


def read_tagged_call(name: str, body: str) -> Call:
    """A call as `<function=name><parameter=key>value</parameter></function>`, of which `body` is the inside."""
    return Call(name, {key: _parameter(value) for key, value in PARAMETER.findall(body)})


def _parameter(text: str) -> Any:
    value = parse_value(text)
    return text if value is None else value


def read_thoughts(text: str) -> dict[str, str]:
    """The `Thought:` and `Action:` paragraphs that agents write before a call."""
    return {name: words for name, words in THOUGHTS.findall(text) if words}


def is_argument_key(key: str | None) -> bool:
    """Whether an object under this key belongs to the call around it and says nothing by itself."""
    return key is not None and normal(key) in (*ARGUMENT_KEYS, "function")
