"""`python -m model.parsing`: the text of an answer in, one JSON object out. Needs no model and no torch."""

from __future__ import annotations

import argparse
import json
import re
import sys

from model.catalog import CONVENTIONS, FAMILIES
from model.parsing import answer_to_json, as_json, parse_answer
from model.types import Convention, MediumInput

DESCRIPTION = (
    "Read the answer of a vision-language model from standard input and print what it says as one JSON object."
)
EPILOG = f"""\
what is printed:
{as_json.__doc__.split(chr(10), 2)[2] if as_json.__doc__ else ""}
example:
  python -m model.parsing --family Qwen3-VL --image-size 1280x960 < answer.txt
"""
NO_INPUT_SIZE = (
    "The size of the picture as the model saw it is not known (--input-size), "
    "so coordinates were read as pixels of the picture itself."
)


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    family = FAMILIES[options.family]
    convention = CONVENTIONS[options.convention] if options.convention else family.convention
    action_convention = None if options.convention else family.action_convention
    text = sys.stdin.buffer.read().decode("utf-8", errors="replace")
    answer = parse_answer(
        text,
        convention,
        _media(options.image_size, options.input_size),
        action_convention=action_convention,
        duration_s=options.duration_s,
    )
    found = answer_to_json(answer)
    if _lacks_input_size(options, convention) and any(found[key] for key in ("boxes", "points", "polygons", "actions")):
        found["problems"].append(NO_INPUT_SIZE)
    sys.stdout.buffer.write(json.dumps(found, ensure_ascii=False, indent=2, allow_nan=False).encode() + b"\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m model.parsing",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--family", required=True, choices=FAMILIES, metavar="F", help="who answered: " + ", ".join(FAMILIES)
    )
    parser.add_argument(
        "--image-size", type=_size, metavar="WxH", help="pixels of the original picture, upright, such as 1280x960"
    )
    parser.add_argument(
        "--input-size",
        type=_size,
        metavar="WxH",
        help="pixels of the picture as resized for the model, which is what Qwen2.5-VL counts in",
    )
    parser.add_argument("--duration-s", type=_seconds, metavar="S", help="length of the video; events end there")
    parser.add_argument(
        "--convention",
        choices=CONVENTIONS,
        metavar="C",
        help="read coordinates in this way instead of the family's: " + ", ".join(CONVENTIONS),
    )
    return parser


def _media(image_size: tuple[int, int] | None, input_size: tuple[int, int] | None) -> list[MediumInput]:
    if image_size is None:
        return []
    return [MediumInput(image_size, input_size or image_size, tokens=0)]


def _lacks_input_size(options: argparse.Namespace, convention: Convention) -> bool:
    return convention.scale == "input_px" and options.image_size is not None and options.input_size is None


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"([1-9]\d{0,6})[xX×]([1-9]\d{0,6})", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"“{text}” is not a size; write width and height in pixels, such as 1280x960")
    return int(match[1]), int(match[2])


def _seconds(text: str) -> float:
    if not re.fullmatch(r"\d{1,9}(\.\d{1,9})?", text) or float(text) == 0:
        raise argparse.ArgumentTypeError(f"“{text}” is not a length in seconds; write a number such as 12.5")
    return float(text)


if __name__ == "__main__":
    sys.exit(main())
