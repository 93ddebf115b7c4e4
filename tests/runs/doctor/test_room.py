"""Disks and memory, full and empty."""

from pathlib import Path

import pytest

from flare_core.runs.doctor import room
from tests.doctor_tools import GB, which

MEMINFO = (
    "MemTotal: {total} kB\nMemFree: 1 kB\nMemAvailable: {available} kB\nSwapTotal: {swap} kB\nSwapFree: {swap} kB\nHugePages_Total: 0\n"
)


def empty(folder: Path) -> int:
    return 50 * GB


def full(folder: Path) -> int:
    return 0


def hidden(folder: Path) -> int:
    raise PermissionError(13, "Permission denied", str(folder))


def meminfo(root: Path, total_gb: float, available_gb: float, swap_gb: float = 0.0) -> Path:
    sizes = {"total": total_gb, "available": available_gb, "swap": swap_gb}
    (root / "proc").mkdir(exist_ok=True)
    (root / "proc" / "meminfo").write_text(MEMINFO.format(**{name: round(gb * GB / 1024) for name, gb in sizes.items()}))
    return root


def test_a_full_disk_stops_the_toolkit(tmp_path: Path) -> None:
    found = room.check_home_disk(tmp_path, full, "python", tmp_path)
    assert (found.state, found.is_optional) == ("missing", False)
    assert found.found == "0.0 GB free; houses and kernels take 0.5 GB"
    assert found.mend == f"du -xh --max-depth=2 {tmp_path} | sort -h | tail -n 20"
    assert room.check_home_disk(tmp_path, empty, "python", tmp_path).found == "50.0 GB free"


def test_what_pip_keeps_is_the_first_to_go(tmp_path: Path) -> None:
    (tmp_path / ".cache" / "pip").mkdir(parents=True)
    assert room.clear_command(tmp_path, "python").startswith("du ")  # an empty one frees nothing
    (tmp_path / ".cache" / "pip" / "http").touch()
    assert room.clear_command(tmp_path, "/a b/python") == "'/a b/python' -m pip cache purge"


def test_a_full_current_folder_is_left_for_home_if_home_has_room(tmp_path: Path) -> None:
    here, home = tmp_path / "here", tmp_path / "my home"
    here.mkdir()
    home.mkdir()
    found = room.check_here_disk(here, home, lambda folder: 50 * GB if folder == home else 0)
    assert (found.state, found.mend) == ("missing", f"cd '{home}'")
    assert room.check_here_disk(here, home, full).mend == f"du -xh --max-depth=2 {here} | sort -h | tail -n 20"
    assert room.check_here_disk(here, home, empty).state == "ok"


def test_room_for_a_build_is_optional(tmp_path: Path) -> None:
    found = room.check_build_disk(tmp_path, lambda folder: 2 * GB, "python", tmp_path)
    assert (found.state, found.is_optional) == ("missing", True)
    assert "estimate" in found.found
    assert room.check_build_disk(tmp_path, empty, "python", tmp_path).state == "ok"


def test_a_home_that_cannot_be_looked_at_is_a_warning(tmp_path: Path) -> None:
    for found in (room.check_home_disk(tmp_path, hidden, "python", tmp_path), room.check_build_disk(tmp_path, hidden, "python", tmp_path)):
        assert (found.state, found.mend) == ("warning", f'export HOME="$(mktemp -d -p {tmp_path})"')
    assert room.check_here_disk(tmp_path, tmp_path, hidden).state == "warning"


def test_room_of_a_folder_that_is_still_to_be_made_is_that_of_its_parent(tmp_path: Path) -> None:
    asked = []
    assert room.free_gb(tmp_path / "a" / "b", lambda folder: asked.append(folder) or GB) == 1.0
    assert asked == [tmp_path]


def test_memory_that_others_take_is_a_warning_and_too_little_is_missing(tmp_path: Path) -> None:
    assert room.check_memory(meminfo(tmp_path, 16, 12), which()).found == "12.0 GB available of 16.0 GB"
    taken = room.check_memory(meminfo(tmp_path, 16, 1), which())
    assert (taken.state, taken.mend) == ("warning", "ps -eo rss,pid,args --sort=-rss | head -n 15")
    small = room.check_memory(meminfo(tmp_path, 1, 0.8), which("sudo"))
    assert (small.state, small.is_optional) == ("missing", False)
    assert small.mend.startswith("sudo fallocate -l 4G /swapfile && sudo chmod 600 /swapfile && ")
    assert room.check_memory(meminfo(tmp_path, 1, 0.8, swap_gb=4), which()).state == "ok"  # mended


@pytest.mark.parametrize("place", ["memory.max", "memory/memory.limit_in_bytes"])
def test_the_limit_of_a_container_counts(tmp_path: Path, place: str) -> None:
    path = meminfo(tmp_path, 16, 12) / "sys" / "fs" / "cgroup" / place
    path.parent.mkdir(parents=True)
    path.write_text(f"{GB}\n")
    found = room.check_memory(tmp_path, which())
    assert (found.state, found.found.split(";")[0]) == ("missing", "1.0 GB available of 1.0 GB, the limit of the container")
    for none in ("max\n", "9223372036854771712\n"):
        path.write_text(none)
        assert room.check_memory(tmp_path, which()).found == "12.0 GB available of 16.0 GB"


@pytest.mark.parametrize("text", [None, "", "MemTotal: many kB\n"])
def test_memory_that_is_not_told_is_no_fault(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "proc").mkdir()
        (tmp_path / "proc" / "meminfo").write_text(text)
    assert room.check_memory(tmp_path, which()).found == "not told by this system"


def test_shared_memory_is_needed_on_linux_only(tmp_path: Path) -> None:
    assert room.check_shared_memory(tmp_path, "Darwin", empty, which()).state == "ok"
    found = room.check_shared_memory(tmp_path, "Linux", empty, which("sudo"))
    assert (found.state, found.is_optional) == ("missing", False)
    assert found.mend == "sudo mkdir -p /dev/shm && sudo mount -t tmpfs tmpfs /dev/shm"
    (tmp_path / "dev" / "shm").mkdir(parents=True)
    assert room.check_shared_memory(tmp_path, "Linux", empty, which()).found == "50.0 GB free in /dev/shm"


@pytest.mark.parametrize(("mode", "mend"), [(0o755, "chmod 1777 /dev/shm"), (0o777, "mount -o remount,rw /dev/shm")])
def test_closed_shared_memory_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int, mend: str) -> None:
    (tmp_path / "dev" / "shm").mkdir(parents=True)
    (tmp_path / "dev" / "shm").chmod(mode)
    monkeypatch.setattr(room, "is_writable", lambda folder: False)
    assert room.check_shared_memory(tmp_path, "Linux", empty, which()).mend == mend
