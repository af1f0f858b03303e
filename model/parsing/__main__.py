"""`python -m model.parsing`: the text of an answer in, one JSON object out. Needs no model and no torch."""

from __future__ import annotations

import argparse
import json
import re
import sys
from typing import NoReturn

from model.catalog import CONVENTIONS, FAMILIES, Family
from model.parsing import answer_to_json, as_json, parse_answer
from model.types import Answer, Convention, MediumInput

Size = tuple[int, int]

DESCRIPTION = (
    "Read the answer of a vision-language model from standard input and print what it says as one JSON object."
)
EPILOG = f"""\
what is printed:
{as_json.__doc__.split(chr(10), 2)[2] if as_json.__doc__ else ""}
example:
  python -m model.parsing --family Qwen3-VL --image-size 1280x960 < answer.txt
"""
ASSUMED_SIZE = (
    "The size of the picture as the model saw it was not given (--input-size); it was taken to be {0}x{1}, "
    "which is right unless the picture was made smaller or larger for the model."
)


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    family: Family = options.family
    convention: Convention = options.convention or family.convention
    action_convention = None if options.convention else family.action_convention
    media = _media(options.image_size, options.input_size, family.patch_factor)
    text = sys.stdin.buffer.read().decode("utf-8-sig", errors="replace")
    answer = parse_answer(
        text,
        convention,
        media,
        action_convention=action_convention,
        duration_s=options.duration_s,
    )
    found = answer_to_json(answer)
    if convention.scale == "input_px" and media and options.input_size is None and _has_places(answer):
        found["problems"].append(ASSUMED_SIZE.format(*media[0].input_size_wh))
    sys.stdout.buffer.write(json.dumps(found, ensure_ascii=False, indent=2, allow_nan=False).encode() + b"\n")
    return 0


class _Parser(argparse.ArgumentParser):
    """Says what is wrong with the arguments in one sentence, without the usage in front of it."""

    def error(self, message: str) -> NoReturn:
        message = re.sub(r"^argument (\S+): expected one argument", r"\1 needs a value", message)
        sentence = re.sub(r"^argument [^:]+: ", "", message)
        self.exit(2, f"{sentence[:1].upper()}{sentence[1:]}. Try --help.\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m model.parsing",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--family", required=True, type=_family, metavar="F", help="who answered: " + ", ".join(FAMILIES)
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
        type=_convention,
        metavar="C",
        help="read coordinates in this way instead of the family's: " + ", ".join(CONVENTIONS),
    )
    return parser


def _media(image_size: Size | None, input_size: Size | None, patch_factor: int) -> list[MediumInput]:
    """The picture; the model's input has whole patches, so without a size that is what it is rounded to."""
    if image_size is None:
        return []
    width, height = (max(round(side / patch_factor), 1) * patch_factor for side in image_size)
    return [MediumInput(image_size, input_size or (width, height), tokens=0)]


def _has_places(answer: Answer) -> bool:
    blocks = answer.document.blocks if answer.document else ()
    return bool(answer.regions) or any(action.xy for action in answer.actions) or any(block.xyxy for block in blocks)


def _family(text: str) -> Family:
    if text not in FAMILIES:
        raise argparse.ArgumentTypeError(f"“{text}” is not a family; choose one of {', '.join(FAMILIES)}")
    return FAMILIES[text]


def _convention(text: str) -> Convention:
    if text not in CONVENTIONS:
        raise argparse.ArgumentTypeError(f"“{text}” is not a convention; choose one of {', '.join(CONVENTIONS)}")
    return CONVENTIONS[text]


def _size(text: str) -> Size:
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
