"""The directions in which imports may run, and what the page may not wait for."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# Ranks of the modules of `model`: a module imports only from a lower rank, or from its own package.
RANKS = (
    ("model.types", "model.errors", "model.workers", "model.decoding"),
    ("model.catalog",),
    (
        "model.media",
        "model.prompts",
        "model.parsing",
        "model.engines.base",
        "model.engines.token_text",
        "model.pdf",
        "model.engines.memory",
    ),
    (
        "model.files",
        "model.documents",
        "model.video",
        "model.encoding",
        "model.engines.fake",
        "model.engines.local_inputs",
    ),
    ("model.engines.local", "model.engines.remote", "model.rewriting", "model.adapters"),
    ("model.loading",),
)
HEAVY = ("torch", "torchvision", "transformers", "qwen_vl_utils", "accelerate", "bitsandbytes", "peft")


def sources(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports_of(path: Path, *, top_level_only: bool = False) -> set[str]:
    """Full names of everything a file imports; a `from a import b` counts as `a.b`, for b may be a module."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = _run_on_import(tree) if top_level_only else list(ast.walk(tree))
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide their direction"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def _run_on_import(tree: ast.Module) -> list[ast.stmt]:
    """The statements at the top of a module, without those under `if TYPE_CHECKING`."""
    return [
        inner
        for node in tree.body
        if not (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test))
        for inner in ([node] if not isinstance(node, (ast.If, ast.Try)) else node.body)
    ]


def starts(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


def rank_of(name: str) -> int | None:
    return next((rank for rank, group in enumerate(RANKS) if any(starts(name, module) for module in group)), None)


def test_the_walk_sees_what_is_there() -> None:
    assert "model.types.Image" in imports_of(ROOT / "model/media.py")
    assert "torch" in imports_of(ROOT / "model/loading.py")
    assert "torch" not in imports_of(ROOT / "model/loading.py", top_level_only=True)
    assert len(sources("app")) > 3
    assert len(sources("model")) > 10


@pytest.mark.parametrize("path", sources("model"), ids=name_of)
def test_model_knows_neither_gradio_nor_app(path: Path) -> None:
    for name in imports_of(path):
        assert not any(starts(name, other) for other in ("gradio", "fastapi", "app", "training", "evaluation")), name


@pytest.mark.parametrize("path", [*sources("app"), ROOT / "app.py"], ids=name_of)
def test_app_knows_no_tensors(path: Path) -> None:
    for name in imports_of(path):
        assert not any(starts(name, heavy) for heavy in HEAVY), name
        assert not starts(name, "model.engines.local"), name
        assert not any(starts(name, other) for other in ("training", "evaluation", "tests")), name


@pytest.mark.parametrize("path", sources("model"), ids=name_of)
def test_imports_in_model_run_one_way(path: Path) -> None:
    own = name_of(path)
    rank = rank_of(own)
    if own in ("model", "model.engines"):
        assert not imports_of(path)
        return
    assert rank is not None, f"{own} has no place in the order of imports yet"
    for name in imports_of(path):
        if starts(name, "model"):
            other = rank_of(name)
            same_package = own.startswith("model.parsing") and name.startswith("model.parsing")
            assert same_package or (other is not None and other < rank), f"{own} imports {name}"


@pytest.mark.parametrize("path", [path for path in sources("model") if "local" not in path.name], ids=name_of)
def test_torch_is_imported_late(path: Path) -> None:
    for name in imports_of(path, top_level_only=True):
        assert not any(starts(name, heavy) for heavy in HEAVY), name


def test_the_page_comes_up_without_torch() -> None:
    """In a fresh process, everything that the app imports before the page is up leaves torch alone."""
    names = [name_of(path) for path in sources("app")] + ["model.loading", "model.parsing", "model.engines.fake"]
    code = f"import importlib, sys\nfor name in {names!r}: importlib.import_module(name)\n"
    code += f"print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip().splitlines()[-1] == "[]"
