"""Options from command line, environment and file, and who wins."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.settings import read_settings


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_defaults_serve_the_pocket_model_to_this_machine_only() -> None:
    settings = read_settings([])
    assert (settings.model, settings.host, settings.port, settings.share) == ("pocket", "127.0.0.1", 7860, False)
    assert not settings.is_exposed


def test_every_documented_option_is_understood() -> None:
    settings = read_settings(
        [
            "--model",
            "some/model",
            "--quantization",
            "4bit",
            "--device",
            "cuda:1",
            "--dtype",
            "float16",
            "--host",
            "0.0.0.0",
            "--port",
            "8000",
            "--data-dir",
            "here",
            "--share",
            "--max-upload-mb",
            "7",
        ]
    )
    assert settings.model == "some/model"
    assert (settings.quantization, settings.device, settings.dtype) == ("4bit", "cuda:1", "float16")
    assert (settings.host, settings.port, settings.share, settings.max_upload_mb) == ("0.0.0.0", 8000, True, 7)
    assert settings.data_dir == Path("here").resolve()
    assert settings.max_upload_bytes == 7 * 2**20


def test_the_command_line_wins_over_the_environment_and_that_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "qwen-vl-studio.toml").write_text('port = 1001\nmodel = "from/file"\ndevice = "cpu"\n')
    monkeypatch.setenv("QWEN_VL_STUDIO_PORT", "1002")
    monkeypatch.setenv("QWEN_VL_STUDIO_MODEL", "from/environment")
    settings = read_settings(["--port", "1003"])
    assert (settings.port, settings.model, settings.device) == (1003, "from/environment", "cpu")


def test_another_file_can_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "other.toml").write_text("max_upload_mb = 3\n")
    monkeypatch.setenv("QWEN_VL_STUDIO_CONFIG", str(tmp_path / "other.toml"))
    assert read_settings([]).max_upload_mb == 3


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (["--port", "99999"], "port"),
        (["--port", "many"], "port"),
        (["--quantization", "3bit"], "quantization"),
        (["--max-upload-mb", "0"], "max_upload_mb"),
    ],
)
def test_a_value_that_cannot_be_used_ends_with_a_sentence(arguments: list[str], names: str) -> None:
    with pytest.raises(SystemExit) as ended:
        read_settings(arguments)
    assert "cannot be used" in str(ended.value)
    assert names in str(ended.value)


@pytest.mark.parametrize(("content", "sentence"), [("port = = 1", "not valid TOML"), ("colour = 1", "cannot be used")])
def test_a_wrong_file_ends_with_a_sentence(tmp_path: Path, content: str, sentence: str) -> None:
    (tmp_path / "qwen-vl-studio.toml").write_text(content)
    with pytest.raises(SystemExit, match=sentence):
        read_settings([])


def test_a_named_file_that_is_missing_is_not_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QWEN_VL_STUDIO_CONFIG", "nowhere.toml")
    with pytest.raises(SystemExit, match="no settings file"):
        read_settings([])


def test_help_explains_every_option_and_where_else_it_can_be_set(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        read_settings(["--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    for option in ("model", "quantization", "device", "dtype", "host", "port", "data-dir", "share", "max-upload-mb"):
        assert f"--{option}" in shown
    assert "QWEN_VL_STUDIO_MODEL" in shown
    assert "qwen-vl-studio.toml" in shown


@pytest.mark.parametrize(
    ("arguments", "exposed"),
    [
        ([], False),
        (["--host", "localhost"], False),
        (["--host", "::1"], False),
        (["--host", "0.0.0.0"], True),
        (["--host", "192.168.1.5"], True),
        (["--host", "studio.example"], True),
        (["--share"], True),
    ],
)
def test_it_knows_whether_others_can_reach_it(arguments: list[str], exposed: bool) -> None:
    assert read_settings(arguments).is_exposed is exposed
