"""Start the accounts API: `python examples/accounts-api/main.py` (settings: see README.md)."""

from __future__ import annotations

import os
import sys
import time

import uvicorn
from accounts_api import api
from api_settings import SettingsError, port_of, read


def main() -> int:
    """Serve until told to stop; answers the process's exit status."""
    try:
        settings = read(os.environ)
    except SettingsError as wrong:
        sys.stderr.write(f"accounts-api: {wrong}\n")
        return 2
    application = api(settings, clock=time.time)  # noqa: TID251 - here the real clock enters, only here.
    uvicorn.run(application, host="127.0.0.1", port=port_of(settings), server_header=False, access_log=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
