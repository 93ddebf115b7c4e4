"""JSON Schemas of every kind of spec, for editors: completion, descriptions and a mark under what is misspelt.

A schema is laxer than `flare check`: nothing but `kind` is required, because what a file leaves out may come from the
one it extends.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from flare_core.adapters.spec import TransferSpec
from flare_core.embodiments.spec import EmbodimentSpec
from flare_core.learning.spec import PretrainingSpec, RecipeSpec
from flare_core.reading import Spec
from flare_core.tasks.spec import TaskSpec

MODELS: Final[Mapping[str, type[Spec]]] = MappingProxyType(
    {
        "embodiment": EmbodimentSpec,
        "task": TaskSpec,
        "recipe": RecipeSpec,
        "transfer": TransferSpec,
        "pretraining": PretrainingSpec,
    }
)

_HEADER: Final[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
    {
        "extends": {"type": "string", "description": "Spec of the same kind that this one changes: a packaged name or a path."},
        "name": {"type": "string", "description": "Defaults to the file's name."},
        "origin": {"type": "string", "description": "Where the numbers of this file come from."},
        "origins": {
            "type": "object",
            "additionalProperties": {"type": "string"},
            "description": "Where single values come from, by dotted key path.",
        },
    }
)


def schemas() -> dict[str, dict[str, Any]]:
    """JSON Schema of each kind of spec, by kind."""
    return {kind: _schema(kind, model) for kind, model in MODELS.items()}


def schema_text(schema: Mapping[str, Any]) -> str:
    """A schema as the text of its file."""
    return json.dumps(schema, indent=2, sort_keys=True) + "\n"


def write_schemas(folder: Path) -> list[Path]:
    """Write KIND.json for each kind into a folder and return the paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for kind, schema in schemas().items():
        path = folder / f"{kind}.json"
        path.write_text(schema_text(schema), encoding="utf-8")
        paths.append(path)
    return paths


def _schema(kind: str, model: type[Spec]) -> dict[str, Any]:
    schema: dict[str, Any] = _without_required(model.model_json_schema())
    if kind == "embodiment":
        schema = _with_draws(schema)
    first = {"kind": {"const": kind, "description": "What the file is about; its first line."}}
    own = {key: value for key, value in schema["properties"].items() if key not in ("kind", *_HEADER)}
    return schema | {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "properties": first | {key: dict(value) for key, value in _HEADER.items()} | own,
        "required": ["kind"],
        "title": kind,
    }


_DRAW: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "type": "object",
        "additionalProperties": False,
        "description": "A number that is drawn for every body, in a robot that describes many: in the place of any number but an arm's.",
        "properties": {
            "uniform": {
                "type": "array",
                "minItems": 2,
                "maxItems": 2,
                "items": {"anyOf": [{"type": "number"}, {"type": "string"}]},
                "description": "Low and high bound, each a number or the dotted key of one, such as base.height_m. Directions of a mount "
                "or of the base's centre may go below zero, which is as much the other way.",
            },
            "of": {"type": "string", "description": "Dotted key of a number that both bounds are factors of."},
        },
    }
)
_ONE_ARM: Final = ("ArmSpec", "TravelSpec", "WristSpec", "ShoulderSpec", "MoveArm", "MoveHand")  # whose numbers are not drawn


def _with_draws(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A robot's schema in which a draw may stand for a number."""

    def build(node: Any) -> Any:
        if isinstance(node, list):
            return [build(item) for item in node]
        if not isinstance(node, dict):
            return node
        if node.get("type") in ("number", "integer"):
            about = {key: value for key, value in node.items() if key in ("description", "default", "title")}
            return about | {"anyOf": [{key: value for key, value in node.items() if key not in about}, {"$ref": "#/$defs/Draw"}]}
        return {key: build(value) for key, value in node.items()}

    definitions = {name: node if name in _ONE_ARM else build(node) for name, node in schema["$defs"].items()}
    return {**schema, "$defs": {**definitions, "Draw": dict(_DRAW)}}


def _without_required(node: Any) -> Any:
    """A schema in which any part of the document may be left to the file that is extended."""
    if isinstance(node, dict):
        listed = isinstance(node.get("required"), list)  # a property may be called 'required'; its value is a mapping
        return {key: _without_required(value) for key, value in node.items() if not (listed and key == "required")}
    return [_without_required(item) for item in node] if isinstance(node, list) else node
