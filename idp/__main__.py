"""`python -m idp` and the installed command `idp` are the same thing."""

from __future__ import annotations

import sys

from idp.cli.main import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
