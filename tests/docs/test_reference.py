"""The reference: in step with schemas and commands, and nothing in it without a meaning."""

import re
from importlib.util import module_from_spec, spec_from_file_location
from types import ModuleType

import pytest

from flare_core.cli import main
from flare_core.schemas import MODELS, schemas
from tests.docs.pages import ROOT


def writer() -> ModuleType:
    """The script as a module."""
    found = spec_from_file_location("write_reference", ROOT / "scripts" / "write_reference.py")
    assert found is not None
    assert found.loader is not None
    module = module_from_spec(found)
    found.loader.exec_module(module)
    return module


def test_the_committed_reference_is_that_of_the_code() -> None:
    committed = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "docs" / "reference").glob("*.md")}
    assert committed == writer().pages(), "run `python scripts/write_reference.py` and commit what it writes"


@pytest.mark.parametrize("kind", MODELS)
def test_every_key_has_a_description(kind: str) -> None:
    schema = schemas()[kind]
    parts = {"": schema, **schema.get("$defs", {})}
    silent = [
        f"{part}.{key}" for part, node in parts.items() for key, one in node.get("properties", {}).items() if not one.get("description")
    ]
    assert silent == [], "give each a docstring below it, or Field(description=...), and run `flare schema --out specs/schemas`"


@pytest.mark.parametrize("name", sorted(main.commands))
def test_every_command_and_option_says_what_it_is_for(name: str) -> None:
    command = main.commands[name]
    assert command.help
    assert [one.name for one in command.params if one.param_type_name == "option" and not getattr(one, "help", None)] == []


def test_a_page_has_path_type_limits_unit_default_and_meaning_of_a_key() -> None:
    page = writer().spec_page("embodiment")
    assert "| `base.height_m` | number, > 0, ≤ 3 (metres) | needed | Of the whole robot, from the floor. |" in page
    assert "| `cameras.NAME.mount.pitch_down_deg` | number, ≥ 0, ≤ 90 (degrees) | `0.0` |" in page
    assert "| `base.on_contact` | `cancel`, `stop` | `cancel` |" in page


def test_every_key_of_a_schema_is_on_its_page() -> None:
    for kind, schema in schemas().items():
        page = writer().spec_page(kind)
        keys = {key for node in (schema, *schema.get("$defs", {}).values()) for key in node.get("properties", {})}
        assert {key for key in keys if not re.search(rf"`(?:[\w\[\].]+\.)?{key}`", page)} == set(), kind
