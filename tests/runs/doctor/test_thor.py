"""What AI2-THOR's client needs, on machines that lack it."""

import json
from pathlib import Path

import pytest

from flare_core.runs.doctor import thor
from flare_core.runs.doctor.diagnosis import Finding
from flare_core.runs.doctor.machine import Answer
from tests.doctor_tools import NVIDIA_LISTS, which

SEES = Answer(code=0, text="GPU0:\n\tdeviceName        = NVIDIA H200\n\tdeviceUUID = 1\n")
FAILS = Answer(code=1, complaint="vkCreateInstance failed with ERROR_INCOMPATIBLE_DRIVER")
NVIDIA = Answer(code=0, text=NVIDIA_LISTS)
APT = which("apt-get")
VULKAN = Finding(name="Vulkan loader", needed_for="AI2-THOR", state="ok", found="libvulkan.so.1")
NO_VULKAN = thor.check_loader("Linux", lambda name: None, APT)


def asked(chosen: str, home: Path, told: Answer | None, nvidia: Answer | None) -> Finding:
    return thor.check_vulkaninfo({"CUDA_VISIBLE_DEVICES": chosen}, home, told, nvidia, APT)


def display(value: str | None, sockets: Path, loader: Finding = VULKAN) -> Finding:
    return thor.check_display({} if value is None else {"DISPLAY": value}, sockets, "Linux", loader)


def test_the_client_of_a_commit_is_older_than_the_one_that_is_needed() -> None:
    assert thor.check_client("5.0.0", "ai2thor>=5.0.0", "python").state == "ok"
    old = thor.check_client("0+966bd7758586e05d18f6181f459c0e90ba318bec", "ai2thor>=5.0.0", "python")
    assert (old.state, old.mend) == ("missing", "python -m pip install --upgrade 'ai2thor>=5.0.0'")
    none = thor.check_client(None, "ai2thor>=5.0.0", "python")
    assert (none.is_optional, none.mend) == (True, "python -m pip install 'ai2thor>=5.0.0'")


@pytest.mark.parametrize(
    ("programs", "mend"),
    [
        (("apt-get", "sudo"), "sudo apt-get update && sudo apt-get install -y libvulkan1"),
        (("apt-get",), "apt-get update && apt-get install -y libvulkan1"),
        (("dnf", "sudo"), "sudo dnf install -y vulkan-loader"),
        (("pacman",), "pacman -S --noconfirm vulkan-icd-loader"),
        (("zypper",), "zypper --non-interactive install libvulkan1"),
        ((), "apt-get update && apt-get install -y libvulkan1"),
    ],
)
def test_the_loader_is_installed_by_the_manager_that_is_there(programs: tuple[str, ...], mend: str) -> None:
    found = thor.check_loader("Linux", lambda name: None, which(*programs))
    assert (found.state, found.is_optional, found.mend) == ("missing", True, mend)


def test_a_mac_needs_neither_vulkan_nor_a_display(tmp_path: Path) -> None:
    assert thor.check_loader("Darwin", lambda name: None, APT).state == "ok"
    assert thor.check_display({}, tmp_path, "Darwin", NO_VULKAN).state == "ok"


def test_a_chosen_gpu_needs_vulkaninfo(tmp_path: Path) -> None:
    found = asked("0", tmp_path, None, NVIDIA)
    assert (found.state, found.is_optional) == ("missing", True)
    assert found.found == "none, and CUDA_VISIBLE_DEVICES=0 makes the client ask for it"
    assert found.mend == "apt-get update && apt-get install -y vulkan-tools"
    assert asked("0", tmp_path, SEES, NVIDIA).found == "Vulkan draws with NVIDIA H200"


@pytest.mark.parametrize("chosen", ["", "GPU-1", "-1"])
def test_without_a_number_nobody_asks_for_vulkaninfo(tmp_path: Path, chosen: str) -> None:
    assert asked(chosen, tmp_path, None, NVIDIA).state == "ok"


@pytest.mark.parametrize(("told", "nvidia"), [(FAILS, NVIDIA), (SEES, None), (None, None), (SEES, Answer(code=9))])
def test_where_the_client_would_fail_the_choice_of_a_gpu_is_taken_back(tmp_path: Path, told: Answer | None, nvidia: Answer | None) -> None:
    found = asked("1,0", tmp_path, told, nvidia)
    assert (found.state, found.mend) == ("missing", "unset CUDA_VISIBLE_DEVICES")


def test_with_the_clients_mapping_nobody_asks_for_vulkaninfo(tmp_path: Path) -> None:
    mapping = tmp_path / ".ai2thor" / "cuda-vulkan-mapping.json"
    mapping.parent.mkdir()
    mapping.write_text(json.dumps({"0": 0}))
    assert asked("0", tmp_path, None, None).state == "ok"
    assert asked("3", tmp_path, None, None).mend == f"rm {mapping}"
    for damaged in ("", "7", "{"):
        mapping.write_text(damaged)
        assert asked("0", tmp_path, None, None).mend == f"rm {mapping}"


def test_a_vulkan_without_a_driver_is_a_warning_though_nobody_chose_a_gpu(tmp_path: Path) -> None:
    found = asked("", tmp_path, FAILS, None)
    assert (found.state, found.mend) == ("warning", "apt-get update && apt-get install -y mesa-vulkan-drivers")
    assert "ERROR_INCOMPATIBLE_DRIVER" in found.found


def test_no_display_needs_cloud_rendering_and_that_needs_vulkan(tmp_path: Path) -> None:
    assert display(None, tmp_path).found == "none; use platform CloudRendering, which needs none"
    found = display(None, tmp_path, NO_VULKAN)
    assert (found.state, found.is_optional, found.mend) == ("missing", True, NO_VULKAN.mend)


@pytest.mark.parametrize("value", [":1", ":1.0", "unix:1", "1"])
def test_a_display_with_its_socket_is_ok(tmp_path: Path, value: str) -> None:
    (tmp_path / "X1").touch()
    assert display(value, tmp_path, NO_VULKAN).state == "ok"
    (tmp_path / "X1").rename(tmp_path / "X2")
    found = display(value, tmp_path)  # the control
    assert (found.state, found.mend) == ("warning", "export DISPLAY=:2")


@pytest.mark.parametrize("value", [":7", "nonsense", "wayland-0"])
def test_a_display_that_nobody_serves_is_taken_back(tmp_path: Path, value: str) -> None:
    found = display(value, tmp_path / "absent")
    assert (found.state, found.mend) == ("warning", "unset DISPLAY")
    assert "use platform CloudRendering" in found.found


def test_a_forwarded_display_is_taken_at_its_word(tmp_path: Path) -> None:
    assert display("localhost:10.0", tmp_path).found == "DISPLAY=localhost:10.0, not tried"


def test_an_x_server_is_found_without_display_being_set(tmp_path: Path) -> None:
    (tmp_path / "X12").touch()
    (tmp_path / "Xlock").touch()
    assert thor.find_display({}, tmp_path) == ":12"
    assert display(None, tmp_path, NO_VULKAN).state == "ok"


def test_named_pipes_can_be_made_in_a_usual_folder(tmp_path: Path) -> None:
    def pipe(path: Path) -> None:
        path.touch()

    assert thor.check_pipes((tmp_path,), pipe).state == "ok"
    assert list(tmp_path.iterdir()) == []


def test_where_no_pipe_can_be_made_another_folder_takes_over(tmp_path: Path) -> None:
    good, bad = tmp_path / "good one", tmp_path / "bad"
    good.mkdir()
    bad.mkdir()

    def pipe(path: Path) -> None:
        if bad in path.parents:
            raise PermissionError(1, "Operation not permitted", str(path))

    found = thor.check_pipes((bad, tmp_path / "absent", good), pipe)
    assert (found.state, found.is_optional) == ("missing", True)
    assert found.found == f"none can be made in {bad}: Operation not permitted"
    assert found.mend == f"export TMPDIR='{good}'"


def test_without_pipes_a_new_werkzeug_hangs() -> None:
    found = thor.check_wsgi("3.1.3", "3.1.9", "python")
    assert (found.state, found.mend) == ("missing", "python -m pip install 'flask<2.1' 'werkzeug<2.1'")
    assert thor.check_wsgi("2.0.3", "2.0.3", "python").state == "ok"
