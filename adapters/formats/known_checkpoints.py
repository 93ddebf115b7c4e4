"""Public checkpoints that are known to exist: where, of which format, for which robot and task, on what terms."""

from importlib import resources
from typing import Final

import pydantic
import yaml

_FILE: Final = "known.yaml"


class KnownCheckpoint(pydantic.BaseModel):
    """One public file.

    Attributes:
        id: a short name.
        where: address, or hub://ORG/REPO/FILE.
        format: as `--format` takes it.
        robot, task: packaged specs that it was trained on.
        bytes: of the file, None where nobody has said it.
        licence: of the weights as the Hub abbreviates it, None where nobody has said it.
        note: for people.
    """

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    id: str
    where: str
    format: str
    robot: str
    task: str
    bytes: int | None = None
    licence: str | None = None
    note: str = ""

    @property
    def file(self) -> str:
        """Name of the file, as a download leaves it."""
        return self.where.rpartition("/")[2]


def known_checkpoints() -> tuple[KnownCheckpoint, ...]:
    """All of them, in the order of the packaged list."""
    text = (resources.files("flare_core") / "adapters" / "formats" / _FILE).read_text(encoding="utf-8")
    return pydantic.TypeAdapter(tuple[KnownCheckpoint, ...]).validate_python(yaml.safe_load(text))


def known_by_file(name: str, form: str) -> KnownCheckpoint | None:
    """The public checkpoint that a file is by its name and format; None if there is none or more than one.

    Several are called `checkpoint_final.ckpt`; a name alone never tells those apart.
    """
    hits = [known for known in known_checkpoints() if known.file == name and known.format == form]
    return hits[0] if len(hits) == 1 and not name.startswith("checkpoint_final") else None
