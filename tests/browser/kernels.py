"""Kernels of several ipykernel versions over one environment.

``make`` installs each version without its dependencies into a folder of its own; a kernel that has the folder first on
its path runs that version, and everything else of the environment.
"""

import json
import sys
from pathlib import Path

__all__ = ["INSTALLED", "write_kernelspec"]

INSTALLED = "installed"
_OVERLAYS = Path(sys.prefix) / "ipykernels"


def write_kernelspec(folder: Path, version: str) -> str:
    """Write a kernel's description under a folder of ``JUPYTER_PATH`` and return its name.

    Args:
        folder: A folder that the Jupyter server searches.
        version: A version of ipykernel, or INSTALLED for the environment's own.
    """
    name = f"ipykernel-{version}"
    overlay = _OVERLAYS / version
    if version != INSTALLED and not overlay.is_dir():
        raise RuntimeError(
            f"ipykernel {version} is not in {overlay}: run `make test` or `make matrix`, which install it"
        )
    spec = {
        "argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": name,
        "language": "python",
        "env": {} if version == INSTALLED else {"PYTHONPATH": str(overlay)},
    }
    target = folder / "kernels" / name
    target.mkdir(parents=True, exist_ok=True)
    (target / "kernel.json").write_text(json.dumps(spec))
    return name
