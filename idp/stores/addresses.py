"""The addresses of servers that settings name, or a file that keeps their passwords."""

from __future__ import annotations

from pathlib import Path

from idp.ports import StoreUnavailableError


def address_of(name: str, url: str, file: str) -> str:
    """Return what a setting or its file says."""
    if not file:
        return url
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise StoreUnavailableError(f"store.{name}_file: {file} cannot be read ({type(error).__name__}).") from None
