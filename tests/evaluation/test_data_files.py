"""Data files in every form, and what is said of bad ones: which file, which line, what is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import pytest
from pydantic import BaseModel, Field

from evaluation.data_files import DataError, DataFile, Entry, find_medium, read_data, read_lines


class Row(BaseModel):
    image: str
    size: Annotated[int, Field(ge=1)] = 1


def file_of(folder: Path, text: str, name: str = "data.json") -> Path:
    path = folder / name
    path.write_text(text, "utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('[{"image": "a"},\n {"image": "b"}\n]', "data.json"),
        ('{"image": "a"}\n{"image": "b"}\n', "data.jsonl"),
        ('{"image": "a"}\n{"image": "b"}', "data.json"),
        ('\ufeff{"image": "a"}\r\n{"image": "b"}\r\n', "data.jsonl"),
    ],
    ids=["a list", "lines", "lines that are named json", "lines of another system"],
)
def test_rows_of_lists_and_lines(tmp_path: Path, text: str, name: str) -> None:
    file = read_data(file_of(tmp_path, text, name))
    assert [row.image for _, row in file.checked(Row, file.rows)] == ["a", "b"]
    assert [entry.line for entry in file.rows] == [1, 2]


def test_a_single_line_is_a_row_where_the_name_says_lines(tmp_path: Path) -> None:
    text = '{"image": "a", "answers": ["b"]}'
    assert read_data(file_of(tmp_path, text, "data.jsonl")).rows == (Entry({"image": "a", "answers": ["b"]}, 1),)
    assert read_data(file_of(tmp_path, text)).rows == ()


def test_members_of_an_object(tmp_path: Path) -> None:
    head = '{\n "info": {"a": 1},\n "data_subtype": "val2014",\n'
    text = head + ' "data": [\n  {"image": "a"},\n\n  {"image": "b"}],\n "none": []\n}'
    file = read_data(file_of(tmp_path, text))
    assert [entry.line for entry in file.list_of("data")] == [5, 7]
    assert file.members["info"] == Entry({"a": 1}, 2, "info")
    assert file.text("data_subtype") == "val2014"
    assert file.text("data") == file.text("nothing") == ""
    assert file.has_lists("data", "none")
    assert not file.has_lists("data", "info")
    with pytest.raises(DataError, match=r"^data\.json: a list “images” is missing\.$"):
        file.list_of("images")


@pytest.mark.parametrize("value", [{}, [], [[], {}], {"a": [], "b": {"c": [1]}}, [1.5, "x", None, True], 3])
@pytest.mark.parametrize("indent", [None, 1])
def test_values_are_those_of_json(tmp_path: Path, value: object, indent: int | None) -> None:
    file = read_data(file_of(tmp_path, json.dumps(value, indent=indent)))
    if isinstance(value, dict):
        plain = {
            key: [entry.value for entry in member] if isinstance(member, tuple) else member.value
            for key, member in file.members.items()
        }
        assert plain == value
    else:
        assert [entry.value for entry in file.rows] == (value if isinstance(value, list) else [value])


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('[\n{"image": "a"},\n{"image" "b"}]', 3),
        ('[{"image": "a"},\n]', 2),
        ('[{"image": "a"}\n{"image": "b"}]', 2),
        ('{"data": [],\n\n"rest"', 3),
        ('{"data": [], 5: 6}', 1),
        ('[{"image": "a"}]\nand more', 2),
        ('{"image": "a"}\n{"image": "b"}\n{"image"', 3),
        ('[\n\n{"image": "a', 3),
    ],
    ids=["no colon", "comma at the end", "no comma", "cut", "a number as a key", "rest", "cut line", "open text"],
)
def test_what_is_not_json_is_told_with_its_line(tmp_path: Path, text: str, line: int) -> None:
    with pytest.raises(DataError, match=rf"^data\.json, line {line}: this is not valid JSON \(.+\)\.$"):
        read_data(file_of(tmp_path, text))


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"^none\.json: there is no such file"):
        read_data(tmp_path / "none.json")
    with pytest.raises(DataError, match=r"^data\.json: the file is empty\.$"):
        read_data(file_of(tmp_path, " \n"))
    with pytest.raises(DataError, match="nested too deeply"):
        read_data(file_of(tmp_path, "[" + "[" * 100_000))
    (tmp_path / "data.json").write_bytes(b"\xff\xfe\x00[")
    with pytest.raises(DataError, match="not a text file"):
        read_data(tmp_path / "data.json")


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ({"size": 1}, "“image” is missing."),
        ({"image": 5}, "“image” has to be a text."),
        ({"image": "a", "size": "big"}, "“size” has to be a whole number."),
        ({"image": "a", "size": 0}, "“size” has to be at least 1."),
        ("a.png", "the entry has to be an object."),
    ],
)
def test_what_does_not_fit_is_told_with_its_line(tmp_path: Path, value: object, sentence: str) -> None:
    file = DataFile("rows.jsonl")
    with pytest.raises(DataError) as caught:
        list(file.checked(Row, [Entry({"image": "good"}, 1), Entry(value, 12)]))
    assert str(caught.value) == f"rows.jsonl, line 12: {sentence}"


def test_plain_lines(tmp_path: Path) -> None:
    file = read_lines(file_of(tmp_path, "one\n\ntwo\n", "lines.txt"))
    assert file.rows == (Entry("one", 1), Entry("two", 3))


def test_media_are_found_by_name_or_by_its_beginning(tmp_path: Path) -> None:
    (tmp_path / "clip.mkv").touch()
    assert find_medium(tmp_path, "clip.mkv") == tmp_path / "clip.mkv"
    assert find_medium(tmp_path, "clip", (".mp4", ".mkv")) == tmp_path / "clip.mkv"
    assert find_medium(tmp_path / "other", str(tmp_path / "clip.mkv")) == tmp_path / "clip.mkv"
    assert find_medium(tmp_path, "clip") is None
    assert find_medium(tmp_path, "") is None
    assert find_medium(tmp_path, "iVBOR" * 1000) is None
