"""JSON Schemas: in step with the models, named by every shipped YAML."""

import json
from pathlib import Path

import pytest

from flare_core.adapters import spec as transfer_spec
from flare_core.embodiments import spec as embodiment_spec
from flare_core.embodiments.ranges import forms_of
from flare_core.reading import KINDS, list_specs, read
from flare_core.schemas import MODELS, schema_text, schemas, write_schemas

DISPLACES = {"embodiment": embodiment_spec.DISPLACES, "transfer": transfer_spec.DISPLACES}
SPECS = Path(__file__).parents[1] / "specs"
SHIPPED = [pytest.param(kind, name, id=f"{kind}-{name}") for kind in KINDS for name in list_specs(kind)]


def test_every_kind_has_a_model() -> None:
    assert list(MODELS) == list(KINDS)


@pytest.mark.parametrize("kind", MODELS)
def test_the_committed_schema_is_that_of_the_model(kind: str) -> None:
    committed = (SPECS / "schemas" / f"{kind}.json").read_text(encoding="utf-8")
    assert committed == schema_text(schemas()[kind]), "run `flare schema` and commit what it writes"


@pytest.mark.parametrize(("kind", "name"), SHIPPED)
def test_every_shipped_yaml_names_its_schema_first(kind: str, name: str) -> None:
    path = SPECS / KINDS[kind] / f"{name}.yaml"
    first = path.read_text(encoding="utf-8").splitlines()[0]
    assert first == f"# yaml-language-server: $schema=../schemas/{kind}.json"
    assert (path.parent / first.partition("=")[2]).is_file()


@pytest.mark.parametrize(("kind", "name"), SHIPPED)
def test_every_shipped_yaml_loads_and_has_only_keys_of_its_schema(kind: str, name: str) -> None:
    loaded = read(name, kind, MODELS[kind], displaces=DISPLACES.get(kind, {}), forms=forms_of if kind == "embodiment" else None)
    assert loaded.name == name
    assert set(loaded.resolved) <= set(schemas()[kind]["properties"])


def test_a_schema_requires_nothing_but_the_kind_since_the_rest_may_be_inherited() -> None:
    schema = schemas()["embodiment"]
    assert schema["required"] == ["kind"]
    assert schema["properties"]["kind"]["const"] == "embodiment"
    assert schema["additionalProperties"] is False
    assert '"required"' not in json.dumps(schema["$defs"])


def test_a_schema_describes_its_keys() -> None:
    base = schemas()["embodiment"]["$defs"]["BaseSpec"]
    assert base["properties"]["width_m"]["description"] == "Of a box, from left to right."


def test_schemas_are_written_one_file_for_each_kind(tmp_path: Path) -> None:
    assert sorted(path.stem for path in write_schemas(tmp_path)) == sorted(schemas())
