"""Makes every peer's own virtual environment under build/peers/, with the versions that are pinned in bench/peers/pins/.

    python bench/peers/install.py                 # all that are missing
    python bench/peers/install.py allenact        # one of them

The CPU build of torch is what is measured. Where pip is not set up to find it: TORCH_INDEX=https://download.pytorch.org/whl/cpu. The
renderers need OpenGL without a screen; on Debian: apt-get install libegl1 libgl1-mesa-dri libglu1-mesa xvfb.
"""

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PLACE = ROOT / "build" / "peers"
PINS = Path(__file__).parent / "pins"
# What is imported at last, to see that it works. PufferLib is tried, and its failure does no harm.
PEERS = {
    "allenact": "allenact.algorithms.onpolicy_sync.engine",
    "sample_factory": "sample_factory.train",
    "renderers": "moderngl, miniworld",
    "pufferlib": "pufferlib.pufferl",
}
TRIED = ("pufferlib",)
BUILT_WITH = {"pufferlib": ("cython", "numpy==1.26.4", "torch==2.13.0")}


def install(name: str) -> str | None:
    """Make one environment; what went wrong, or None."""
    final, place = PLACE / name, PLACE / f"{name}.unfinished"
    shutil.rmtree(final, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", final], check=True)
    pip = [final / "bin" / "python", "-m", "pip", "install", "--quiet"]
    if index := os.environ.get("TORCH_INDEX"):
        pip += ["--extra-index-url", index]
    # Old packages build themselves with what stands in the environment, so that these have to come first.
    steps = [
        [*pip, "setuptools<81", "wheel", *BUILT_WITH.get(name, ())],
        [*pip, "--no-build-isolation", "--no-deps", "-r", PINS / f"{name}.txt"],
    ]
    steps.append([final / "bin" / "python", "-c", f"import {PEERS[name]}"])
    environment = os.environ | {"NO_OCEAN": "1", "PYGLET_HEADLESS": "true", "MPLBACKEND": "Agg"}
    for step in steps:
        done = subprocess.run(step, env=environment, cwd=PLACE, capture_output=True, text=True)
        if done.returncode:
            shutil.rmtree(place, ignore_errors=True)
            final.rename(place)
            return (done.stderr or done.stdout).strip()[-2000:]
    return None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("peer", nargs="*", choices=[[], *PEERS], help="all that are missing, if none is named")
    names = parser.parse_args().peer or [name for name in PEERS if not (PLACE / name).exists()]
    PLACE.mkdir(parents=True, exist_ok=True)
    failed = []
    for name in names:
        print(f"{name} ...", flush=True)
        fault = install(name)
        print(f"{name}: {'ready' if fault is None else f'could not be installed:{os.linesep}{fault}'}", flush=True)
        if fault is not None and name not in TRIED:
            failed.append(name)
    if failed:
        sys.exit(f"not installed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
