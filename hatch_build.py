"""What hatchling does beside copying files: a wheel carries the explorer's page."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SKIP = "LATENTSCAPE_WITHOUT_PAGE"


class PageHook(BuildHookInterface[Any]):
    """Builds the page for a wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build it; but not for an editable installation, which uses the one of ``make page``."""
        if version == "editable" or os.environ.get(SKIP):
            return
        script = Path(self.root, "web", "build.py")
        if subprocess.run([sys.executable, str(script)], check=False).returncode != 0:
            raise SystemExit(f"Set {SKIP}=1 to install Latentscape without the explorer's page.")
        build_data["artifacts"].append("src/latentscape/explorer/page/*")
