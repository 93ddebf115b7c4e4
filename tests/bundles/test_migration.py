"""An older bundle is read by `flare migrate` alone, which keeps every weight."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from flare_core.bundles.bundle import load_bundle, save_bundle, weights_digest
from flare_core.bundles.migration import migrate
from flare_core.errors import BundleError
from tests.bundles.damage import edit_json, rewrite
from tests.cli_tools import flare, tiny_bundle

RECIPE = {"kind": "recipe", "name": "graft", "steps": 100}
FIRST = {"command": "flare pretrain see.yaml", "commit": "a1", "seed": 0}
SECOND = {"command": "flare pretrain do.yaml", "commit": "b2", "seed": 1, "source_lineage": FIRST}
LINEAGE = {
    "command": "flare train x.yaml", "commit": "c3", "seed": 7, "simulator": "embedded simulator", "split": "val", "source": "shipped:x",
    "source_lineage": SECOND, "recipe": RECIPE, "tensors": [{"name": "actor.head.bias", "fate": "head"}], "policy": "ab" * 32,
}  # fmt: skip
SUMMARY = {"episodes": 10, "success": 0.5, "success_low": 0.2, "success_high": 0.8}


@pytest.fixture
def older(tmp_path: Path) -> Path:
    """A bundle as version 1 wrote it."""
    folder = tiny_bundle(tmp_path / "older")
    edit_json(folder, "policy.json", lambda data: data.pop("tensors"))
    rewrite(folder, "lineage.json", json.dumps(LINEAGE).encode())
    (folder / "model.safetensors").rename(folder / "weights.safetensors")
    (folder / "results.json").write_text("{}")
    rewrite(folder, "results.json", json.dumps({"sampled": SUMMARY}).encode())

    def renamed(data: dict[str, Any]) -> None:
        data["version"] = 1
        data["files"]["weights.safetensors"] = data["files"].pop("model.safetensors")

    edit_json(folder, "bundle.json", renamed)
    return folder


def test_an_older_bundle_is_refused_with_the_command_that_mends_it(older: Path) -> None:
    with pytest.raises(BundleError) as caught:
        load_bundle(older)
    place = older / "bundle.json"
    assert str(caught.value) == f"{place}: is of format version 1, an older one. `flare migrate {older} --out NEW` rewrites it"


def test_migration_keeps_every_byte_of_the_weights(older: Path, tmp_path: Path) -> None:
    result = flare("migrate", older, "--out", tmp_path / "new", "--license", "mit")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "new" / "model.safetensors").read_bytes() == (older / "weights.safetensors").read_bytes()
    got = load_bundle(tmp_path / "new")
    assert weights_digest(got.state) == json.loads((tmp_path / "new" / "bundle.json").read_text())["files"]["model.safetensors"]
    assert got.licence == "mit"
    assert (older / "weights.safetensors").exists(), "the older one stays"


def test_what_was_in_the_lineage_has_files_of_its_own(older: Path, tmp_path: Path) -> None:
    got = migrate(older, tmp_path / "new")
    assert got.recipe == RECIPE
    assert got.results == {
        "sampled": SUMMARY,
        "about": {"simulator": "embedded simulator", "split": "val", "seed": 7, "task": "objectnav_short"},
    }
    lineage: Mapping[str, Any] = got.lineage
    assert lineage["ancestors"] == [{key: SECOND[key] for key in ("command", "commit", "seed")}, FIRST]
    assert lineage["parent"]["reference"] == "shipped:x"
    assert lineage["parent"]["weights"] == "ab" * 32
    assert not {"recipe", "tensors", "source", "source_lineage"} & set(lineage)


def test_what_is_damaged_or_new_already_is_not_migrated(older: Path, tmp_path: Path) -> None:
    new = tmp_path / "new"
    migrate(older, new)
    with pytest.raises(BundleError, match="is of format version 2 already"):
        migrate(new, tmp_path / "newer")
    with pytest.raises(BundleError, match="holds a bundle already"):
        migrate(older, new)
    (older / "weights.safetensors").write_bytes((older / "weights.safetensors").read_bytes()[:-4])
    with pytest.raises(BundleError, match="cut short"):
        migrate(older, tmp_path / "third")
    edit_json(older, "bundle.json", lambda data: data.update(version=0))
    with pytest.raises(BundleError, match="is not one that is migrated"):
        migrate(older, tmp_path / "third")
    assert not (tmp_path / "third").exists()


def test_saving_again_changes_nothing(older: Path, tmp_path: Path) -> None:
    one = migrate(older, tmp_path / "one")
    two = save_bundle(tmp_path / "two", one)
    assert (two / "bundle.json").read_bytes() == (tmp_path / "one" / "bundle.json").read_bytes()
