"""Houses that several test files look at."""

from pathlib import Path
from typing import Any

import pytest

from flare_core.houses.generate import generate_house, house_seeds
from flare_core.houses.house import House
from flare_core.houses.procthor import parse_house, read_house

REAL = Path(__file__).parent.parent / "data" / "houses"


@pytest.fixture(scope="session")
def real_houses() -> dict[str, House]:
    """The three real houses by file name."""
    return {path.stem: read_house(path) for path in sorted(REAL.glob("*.json"))}


@pytest.fixture(scope="session")
def documents() -> dict[str, list[dict[str, Any]]]:
    """Forty generated documents of each split."""
    return {split: [generate_house(seed, split) for seed in house_seeds(split, 40)] for split in ("train", "val", "test")}


@pytest.fixture(scope="session")
def generated(documents: dict[str, list[dict[str, Any]]]) -> dict[str, list[House]]:
    """The same documents as the reader sees them."""
    return {split: [parse_house(data, f"{split}-{at}") for at, data in enumerate(rows)] for split, rows in documents.items()}
