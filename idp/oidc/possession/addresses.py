"""Whether two spellings of an address mean the same one (RFC 3986 §6.2.2 and §6.2.3), for the `htu` of a proof."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_DEFAULT_PORTS = {"http": 80, "https": 443}
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


def normalised(address: str) -> str | None:
    """Return an absolute http or https address in its one spelling, without query and fragment; or None."""
    if not address.isascii() or not address.isprintable() or set(address) & set(' \\"<>^`{|}'):
        return None  # `urlsplit` would overlook some of them, and read another address than the one that was written
    try:
        parts = urlsplit(address)
        scheme, host, port = parts.scheme.lower(), parts.hostname, parts.port
    except ValueError:
        return None
    if scheme not in _DEFAULT_PORTS or not host or "@" in parts.netloc:
        return None
    name = f"[{host}]" if ":" in host else host
    authority = name if port in {None, _DEFAULT_PORTS[scheme]} else f"{name}:{port}"
    return f"{scheme}://{authority}{_path(parts.path)}"


def _path(path: str) -> str:
    """Remove dot segments (RFC 3986 §5.2.4) after undoing escapes that escape nothing (§6.2.2.2)."""
    kept: list[str] = []
    segments = _ESCAPE.sub(_unescaped, path).split("/")[1:]
    for segment in segments:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    ends_in_folder = bool(segments) and segments[-1] in {".", ".."}
    return "/" + "/".join(kept) + ("/" if ends_in_folder and kept else "")


def _unescaped(escape: re.Match[str]) -> str:
    character = chr(int(escape[1], 16))
    return character if character in _UNRESERVED else escape[0].upper()
