"""The structure: who may import whom, and what the packages say of themselves."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

import sslvqa

SOURCE = Path(sslvqa.__file__).parent

# package → the packages of sslvqa that it may import
MAY_IMPORT = {
    "errors": set(),
    "locks": set(),
    "video": {"errors"},
    "sampling": {"errors", "video"},
    "distort": {"errors", "video", "sampling"},
    "evaluate": {"errors"},
    "nn": {"errors"},
    "losses": {"errors", "nn"},
    "methods": {"errors", "sampling", "nn", "losses"},
    "maps": {"errors", "video", "sampling"},
    "hub": {"errors", "nn", "sampling"},
    "scoring": {"errors", "video", "sampling", "nn", "hub", "maps"},
    "metric": {"errors", "video", "scoring"},
    "watch": {"errors", "locks", "data", "scoring"},
    "report": {"errors", "video", "sampling", "maps", "scoring"},
    "data": {"errors", "video", "sampling", "distort"},
    "rate": {"errors", "evaluate", "data"},
    "train": {
        *("errors", "video", "sampling", "distort", "data", "nn"),
        *("losses", "methods", "hub", "scoring", "evaluate"),
    },
    "reproduce": {"errors", "distort", "data", "evaluate", "hub", "scoring", "train"},
    "bench": {"errors", "video", "sampling", "nn", "hub", "scoring"},
    "web": {"errors", "locks", "video", "sampling", "maps", "hub", "scoring", "data", "rate", "train", "api"},
    "peers": {"errors", "video", "evaluate"},
    "api": {"errors", "video", "sampling", "nn", "hub", "scoring", "maps"},
}


def package_of(path: Path) -> str:
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return parts[0]


def imported_packages(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module] if node.module != "sslvqa" else [f"sslvqa.{a.name}" for a in node.names]
        elif isinstance(node, ast.Import):
            names = [a.name for a in node.names]
        found |= {name.split(".")[1] for name in names if name.startswith("sslvqa.")}
    return found


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda p: str(p.relative_to(SOURCE)))
def test_imports_go_one_way(path):
    package = package_of(path)
    if package in {"__init__", "__main__", "cli"}:
        return
    assert package in MAY_IMPORT, f"{package} is new: say in this test what it may import"
    wrong = imported_packages(path) - MAY_IMPORT[package] - {package, "__version__"}
    assert not wrong, f"{path} imports {sorted(wrong)}"


def test_evaluate_needs_no_torch():
    for path in (SOURCE / "evaluate").glob("*.py"):
        assert "torch" not in path.read_text(), path


def test_ray_is_imported_only_when_it_is_used():
    assert not [
        path for path in SOURCE.rglob("*.py") if re.search(r"^(import|from) ray", path.read_text(), re.M)
    ]


def test_public_names_are_sorted_and_exist():
    for info in pkgutil.walk_packages([str(SOURCE)], "sslvqa."):
        if info.name.endswith("__main__"):
            continue
        module = importlib.import_module(info.name)
        names = getattr(module, "__all__", [])
        kinds = sorted(names, key=lambda word: (not word.isupper(), not word[0].isupper(), word))  # RUF022
        assert list(names) in (kinds, sorted(names, key=str.lower), sorted(names)), info.name
        for name in names:
            assert getattr(module, name) is not None, f"{info.name}.{name}"


def test_importing_the_package_does_not_import_torch():
    code = "import sslvqa, sys; raise SystemExit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_score_starts_without_what_it_does_not_use(model_dir, make_video):
    code = (
        "import sys; from sslvqa import Scorer; "
        f"Scorer({str(model_dir)!r}, backend='torch').score({str(make_video())!r}); "
        "raise SystemExit(str({'scipy', 'matplotlib', 'torch._dynamo'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert found.stderr == "set()\n"
