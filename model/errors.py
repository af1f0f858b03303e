"""The errors that a person may see.

Every message is one or two plain sentences: what happened, and what to do. No path, address or traceback.

    StudioError
    +-- MediaError              a picture or document that cannot be used
    |   +-- MediaTooLarge       too many bytes or pixels
    |   +-- PasswordNeeded      an encrypted document, and no password or a wrong one
    +-- RequestError            a message that cannot be answered as it stands
    |   +-- ContextOverflow     longer than the model's context
    +-- ModelError              a model that cannot be had
    |   +-- ModelNotFound       no such id or folder, or no network
    |   +-- UnsupportedModel    not of the Qwen-VL families, or unsafe files
    |   +-- BrokenInstall       packages that do not fit together
    +-- EngineError             an answer that broke off
        +-- OutOfMemory         the device's memory is full
        +-- EngineBusy          too many are waiting
"""

from __future__ import annotations


class StudioError(Exception):
    """Base of all; `str(error)` is what the page and the API show."""


class MediaError(StudioError):
    pass


class MediaTooLarge(MediaError):
    pass


class PasswordNeeded(MediaError):
    pass


class RequestError(StudioError):
    pass


class ContextOverflow(RequestError):
    pass


class ModelError(StudioError):
    pass


class ModelNotFound(ModelError):
    pass


class UnsupportedModel(ModelError):
    pass


class BrokenInstall(ModelError):
    pass


class EngineError(StudioError):
    pass


class OutOfMemory(EngineError):
    pass


class EngineBusy(EngineError):
    pass
