"""The GPU as the driver knows it, and as torch does."""

import re
from collections.abc import Mapping
from typing import Final

from flare_core.runs.doctor.diagnosis import Finding
from flare_core.runs.doctor.machine import Answer, Run, Which, numbers
from flare_core.runs.doctor.remedies import driver_cuda, quoted, sudo, torch_command
from flare_core.runs.doctor.toolkit import Torch

LIMIT_S: Final = 20.0  # without its persistence daemon the driver wakes up slowly


def ask_nvidia(which: Which, run: Run, *words: str) -> Answer | None:
    """What nvidia-smi says; None where there is none."""
    return run(["nvidia-smi", *words], LIMIT_S) if which("nvidia-smi") else None


def cards(listed: Answer | None) -> tuple[str, ...]:
    """Names of the GPUs that `nvidia-smi -L` lists."""
    return tuple(re.findall(r"^GPU \d+: (.+?)(?: \(UUID|$)", "" if listed is None else listed.text, flags=re.MULTILINE))


def check_gpu(torch: Torch, environment: Mapping[str, str], python: str, which: Which, run: Run) -> Finding:
    """Whether torch can use the GPU that the machine has."""
    if torch.gpus:
        return Finding(name="GPU", needed_for="GPU", state="ok", found=f"torch sees {_counted(torch.gpus)}")
    listed = ask_nvidia(which, run, "-L")
    if listed is None:
        return Finding(name="GPU", needed_for="GPU", state="ok", found="none of NVIDIA's, and none is needed")
    if listed.code != 0:
        said = listed.text.strip().splitlines()[:1] or [listed.complaint]  # nvidia-smi puts its complaints into its output
        does_mismatch = "mismatch" in f"{listed.text} {listed.complaint}"
        mend = f"{sudo(which)}reboot" if does_mismatch else f"{sudo(which)}modprobe nvidia"
        return Finding(name="GPU", needed_for="GPU", state="warning", found=f"nvidia-smi fails: {said[0]}", mend=mend)
    there = cards(listed)
    if not there:
        return Finding(name="GPU", needed_for="GPU", state="ok", found="nvidia-smi lists none, and none is needed")
    found, mend = _why_unseen(torch, there, environment, python, which, run)
    return Finding(name="GPU", needed_for="GPU", state="warning", found=found, mend=mend)


def _why_unseen(
    torch: Torch, there: tuple[str, ...], environment: Mapping[str, str], python: str, which: Which, run: Run
) -> tuple[str, str]:
    """What is there, and the command that makes torch see it."""
    told = ask_nvidia(which, run)
    driver = driver_cuda("" if told is None else told.text)
    if torch.fault:
        return f"{_counted(there)}; torch cannot be imported", f"{quoted(python)} -c 'import torch'"
    if torch.cuda is None:
        return f"{_counted(there)}, but torch {torch.version} is built for the CPU", torch_command(python, torch.version, driver)
    hidden = environment.get("CUDA_VISIBLE_DEVICES")
    if hidden is not None and not re.match(r"\s*(\d|GPU-|MIG-)", hidden):
        return f"{_counted(there)}, hidden from torch by CUDA_VISIBLE_DEVICES={hidden!r}", "unset CUDA_VISIBLE_DEVICES"
    if driver and driver[0] < numbers(torch.cuda)[0]:
        version = ".".join(map(str, driver))
        found = f"{_counted(there)}, but torch {torch.version} is built for CUDA {torch.cuda} and the driver speaks {version}"
        return found, torch_command(python, torch.version, driver)
    return f"{_counted(there)}, but torch does not see it; the command says why", f"{quoted(python)} -c 'import torch; torch.cuda.init()'"


def _counted(names: tuple[str, ...]) -> str:
    return ", ".join(f"{names.count(name)} x {name}" for name in dict.fromkeys(names))
