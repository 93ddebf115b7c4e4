"""The Hugging Face Hub: whether the user is logged in, and where to. Nothing is sent and no token is shown.

The token is looked for where `huggingface_hub.get_token` finds it. That function itself is not asked: from 2.0 on it
may fetch or renew a token over the network.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from flare_core.runs.doctor.diagnosis import Finding
from flare_core.runs.doctor.machine import Which, floor, numbers
from flare_core.runs.doctor.remedies import pip_command, quoted, sudo

TOKENS: Final = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
OFFLINE: Final = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
YES: Final = ("1", "ON", "YES", "TRUE")  # the Hub client's own words
ENDPOINT: Final = "https://huggingface.co"


def check_hub_client(version: str | None, requirement: str, python: str) -> Finding:
    """The Python package `huggingface-hub`."""
    if version is not None and numbers(version) >= numbers(floor(requirement)):
        return Finding(name="Hub client", needed_for="Hub", state="ok", found=version)
    found = "none" if version is None else f"{version}; {requirement} is needed"
    return Finding(name="Hub client", needed_for="Hub", state="missing", found=found, mend=pip_command(python, "--upgrade", requirement))


def check_login(environment: Mapping[str, str], home: Path, python: str, which: Which) -> Finding:
    """Whether there is a token; it is neither shown nor tried."""
    for name in TOKENS:
        if environment.get(name, "").strip():
            return Finding(name="Hub login", needed_for="Hub", state="ok", found=f"a token in {name}")
    if environment.get("HF_OIDC_RESOURCE"):
        return Finding(name="Hub login", needed_for="Hub", state="ok", found="HF_OIDC_RESOURCE asks for a token each time; not tried")
    path = token_path(environment, home)
    try:
        is_there = bool(path.read_text(encoding="utf-8").strip())
    except (FileNotFoundError, NotADirectoryError):
        is_there = False
    except (OSError, UnicodeDecodeError) as fault:
        found, mend = f"{path} cannot be read: {fault}", f'{sudo(which)}chown "$(id -un)" {quoted(path)}'
        return Finding(name="Hub login", needed_for="Hub", state="missing", found=found, mend=mend)
    if is_there:
        return Finding(name="Hub login", needed_for="Hub", state="ok", found=f"a token in {path}")
    found = f"no token in {TOKENS[0]} or {path}: it takes one to publish and to read what is private"
    return Finding(name="Hub login", needed_for="Hub", state="missing", found=found, mend=f"{_program(python, which)} auth login")


def token_path(environment: Mapping[str, str], home: Path) -> Path:
    """The file that the Hub client keeps its token in."""
    caches = environment.get("XDG_CACHE_HOME") or str(home / ".cache")
    folder = environment.get("HF_HOME") or os.path.join(caches, "huggingface")
    chosen = environment.get("HF_TOKEN_PATH") or os.path.join(folder, "token")
    return home / chosen[2:] if chosen.startswith("~/") else Path(chosen)


def check_hub_settings(environment: Mapping[str, str]) -> Finding:
    """Variables that choose another Hub, or none."""
    offline = next((name for name in OFFLINE if environment.get(name)), None)
    endpoint = environment.get("HF_ENDPOINT", "")
    if offline is not None and environment[offline].upper() in YES:
        found = f"{offline}={environment[offline]}: only what was fetched before can be read"
        return Finding(name="Hub settings", needed_for="Hub", state="warning", found=found, mend=f"unset {offline}")
    if endpoint and not endpoint.startswith(("https://", "http://")):
        found = f"HF_ENDPOINT={endpoint} is no address that begins with https://"
        return Finding(name="Hub settings", needed_for="Hub", state="warning", found=found, mend="unset HF_ENDPOINT")
    return Finding(name="Hub settings", needed_for="Hub", state="ok", found=f"online, {endpoint or ENDPOINT}")


def _program(python: str, which: Which) -> str:
    """The Hub's own command, as a shell finds it."""
    return "hf" if which("hf") else quoted(Path(python).with_name("hf"))
