"""Room on disks and in memory. Sizes are of runs of our own unless they are called estimates."""

import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final

from flare_core.runs.doctor.diagnosis import Finding, State
from flare_core.runs.doctor.machine import Which, is_writable
from flare_core.runs.doctor.remedies import folder_command, quoted, sudo

Free = Callable[[Path], int]
GB: Final = 1e9
HOME_GB: Final = 0.5  # 2,000 houses take 0.3, kernels a few hundredths
HERE_GB: Final = 0.2  # a run takes 0.05
BUILD_GB: Final = 2.5  # estimate: a zip of 0.5 that unpacks to some 2
MEMORY_GB: Final = 1.5  # fine-tuning with two workers takes up to 1.3


def check_home_disk(home: Path, free: Free, python: str, spare: Path) -> Finding:
    """Room for houses and kernels."""
    name, room = "disk of the home folder", free_gb(home, free)
    if room is None:
        found, mend = f"{home} cannot be looked at", folder_command("HOME", spare)
        return Finding(name=name, needed_for="toolkit", state="warning", found=found, mend=mend)
    if room >= HOME_GB:
        return Finding(name=name, needed_for="toolkit", state="ok", found=f"{room:.1f} GB free")
    found = f"{room:.1f} GB free; houses and kernels take {HOME_GB:g} GB"
    return Finding(name=name, needed_for="toolkit", state="missing", found=found, mend=clear_command(home, python))


def check_here_disk(here: Path, home: Path, free: Free) -> Finding:
    """Room for runs, which are often written to the current folder."""
    name, room, elsewhere = "disk of this folder", free_gb(here, free), free_gb(home, free)
    if room is not None and room >= HERE_GB:
        return Finding(name=name, needed_for="toolkit", state="ok", found=f"{room:.1f} GB free")
    is_room_at_home = elsewhere is not None and elsewhere >= HOME_GB + HERE_GB
    mend = f"cd {quoted(home)}" if is_room_at_home else _largest(here)
    if room is None:
        return Finding(name=name, needed_for="toolkit", state="warning", found="it cannot be looked at", mend=mend)
    found = f"{room:.1f} GB free; a run takes {HERE_GB:g} GB"
    return Finding(name=name, needed_for="toolkit", state="missing", found=found, mend=mend)


def check_build_disk(home: Path, free: Free, python: str, spare: Path) -> Finding:
    """Room for one more build of AI2-THOR, which lies in the home folder."""
    name, room = "disk for a build", free_gb(home, free)
    wanted = f"a build takes some {BUILD_GB:g} GB while it is unpacked (estimate)"
    if room is None:
        found, mend = f"{home} cannot be looked at", folder_command("HOME", spare)
        return Finding(name=name, needed_for="AI2-THOR", state="warning", found=found, mend=mend)
    if room >= BUILD_GB:
        return Finding(name=name, needed_for="AI2-THOR", state="ok", found=f"{room:.1f} GB free in the home folder; {wanted}")
    found, mend = f"{room:.1f} GB free in the home folder; {wanted}", clear_command(home, python)
    return Finding(name=name, needed_for="AI2-THOR", state="missing", found=found, mend=mend)


def check_memory(root: Path, which: Which) -> Finding:
    """Memory with swap, and what of it the container may take."""
    told, limit = _meminfo(root / "proc" / "meminfo"), _limit_gb(root / "sys" / "fs" / "cgroup")
    if "MemTotal" not in told:
        return Finding(name="memory", needed_for="toolkit", state="ok", found="not told by this system")
    total = told["MemTotal"] + told.get("SwapTotal", 0.0)
    available = told.get("MemAvailable", told["MemTotal"]) + told.get("SwapFree", 0.0)
    is_limited = limit is not None and limit < total
    total, available = (total, available) if limit is None else (min(limit, total), min(limit, available))
    found = f"{available:.1f} GB available of {total:.1f} GB{', the limit of the container' if is_limited else ''}"
    if available >= MEMORY_GB:
        return Finding(name="memory", needed_for="toolkit", state="ok", found=found)
    state: State = "missing" if total < MEMORY_GB else "warning"
    found = f"{found}; training takes up to {MEMORY_GB:g} GB"
    if state == "missing" and not is_limited:
        mend = _more_swap(sudo(which))
    else:
        found, mend = f"{found}. Stop what takes the most", "ps -eo rss,pid,args --sort=-rss | head -n 15"
    return Finding(name="memory", needed_for="toolkit", state=state, found=found, mend=mend)


def check_shared_memory(root: Path, system: str, free: Free, which: Which) -> Finding:
    """/dev/shm, where locks between processes lie; houses are made by several processes."""
    name, folder = "shared memory", root / "dev" / "shm"
    if system != "Linux":
        return Finding(name=name, needed_for="toolkit", state="ok", found=f"{system} needs no /dev/shm")
    try:
        room = free_gb(folder, free) if folder.is_dir() else None
    except OSError:
        room = None
    if room is None:
        mend = f"{sudo(which)}mkdir -p /dev/shm && {sudo(which)}mount -t tmpfs tmpfs /dev/shm"
        return Finding(name=name, needed_for="toolkit", state="missing", found="no /dev/shm", mend=mend)
    if not is_writable(folder):
        is_open = bool(folder.stat().st_mode & stat.S_IWOTH)  # then it is the mount that forbids it
        mend = f"{sudo(which)}{'mount -o remount,rw /dev/shm' if is_open else 'chmod 1777 /dev/shm'}"
        return Finding(name=name, needed_for="toolkit", state="missing", found="/dev/shm cannot be written to", mend=mend)
    return Finding(name=name, needed_for="toolkit", state="ok", found=f"{room:.1f} GB free in /dev/shm")


def free_gb(folder: Path, free: Free) -> float | None:
    """GB free where a folder is or would be; None where that cannot be said."""
    try:
        while not folder.exists() and folder != folder.parent:
            folder = folder.parent
        return free(folder) / GB
    except OSError:
        return None


def clear_command(home: Path, python: str) -> str:
    """What frees room in the home folder without loss, else what shows where the room went."""
    try:
        if any((home / ".cache" / "pip").iterdir()):
            return f"{quoted(python)} -m pip cache purge"
    except OSError:
        pass
    return _largest(home)


def _largest(folder: Path) -> str:
    return f"du -xh --max-depth=2 {quoted(folder)} | sort -h | tail -n 20"


def _more_swap(before: str) -> str:
    steps = ("fallocate -l 4G /swapfile", "chmod 600 /swapfile", "mkswap /swapfile", "swapon /swapfile")
    return " && ".join(f"{before}{step}" for step in steps)


def _meminfo(path: Path) -> dict[str, float]:
    """Sizes in GB out of /proc/meminfo."""
    try:
        lines = [line.split() for line in path.read_text(encoding="utf-8").splitlines()]
        return {words[0].rstrip(":"): int(words[1]) * 1024 / GB for words in lines if len(words) == 3}
    except (OSError, ValueError):
        return {}


def _limit_gb(folder: Path) -> float | None:
    """The memory limit of a container, in the places of both generations of control groups."""
    for path in (folder / "memory.max", folder / "memory" / "memory.limit_in_bytes"):
        try:
            return int(path.read_text(encoding="utf-8")) / GB
        except (OSError, ValueError):
            continue
    return None
