"""Qwen-VL Studio: options -> settings -> page -> launch. `python app.py --help` tells the options."""

from __future__ import annotations

from app.settings import Settings, read_settings


def main(settings: Settings) -> None:
    """Serve the page until Ctrl+C; the model loads in the background once the page is up."""
    import uvicorn

    from app.api import create_app
    from app.engine_manager import EngineManager
    from app.history import History
    from app.media_store import MediaStore
    from app.studio import Studio
    from model.loading import ModelSpec

    studio = Studio(settings, EngineManager(), MediaStore(settings.data_dir), History(settings.data_dir))
    studio.engines.load(ModelSpec(settings.model, settings.quantization, settings.device, settings.dtype))
    uvicorn.run(create_app(studio), host=settings.host, port=settings.port)


if __name__ == "__main__":
    main(read_settings())
