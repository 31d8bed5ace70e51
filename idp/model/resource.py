"""What a resource server may be called (RFC 8707 §2)."""

from __future__ import annotations

from urllib.parse import urlsplit

_LONGEST = 512  # characters


def is_resource(text: str) -> bool:
    """Tell whether a text is an absolute URI without a fragment (RFC 3986 §4.3)."""
    if len(text) > _LONGEST or "#" in text or not (text.isascii() and text.isprintable()) or " " in text:
        return False
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return bool(parts.scheme and (parts.netloc or (parts.path and parts.scheme not in {"http", "https"})))
