"""Try an installed wheel from a folder outside the checkout, as a user would.

Every module is imported, so that a dependency which only the development environment has is found.

Usage: python scripts/check_install.py ENVIRONMENT
"""

import subprocess
import sys
import tempfile
from pathlib import Path

IMPORT_ALL = """
import importlib, pathlib, pkgutil, sys
import flare_core
home = pathlib.Path(flare_core.__file__).resolve().parent
assert home.is_relative_to(pathlib.Path(sys.prefix).resolve()), f"imported from {home}, not from the environment"
names = [module.name for module in pkgutil.walk_packages([str(home)], "flare_core.")]
for name in names:
    importlib.import_module(name)
print(f"{len(names)} modules imported from {home}")
"""


def main(environment: Path) -> int:
    """Run the commands; the first that fails ends it with its exit code."""
    binaries = environment.resolve() / "bin"
    commands: tuple[list[str | Path], ...] = (
        [binaries / "python", "-I", "-c", IMPORT_ALL],
        [binaries / "flare", "--help"],
        [binaries / "flare", "list"],
        [binaries / "flare", "check", "locobot"],
    )
    with tempfile.TemporaryDirectory() as elsewhere:
        for command in commands:
            done = subprocess.run([str(word) for word in command], cwd=elsewhere, capture_output=True, text=True, check=False)
            print(f"{Path(command[0]).name} {command[-1] if command[1] != '-I' else '(imports)'}: exit code {done.returncode}")
            if done.returncode or not done.stdout.strip():
                print(done.stdout, done.stderr, sep="\n", file=sys.stderr)
                return done.returncode or 1
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
