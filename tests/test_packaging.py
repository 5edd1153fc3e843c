"""The wheel, the editable install, and the two commands of the README."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from helpers_source import FOLDERS, ROOT, modules, shipped_files

IMPORT_ALL = """
import importlib, json, sys
for name in json.loads(sys.argv[1]):
    importlib.import_module(name)
print(json.dumps({"modules": sorted(sys.modules), "passes": sys.modules["gatec.passes"].__file__}))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel, built from a copy of what setuptools reads."""
    tree = tmp_path_factory.mktemp("tree")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tree)
    for folder in FOLDERS:
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / folder, tree / folder, ignore=ignore)
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", "dist"]
    run = subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    (built,) = (tree / "dist").glob("*.whl")
    return zipfile.ZipFile(built)


def test_wheel_holds_the_tree_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    inside = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert inside == set(shipped_files())


def test_wheel_holds_the_files_as_they_are(wheel: zipfile.ZipFile) -> None:
    changed = [n for n, path in shipped_files().items() if wheel.read(n) != path.read_bytes()]
    assert changed == []


def test_wheel_installs_the_command_and_the_pytest_plugin(wheel: zipfile.ZipFile) -> None:
    (name,) = (n for n in wheel.namelist() if n.endswith("/entry_points.txt"))
    assert wheel.read(name).decode().split() == [
        "[console_scripts]",
        "gatec",
        "=",
        "gatec.cli:main",
        "[pytest11]",
        "gatec",
        "=",
        "gatec.pytest_plugin",
    ]


def test_no_old_build_is_left_to_resurrect_modules() -> None:
    assert not (ROOT / "build" / "lib").exists(), "delete build/lib: an old `pip install .` left it"


def test_every_folder_of_modules_is_a_listed_package() -> None:
    config = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    found = {name if path.name == "__init__.py" else name.rpartition(".")[0]
             for name, path in modules().items()}  # fmt: skip
    assert set(config["packages"]) == found
    mapped = {package: folder for folder, package in FOLDERS.items()}

    def folder_of(package: str) -> str:
        if package in mapped:
            return mapped[package]
        outer, _, name = package.rpartition(".")
        return f"{folder_of(outer)}/{name}"

    expected = {package: folder_of(package) for package in found}
    assert config["package-dir"] == expected


def test_all_modules_import_from_the_tree_by_their_one_name(tmp_path: Path) -> None:
    names = sorted(set(modules()) - {"gatec.__main__"})
    run = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL, json.dumps(names)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    loaded = json.loads(run.stdout)
    assert not set(loaded["modules"]) & set(FOLDERS)
    assert Path(loaded["passes"]) == ROOT / "passes" / "__init__.py"


def readme_commands() -> dict[str, str]:
    """Return the commands of the README that CI runs, by their marker."""
    pattern = r"<!-- ci: (\w+) -->\n```sh\n(.+?)\n```"
    return dict(re.findall(pattern, (ROOT / "README.md").read_text(), re.DOTALL))


def test_readme_has_the_two_commands_as_one_line_each() -> None:
    commands = readme_commands()
    assert set(commands) == {"demo", "test"}
    assert all("\n" not in command for command in commands.values())


def test_ci_runs_the_commands_of_the_readme() -> None:
    for name, command in readme_commands().items():
        run = subprocess.run(
            ["bash", ".ci/readme-command", name],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        assert run.stdout == command + "\n"
        assert f".ci/readme-command {name}" in (ROOT / ".ci" / "run").read_text()


def test_constraints_pin_every_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"].values()
    wanted = [*project["dependencies"], *(entry for extra in extras for entry in extra)]
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pinned = {line.partition("==")[0] for line in lines if "==" in line}
    names = {re.match(r"[A-Za-z0-9-]+", entry)[0].lower() for entry in wanted}  # type: ignore[index]
    assert names - {"gatec"} <= pinned
