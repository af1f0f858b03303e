"""Options from command line, environment and file, and who wins."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from app.settings import Settings, read_settings


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


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """What is said of arguments with which the program does not start."""

    def read(*arguments: str) -> str:
        with pytest.raises(SystemExit) as ended:
            read_settings(list(arguments))
        assert ended.value.code == 2
        said = capsys.readouterr()
        assert said.out == ""
        sentence, advice = said.err.splitlines()
        assert "--help" in advice
        return sentence

    return read


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--port", "99999"], "The setting port has to be at most 65535, not “99999”."),
        (["--port", "many"], "The setting port has to be a whole number, not “many”."),
        (["--quantization", "3bit"], "The setting quantization has to be 'none', '8bit' or '4bit', not “3bit”."),
        (["--max-upload-mb", "0"], "The setting max_upload_mb has to be at least 1, not “0”."),
        (["--prot", "1"], "These options cannot be read: unrecognized arguments: --prot 1."),
        (["--model"], "These options cannot be read: argument --model: expected one argument."),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_used_ends_the_program_with_a_sentence(
    refused: Callable[..., str], arguments: list[str], sentence: str
) -> None:
    assert refused(*arguments) == sentence


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("port = = 1", "not valid TOML"),
        ("colour = 1", "There is no setting colour."),
        ("max-upload-mb = 1", "There is no setting max-upload-mb; is max_upload_mb meant?"),
        ('share = "perhaps"', "The setting share has to be true or false, not “perhaps”."),
        ("port = 1.5", "The setting port has to be a whole number, not “1.5”."),
        ("[studio]\nport = 1", "There is no setting studio."),
    ],
)
def test_a_wrong_file_ends_the_program_with_a_sentence(
    refused: Callable[..., str], tmp_path: Path, content: str, sentence: str
) -> None:
    (tmp_path / "qwen-vl-studio.toml").write_text(content)
    assert sentence in refused()


def test_a_wrong_variable_ends_the_program_with_a_sentence(
    refused: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QWEN_VL_STUDIO_PORT", "many")
    assert refused() == "The setting port has to be a whole number, not “many”."
    monkeypatch.setenv("QWEN_VL_STUDIO_PROT", "1")
    assert refused() == "There is no setting prot; is port meant?"


def test_a_named_file_that_is_missing_is_not_ignored(
    refused: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QWEN_VL_STUDIO_CONFIG", "nowhere.toml")
    assert "no settings file nowhere.toml" in refused()


EVERYWHERE = {
    "model": ("some/model", "some/model"),
    "quantization": ("4bit", "4bit"),
    "adapter": ("adapters/mine", "adapters/mine"),
    "device": ("cuda:1", "cuda:1"),
    "dtype": ("float16", "float16"),
    "host": ("0.0.0.0", "0.0.0.0"),
    "port": ("8000", 8000),
    "data_dir": ("/here", Path("/here")),
    "share": ("true", True),
    "max_upload_mb": ("7", 7),
}


@pytest.mark.parametrize("name", EVERYWHERE)
def test_every_option_is_a_variable_and_a_line_of_the_file_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    assert set(EVERYWHERE) == set(Settings.model_fields)
    written, value = EVERYWHERE[name]
    quoted = written if name in ("port", "share", "max_upload_mb") else f'"{written}"'
    (tmp_path / "qwen-vl-studio.toml").write_text(f"{name} = {quoted}\n")
    assert getattr(read_settings([]), name) == value
    (tmp_path / "qwen-vl-studio.toml").unlink()
    monkeypatch.setenv(f"QWEN_VL_STUDIO_{name.upper()}", written)
    assert getattr(read_settings([]), name) == value


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
