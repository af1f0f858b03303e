"""What tests that set text need: the fonts of Debian's packages."""

from __future__ import annotations

import pytest

from training.typesetting import INSTALL, missing_packages

needs_fonts = pytest.mark.skipif(bool(missing_packages()), reason=f"fonts are missing: `{INSTALL}`")
