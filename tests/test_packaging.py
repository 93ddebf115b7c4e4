"""The habits that packaging rests on: one place for each module, links, what the distributions hold, how a command starts."""

import ast
import importlib
import importlib.util
import os
import pkgutil
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

import flare_core

ROOT = Path(__file__).resolve().parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LINKS = ("embodiments", "adapters", "specs", "cli.py")
ONE_SHOT = "import importlib, sys; importlib.import_module(sys.argv[1]); print(*sys.modules)"


def load_script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def modules() -> list[str]:
    return [module.name for module in pkgutil.walk_packages(flare_core.__path__, "flare_core.")]


@pytest.mark.parametrize("name", LINKS)
def test_the_checkout_links_its_top_level_folders_into_the_package(name: str) -> None:
    link = ROOT / "flare_core" / name
    assert os.readlink(link) == f"../{name}"


def test_no_file_is_loaded_as_two_modules() -> None:
    for name in modules():
        importlib.import_module(name)
    places: dict[str, str] = {}
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file and Path(file).resolve().is_relative_to(ROOT) and not name.startswith(("tests", "conftest")) and ".venv" not in file:
            real = str(Path(file).resolve())
            assert places.setdefault(real, name) == name, f"{real} is both {places[real]} and {name}"
    assert len(places) >= len(modules())


def test_packages_hold_one_docstring_and_nothing_else() -> None:
    for path in (*ROOT.glob("flare_core/**/__init__.py"), ROOT / "embodiments/__init__.py", ROOT / "adapters/__init__.py"):
        if path == ROOT / "flare_core/__init__.py":
            continue  # offers the public calls lazily
        body = ast.parse(path.read_text()).body
        assert len(body) == 1, f"{path.relative_to(ROOT)} holds more than a docstring"
        assert isinstance(body[0], ast.Expr)


def test_every_folder_with_modules_is_a_package() -> None:
    for path in (*ROOT.glob("flare_core/**/*.py"), *ROOT.glob("embodiments/**/*.py"), *ROOT.glob("adapters/**/*.py")):
        assert (path.parent / "__init__.py").is_file(), f"{path.parent.relative_to(ROOT)} lacks __init__.py"


def test_every_module_stands_in_the_order_of_imports() -> None:
    (contract,) = PYPROJECT["tool"]["importlinter"]["contracts"]
    listed = {name.strip(" ()") for layer in contract["layers"] for name in layer.replace(":", "|").split("|")}
    leaves = {name for name in modules() if name.count(".") == (2 if name.startswith("flare_core.adapters.") else 1)}
    assert leaves - {"flare_core.adapters"} - listed == set()


def test_every_constraint_is_a_pin_and_torch_comes_first() -> None:
    pins = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    assert pins[0] == "torch==2.13.0"
    assert all(pin.count("==") == 1 for pin in pins)
    names = {pin.split("==")[0].lower().replace("_", "-") for pin in pins}
    asked = [*PYPROJECT["project"]["dependencies"], *PYPROJECT["project"]["optional-dependencies"]["dev"]]
    assert {wish.split(">=")[0].lower() for wish in asked} <= names


@pytest.mark.parametrize(("name", "heavy"), [("flare_core", "numpy"), ("flare_core.cli", "torch"), ("flare_core.cli", "ai2thor")])
def test_what_starts_a_command_stays_light(name: str, heavy: str) -> None:
    done = subprocess.run([sys.executable, "-c", ONE_SHOT, name], cwd=ROOT, capture_output=True, text=True, check=True)
    assert heavy not in done.stdout.split()


def test_help_is_quick() -> None:
    command = [sys.executable, "-c", "from flare_core.cli import main; main(['--help'])"]
    subprocess.run(command, cwd=ROOT, capture_output=True, check=True)  # once, so that bytecode exists
    best = min(_seconds(command) for _ in range(3))
    assert best < 0.5 * _slowness()


def test_the_distributions_are_checked_against_each_other_and_against_git() -> None:
    check = load_script("check_dist")
    sdist = {"embodiments/body.py", "flare_core/world.py", "tests/test_world.py", "pyproject.toml", "cli.py"}
    wheel = {"flare_core/embodiments/body.py", "flare_core/world.py", "flare_core/cli.py"}
    mended = [fault for fault in check.faults(sdist, wheel, sdist) if "nothing like" not in fault]
    assert mended == []
    assert "wheel lacks flare_core/embodiments/body.py" in check.faults(sdist, wheel - {"flare_core/embodiments/body.py"}, sdist)
    assert "wheel has flare_core/.env, which the sdist has not" in check.faults(sdist, wheel | {"flare_core/.env"}, sdist)
    assert "sdist lacks specs/a.yaml, which git tracks" in check.faults(sdist, wheel, sdist | {"specs/a.yaml"})
    assert "sdist has notes.txt, which git does not track" in check.faults(sdist | {"notes.txt"}, wheel, sdist)
    assert "wheel has nothing like flare_core/py.typed" in check.faults(sdist, wheel, sdist)


def _seconds(command: list[str]) -> float:
    begin = time.perf_counter()
    subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    return time.perf_counter() - begin


def _slowness() -> float:
    """How much slower than usual this machine is just now: a bare interpreter takes 0.03 s on an idle one."""
    return max(1.0, min(_seconds([sys.executable, "-c", "pass"]) for _ in range(3)) / 0.03)
