"""From settings to a running program: the listening socket, the studio's parts, the page, and then the model.

Knows the order in which things start and end, and what is said at the terminal meanwhile.
"""

from __future__ import annotations

import logging
import os
import threading
from logging.handlers import RotatingFileHandler
from urllib.parse import urlsplit

from app.settings import Settings
from model.errors import StudioError

LOG_FILE = "studio.log"


def main(settings: Settings) -> None:
    """Serve the page until Ctrl+C. The model is loaded once the page is up, so that nobody waits for a blank one.

    Raises `StudioError` when the page cannot be served.
    """
    prepare_process(settings)
    # Imported late: options and ports are refused at once, and Gradio reads the environment when it is imported.
    from app.server import Server, address, listen, open_tunnel

    listener = listen(settings.host, settings.port)
    port = listener.getsockname()[1]
    if settings.port not in (0, port):
        say(f"Port {settings.port} is taken; using {port} instead.")

    from app.api import create_app
    from app.engine_manager import EngineManager, spec_of
    from app.history import History
    from app.media_store import MediaStore
    from app.security import AllowedHosts
    from app.studio import Studio
    from model import workers

    studio = Studio(settings, EngineManager(announce=say), MediaStore(settings.data_dir), History(settings.data_dir))
    studio.media.remove_unused_videos(studio.history.uses)
    hosts = AllowedHosts(settings)

    def share() -> None:
        try:
            public = open_tunnel(listener)
        except StudioError as error:
            say(f"{error} The page is here only.")
            return
        hosts.add(urlsplit(public).netloc)
        say(f"Public address, for everyone who has it: {public}")

    def when_up() -> None:
        say(f"Qwen-VL Studio: {address(listener)}  (Ctrl+C ends it)")
        if settings.share:
            threading.Thread(target=share, name="share", daemon=True).start()
        say(f"Loading the model: {settings.model}")
        studio.engines.load(spec_of(settings))

    def end_answers() -> None:
        # Not waited for: a model that is reading a large picture hears of it only after that.
        threading.Thread(target=studio.engines.close, name="end-answers", daemon=True).start()

    def close() -> None:
        studio.history.close()
        workers.close_all()

    Server(create_app(studio, hosts), when_up, end_answers, close).run(sockets=[listener])


def prepare_process(settings: Settings) -> None:
    """Keep everything in the data folder and quiet: the log, uploads, and no reports to anybody."""
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        log = RotatingFileHandler(settings.data_dir / LOG_FILE, maxBytes=2**20, backupCount=1, encoding="utf-8")
    except OSError as error:
        raise StudioError("The data folder cannot be written to. Choose another one with --data-dir.") from error
    os.environ["GRADIO_TEMP_DIR"] = str(settings.data_dir / "uploads")
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    log.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[log])
    logging.captureWarnings(True)


def say(sentence: str) -> None:
    """Tell the person at the terminal."""
    print(sentence, flush=True)
