"""What a person may choose at start, gathered from the command line, the environment and a TOML file.

The command line wins over the environment (`QWEN_VL_STUDIO_MODEL` and so on), which wins over the file. Knows nothing
about models or pages; everyone else gets the one frozen `Settings`.
"""

from __future__ import annotations

import difflib
import inspect
import ipaddress
import os
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, NoReturn, TypeVar

from pydantic import Field, ValidationError, field_validator
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    CliApp,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from app.validation import place_of, what_is_wrong
from model.catalog import POCKET_NAME

ENV_PREFIX = "QWEN_VL_STUDIO_"
CONFIG_FILE_VARIABLE = f"{ENV_PREFIX}CONFIG"
DEFAULT_CONFIG_FILE = Path("qwen-vl-studio.toml")
_ROOT = Path(__file__).resolve().parents[1]
_NOT_USABLE = 2  # the status with which a program ends whose command line cannot be used


class Settings(BaseSettings):
    """Qwen-VL Studio: chat with pictures and find things in them, on your own machine.

    Without any option it opens a page on http://127.0.0.1:7860 with the small pocket model, which is part of the
    program and needs no network. A large model is one option away:
    `python app.py --model Qwen/Qwen3-VL-4B-Instruct --quantization 4bit`.

    Every option can also be an environment variable (QWEN_VL_STUDIO_MODEL=...) or a line of qwen-vl-studio.toml in
    the current folder (model = "..."; QWEN_VL_STUDIO_CONFIG names another file). The command line wins, then the
    environment, then the file.

    `python app.py read FILES...` reads documents without a page; `python app.py read --help` tells how.
    """

    __doc__ = inspect.cleandoc(__doc__)  # --help prints it as it stands

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX,
        frozen=True,
        extra="forbid",
        cli_prog_name="python app.py",
        cli_kebab_case=True,
        cli_implicit_flags=True,
        cli_hide_none_type=True,
        cli_avoid_json=True,
        cli_exit_on_error=False,
    )

    model: str = Field(
        default=POCKET_NAME,
        description='the model to load: "pocket", an id on the Hugging Face hub, or a local folder',
    )
    quantization: Literal["none", "8bit", "4bit"] = Field(
        default="none", description="load the language model in fewer bits; needs less memory, answers a little worse"
    )
    adapter: str = Field(
        default="", description="a folder with a LoRA adapter for the model, as python -m training.finetune writes it"
    )
    device: str = Field(
        default="auto", description='"auto" takes a GPU where there is one; else "cpu", "cuda", "cuda:1", "mps"'
    )
    dtype: Literal["auto", "bfloat16", "float16", "float32"] = Field(
        default="auto", description="the numbers to compute in; auto suits the device"
    )
    host: str = Field(default="127.0.0.1", description="the address to listen on; 0.0.0.0 lets other machines in")
    port: int = Field(default=7860, ge=0, le=65535, description="the port to listen on, or the next free one")
    data_dir: Path = Field(
        default=_ROOT / "data", description="where conversations and their pictures are kept", validate_default=True
    )
    share: bool = Field(default=False, description="also make a public address; whoever has it can use the program")
    max_upload_mb: int = Field(default=128, ge=1, le=4096, description="the largest file that is accepted, in MB")

    @field_validator("data_dir")
    @classmethod
    def _expand_home(cls, value: Path) -> Path:
        return value.expanduser().resolve()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, toml_file=_config_file())

    @property
    def is_exposed(self) -> bool:
        """Whether people on other machines can reach the page."""
        return self.share or not _is_loopback(self.host)

    @property
    def max_upload_bytes(self) -> int:
        return self.max_upload_mb * 1024 * 1024


SomeSettings = TypeVar("SomeSettings", bound=Settings)


def read_settings(arguments: list[str] | None = None) -> Settings:
    """Settings from `arguments` (the process's own when None), environment and file.

    Ends the program with status 2 and a plain sentence when a value cannot be used; `--help` ends it too.
    """
    return read_settings_of(Settings, arguments)


def read_settings_of(kind: type[SomeSettings], arguments: list[str] | None) -> SomeSettings:
    """The same for a command that has settings of its own beside the program's."""
    try:
        _refuse_unknown_variables()
        return CliApp.run(kind, cli_args=arguments)
    except ValidationError as error:
        _refuse((_sentence(item, kind) for item in error.errors()), kind)
    except SettingsError as error:
        _refuse([f"These options cannot be read: {str(error).partition(': ')[2]}."], kind)
    except tomllib.TOMLDecodeError as error:
        _refuse([f"The settings file {_config_file().name} is not valid TOML: {error}."])


def _refuse(sentences: Iterable[str], kind: type[Settings] = Settings) -> NoReturn:
    program = kind.model_config["cli_prog_name"]
    print(*sentences, f"{program} --help explains every setting.", sep="\n", file=sys.stderr)
    raise SystemExit(_NOT_USABLE)


def _sentence(error: ErrorDetails, kind: type[Settings]) -> str:
    name = place_of(error)
    if error["type"] == "extra_forbidden":
        return _unknown(name, kind)
    return f"The setting {name} {what_is_wrong([error])}, not “{error['input']}”."


def _unknown(name: str, kind: type[Settings] = Settings) -> str:
    near = difflib.get_close_matches(name.replace("-", "_"), kind.model_fields, n=1)
    return f"There is no setting {name}{f'; is {near[0]} meant?' if near else '.'}"


def _refuse_unknown_variables() -> None:
    """A variable with a slip in its name would be passed over, as if it were not there."""
    names = [name for name in os.environ if name.startswith(ENV_PREFIX) and name != CONFIG_FILE_VARIABLE]
    settings = [name.removeprefix(ENV_PREFIX).lower() for name in names]
    if unknown := [name for name in settings if name not in Settings.model_fields]:
        _refuse(_unknown(name) for name in unknown)


def _config_file() -> Path:
    named = os.environ.get(CONFIG_FILE_VARIABLE)
    if named and not Path(named).is_file():
        _refuse([f"There is no settings file {named}, which {CONFIG_FILE_VARIABLE} names."])
    return Path(named or DEFAULT_CONFIG_FILE)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
