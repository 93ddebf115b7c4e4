"""Tests. The Hub's client is told before it is imported: no way to anything but a local server, and no bars."""

import os

for _name in ("DISABLE_XET", "DISABLE_TELEMETRY", "DISABLE_UPDATE_CHECK", "DISABLE_PROGRESS_BARS"):
    os.environ[f"HF_HUB_{_name}"] = "1"
