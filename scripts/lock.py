"""Write `requirements/*.txt` anew from `pyproject.toml`: packages pinned by version and hash, no registry named."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
LOCKS = {
    "runtime.txt": ["--extra", "examples"],
    "development.txt": ["--extra", "examples", "--extra", "telemetry", "--group", "dev"],
}


def main() -> int:
    """Compile both files for every platform and every Python from 3.11 on."""
    uv = Path(sys.executable).with_name("uv")
    if not uv.exists():
        subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "uv"], check=True)
    for name, groups in LOCKS.items():
        options = ["--universal", "--python-version", "3.11", "--generate-hashes", "--no-emit-index-url", "--no-header"]
        target = f"requirements/{name}"
        command = [str(uv), "pip", "compile", "pyproject.toml", *groups, *options, "--quiet", "--upgrade", "-o", target]
        subprocess.run(command, check=True, cwd=ROOT)
        print(f"wrote {target}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
