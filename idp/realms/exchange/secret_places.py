"""Where a realm file holds secrets, and what stands there instead when the file leaves the bank's hands.

Keycloak masks those of clients, mail, identity providers and components. Files of other versions and of extensions have
more, so a secret is known by the name of its key.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from typing import Any

MASK = "**********"
"""What Keycloak writes instead of a secret; at an import it means: as it is there, or a new one."""

Place = tuple[str, ...]
"""The keys that lead to a value; members of lists are named by what identifies them, or by their position."""

_SECRET_KEY = re.compile(
    r"(?:password|passwd|secret|secretkey|secretdata|private[._-]?key|bindcredential|access[._-]?token|api[._-]?key"
    r"|client\.secret\.rotated|codesecret)\Z",
    re.IGNORECASE,
)
_PLACEHOLDER = re.compile(r"\$\{(?:vault|env)\.[^}]*\}")
_COMPONENTS = "components"
_WORDS = "localizationTexts"  # texts for customers: “loginPassword” is a label there


def is_secret(key: str, value: str) -> bool:
    """Tell whether the text at a key is a secret: not a placeholder for one, and not nothing."""
    return bool(value) and _SECRET_KEY.search(key) is not None and not _PLACEHOLDER.fullmatch(value)


def without_secrets(document: Mapping[str, Any], instead: Callable[[str], str]) -> dict[str, Any]:
    """Return a document with something else in the place of each secret."""
    return {
        name: value if name == _WORDS else _replaced(value, instead, key=name, lists=name == _COMPONENTS)
        for name, value in document.items()
    }


def masked(_secret: str) -> str:
    """Return what stands in the place of any secret."""
    return MASK


def fingerprints(key: bytes) -> Callable[[str], str]:
    """Return what makes a fingerprint of a secret: equal for equal secrets, and nothing without the key.

    A plain digest would let anybody who has the file try the secrets of a word list.
    """

    def fingerprint(secret: str) -> str:
        digest = hmac.new(key, b"hyrja redacted export|" + secret.encode(), hashlib.sha256).hexdigest()
        return f"fingerprint:{digest[:32]}"

    return fingerprint


def _replaced(value: Any, instead: Callable[[str], str], *, key: str, lists: bool = False) -> Any:
    """`lists`: a list of one text is how a component writes one value; elsewhere it may be the roles of a client."""
    if isinstance(value, Mapping):
        return {name: _replaced(inner, instead, key=name, lists=lists) for name, inner in value.items()}
    if isinstance(value, list):
        inner_key = key if lists and len(value) == 1 else ""
        return [_replaced(item, instead, key=inner_key, lists=lists) for item in value]
    return instead(value) if isinstance(value, str) and value != MASK and is_secret(key, value) else value
