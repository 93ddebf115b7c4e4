"""Builds in a home folder: whole, half, not executable, not readable."""

from pathlib import Path

import pytest

from flare_core.runs.doctor import builds
from flare_core.runs.doctor.builds import check_builds
from flare_core.runs.doctor.diagnosis import Finding
from tests.doctor_tools import which

COMMIT = "f0825767cd50d69f666c7f282e54abfe58f1e917"
CLOUD = f"thor-CloudRendering-{COMMIT}"
ABOUT = f"platform CloudRendering, commit {COMMIT}: "
SUDO = which("sudo")


def plant(home: Path, name: str = CLOUD, program: bytes = b"\x7fELF...") -> Path:
    """A build as the client unpacks it."""
    folder = home / ".ai2thor" / "releases" / name
    (folder / f"{name}_Data").mkdir(parents=True)
    (folder / name).write_bytes(program)
    (folder / name).chmod(0o755)
    (folder / "metadata.json").write_text("{}")
    return folder


def only(home: Path) -> Finding:
    (found,) = check_builds(home, "Linux", "python", SUDO, has_display=False)
    assert found.is_optional
    return found


def test_a_whole_build_is_ok(tmp_path: Path) -> None:
    plant(tmp_path)
    assert (only(tmp_path).name, only(tmp_path).found) == ("build thor-CloudRendering-f0825767", f"{ABOUT}complete, executable")


def test_no_build_is_fetched_by_the_client_itself(tmp_path: Path) -> None:
    found = only(tmp_path)
    assert found.mend == (
        'python -c "from ai2thor.controller import Controller; from ai2thor.platform import CloudRendering; '
        'Controller(platform=CloudRendering, download_only=True)"'
    )
    (found,) = check_builds(tmp_path, "Linux", "python", SUDO, has_display=True)
    assert found.mend == 'python -c "from ai2thor.controller import Controller; Controller(headless=True, download_only=True)"'


@pytest.mark.parametrize("lost", ["program", "data", "content"])
def test_a_half_build_is_removed(tmp_path: Path, lost: str) -> None:
    folder = plant(tmp_path)
    if lost == "program":
        (folder / CLOUD).unlink()
    elif lost == "content":
        (folder / CLOUD).write_bytes(b"")
    else:
        (folder / f"{CLOUD}_Data").rmdir()
    found = only(tmp_path)
    assert (found.state, found.mend) == ("missing", f"rm -r {folder}")
    assert found.found.startswith(f"{ABOUT}incomplete, no {f'{CLOUD}_Data' if lost == 'data' else 'program'};")


def test_a_script_in_place_of_the_engine_needs_no_data(tmp_path: Path) -> None:
    (plant(tmp_path, program=b"#!/bin/sh\n") / f"{CLOUD}_Data").rmdir()
    assert only(tmp_path).state == "ok"


def test_a_build_without_its_exec_bit_gets_it_back(tmp_path: Path) -> None:
    folder = plant(tmp_path)
    (folder / CLOUD).chmod(0o644)
    found = only(tmp_path)
    assert (found.state, found.found, found.mend) == ("missing", f"{ABOUT}complete, not executable", f"chmod +x {folder / CLOUD}")


def test_a_build_without_its_metadata_would_be_downloaded_again(tmp_path: Path) -> None:
    folder = plant(tmp_path)
    (folder / "metadata.json").unlink()
    found = only(tmp_path)
    assert (found.state, found.mend) == ("warning", f"""echo '{{"server_types": ["FIFO", "WSGI"]}}' > {folder / "metadata.json"}""")


def test_a_build_that_is_half_unpacked_is_unpacked_again(tmp_path: Path) -> None:
    (tmp_path / ".ai2thor" / "tmp" / f"thor-Linux64-{COMMIT}").mkdir(parents=True)
    (tmp_path / ".ai2thor" / "tmp" / f"{CLOUD}-1700000000.1-0.5-prune").mkdir()
    (tmp_path / ".ai2thor" / "tmp" / f"{CLOUD}.lock").touch()
    found = only(tmp_path)
    assert (found.state, found.found) == ("missing", f"platform Linux64, commit {COMMIT}: unpacking was begun and has not ended")
    code = f"from ai2thor.controller import Controller; Controller(commit_id='{COMMIT}', headless=True, download_only=True)"
    assert found.mend == f'python -c "{code}"'


def test_what_is_not_a_build_is_passed_over(tmp_path: Path) -> None:
    releases = plant(tmp_path).parent
    (releases / f"{CLOUD}.lock").touch()
    (releases / "notes").mkdir()
    assert only(tmp_path).state == "ok"


def test_builds_of_another_system_do_not_help(tmp_path: Path) -> None:
    plant(tmp_path)
    *_, none = check_builds(tmp_path, "Darwin", "python", SUDO, has_display=False)
    assert none.found == f"none in {tmp_path / '.ai2thor' / 'releases'}; some 0.5 GB to download"
    assert check_builds(tmp_path, "Windows", "python", SUDO, has_display=False)[-1].mend == "wsl --install"


def test_a_build_for_a_mac_lies_in_an_app(tmp_path: Path) -> None:
    name = f"thor-OSXIntel64-{COMMIT}"
    folder = plant(tmp_path, name)
    assert "incomplete" in check_builds(tmp_path, "Darwin", "python", SUDO, has_display=False)[0].found
    contents = folder / f"{name}.app" / "Contents"
    (contents / "MacOS").mkdir(parents=True)
    (contents / "Info.plist").touch()
    (contents / "MacOS" / "AI2-Thor").write_bytes(b"\xcf\xfa")
    (contents / "MacOS" / "AI2-Thor").chmod(0o755)
    (found,) = check_builds(tmp_path, "Darwin", "python", SUDO, has_display=False)
    assert found.state == "ok"


def test_an_unreadable_home_is_given_back_to_its_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(folder: Path) -> list[Path]:
        raise PermissionError(13, "Permission denied", str(folder))

    monkeypatch.setattr(builds, "_named", closed)
    found = only(tmp_path)
    assert (found.state, found.found) == ("missing", f"{tmp_path / '.ai2thor' / 'releases'} cannot be read: Permission denied")
    assert found.mend == f'sudo chown -R "$(id -un)" {tmp_path / ".ai2thor"}'
