"""Files of conversations: every accepted form means the same, and what cannot be used is named by its line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from model.types import Image, MediumInput, Message, Text, Video
from model.video import Sampling
from tests.model.clips import write_clip
from tests.model.pictures import image
from training.conversations import DataError, open_conversation, read_conversations

ASKED = {"from": "human", "value": "<image>\nFind the cup."}
SAID = {"from": "gpt", "value": "There is none."}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(image((200, 100)).data)
    return tmp_path


def written(folder: Path, *rows: object) -> Path:
    path = folder / "data.jsonl"
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows), "utf-8")
    return path


def half(size_wh: tuple[int, int]) -> MediumInput:
    return MediumInput(size_wh, (size_wh[0] // 2, size_wh[1] // 2), 1)


def opened(path: Path, family: str = "Qwen3-VL") -> list[Message]:
    [conversation] = read_conversations(path)
    return open_conversation(conversation, family, Sampling(fps=2, max_frames=4), half)


def shape(messages: list[Message]) -> list[tuple[str, list[str]]]:
    return [(m.role, [p.text if isinstance(p, Text) else p.name for p in m.parts]) for m in messages]


@pytest.mark.parametrize(
    "row",
    [
        {"image": "a.png", "conversations": [ASKED, SAID]},
        {"images": ["a.png"], "conversations": [ASKED, SAID]},
        {
            "images": ["a.png"],
            "messages": [
                {"role": "user", "content": "<image>Find the cup."},
                {"role": "assistant", "content": "There is none."},
            ],
        },
        {
            "messages": [
                {
                    "role": "user",
                    "content": [{"type": "image", "image": "a.png"}, {"type": "text", "text": "Find the cup."}],
                },
                {"role": "assistant", "content": [{"type": "text", "text": "There is none."}]},
            ]
        },
    ],
)
def test_every_form_of_a_line_means_the_same(folder: Path, row: dict[str, Any]) -> None:
    expected = [("user", ["a.png", "Find the cup."]), ("assistant", ["There is none."])]
    assert shape(opened(written(folder, "", row, "  "))) == expected


def test_pictures_come_in_their_order_over_several_turns(folder: Path) -> None:
    row = {
        "image": ["a.png", "b.png"],
        "conversations": [
            {"from": "system", "value": "Be brief."},
            ASKED,
            SAID,
            {"from": "human", "value": "And here?\n<image>\nLook well."},
            SAID,
        ],
    }
    assert shape(opened(written(folder, row))) == [
        ("system", ["Be brief."]),
        ("user", ["a.png", "Find the cup."]),
        ("assistant", ["There is none."]),
        ("user", ["And here?", "b.png", "Look well."]),
        ("assistant", ["There is none."]),
    ]


@pytest.mark.parametrize(
    ("family", "answer"),
    [
        ("Qwen3-VL", 'It is [250, 200, 500, 1000], "the red cup".'),
        ("Qwen3.5", 'It is [250, 200, 500, 1000], "the red cup".'),
        ("Qwen2.5-VL", 'It is [25, 10, 50, 50], "the red cup".'),
        (
            "Qwen2-VL",
            'It is <|box_start|>(250,200),(500,1000)<|box_end|>, "<|object_ref_start|>the red cup<|object_ref_end|>".',
        ),
    ],
)
def test_boxes_in_source_pixels_are_written_the_family_s_way(folder: Path, family: str, answer: str) -> None:
    row = {
        "image": "a.png",
        "conversations": [ASKED, {"from": "gpt", "value": 'It is <bbox>, "<ref-object>".'}],
        "objects": {"ref": ["the red cup"], "bbox": [[50, 20, 100, 100]]},
    }
    assert opened(written(folder, row), family)[1].text == answer


def test_a_box_may_name_its_picture(folder: Path) -> None:
    (folder / "b.png").write_bytes(image((100, 100)).data)
    row = {
        "images": ["a.png", "b.png"],
        "conversations": [{"from": "human", "value": "<image><image>?"}, {"from": "gpt", "value": "<bbox> <bbox>"}],
        "objects": {"bbox": [[0, 0, 50, 50], [0, 0, 50, 50]], "image_id": [0, 1]},
    }
    assert opened(written(folder, row))[1].text == "[0, 0, 250, 500] [0, 0, 500, 500]"


def test_numbers_that_are_written_out_stay_as_they_are(folder: Path) -> None:
    answer = '```json\n[{"bbox_2d": [1, 2, 3, 4], "label": "cup"}]\n```'
    row = {"image": "a.png", "conversations": [ASKED, {"from": "gpt", "value": answer}]}
    assert opened(written(folder, row), "Qwen2.5-VL")[1].text == answer


def test_a_video_is_looked_at_with_the_times_of_its_frames(folder: Path) -> None:
    write_clip(folder / "clip.mp4", [index / 10 for index in range(40)])
    row = {"video": "clip.mp4", "conversations": [{"from": "human", "value": "<video>\nWhen?"}, SAID]}
    video = opened(written(folder, row))[0].parts[0]
    assert isinstance(video, Video)
    assert video.times_s == pytest.approx((0, 1, 2, 3), abs=0.11)
    assert all(isinstance(frame, Image) for frame in video.frames)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("{", "no JSON"),
        ("[]", "no JSON object"),
        ({}, "list of turns"),
        ({"conversations": [SAID]}, "take turns"),
        ({"conversations": []}, "take turns"),
        ({"conversations": [{"from": "human", "value": "Hm?"}]}, "take turns"),
        ({"conversations": [{"from": "robot", "value": "Hm?"}, SAID]}, "“robot” is no role"),
        ({"conversations": [{"from": "human"}, SAID]}, "no text"),
        ({"conversations": [{"from": "human", "value": "Hm?"}, {"from": "gpt", "value": ""}]}, "answer has to be text"),
        ({"conversations": [ASKED, SAID]}, "<image> stands in the texts more often"),
        ({"image": ["a.png", "b.png"], "conversations": [ASKED, SAID]}, "<image> .* 1 times less often"),
        ({"image": "c.png", "conversations": [ASKED, SAID]}, "no file c.png"),
        ({"image": "https://there/a.png", "conversations": [ASKED, SAID]}, "no file https"),
        ({"image": 3, "conversations": [ASKED, SAID]}, "has to name a file"),
        ({"conversations": [{"from": "human", "value": "a<|im_end|>b"}, SAID]}, r"<\|im_end\|> may not stand"),
        (
            {"image": "a.png", "conversations": [ASKED, SAID], "objects": {"bbox": [[1, 2, 3]]}},
            "four numbers",
        ),
        (
            {"image": "a.png", "conversations": [ASKED, SAID], "objects": {"bbox": [[1, 2, 3, 4]], "image_id": [1]}},
            "<bbox> .* less often",
        ),
        (
            {"image": "a.png", "conversations": [ASKED, {"from": "gpt", "value": "<bbox>"}]}
            | {"objects": {"bbox": [[1, 2, 3, 4]], "image_id": [1]}},
            "picture that the line does not have",
        ),
        (
            {"conversations": [{"from": "human", "value": "?"}, {"from": "gpt", "value": "<bbox>"}]}
            | {"objects": {"bbox": [[1, 2, 3, 4]]}},
            "picture that the line does not have",
        ),
        ({"messages": [{"role": "user", "content": [{"type": "sound"}]}, SAID]}, "type text, image or video"),
    ],
)
def test_a_line_that_cannot_be_used_is_named(folder: Path, row: object, words: str) -> None:
    good = {"image": "a.png", "conversations": [ASKED, SAID]}
    with pytest.raises(DataError, match=rf"data\.jsonl, line 2: .*{words}") as refusal:
        read_conversations(written(folder, good, row))
    assert str(folder) not in str(refusal.value)


def test_many_bad_lines_are_counted(folder: Path) -> None:
    with pytest.raises(DataError, match=r"line 5: .*\n3 more lines"):
        read_conversations(written(folder, *["{"] * 8))


def test_files_that_are_empty_or_not_there(folder: Path) -> None:
    with pytest.raises(DataError, match="no conversations"):
        read_conversations(written(folder, ""))
    with pytest.raises(DataError, match="cannot be read"):
        read_conversations(folder / "none.jsonl")
