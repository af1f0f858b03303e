"""What a person may choose at start, gathered from the command line, the environment and a TOML file.

The command line wins over the environment (`QWEN_VL_STUDIO_MODEL` and so on), which wins over the file. Knows nothing
about models or pages; everyone else gets the one frozen `Settings`.
"""

from __future__ import annotations

import inspect
import ipaddress
import os
import tomllib
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    CliApp,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from model.catalog import POCKET_NAME

ENV_PREFIX = "QWEN_VL_STUDIO_"
CONFIG_FILE_VARIABLE = f"{ENV_PREFIX}CONFIG"
DEFAULT_CONFIG_FILE = Path("qwen-vl-studio.toml")
_ROOT = Path(__file__).resolve().parents[1]


class Settings(BaseSettings):
    """Qwen-VL Studio: chat with pictures and find things in them, on your own machine.

    Without any option it opens a page on http://127.0.0.1:7860 with the small pocket model, which is part of the
    program and needs no network. A large model is one option away:
    `python app.py --model Qwen/Qwen3-VL-4B-Instruct --quantization 4bit`.

    Every option can also be an environment variable (QWEN_VL_STUDIO_MODEL=...) or a line of qwen-vl-studio.toml in
    the current folder (model = "..."; QWEN_VL_STUDIO_CONFIG names another file). The command line wins, then the
    environment, then the file.
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
    )

    model: str = Field(
        default=POCKET_NAME,
        description='the model to load: "pocket", an id on the Hugging Face hub, or a local folder',
    )
    quantization: Literal["none", "8bit", "4bit"] = Field(
        default="none", description="load the language model in fewer bits; needs less memory, answers a little worse"
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
    max_upload_mb: int = Field(default=50, ge=1, le=4096, description="the largest picture that is accepted, in MB")

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


def read_settings(arguments: list[str] | None = None) -> Settings:
    """Settings from `arguments` (the process's own when None), environment and file.

    Ends the program with a plain sentence when a value cannot be used; `--help` ends it too.
    """
    try:
        return CliApp.run(Settings, cli_args=arguments)
    except ValidationError as error:
        lines = [f"  {'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()]
        raise SystemExit(
            "\n".join(["These settings cannot be used (python app.py --help explains each):", *lines])
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise SystemExit(f"The settings file {_config_file().name} is not valid TOML: {error}.") from error


def _config_file() -> Path:
    named = os.environ.get(CONFIG_FILE_VARIABLE)
    if named and not Path(named).is_file():
        raise SystemExit(f"There is no settings file {named}, which {CONFIG_FILE_VARIABLE} names.")
    return Path(named or DEFAULT_CONFIG_FILE)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
