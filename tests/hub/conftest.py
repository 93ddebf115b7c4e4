"""A local Hub for each test, the real client pointed at it, and a small bundle."""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from huggingface_hub import HfApi, constants, file_download
from huggingface_hub.utils import _http

from flare_core.bundles.bundle import Bundle, load_bundle, save_bundle
from flare_core.hub.client import Hub
from tests.cli_tools import tiny_bundle
from tests.hub.server import LocalHub

assert constants.HF_HUB_DISABLE_XET, "tests/__init__.py came too late: the client has been imported before"


@pytest.fixture
def server() -> Iterator[LocalHub]:
    hub = LocalHub()
    yield hub
    hub.close()


@pytest.fixture(autouse=True)
def naps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The client's own pauses, which nobody waits for here."""
    taken: list[float] = []
    for module in (_http, file_download):
        monkeypatch.setattr(module, "time", SimpleNamespace(sleep=taken.append, time=time.time))
    return taken


@pytest.fixture
def hub(server: LocalHub, tmp_path: Path) -> Hub:
    """As someone who may write to org/."""
    api = HfApi(endpoint=server.endpoint, token="hf_write")
    return Hub(api=api, cache=tmp_path / "cache", bundles=tmp_path / "bundles", offline=False, sleep=lambda seconds: None)


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Stretch's tiny policy under a known licence, measured, with a picture."""
    folder = tiny_bundle(tmp_path_factory.mktemp("made") / "tiny")
    bundle = load_bundle(folder)
    summary = {"episodes": 500, "success": 0.3, "success_low": 0.26, "success_high": 0.34}
    whole = replace(
        bundle,
        lineage={**bundle.lineage, "licence": "apache-2.0"},
        licence_text="Apache License, version 2.0",
        results={"sampled": summary, "about": {"simulator": "embedded simulator", "split": "test"}},
        pictures={"robot": b"\x89PNG\r\n\x1a\n" + b"\0" * 100},
    )
    return save_bundle(folder, whole, replace=True)


@pytest.fixture
def bundle(made: Path) -> Bundle:
    return load_bundle(made)
