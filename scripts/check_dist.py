"""Check that the sdist and the wheel hold exactly what the repository tracks, each file in its place.

The wheel is compared with the sdist, and the sdist with git where this is a clone. So a file that git ignores, a
folder lost behind a link or a spec left out is found without a list to keep up to date. What users cannot do without
is named besides, so that deleting it from the repository is noticed too.

Usage: python scripts/check_dist.py dist
"""

import subprocess
import sys
import tarfile
import tomllib
import zipfile
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MOVED = ("embodiments/", "adapters/", "specs/", "cli.py")  # top-level here, inside flare_core in the wheel
LINKS = ("flare_core/embodiments", "flare_core/adapters", "flare_core/specs", "flare_core/cli.py")
NEEDED = (
    "flare_core/py.typed",
    "flare_core/cli.py",
    "flare_core/embodiments/body.py",
    "flare_core/specs/embodiments/*.yaml",
    "flare_core/specs/tasks/*.yaml",
    "flare_core/specs/recipes/*.yaml",
    "flare_core/specs/transfers/*.yaml",
    "flare_core/specs/pretraining/*.yaml",
    "flare_core/specs/schemas/*.json",
    "flare_core/houses/*assets*",
    "flare_core/tasks/words*.safetensors",
    "flare_core/bundles/shipped/*/model.safetensors",
    "flare_core/bundles/shipped/*/policy.json",
)


def tracked(only: list[str]) -> set[str] | None:
    """Paths that git tracks under the folders and files named, or None where this is not a clone."""
    if not (ROOT / ".git").exists():
        return None
    listing = subprocess.run(["git", "ls-files", "-z", "--", *only], cwd=ROOT, check=True, capture_output=True, text=True)
    return {path for path in listing.stdout.split("\0") if path and path not in LINKS}


def wheel_path(path: str) -> str | None:
    """Where a file of the sdist belongs in the wheel; None if it stays out."""
    if path.startswith(MOVED):
        return f"flare_core/{path}"
    return path if path.startswith("flare_core/") else None


def faults(sdist: set[str], wheel: set[str], clone: set[str] | None) -> list[str]:
    """Everything that is missing or too much, one line each."""
    expected = {place for path in sdist if (place := wheel_path(path)) is not None}
    found = [f"wheel lacks {path}" for path in sorted(expected - wheel)]
    found += [f"wheel has {path}, which the sdist has not" for path in sorted(wheel - expected)]
    found += [f"wheel has nothing like {pattern}" for pattern in NEEDED if not any(fnmatch(path, pattern) for path in wheel)]
    if clone is not None:
        found += [f"sdist lacks {path}, which git tracks" for path in sorted(clone - sdist)]
        found += [f"sdist has {path}, which git does not track" for path in sorted(sdist - clone)]
    return found


def main(folder: Path) -> int:
    """Compare the one sdist and the one wheel in `folder`; 1 if anything is amiss."""
    (archive,), (wheel,) = folder.glob("*.tar.gz"), folder.glob("*.whl")
    with tarfile.open(archive) as tar:
        names = {member.name.split("/", 1)[1] for member in tar if not member.isdir()}
    with zipfile.ZipFile(wheel) as packed:
        inside = {name for name in packed.namelist() if ".dist-info/" not in name and not name.endswith("/")}
    only = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["sdist"]["only-include"]
    found = faults(names - {"PKG-INFO", ".gitignore"}, inside, tracked(only))
    for fault in found:
        print(f"{folder}: {fault}", file=sys.stderr)
    size = f"{len(names)} files in the sdist, {len(inside)} in the wheel, {wheel.stat().st_size / 1e6:.1f} MB"
    print(f"{folder}: {size}, {len(found)} faults")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
