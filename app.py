"""Qwen-VL Studio: options -> settings -> page -> launch. `python app.py --help` tells the options."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import warnings
from logging.handlers import RotatingFileHandler
from urllib.parse import urlsplit

try:
    from app.settings import Settings, read_settings
    from model.errors import StudioError
except ModuleNotFoundError as error:
    sys.exit(f"The package {error.name} is missing. Install what is needed: pip install -r requirements.txt")

LOG_FILE = "studio.log"


def main(settings: Settings) -> None:
    """Serve the page until Ctrl+C. The model is loaded once the page is up, so that nobody waits for a blank one."""
    prepare_process(settings)
    # Imported late: reading the options, and refusing them, takes no time.
    from app.api import create_app
    from app.engine_manager import EngineManager
    from app.history import History
    from app.media_store import MediaStore
    from app.security import AllowedHosts
    from app.server import address, listen, open_tunnel, serve
    from app.studio import Studio
    from model.loading import ModelSpec

    listener = listen(settings.host, settings.port)
    port = listener.getsockname()[1]
    if settings.port not in (0, port):
        say(f"Port {settings.port} is taken; using {port} instead.")
    studio = Studio(settings, EngineManager(announce=say), MediaStore(settings.data_dir), History(settings.data_dir))
    hosts = AllowedHosts(settings)

    def when_up() -> None:
        say(f"Qwen-VL Studio: {address(listener)}  (Ctrl+C ends it)")
        if settings.share:
            public = open_tunnel(listener)
            hosts.add(urlsplit(public).netloc)
            say(f"Public address, for everyone who has it: {public}")
        say(f"Loading the model: {settings.model}")
        studio.engines.load(ModelSpec(settings.model, settings.quantization, settings.device, settings.dtype))

    try:
        serve(create_app(studio, hosts), listener, when_up)
    finally:
        studio.engines.close()
        studio.history.close()


def prepare_process(settings: Settings) -> None:
    """Keep everything in the data folder and quiet: the log, uploads, and no reports to anybody."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    os.environ["GRADIO_TEMP_DIR"] = str(settings.data_dir / "uploads")
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    log = RotatingFileHandler(settings.data_dir / LOG_FILE, maxBytes=2**20, backupCount=1, encoding="utf-8")
    log.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[log])
    logging.captureWarnings(True)


def say(sentence: str) -> None:
    """Tell the person at the terminal."""
    print(sentence, flush=True)


if __name__ == "__main__":
    try:
        main(read_settings())
    except StudioError as error:
        sys.exit(str(error))
