"""What is wrong with a value, in words for a person. Knows pydantic's errors; whoever asked for the value names it."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic_core import ErrorDetails

# What was expected, by pydantic's type of error and in its own terms.
_EXPECTED = {
    "string_type": "a text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
    "path_type": "a path",
    "literal_error": "{expected}",
    "greater_than": "more than {gt:g}",
    "greater_than_equal": "at least {ge:g}",
    "less_than": "less than {lt:,.19g}",
    "less_than_equal": "at most {le:g}",
    "too_short": "a list of {min_length} or more",
    "too_long": "a list of {max_length} or fewer",
}


def what_is_wrong(errors: Sequence[ErrorDetails]) -> str:
    """ "has to be a whole number": what to say of a value, from all that pydantic says of it.

    Several errors are the several things that the value may be, as in "has to be a text or a list".
    """
    kinds = {error["type"] for error in errors}
    if "missing" in kinds:
        return "is missing"
    if "extra_forbidden" in kinds:
        return "is not known here"
    expected = [
        _EXPECTED[error["type"]].format(**error.get("ctx", {})) for error in errors if error["type"] in _EXPECTED
    ]
    return f"has to be {' or '.join(dict.fromkeys(expected))}" if expected else "cannot be used as it is"


def place_of(error: ErrorDetails) -> str:
    """ "messages[0].content": where the value stands, without the names that pydantic gives to alternatives."""
    place = ""
    for part in error["loc"]:
        if isinstance(part, int):
            place += f"[{part}]"
        elif part != "str" and "[" not in part:
            place += f".{part}" if place else part
    return place
