"""The GPU that the driver lists against the one that torch sees."""

import pytest

from flare_core.runs.doctor.gpu import check_gpu
from flare_core.runs.doctor.machine import Answer
from flare_core.runs.doctor.remedies import driver_cuda, torch_command
from flare_core.runs.doctor.toolkit import Torch
from tests.doctor_tools import NVIDIA_LISTS, programs

CPU = Torch(version="2.13.0+cpu", threads=4)
CUDA = Torch(version="2.13.0", cuda="13.0", threads=4)
PIP = "python -m pip install --force-reinstall "


def driver(version: str, lists: Answer = Answer(code=0, text=NVIDIA_LISTS)) -> dict[str, Answer]:  # noqa: B008
    return {"nvidia-smi": Answer(code=0, text=f"| NVIDIA-SMI 1   Driver Version: 1   CUDA Version: {version}  |"), "nvidia-smi-L": lists}


def test_no_gpu_is_no_fault() -> None:
    found = check_gpu(CPU, {}, "python", *programs())
    assert (found.state, found.found) == ("ok", "none of NVIDIA's, and none is needed")
    nothing = programs(**driver("13.0", Answer(code=0, text="")))
    assert check_gpu(CPU, {}, "python", *nothing).state == "ok"


def test_a_gpu_with_a_cpu_wheel_is_a_warning_with_the_command() -> None:
    found = check_gpu(CPU, {}, "python", *programs(**driver("13.2")))
    assert (found.state, found.is_optional) == ("warning", True)
    assert found.found == "2 x NVIDIA H200, but torch 2.13.0+cpu is built for the CPU"
    assert found.mend == f"{PIP}torch==2.13.0"


def test_a_gpu_that_torch_sees_is_ok() -> None:
    torch = Torch(version="2.13.0", cuda="13.0", threads=4, gpus=("NVIDIA H200", "NVIDIA H200"))
    assert check_gpu(torch, {}, "python", *programs()).found == "torch sees 2 x NVIDIA H200"


@pytest.mark.parametrize("hidden", ["", "-1", " NoDevFiles"])
def test_a_hidden_gpu_is_shown_again(hidden: str) -> None:
    found = check_gpu(CUDA, {"CUDA_VISIBLE_DEVICES": hidden}, "python", *programs(**driver("13.0")))
    assert (found.state, found.mend) == ("warning", "unset CUDA_VISIBLE_DEVICES")


@pytest.mark.parametrize("chosen", ["0", "1,0", "GPU-1", "MIG-1"])
def test_a_chosen_gpu_is_not_hidden(chosen: str) -> None:
    found = check_gpu(CUDA, {"CUDA_VISIBLE_DEVICES": chosen}, "python", *programs(**driver("13.0")))
    assert found.mend == "python -c 'import torch; torch.cuda.init()'"


def test_a_driver_that_is_too_old_for_the_wheel_gets_an_older_wheel() -> None:
    found = check_gpu(CUDA, {}, "python", *programs(**driver("12.4")))
    assert found.found == "2 x NVIDIA H200, but torch 2.13.0 is built for CUDA 13.0 and the driver speaks 12.4"
    assert found.mend == f"{PIP}torch==2.13.0 --index-url https://download.pytorch.org/whl/cu126"


@pytest.mark.parametrize(
    ("version", "speaks", "words"),
    [
        ("2.13.0+cpu", (), "torch==2.13.0"),
        ("2.13.0+cpu", (13, 0), "torch==2.13.0"),
        ("2.14.1", (12, 8), "torch==2.14.1 --index-url https://download.pytorch.org/whl/cu126"),
        ("2.15.0", (12, 8), "'torch>=2.6,<2.15' --index-url https://download.pytorch.org/whl/cu126"),
        ("2.7.1+cpu", (11, 8), "torch==2.7.1 --index-url https://download.pytorch.org/whl/cu118"),
        ("2.13.0", (11, 4), "'torch>=2.6,<2.8' --index-url https://download.pytorch.org/whl/cu118"),
    ],
)
def test_the_wheel_is_one_that_the_driver_can_run(version: str, speaks: tuple[int, ...], words: str) -> None:
    assert torch_command("python", version, speaks) == PIP + words


@pytest.mark.parametrize(
    ("said", "mend"),
    [
        ("Failed to initialize NVML: Driver/library version mismatch\nNVML library version: 580.1\n", "reboot"),
        ("NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.\n", "modprobe nvidia"),
    ],
)
def test_a_driver_that_does_not_answer(said: str, mend: str) -> None:
    found = check_gpu(CPU, {}, "python", *programs(**driver("13.0", Answer(code=9, text=said, complaint="exit code 9"))))
    assert (found.state, found.mend) == ("warning", mend)
    assert found.found == f"nvidia-smi fails: {said.splitlines()[0]}"


def test_a_driver_that_hangs_is_named() -> None:
    hangs = Answer(code=None, complaint="no answer within 20 s")
    assert check_gpu(CPU, {}, "python", *programs(**driver("13.0", hangs))).found == "nvidia-smi fails: no answer within 20 s"


def test_a_torch_that_cannot_be_imported_says_so_itself() -> None:
    found = check_gpu(Torch(fault="ImportError"), {}, "python", *programs(**driver("13.0")))
    assert (found.state, found.mend) == ("warning", "python -c 'import torch'")


@pytest.mark.parametrize(("text", "speaks"), [("| CUDA Version: 12.4     |", (12, 4)), ("CUDA UMD Version: 13.2", (13, 2)), ("", ())])
def test_the_drivers_cuda_is_read_from_its_heading(text: str, speaks: tuple[int, ...]) -> None:
    assert driver_cuda(text) == speaks
