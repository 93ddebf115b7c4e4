"""Logged in or not, without asking the Hub and without showing a token."""

from pathlib import Path

import pytest

from flare_core.runs.doctor import hub
from tests.doctor_tools import which

TOKEN = "hf_not_a_real_one"


def test_no_token_is_optional_and_mended_by_the_hubs_own_command(tmp_path: Path) -> None:
    found = hub.check_login({}, tmp_path, "/venv/bin/python", which())
    assert (found.state, found.is_optional, found.mend) == ("missing", True, "/venv/bin/hf auth login")
    assert hub.check_login({}, tmp_path, "/venv/bin/python", which("hf")).mend == "hf auth login"


@pytest.mark.parametrize("name", ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"])
def test_a_token_of_the_environment_is_named_and_not_shown(tmp_path: Path, name: str) -> None:
    found = hub.check_login({name: TOKEN}, tmp_path, "python", which())
    assert (found.state, found.found) == ("ok", f"a token in {name}")
    assert hub.check_login({name: " "}, tmp_path, "python", which()).state == "missing"


@pytest.mark.parametrize(
    ("environment", "place"),
    [
        ({}, ".cache/huggingface/token"),
        ({"XDG_CACHE_HOME": "{home}/caches"}, "caches/huggingface/token"),
        ({"HF_HOME": "{home}/hf"}, "hf/token"),
        ({"HF_HOME": "~/hf"}, "hf/token"),
        ({"HF_HOME": "{home}/hf", "HF_TOKEN_PATH": "{home}/mine"}, "mine"),
    ],
)
def test_a_token_file_is_found_where_the_hubs_client_keeps_it(tmp_path: Path, environment: dict[str, str], place: str) -> None:
    variables = {name: value.format(home=tmp_path) for name, value in environment.items()}
    path = tmp_path / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{TOKEN}\n")
    found = hub.check_login(variables, tmp_path, "python", which())
    assert (found.state, found.found) == ("ok", f"a token in {path}")
    path.write_text("\n")
    assert hub.check_login(variables, tmp_path, "python", which()).state == "missing"


def test_a_token_file_that_cannot_be_read_is_given_back(tmp_path: Path) -> None:
    path = tmp_path / ".cache" / "huggingface" / "token"
    path.mkdir(parents=True)  # what only an administrator may read cannot be made by one
    found = hub.check_login({}, tmp_path, "python", which("sudo"))
    assert (found.state, found.mend) == ("missing", f'sudo chown "$(id -un)" {path}')


def test_tokens_made_for_each_use_are_not_tried(tmp_path: Path) -> None:
    assert "not tried" in hub.check_login({"HF_OIDC_RESOURCE": "me/policy"}, tmp_path, "python", which()).found


@pytest.mark.parametrize(("name", "value"), [("HF_HUB_OFFLINE", "1"), ("HF_HUB_OFFLINE", "yes"), ("TRANSFORMERS_OFFLINE", "TRUE")])
def test_offline_is_a_warning(name: str, value: str) -> None:
    found = hub.check_hub_settings({name: value})
    assert (found.state, found.mend) == ("warning", f"unset {name}")


def test_the_endpoint_is_shown() -> None:
    assert hub.check_hub_settings({"HF_HUB_OFFLINE": "0"}).found == "online, https://huggingface.co"
    assert hub.check_hub_settings({"HF_ENDPOINT": "http://localhost:8080"}).found == "online, http://localhost:8080"
    assert hub.check_hub_settings({"HF_ENDPOINT": "localhost"}).mend == "unset HF_ENDPOINT"


def test_the_hubs_client_is_installed_or_renewed() -> None:
    assert hub.check_hub_client("2.4.0", "huggingface-hub>=1.0", "python").state == "ok"
    for version in (None, "0.34.0"):
        found = hub.check_hub_client(version, "huggingface-hub>=1.0", "python")
        assert (found.state, found.mend) == ("missing", "python -m pip install --upgrade 'huggingface-hub>=1.0'")
