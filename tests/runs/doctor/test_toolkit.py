"""Python, packages, torch and caches: what is missing, and the words that mend it."""

import tomllib
from pathlib import Path

import pytest

from flare_core.runs.doctor import toolkit
from flare_core.runs.doctor.machine import Answer, floor
from flare_core.runs.doctor.toolkit import Torch
from tests.doctor_tools import TORCH, programs, versions, which

PROJECT = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())["project"]
CPU = Torch(version="2.13.0+cpu", threads=4)


def test_floors_can_be_read_from_the_projects_own_requirements() -> None:
    assert floor(PROJECT["requires-python"]) == "3.11"
    assert all(wish.endswith(f">={floor(wish)}") for wish in PROJECT["dependencies"])


@pytest.mark.parametrize("version", ["3.11.0", "3.12.1", "3.13.0rc1"])
def test_a_python_that_is_new_enough_is_ok(version: str) -> None:
    assert toolkit.check_python(version, ">=3.11", which()).state == "ok"


def test_an_old_python_is_mended_by_a_newer_one_that_is_there_else_by_installing_one() -> None:
    found = toolkit.check_python("3.9.18", ">=3.11", which("python3.12", "apt-get"))
    assert (found.state, found.found) == ("missing", "3.9.18; >=3.11 is needed")
    assert found.mend == "rm -rf .venv && PYTHON=/usr/bin/python3.12 make setup"
    found = toolkit.check_python("3.9.18", ">=3.11", which("dnf", "sudo"))
    assert found.mend == "sudo dnf install -y python3.11"


def test_missing_and_old_packages_are_mended_by_one_command() -> None:
    wishes = ("numpy>=2.0", "numba>=0.61", "rich>=13.9", "torch>=2.6", "pytest>=8; extra == 'dev'")
    found = toolkit.check_packages(wishes, versions(numpy="1.26.4", rich="15.0.0"), "/a b/python")
    assert (found.state, found.is_optional) == ("missing", False)
    assert found.found == "no numba; numpy 1.26.4, numpy>=2.0 is needed"
    assert found.mend == "'/a b/python' -m pip install 'numba>=0.61' 'numpy>=2.0'"


def test_packages_that_are_there_are_ok() -> None:
    assert toolkit.check_packages(("numpy>=2.0", "torch>=2.6"), versions(torch=None), "python").state == "ok"


def test_torch_is_asked_in_a_process_of_its_own() -> None:
    _, run = programs(python=Answer(code=0, text=f"a banner\n{TORCH}\n"))
    assert toolkit.ask_torch("/venv/bin/python", run) == CPU


@pytest.mark.parametrize(
    "answer", [Answer(code=1, complaint="ImportError: libcudart.so.13"), Answer(code=None, complaint="no answer within 60 s")]
)
def test_a_torch_that_cannot_be_imported_is_installed_anew(answer: Answer) -> None:
    torch = toolkit.ask_torch("python", programs(python=answer)[1])
    found = toolkit.check_torch(torch, "torch>=2.6", "2.13.0+cpu", "python")
    assert (found.state, found.is_optional) == ("missing", False)
    assert found.found == f"2.13.0+cpu cannot be imported: {answer.complaint}"
    assert found.mend == "python -m pip install --force-reinstall torch==2.13.0"


@pytest.mark.parametrize("text", ["", "hello", "[1]", '{"version": "2.13.0"}'])
def test_an_answer_that_makes_no_sense_is_a_fault_of_torch(text: str) -> None:
    assert toolkit.ask_torch("python", programs(python=Answer(code=0, text=text))[1]).fault == f"it answered {text!r}"


def test_no_torch_and_an_old_torch() -> None:
    found = toolkit.check_torch(Torch(fault="ModuleNotFoundError"), "torch>=2.6", None, "python")
    assert (found.state, found.mend) == ("missing", "python -m pip install 'torch>=2.6'")
    found = toolkit.check_torch(Torch(version="2.5.1"), "torch>=2.6", "2.5.1", "python")
    assert (found.state, found.mend) == ("missing", "python -m pip install --upgrade 'torch>=2.6'")


def test_torch_tells_its_build_and_threads() -> None:
    assert toolkit.check_torch(CPU, "torch>=2.6", "2.13.0+cpu", "python").found == "2.13.0+cpu, for the CPU, 4 threads"
    built = Torch(version="2.13.0", cuda="13.0", threads=8)
    assert toolkit.check_torch(built, "torch>=2.6", "2.13.0", "python").found == "2.13.0, for CUDA or ROCm 13.0, 8 threads"


def test_without_a_folder_for_kernels_the_toolkit_cannot_work(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    closed = tmp_path / "file" / "closed"
    found = toolkit.check_kernels({"NUMBA_CACHE_DIR": str(closed)}, closed, closed, tmp_path, "Linux")
    assert (found.state, found.is_optional) == ("missing", False)
    assert found.mend == f'export NUMBA_CACHE_DIR="$(mktemp -d -p {tmp_path})"'
    assert toolkit.check_kernels({"NUMBA_CACHE_DIR": str(tmp_path)}, closed, closed, tmp_path, "Linux").state == "ok"  # mended


def test_a_chosen_folder_for_kernels_that_is_closed_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    found = toolkit.check_kernels({"NUMBA_CACHE_DIR": str(tmp_path / "file")}, tmp_path, tmp_path, tmp_path, "Linux")
    assert (found.state, found.mend) == ("warning", "unset NUMBA_CACHE_DIR")


def test_houses_that_cannot_be_kept_are_a_warning(tmp_path: Path) -> None:
    assert toolkit.check_houses(tmp_path, tmp_path).state == "ok"
    (tmp_path / "file").touch()
    found = toolkit.check_houses(tmp_path / "file", tmp_path)
    assert (found.state, found.mend) == ("warning", f'export HOME="$(mktemp -d -p {tmp_path})"')
    assert not (tmp_path / ".cache").exists()  # nothing was made by looking
