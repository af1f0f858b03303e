"""Who is asking. On this machine alone there is one person; once others can reach the page, each browser is one.

Knows a cookie. Its value is a random id that says nothing about anyone; whoever has it sees its conversations.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping

COOKIE = "qwen_vl_studio_person"
LOCAL_PERSON = "local"

_ID = re.compile(r"[0-9a-f]{32}")


def new_person() -> str:
    """A fresh id for a browser that has none."""
    return uuid.uuid4().hex


def person_of(cookies: Mapping[str, str], *, is_exposed: bool) -> str:
    """The owner of the conversations that this request may see. `is_exposed`: other machines can reach the page."""
    if not is_exposed:
        return LOCAL_PERSON
    person = cookies.get(COOKIE, "")
    # Without a cookie nothing is shared with anybody: the conversation is kept, but nobody can list it.
    return person if _ID.fullmatch(person) else new_person()
