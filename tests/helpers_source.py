"""The project's own files, as the tests that guard them see them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# Each folder of sources, and the package that it is.
FOLDERS = {
    "compiler": "gatec",
    "backends": "gatec.backends",
    "boards": "gatec.boards",
    "frontends": "gatec.frontends",
    "passes": "gatec.passes",
    "sim": "gatec.sim",
}
_TEXT = {".py", ".toml", ".md", ".txt", ".sv", ".v", ".pcf", ".tcl", ""}


def shipped_files() -> dict[str, Path]:
    """Return every file that the wheel must hold, by its path inside the wheel."""
    files = {}
    for folder, package in FOLDERS.items():
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                inside = path.relative_to(ROOT / folder).as_posix()
                files[f"{package.replace('.', '/')}/{inside}"] = path
    return files


def modules() -> dict[str, Path]:
    """Return every module of gatec by its dotted name."""
    found = {}
    for inside, path in shipped_files().items():
        if path.suffix == ".py":
            name = inside.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
            found[name] = path
    return found


def text_files() -> Iterator[Path]:
    """Yield the project's text files: sources, tests, configuration, documentation."""
    folders = [ROOT / name for name in (*FOLDERS, "tests", ".ci")]
    # In a git worktree, `.git` is a file that names the machine's folders.
    top = [path for path in ROOT.iterdir() if path.name != ".git"]
    for path in sorted([*top, *(p for f in folders for p in f.rglob("*"))]):
        if path.is_file() and path.suffix in _TEXT and "__pycache__" not in path.parts:
            yield path


@cache
def parsed(path: Path) -> ast.Module:
    """Return a file's syntax tree."""
    return ast.parse(path.read_text(), str(path))


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the line and dotted name of everything that a file imports, anywhere in it.

    `from a import b` gives `a.b`, whether `b` is a module or a name.
    """
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield node.lineno, f"{'.' * node.level}{node.module or ''}.{alias.name}"
