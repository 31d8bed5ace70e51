"""Writes what a certificate speaks in (`docs/step-contracts.json`) and its digest into the checker.

Run it after a step, a condition, a required action or a kind of flow was added or changed; `--check` only looks.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

from idp.assurance.certificate.checker import digest
from idp.assurance.certificate.vocabulary import vocabulary

ROOT = Path(__file__).parents[1]
CONTRACTS = ROOT / "docs" / "step-contracts.json"
CHECKER = ROOT / "idp" / "assurance" / "certificate" / "checker.py"


def main() -> int:
    """Write both, or tell whether they are as they should be."""
    words = vocabulary()
    source = CHECKER.read_text(encoding="utf-8")
    wanted = {
        CONTRACTS: json.dumps(words, indent=2, ensure_ascii=False, sort_keys=True) + "\n",
        CHECKER: re.sub(r'^PUBLISHED = "[^"]*"', f'PUBLISHED = "{digest(words)}"', source, flags=re.MULTILINE),
    }
    stale = [path for path, text in wanted.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    if "--check" in sys.argv[1:]:
        for path in stale:
            print(f"{path.relative_to(ROOT)} is stale: python scripts/contracts.py")
        return int(bool(stale))
    for path in stale:
        path.write_text(wanted[path], encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
